"""How viewports share the screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Cell:
    """Place of one viewport in a grid: row, column, and how many of each it spans."""

    row: int
    column: int
    row_span: int = 1
    column_span: int = 1


@dataclass(frozen=True, slots=True)
class Layout:
    """Named arrangement of one to four viewports, in reading order."""

    id: str
    cells: tuple[Cell, ...]


LAYOUTS: Final[tuple[Layout, ...]] = (
    Layout("1x1", (Cell(0, 0),)),
    Layout("1x2", (Cell(0, 0), Cell(0, 1))),
    Layout("1+2", (Cell(0, 0, 2, 1), Cell(0, 1), Cell(1, 1))),
    Layout("2x2", (Cell(0, 0), Cell(0, 1), Cell(1, 0), Cell(1, 1))),
)


def layout(layout_id: str) -> Layout:
    """The layout of this id; an unknown one is a bug (KeyError)."""
    return {item.id: item for item in LAYOUTS}[layout_id]
