"""Measurements on points that the reader gives by name: ``midline-shift@1``,
``cardiothoracic-lines@1``.
"""

from __future__ import annotations

from typing import Final

from app.measure.anatomy import Anatomy
from app.measure.chest import cardiothoracic_of_lines
from app.measure.head import midline_shift
from app.measure.outcome import Found, failed

MIDLINE_POINTS: Final = ("falx_anterior", "falx_posterior", "septum")
LINE_POINTS: Final = ("heart_first", "heart_second", "thorax_first", "thorax_second")


def shift(anatomy: Anatomy) -> list[Found]:
    """Midline shift from the three points; ``failed`` where one is missing."""
    if any(name not in anatomy.points for name in MIDLINE_POINTS):
        return [failed("septum", "midline_shift", "mm", _missing(MIDLINE_POINTS))]
    return [Found("septum", midline_shift(*(anatomy.points[name] for name in MIDLINE_POINTS)))]


def ratio(anatomy: Anatomy) -> list[Found]:
    """Cardiothoracic ratio from the four ends of two lines; ``failed`` where one is missing."""
    kind = "cardiothoracic_ratio_of_lines"
    if any(name not in anatomy.points for name in LINE_POINTS):
        return [failed("heart", kind, "1", _missing(LINE_POINTS))]
    ends = [anatomy.points[name] for name in LINE_POINTS]
    number = cardiothoracic_of_lines(
        ends[:2],
        ends[2:],
        view_position=anatomy.protocol.view_position,
        supine=anatomy.protocol.supine,
    )
    return [Found("heart", number)]


def _missing(names: tuple[str, ...]) -> tuple[str, str]:
    listed = ", ".join(names)
    return f"It needs the points {listed}.", f"Нужны точки {listed}."
