"""Painting on the mask of the selected finding: strokes in, one undoable change each, live figures.

The stroke itself is a state machine of the viewer; storing it is ``workflow.edit_segmentation``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from app.core.errors import AppError
from app.core.geometry import Float64Array
from app.core.measurement import Measurement
from app.core.segmentation import Mask
from app.ui.finding_words import measurement_text
from app.ui.job_bridge import JobBridge
from app.ui.layer_outlines import LayerOutlines
from app.ui.texts import tr
from app.ui.viewport_widget import ViewportWidget
from app.viewer.tools.brush import BrushStroke, stepped_radius
from app.workflow.edit_segmentation import apply_stroke, remeasure_live, set_mask

if TYPE_CHECKING:
    from app.workflow.session import StudySession

_LIVE_MS = 150
_SHOWN_MEASUREMENTS = 2


class BrushController(QObject):
    """Brush and eraser for all viewports. Main thread only."""

    refused = Signal(object)
    """Why nothing was painted: a sentence, or the ``AppError`` of the store."""
    changed = Signal()
    """Outlines have to be drawn anew."""

    def __init__(
        self, bridge: JobBridge, outlines: LayerOutlines, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._outlines = outlines
        self._session: StudySession | None = None
        self._stroke: BrushStroke | None = None
        self._uid = ""
        self._viewport: ViewportWidget | None = None
        self._has_mask = False
        self._is_measuring = False
        self._radius_mm = 5.0
        self._timer = QTimer(self)
        self._timer.setInterval(_LIVE_MS)
        self._timer.timeout.connect(self._measure)

    @property
    def radius_mm(self) -> float:
        """Radius of the disc."""
        return self._radius_mm

    @property
    def is_painting(self) -> bool:
        """Whether a stroke is under way."""
        return self._stroke is not None

    def set_session(self, session: StudySession | None) -> None:
        """Paint on the findings of this session from now on."""
        self._abandon()
        self._session = session

    def resize(self, steps: int) -> None:
        """20 % larger or smaller per step."""
        self._radius_mm = stepped_radius(self._radius_mm, steps)
        self.changed.emit()

    def press(self, viewport: ViewportWidget, point_lps: Float64Array, *, erase: bool) -> None:
        """Begin a stroke on the selected finding's mask, or say why not."""
        session, image = self._session, viewport.image
        if session is None or image is None or not image.is_loaded:
            return
        uid = session.selected_uid
        if uid is None or session.is_locked:
            self.refused.emit(tr("brush.signed" if session.is_locked else "brush.no_finding"))
            return
        finding = session.finding(uid)
        if session.ref_of(finding) != image.ref:
            self.refused.emit(tr("brush.other_series"))
            return
        mask = session.mask(uid)
        self._has_mask = mask is not None
        if mask is None:
            mask = Mask(np.zeros(image.space.shape_kji, dtype=np.uint8), image.ref)
        if mask.voxels.shape != image.space.shape_kji:
            self.refused.emit(tr("brush.other_series"))
            return
        grid = image.grid(viewport.state.plane)
        self._stroke = BrushStroke(mask, image.space, grid, radius_mm=self._radius_mm, erase=erase)
        self._uid, self._viewport, self._mask = uid, viewport, mask
        self._outlines.begin_stroke(uid, self._stroke.voxels, image.space)
        self._timer.start()
        self.move(viewport, point_lps)

    def move(self, _viewport: ViewportWidget, point_lps: Float64Array) -> None:
        """Paint on to this point."""
        if self._stroke is not None and self._stroke.add_point(point_lps):
            self._outlines.touch_stroke()
            self.changed.emit()

    def release(self) -> None:
        """Store the stroke as one change; nothing is stored when nothing changed."""
        stroke, session = self._stroke, self._session
        viewport = self._viewport
        if stroke is None or session is None:
            return
        patch = stroke.finish()
        mask = self._mask
        self._abandon()
        if patch is None:
            return
        try:
            if self._has_mask:
                apply_stroke(session, self._uid, patch)
            else:
                set_mask(session, self._uid, patch.apply(mask), size_bytes=patch.size_bytes)
        except AppError as error:
            self.refused.emit(error)
        if viewport is not None:
            viewport.live_text = _text(session.finding(self._uid).current.measurements)
        self.changed.emit()

    def _abandon(self) -> None:
        self._timer.stop()
        self._stroke = None
        self._outlines.end_stroke()
        self.changed.emit()

    def _measure(self) -> None:
        stroke, session, viewport = self._stroke, self._session, self._viewport
        if stroke is None or session is None or viewport is None or self._is_measuring:
            return
        image, uid = viewport.image, self._uid
        volume = None if image is None else image.volume
        if volume is None or not session.has_finding(uid):
            return
        mask = stroke.snapshot()
        self._is_measuring = True

        def show(found: tuple[Measurement, ...]) -> None:
            self._is_measuring = False
            if self._stroke is stroke:
                viewport.live_text = _text(found)
                viewport.update()

        def give_up(error: BaseException) -> None:
            self._is_measuring = False
            if not isinstance(error, AppError):
                raise error

        self._bridge.submit(
            "compute",
            "measure",
            lambda _token, _progress: remeasure_live(session, uid, mask, volume),
            done=show,
            failed=give_up,
        )


def _text(measurements: tuple[Measurement, ...]) -> str:
    shown = [measurement_text(item) for item in measurements if item.value is not None]
    return "   ".join(shown[:_SHOWN_MEASUREMENTS])
