"""What the left button can do in a viewport, and who paints on masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from app.core.geometry import Float64Array

if TYPE_CHECKING:
    from app.ui.viewport_widget import ViewportWidget

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
