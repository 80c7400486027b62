"""Draws what the reader has placed for a pack: points, lines, boxes, each with its name."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF

from app.core.reader_input import Point
from app.ui.overlay_painter import shadowed_text
from app.ui.texts import language
from app.ui.theme import color
from app.viewer.camera import Camera
from app.viewer.tools.marking import Marking

_HANDLE_PX = 3.0
_CROSS_PX = 9.0
_GAP_PX = 3.0


def draw_marking(painter: QPainter, marking: Marking, camera: Camera) -> None:
    """Everything of ``marking`` that lies on the image of ``camera``."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    names = {entry.name: entry.short(language()) for entry in marking.asked}
    for box in marking.given.boxes:
        ring = marking.box_on(box, camera.grid, camera.index)
        if ring is not None:
            _draw_box(painter, [_at(camera, corner) for corner in ring], names.get(box.name, ""))
    for line in marking.given.lines:
        if all(_is_on(camera, place) for place in line.lps):
            _draw_line(
                painter, [_at(camera, place) for place in line.lps], names.get(line.name, "")
            )
    for point in marking.given.points:
        if _is_on(camera, point.lps):
            _draw_point(painter, _at(camera, point.lps), names.get(point.name, ""))


def _draw_box(painter: QPainter, ring: list[QPointF], name: str) -> None:
    shape = QPolygonF(ring)
    painter.setPen(QPen(color("accent"), 1.5, Qt.PenStyle.DashLine))
    painter.drawPolygon(shape)
    area = shape.boundingRect()
    painter.setPen(QPen(color("accent"), 1.2))
    for handle in (
        area.topLeft(), area.topRight(), area.bottomLeft(), area.bottomRight(),
        QPointF(area.center().x(), area.top()), QPointF(area.center().x(), area.bottom()),
        QPointF(area.left(), area.center().y()), QPointF(area.right(), area.center().y()),
    ):  # fmt: skip
        size = 2 * _HANDLE_PX
        painter.fillRect(
            QRectF(handle.x() - _HANDLE_PX, handle.y() - _HANDLE_PX, size, size), color("accent")
        )
    shadowed_text(painter, area.topLeft() + QPointF(2, -6), name, color("accent"))


def _draw_line(painter: QPainter, places: list[QPointF], name: str) -> None:
    painter.setPen(QPen(color("accent"), 1.5))
    painter.drawPolyline(QPolygonF(places))
    for place in places:
        painter.drawEllipse(place, _HANDLE_PX, _HANDLE_PX)
    shadowed_text(painter, places[-1] + QPointF(8, -6), name, color("accent"))


def _draw_point(painter: QPainter, at: QPointF, name: str) -> None:
    painter.setPen(QPen(color("accent"), 1.5))
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        way = QPointF(dx, dy)
        painter.drawLine(at + way * _GAP_PX, at + way * _CROSS_PX)
    shadowed_text(painter, at + QPointF(11, -8), name, color("accent"))


def _at(camera: Camera, lps: Point | np.ndarray) -> QPointF:
    x, y = camera.lps_to_display(np.asarray(lps))
    return QPointF(float(x), float(y))


def _is_on(camera: Camera, lps: Point) -> bool:
    """Whether a place lies on the image that is shown, or half an image beside it."""
    depth = float(camera.grid.lps_to_ijk(np.asarray(lps))[2])
    return abs(depth - camera.index) <= 0.75
