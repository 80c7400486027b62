"""One viewport: draws the image with what lies over it, and turns the mouse into new states."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QDragEnterEvent,
    QDropEvent,
    QHelpEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget

from app.core.study import SeriesRef
from app.core.volume import Window
from app.rendering.slice_renderer import with_graphics
from app.ui import overlay_painter as overlays
from app.ui.corner_texts import (
    CornerMarks,
    corner_texts,
    edge_letters,
    probe_line,
    warning_sentences,
)
from app.ui.layer_outlines import LayerOutlines
from app.ui.raster import Raster
from app.ui.series_image import SeriesImage
from app.ui.texts import language, tr
from app.ui.theme import color
from app.ui.viewport_tools import Brush, Marker, ToolName
from app.viewer.camera import Camera, Point
from app.viewer.hanging import chest_wall_side
from app.viewer.hit_test import hit
from app.viewer.layers import FindingLayer
from app.viewer.sync import Crosshair
from app.viewer.tools.drag import Drag, DragKind
from app.viewer.viewport import ViewportState, zoomed_at

SERIES_MIME = "application/x-overread-series"
_CLICK_PX = 3
_FAST_SCROLL = 5
_NARROW_PX = 340
_CORNER_PX = 70


class ViewportWidget(QWidget):
    """Shows one image of one series. Main thread only.

    The viewport owns its ``state``; ``state_changed`` follows every change that the mouse makes.
    Nothing is drawn outside ``paintEvent``: changes ask for a repaint, and Qt merges the requests.
    """

    activated = Signal(object)
    state_changed = Signal(object)
    pointed = Signal(object, object)
    finding_clicked = Signal(object)
    series_dropped = Signal(object, object)
    maximize_requested = Signal(object)
    menu_requested = Signal(object, object)
    probed = Signal(str)
    """Place and modality value under the pointer, or an empty text."""

    def __init__(self, outlines: LayerOutlines, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._outlines = outlines
        self.state = ViewportState()
        self.image: SeriesImage | None = None
        self.layers: tuple[FindingLayer, ...] = ()
        self.crosshair: Crosshair | None = None
        self.tool: ToolName = "window"
        self.brush: Brush | None = None
        self.marker: Marker | None = None
        self.is_active = False
        self.marks_active = False
        self.is_linked = False
        self.shows_overlays = True
        self.live_text = ""
        self._drag: Drag | None = None
        self._press: QPointF | None = None
        self._painting = False
        self._marking = False
        self._pointer: QPointF | None = None
        self._raster = Raster()
        self._drawn: tuple[overlays.DrawnLayer, ...] = ()
        self._menu_allowed = True
        self.setMouseTracking(True)
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setMinimumSize(120, 100)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    # what is shown

    def show_image(self, image: SeriesImage | None, state: ViewportState) -> None:
        """Show ``image`` as ``state`` says; None empties the viewport."""
        self.image, self.state = image, state
        self.update()

    def set_state(self, state: ViewportState) -> None:
        """Another state, told to nobody (``change`` tells)."""
        if state != self.state:
            self.state = state
            self.update()

    def change(self, state: ViewportState) -> None:
        """Another state, told to whoever listens."""
        if state != self.state:
            self.state = state
            self.update()
            self.state_changed.emit(self)

    @property
    def count(self) -> int:
        """How many images there are in this plane."""
        return self.image.grid(self.state.plane).size_ijk[2] if self.image else 0

    @property
    def voi(self) -> Window | None:
        """The window in force: set by the reader, or the image's own."""
        if self.state.window is not None or self.image is None:
            return self.state.window
        return self.image.default_window(self.state.index if self.state.plane == "stack" else None)

    def camera(self) -> Camera | None:
        """How the image lies on the screen now."""
        if self.image is None:
            return None
        size = (max(self.width(), 1), max(self.height(), 1))
        wall = chest_wall_side(self.image.series.modality, self.image.stack)
        return self.state.camera(self.image.grid(self.state.plane), size, wall)

    # painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw image and overlays."""
        painter = QPainter(self)
        area = QRectF(self.rect())
        painter.fillRect(area, Qt.GlobalColor.black)
        image, camera = self.image, self.camera()
        if image is None or camera is None:
            overlays.draw_notice(painter, area, tr("viewport.empty"))
        else:
            self._paint_study(painter, area, image, camera)
        if self.is_active and self.marks_active:
            painter.setPen(QPen(color("accentdim"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def _paint_study(
        self, painter: QPainter, area: QRectF, image: SeriesImage, camera: Camera
    ) -> None:
        window = self.voi
        shown = (
            None
            if window is None
            else image.picture(self.state.plane, camera.index, window, inverted=self.state.inverted)
        )
        if shown is not None and self.shows_overlays and self.state.plane == "stack":
            shown = with_graphics(shown, image.facts, camera.index)
        if shown is not None:
            coarse = self._drag is not None
            self._raster.paint(painter, shown, camera, self.devicePixelRatioF(), is_coarse=coarse)
        else:
            overlays.draw_notice(painter, area, self._waiting_text(image))
        self._drawn = ()
        visible = self._visible_layers(image)
        if self.shows_overlays and image.is_loaded:
            self._drawn = self._outlines.drawn(visible, camera, image.space)
            overlays.draw_layers(painter, self._drawn)
        self._paint_crosshair(painter, area, image, camera)
        overlays.draw_letters(painter, area, edge_letters(image, camera))
        if self.shows_overlays:
            unverified = any(drawn.layer.is_unverified_ai for drawn in self._drawn)
            marks = CornerMarks(unverified, self.is_linked, self.width() < _NARROW_PX)
            texts = corner_texts(image, self.state, camera, window, marks)
            overlays.draw_corners(painter, area, texts)
            if self._has_mm(image):
                overlays.draw_scale(painter, area, camera.zoom)
        if self.marker is not None and self.marker.is_active:
            self.marker.paint(painter, self, camera)
        self._paint_brush(painter, camera)

    def _paint_crosshair(
        self, painter: QPainter, area: QRectF, image: SeriesImage, camera: Camera
    ) -> None:
        cross = self.crosshair
        if cross is None or not self.shows_overlays:
            return
        if cross.applies_to(camera.grid, image.ref.series_instance_uid):
            x, y = camera.lps_to_display(cross.point_lps)
            overlays.draw_crosshair(painter, area, QPointF(float(x), float(y)))

    def _paint_brush(self, painter: QPainter, camera: Camera) -> None:
        if self.tool not in ("brush", "erase") or self.brush is None or self._pointer is None:
            return
        radius = self.brush.radius_mm * camera.zoom
        overlays.draw_brush(painter, self._pointer, radius, erase=self.tool == "erase")
        if self.live_text:
            at = self._pointer + QPointF(radius + 8, -radius)
            overlays.shadowed_text(painter, at, self.live_text, color("accent"))

    def _visible_layers(self, image: SeriesImage) -> Sequence[FindingLayer]:
        return [layer for layer in self.layers if layer.ref == image.ref]

    def _waiting_text(self, image: SeriesImage) -> str:
        if image.error is not None:
            return image.error.text(language())
        if self.state.plane != "stack" and image.loaded_frames:
            return tr("viewport.building")
        return tr("viewport.loading")

    def _has_mm(self, image: SeriesImage) -> bool:
        facts = image.facts
        known = facts is not None and facts.pixel_spacing_mm is not None
        return bool(image.space.frame_of_reference_uid) or known

    # mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a drag, a stroke, or a click."""
        self.activated.emit(self)
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self._press = event.position()
        self._menu_allowed = True
        camera = self.camera()
        if camera is None:
            return
        button, shift = event.button(), _has(event, Qt.KeyboardModifier.ShiftModifier)
        marker = self.marker if self.marker is not None and self.marker.is_active else None
        if button == Qt.MouseButton.LeftButton and not shift and marker is not None:
            self._marking = True
            marker.press(self, camera.display_to_lps(_xy(event.position())), camera)
        elif button == Qt.MouseButton.LeftButton and self.tool in ("brush", "erase") and self.brush:
            self._painting = True
            point = camera.display_to_lps(_xy(event.position()))
            self.brush.press(self, point, erase=self.tool == "erase")
        elif button == Qt.MouseButton.LeftButton and (shift or self.tool == "crosshair"):
            self._drag = None
            self._point_at(event.position())
        else:
            self._drag = self._new_drag(button, camera, _xy(event.position()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with what the press began."""
        self._pointer = event.position()
        if self._marking and self.marker is not None:
            camera = self.camera()
            if camera is not None:
                self.marker.move(self, camera.display_to_lps(_xy(event.position())))
            return
        if self._painting and self.brush is not None:
            camera = self.camera()
            if camera is not None:
                self.brush.move(self, camera.display_to_lps(_xy(event.position())))
            self.update()
            return
        if self._press is not None and self._drag is not None:
            way = event.position() - self._press
            if abs(way.x()) + abs(way.y()) > _CLICK_PX:
                self._menu_allowed = False
                self.change(self._drag.moved(_xy(event.position())))
        elif event.buttons() & Qt.MouseButton.LeftButton and self._press is not None:
            self._point_at(event.position())
        self._probe(event.position())
        if self.tool in ("brush", "erase"):
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End the drag or stroke; a press without a drag is a click."""
        press, self._press = self._press, None
        drag, self._drag = self._drag, None
        self.update()
        if self._marking and self.marker is not None:
            self._marking = False
            self.marker.release()
            return
        if self._painting and self.brush is not None:
            self._painting = False
            self.brush.release()
            return
        if press is None or event.button() != Qt.MouseButton.LeftButton or drag is None:
            return
        way = event.position() - press
        if abs(way.x()) + abs(way.y()) <= _CLICK_PX:
            self._click(event.position())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Left: this viewport alone, or all again."""
        if event.button() == Qt.MouseButton.LeftButton and self.tool not in ("brush", "erase"):
            self.maximize_requested.emit(self)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """A right click without a drag opens the menu."""
        if self._menu_allowed:
            self.menu_requested.emit(self, event.globalPos())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll; with Ctrl zoom; with Shift the brush's size, or five images."""
        notches = event.angleDelta().y() or event.angleDelta().x()
        steps = round(notches / 120) or (1 if notches > 0 else -1 if notches < 0 else 0)
        camera = self.camera()
        if camera is None or steps == 0:
            return
        modifiers = event.modifiers()
        if modifiers & Qt.KeyboardModifier.ControlModifier:
            at = _xy(event.position())
            self.change(zoomed_at(self.state, camera, 1.15**steps, at))
        elif (
            modifiers & Qt.KeyboardModifier.ShiftModifier
            and self.brush is not None
            and (self.tool in ("brush", "erase"))
        ):
            self.brush.resize(steps)
            self.update()
        else:
            fast = _FAST_SCROLL if modifiers & Qt.KeyboardModifier.ShiftModifier else 1
            self.change(self.state.scrolled(-steps * fast, self.count))
        event.accept()

    def leaveEvent(self, _event: object) -> None:
        """Forget where the pointer was."""
        self._pointer = None
        self.probed.emit("")
        if self.tool in ("brush", "erase"):
            self.update()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Series from the browser may be dropped here."""
        if event.mimeData().hasFormat(SERIES_MIME):
            event.acceptProposedAction()
        else:
            event.ignore()  # files are for the window

    def dropEvent(self, event: QDropEvent) -> None:
        """Show the dropped series here."""
        text = bytes(event.mimeData().data(SERIES_MIME).data()).decode("utf-8")
        study, series, stack = text.split("|")
        self.series_dropped.emit(self, SeriesRef(study, series, int(stack)))
        event.acceptProposedAction()

    def event(self, event: QEvent) -> bool:
        """Where the pointer rests: whose outline it is, or what the warning codes mean."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self._hint_at(event.pos()), self)
            return True
        return super().event(event)

    def _new_drag(self, button: Qt.MouseButton, camera: Camera, at: Point) -> Drag | None:
        window = self.voi
        kinds: dict[Qt.MouseButton, DragKind] = {
            Qt.MouseButton.MiddleButton: "pan",
            Qt.MouseButton.RightButton: "zoom",
        }
        if button == Qt.MouseButton.LeftButton and self.tool in ("window", "pan", "zoom", "scroll"):
            kinds[button] = self.tool
        kind = kinds.get(button)
        if kind is None or window is None or self.image is None:
            return None
        values = (window.center, window.width)
        return Drag(kind, self.state, camera, at, values, self.image.value_range, window.function)

    def _hint_at(self, at: QPoint) -> str:
        layer = self._layer_at(QPointF(at))
        if layer is not None:
            return "  ".join(
                text for text in (str(layer.number), layer.title, layer.origin) if text
            )
        near = at.y() > self.height() - _CORNER_PX and at.x() < self.width() / 2
        return "\n".join(warning_sentences(self.image)) if self.image and near else ""

    def _layer_at(self, at: QPointF) -> FindingLayer | None:
        lines = [(item.layer.uid, line) for item in self._drawn for line in item.lines]
        uid = hit(_xy(at), lines)
        return next((item.layer for item in self._drawn if item.layer.uid == uid), None)

    def _click(self, at: QPointF) -> None:
        layer = self._layer_at(at)
        if layer is not None:
            self.finding_clicked.emit(layer.uid)
        elif self.crosshair is not None:
            self._point_at(at)

    def _point_at(self, at: QPointF) -> None:
        camera = self.camera()
        if camera is None:
            return
        point = camera.display_to_lps(_xy(at))
        if self.image is not None and self.image.space.contains(point):
            self.pointed.emit(self, point)

    def _probe(self, at: QPointF) -> None:
        camera, image = self.camera(), self.image
        if camera is not None and image is not None:
            self.probed.emit(probe_line(image, camera.display_to_lps(_xy(at))))


def _xy(at: QPointF) -> Point:
    return at.x(), at.y()


def _has(event: QMouseEvent, modifier: Qt.KeyboardModifier) -> bool:
    return bool(event.modifiers() & modifier)
