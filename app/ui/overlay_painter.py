"""Everything that is drawn over an image: outlines, letters, corner texts, crosshair, scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QPainter,
    QPainterPath,
    QPen,
    QPolygonF,
)

from app.core.geometry import Float64Array
from app.ui.texts import tr
from app.ui.theme import color, font
from app.viewer.layers import FindingLayer, Line

_MARGIN = 8
_PEN_STYLES: dict[Line, list[float] | None] = {
    "solid": None,
    "dashed": [5.0, 4.0],
    "dotted": [1.0, 4.0],
}


@dataclass(frozen=True, slots=True)
class CornerTexts:
    """Lines of the four corners; the first of the top left one is bold. ``warning`` is amber."""

    top_left: tuple[str, ...] = ()
    top_right: tuple[str, ...] = ()
    bottom_left: tuple[str, ...] = ()
    bottom_right: tuple[str, ...] = ()
    warning: str = ""


@dataclass(frozen=True, slots=True)
class EdgeLetters:
    """Orientation letters; empty where orientation is not known (G14)."""

    left: str = ""
    right: str = ""
    top: str = ""
    bottom: str = ""


@dataclass(frozen=True, slots=True)
class DrawnLayer:
    """A finding with its lines in display pixels."""

    layer: FindingLayer
    lines: tuple[Float64Array, ...] = field(default=())


def draw_layers(painter: QPainter, layers: Sequence[DrawnLayer]) -> None:
    """Outlines: dashed proposed, solid accepted, corner mark edited; the selected one brighter."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for drawn in sorted(layers, key=lambda item: item.layer.is_selected):
        _draw_layer(painter, drawn)


def _draw_layer(painter: QPainter, drawn: DrawnLayer) -> None:
    layer = drawn.layer
    selected = layer.is_selected
    shade = color("accent", 255 if selected else 215)
    width = 2.0 if selected else 1.3
    polygons = [_polygon(line) for line in drawn.lines if len(line) > 1]
    if layer.is_attention:
        _draw_attention(painter, layer, polygons)
        return
    for pen in (_pen(QColor(0, 0, 0, 150), width + 1.6, "solid"), _pen(shade, width, "solid")):
        if pen.color() == shade:
            pen = _pen(shade, width, layer.style.line)
        elif layer.style.line != "solid":
            continue  # a dark edge under dashes would fill their gaps
        painter.setPen(pen)
        for polygon in polygons:
            painter.drawPolyline(polygon)
    if not polygons:
        return
    label = f"{layer.number}  {tr('overlay.ai')}" if layer.is_unverified_ai else str(layer.number)
    painter.setFont(font(12, bold=True))
    x, y = min((line[line[:, 1].argmin()] for line in drawn.lines), key=lambda point: point[1])
    at = QPointF(float(x) + 3, max(float(y) - 5, 12.0))
    shadowed_text(painter, at, label, shade)
    if layer.style.corner_mark:
        corner = at + QPointF(-3, -9)
        painter.setPen(QPen(QColor(0, 0, 0, 225), 1))
        painter.setBrush(shade)
        painter.drawPolygon(QPolygonF([corner, corner - QPointF(8, 0), corner + QPointF(0, 8)]))
        painter.setBrush(Qt.BrushStyle.NoBrush)


def _draw_attention(painter: QPainter, layer: FindingLayer, polygons: Sequence[QPolygonF]) -> None:
    """Where a model looked: a shade without a rim, named as what it is."""
    area = QPainterPath()
    area.setFillRule(Qt.FillRule.OddEvenFill)
    for polygon in polygons:
        area.addPolygon(polygon)
    painter.fillPath(area, color("accent", 70 if layer.is_selected else 40))
    if polygons:
        painter.setFont(font(12, bold=True))
        top = area.boundingRect().topLeft()
        at = QPointF(top.x() + 3, max(top.y() - 5, 12.0))
        shadowed_text(painter, at, f"{layer.number}  {tr('overlay.attention')}", color("accent"))


def draw_letters(painter: QPainter, area: QRectF, letters: EdgeLetters) -> None:
    """Orientation letters at the middle of the edges."""
    painter.setFont(font(14, bold=True))
    metrics = QFontMetricsF(painter.font())
    shade = color("text")
    middle_y = area.center().y() + metrics.ascent() / 2
    shadowed_text(painter, QPointF(area.left() + _MARGIN, middle_y), letters.left, shade)
    width = metrics.horizontalAdvance(letters.right)
    shadowed_text(painter, QPointF(area.right() - _MARGIN - width, middle_y), letters.right, shade)
    for text, y in (
        (letters.top, area.top() + _MARGIN + metrics.ascent()),
        (letters.bottom, area.bottom() - _MARGIN),
    ):
        half = metrics.horizontalAdvance(text) / 2
        shadowed_text(painter, QPointF(area.center().x() - half, y), text, shade)


def draw_corners(painter: QPainter, area: QRectF, texts: CornerTexts) -> None:
    """The texts of the four corners, shortened to half the width of the viewport."""
    size = 12 if area.width() > 330 else 11
    plain, bold = font(size), font(size, bold=True)
    room = area.width() / 2 - _MARGIN - 16
    height = QFontMetricsF(plain).height()
    y = area.top() + _MARGIN + QFontMetricsF(plain).ascent()
    for number, text in enumerate(texts.top_left):
        painter.setFont(bold if number == 0 else plain)
        line = _elided(painter.font(), text, room)
        at = QPointF(area.left() + _MARGIN, y + number * height)
        shadowed_text(painter, at, line, color("bright"))
    painter.setFont(plain)
    for number, text in enumerate(texts.top_right):
        _right_text(painter, area, y + number * height, _elided(plain, text, room), "bright")
    bottom = area.bottom() - _MARGIN - 2
    left_lines = [*texts.bottom_left]
    for number, text in enumerate(reversed(left_lines)):
        line = _elided(plain, text, room)
        at = QPointF(area.left() + _MARGIN, bottom - number * height)
        shadowed_text(painter, at, line, color("bright"))
    if texts.warning:
        at = QPointF(area.left() + _MARGIN, bottom - len(left_lines) * height)
        shadowed_text(painter, at, _elided(plain, texts.warning, room), color("warn"))
    for number, text in enumerate(reversed(texts.bottom_right)):
        _right_text(painter, area, bottom - number * height, _elided(plain, text, room), "accent")


def draw_crosshair(painter: QPainter, area: QRectF, at: QPointF) -> None:
    """Thin lines through the linked point, open in the middle."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(QPen(color("accent", 120), 1))
    gap = 14.0
    x, y = at.x(), at.y()
    if area.top() <= y <= area.bottom():
        painter.drawLine(QPointF(area.left(), y), QPointF(x - gap, y))
        painter.drawLine(QPointF(x + gap, y), QPointF(area.right(), y))
    if area.left() <= x <= area.right():
        painter.drawLine(QPointF(x, area.top()), QPointF(x, y - gap))
        painter.drawLine(QPointF(x, y + gap), QPointF(x, area.bottom()))


def draw_scale(painter: QPainter, area: QRectF, px_per_mm: float) -> None:
    """A ruler at the right edge: 1, 5 or 10 cm, whichever fits a third of the height."""
    for length_mm in (100.0, 50.0, 10.0):
        length = length_mm * px_per_mm
        if length <= area.height() * 0.4:
            break
    else:
        return
    if length < 20:
        return
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(QPen(color("dim", 200), 1))
    x = area.right() - 5
    top = area.center().y() + 26
    bottom = top + length
    if bottom > area.bottom() - 60:
        return
    painter.drawLine(QPointF(x, top), QPointF(x, bottom))
    steps = 10 if length_mm > 10 else 2
    for step in range(steps + 1):
        tick = 6.0 if step in (0, steps) else 3.0
        y = top + length * step / steps
        painter.drawLine(QPointF(x - tick, y), QPointF(x, y))
    painter.setFont(font(10))
    label = f"{length_mm / 10:.0f} {tr('unit.cm')}"
    width = QFontMetricsF(painter.font()).horizontalAdvance(label)
    shadowed_text(painter, QPointF(x - 9 - width, bottom), label, color("dim"))


def draw_notice(painter: QPainter, area: QRectF, text: str) -> None:
    """A sentence in the middle: what happens, or what to do."""
    painter.setFont(font(13))
    painter.setPen(color("dim"))
    room = area.adjusted(24, 24, -24, -24)
    flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
    painter.drawText(room, int(flags), text)


def draw_brush(painter: QPainter, at: QPointF, radius_px: float, *, erase: bool) -> None:
    """The brush's rim; the eraser's is dashed."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(_pen(color("bright", 220), 1.2, "dashed" if erase else "solid"))
    painter.drawEllipse(at, radius_px, radius_px)


def shadowed_text(painter: QPainter, at: QPointF, text: str, shade: QColor) -> None:
    """Text that stays legible on any image."""
    if not text:
        return
    painter.setPen(QColor(0, 0, 0, 225))
    for dx, dy in ((1, 1), (-1, -1), (1, -1), (-1, 1), (-1, 0), (0, -1), (1, 0), (0, 1)):
        painter.drawText(at + QPointF(dx, dy), text)
    painter.setPen(shade)
    painter.drawText(at, text)


def _right_text(painter: QPainter, area: QRectF, y: float, text: str, shade: str) -> None:
    width = QFontMetricsF(painter.font()).horizontalAdvance(text)
    shadowed_text(painter, QPointF(area.right() - _MARGIN - width, y), text, color(shade))


def _elided(chosen: QFont, text: str, room: float) -> str:
    return QFontMetricsF(chosen).elidedText(text, Qt.TextElideMode.ElideRight, room)


def _pen(shade: QColor, width: float, line: Line) -> QPen:
    pen = QPen(shade, width)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    pattern = _PEN_STYLES[line]
    if pattern is not None:
        pen.setDashPattern(pattern)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    return pen


def _polygon(line: Float64Array) -> QPolygonF:
    return QPolygonF([QPointF(float(x), float(y)) for x, y in line])
