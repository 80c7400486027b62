"""Dragging in a viewport: window, pan, zoom and scroll as functions of the way dragged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from app.viewer.camera import Camera, Point
from app.viewer.viewport import ViewportState, zoomed_at

DragKind = Literal["window", "pan", "zoom", "scroll"]
_WINDOW_SPAN_PX = 400.0
_ZOOM_PER_PX = 0.006
_SCROLL_PX = 7.0


@dataclass(frozen=True, slots=True)
class Drag:
    """A drag that began in ``state``; every move is computed from its beginning.

    ``value_range`` is the range of modality values that 400 display pixels of dragging cover.
    ``function`` stays that of the window; a lookup table gives way to a window (I02).
    """

    kind: DragKind
    state: ViewportState
    camera: Camera
    start_px: Point
    window: tuple[float, float] = (0.0, 1.0)
    value_range: float = 400.0
    function: str = "LINEAR"

    def moved(self, at_px: Point) -> ViewportState:
        """The viewport's state with the pointer at ``at_px``."""
        dx, dy = at_px[0] - self.start_px[0], at_px[1] - self.start_px[1]
        if self.kind == "window":
            return self._windowed(dx, dy)
        if self.kind == "pan":
            before = self.camera.display_to_plane(self.start_px)
            after = self.camera.display_to_plane(at_px)
            center = (
                self.camera.center_mm[0] - float(after[0] - before[0]),
                self.camera.center_mm[1] - float(after[1] - before[1]),
            )
            return self.state.panned(center)
        if self.kind == "zoom":
            return zoomed_at(self.state, self.camera, math.exp(-dy * _ZOOM_PER_PX), self.start_px)
        return self.state.scrolled(round(dy / _SCROLL_PX), self.camera.grid.size_ijk[2])

    def _windowed(self, dx: float, dy: float) -> ViewportState:
        center, width = self.window
        step = self.value_range / _WINDOW_SPAN_PX
        # Wide windows move in wide steps, narrow ones finely: the feel stays the same.
        fine = min(max(width / self.value_range, 0.15), 1.0) if self.value_range > 0 else 1.0
        return self.state.windowed(
            center + dy * step * fine, width + dx * step * fine, self.function
        )
