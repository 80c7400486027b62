"""What the left button can do in a viewport, and who paints on masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from app.core.geometry import Float64Array

if TYPE_CHECKING:
    from PySide6.QtGui import QPainter

    from app.ui.viewport_widget import ViewportWidget
    from app.viewer.camera import Camera

ToolName = Literal["window", "pan", "zoom", "scroll", "crosshair", "brush", "erase"]


class Brush(Protocol):
    """Who paints on masks; the viewport only tells it where."""

    @property
    def radius_mm(self) -> float:
        """Radius of the disc."""
        ...

    def press(self, viewport: ViewportWidget, point_lps: Float64Array, *, erase: bool) -> None:
        """A stroke begins."""
        ...

    def move(self, viewport: ViewportWidget, point_lps: Float64Array) -> None:
        """The stroke goes on."""
        ...

    def release(self) -> None:
        """The stroke ends."""
        ...

    def resize(self, steps: int) -> None:
        """Larger or smaller by notches."""
        ...


class Marker(Protocol):
    """Who places what a pack asks for; while it is active the left button is its own."""

    @property
    def is_active(self) -> bool:
        """Whether something is being placed."""
        ...

    def press(self, viewport: ViewportWidget, point_lps: Float64Array, camera: Camera) -> None:
        """Take hold of something, or begin something."""
        ...

    def move(self, viewport: ViewportWidget, point_lps: Float64Array) -> None:
        """Move what is held."""
        ...

    def release(self) -> None:
        """Let go."""
        ...

    def paint(self, painter: QPainter, viewport: ViewportWidget, camera: Camera) -> None:
        """Draw what is there."""
        ...
