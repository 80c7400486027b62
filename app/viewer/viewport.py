"""What one viewport shows: a frozen state and its transitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self, cast

import numpy as np

from app.core.geometry import Geometry
from app.core.study import SeriesRef
from app.core.volume import Window
from app.viewer.camera import (
    Camera,
    Point,
    Side,
    aligned_center_mm,
    fit_zoom,
    grid_center_mm,
)
from app.viewer.planes import PLANES, Plane

ZOOM_LIMITS = (0.05, 60.0)
"""Smallest and largest zoom relative to the whole image fitting the viewport."""
MIN_WINDOW_WIDTH = 1.0
MIN_EXACT_WIDTH = 1e-6


@dataclass(frozen=True, slots=True)
class ViewportState:
    """Which image, how windowed and how placed.

    ``window`` None means the image's own or automatic window. ``zoom`` None means that the whole
    image fits, whatever the size of the viewport; otherwise it is relative to that fit.
    ``center_mm`` None is the middle of the image.
    """

    ref: SeriesRef | None = None
    plane: Plane = "stack"
    index: int = 0
    window: Window | None = None
    inverted: bool = False
    zoom: float | None = None
    center_mm: Point | None = None
    quarter_turns: int = 0
    flipped: bool = False

    def jumped(self, index: int, count: int) -> Self:
        """Showing image ``index``, kept within ``count`` images."""
        return replace(self, index=max(0, min(index, max(count - 1, 0))))

    def scrolled(self, by: int, count: int) -> Self:
        """``by`` images further."""
        return self.jumped(self.index + by, count)

    def windowed(self, center: float, width: float, function: str = "LINEAR") -> Self:
        """With this window; that of a LINEAR one is never narrower than one (I02, I10)."""
        least = MIN_WINDOW_WIDTH if function == "LINEAR" else MIN_EXACT_WIDTH
        window = Window(float(center), max(float(width), least), function=function)
        return replace(self, window=window)

    def with_window(self, window: Window | None) -> Self:
        """With ``window``, or the image's own for None."""
        return replace(self, window=window)

    def panned(self, center_mm: Point) -> Self:
        """With this place of the image in the middle."""
        return replace(self, center_mm=center_mm)

    def zoomed(self, factor: float) -> Self:
        """Magnified ``factor`` times, within limits."""
        zoom = (self.zoom or 1.0) * factor
        return replace(self, zoom=min(max(zoom, ZOOM_LIMITS[0]), ZOOM_LIMITS[1]))

    def fitted(self) -> Self:
        """The whole image in the middle of the viewport."""
        return replace(self, zoom=None, center_mm=None)

    def turned(self, quarter_turns: int) -> Self:
        """Turned clockwise by so many quarters."""
        return replace(self, quarter_turns=(self.quarter_turns + quarter_turns) % 4)

    def mirrored(self) -> Self:
        """Mirrored left to right on the screen, whatever the rotation."""
        turns = -self.quarter_turns % 4
        return replace(self, flipped=not self.flipped, quarter_turns=turns)

    def toggled_inversion(self) -> Self:
        """With the grey scale reversed."""
        return replace(self, inverted=not self.inverted)

    def showing(self, ref: SeriesRef, plane: Plane, index: int) -> Self:
        """Another image; the placement starts afresh, the window too."""
        return type(self)(ref=ref, plane=plane, index=index)

    def camera(self, grid: Geometry, size_px: tuple[int, int], wall: Side | None = None) -> Camera:
        """The camera of this state on ``grid`` in a viewport of this size.

        ``wall``: the side of the image that lies at the edge of the viewport while the whole
        image is shown, as the chest wall of a mammogram does; None: the image is in the middle.
        """
        fit = fit_zoom(grid, size_px, self.quarter_turns)
        center = self.center_mm or grid_center_mm(grid)
        is_placed = self.zoom is not None or self.center_mm is not None
        if wall is not None and not is_placed and self.quarter_turns % 4 == 0:
            center = aligned_center_mm(grid, size_px, fit, wall)
        return Camera(
            grid,
            min(self.index, grid.size_ijk[2] - 1),
            size_px,
            fit * (self.zoom or 1.0),
            center,
            self.quarter_turns,
            self.flipped,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values for the session's journal."""
        ref, window = self.ref, self.window
        return {
            "series": ref.series_instance_uid if ref else None,
            "study": ref.study_instance_uid if ref else None,
            "stack": ref.stack if ref else 0,
            "plane": self.plane,
            "index": self.index,
            # A table is the image's own and not kept: after a restart its default counts.
            "window": [window.center, window.width, window.function]
            if window and window.table is None
            else None,
            "inverted": self.inverted,
            "zoom": self.zoom,
            "center_mm": list(self.center_mm) if self.center_mm else None,
            "quarter_turns": self.quarter_turns,
            "flipped": self.flipped,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The state that ``to_json`` wrote; what is missing or odd takes its default."""
        series, study = values.get("series"), values.get("study")
        window, center = values.get("window"), values.get("center_mm")
        plane = values.get("plane")
        return cls(
            ref=SeriesRef(str(study), str(series), int(values.get("stack", 0)))
            if series and study
            else None,
            plane=cast(Plane, plane) if plane in PLANES else "stack",
            index=int(values.get("index", 0)),
            window=Window(float(window[0]), float(window[1]), function=str((*window, "LINEAR")[2]))
            if window
            else None,
            inverted=bool(values.get("inverted", False)),
            zoom=float(values["zoom"]) if values.get("zoom") else None,
            center_mm=(float(center[0]), float(center[1])) if center else None,
            quarter_turns=int(values.get("quarter_turns", 0)) % 4,
            flipped=bool(values.get("flipped", False)),
        )


def zoomed_at(state: ViewportState, camera: Camera, factor: float, at_px: Point) -> ViewportState:
    """``state`` magnified so that what lies under ``at_px`` stays there."""
    fixed = camera.display_to_plane(at_px)
    scaled = state.zoomed(factor)
    real = (scaled.zoom or 1.0) / (state.zoom or 1.0)
    center = fixed + (np.asarray(camera.center_mm) - fixed) / real
    return scaled.panned((float(center[0]), float(center[1])))
