"""The open study: its session, its images in the viewports, its findings over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage

from app.core.reader_input import ReaderInput, reader_input_from_json
from app.core.study import SeriesRef, Study
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress
from app.jobs.runner import JobHandle
from app.ui.brush_controller import BrushController
from app.ui.finding_words import finding_numbers
from app.ui.first_image import make_thumbnails
from app.ui.job_bridge import JobBridge
from app.ui.loading import SeriesLoader
from app.ui.marking_controller import MarkingController
from app.ui.model_runs import ModelRuns
from app.ui.series_image import SeriesImage
from app.ui.session_signals import SessionSignals
from app.ui.texts import language, tr
from app.ui.viewport_grid import ViewportGrid
from app.ui.viewport_widget import ViewportWidget
from app.viewer.hanging import Hanging, Hung, displayable, hang
from app.viewer.layers import center_lps, finding_layers
from app.viewer.layout import LAYOUTS
from app.viewer.viewport import ViewportState
from app.workflow.session import StudySession

if TYPE_CHECKING:
    from app.ui.coverage_view import CoverageRow
    from app.workflow.context import AppContext

_POSITION_MS = 400


class ReadingDesk(QObject):
    """Opens and closes studies, feeds the viewports, keeps the journal. Main thread only."""

    session_changed = Signal(object)
    """The ``StudySession`` that is open now, or None."""
    thumbnail_ready = Signal(object, object)
    findings_changed = Signal()

    def __init__(
        self,
        context: AppContext,
        bridge: JobBridge,
        grid: ViewportGrid,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._context = context
        self._bridge = bridge
        self.grid = grid
        self.loader = SeriesLoader(context, bridge, self)
        self.models = ModelRuns(context, bridge, self)
        self.brush = BrushController(bridge, grid.outlines, self)
        self.marking = MarkingController(self)
        self.session: StudySession | None = None
        self.shows_rejected = False
        self._signals: SessionSignals | None = None
        self._thumbnails: JobHandle[None] | None = None
        self._wanted_finding: str | None = None
        self._position_timer = _single_shot(self, _POSITION_MS, self.save_position)
        self._layer_timer = _single_shot(self, 0, self._refresh_layers)
        grid.series_wanted.connect(self._feed)
        grid.position_changed.connect(self._position_timer.start)
        grid.finding_clicked.connect(self.select)
        self.brush.changed.connect(self._repaint)
        self.marking.changed.connect(self._repaint)
        self.marking.run_wanted.connect(self.models.run_marked)
        self.models.marking_wanted.connect(self._begin_marking)
        grid.set_marker(self.marking)
        self.loader.image_changed.connect(self._image_changed)
        self.loader.volume_ready.connect(self._volume_ready)

    def open_study(self, study: Study, priors: tuple[Study, ...] = ()) -> None:
        """Make this the open study, where it was left. Raises ``AppError`` of the store."""
        if self.session is not None and self.session.study is study:
            return
        self.close_study()
        session = StudySession(self._context, study, priors)
        self.session = session
        self._signals = SessionSignals(
            (session.finding_changed, self._refresh_later),
            (session.findings_added, self._refresh_later),
            (session.findings_removed, self._refresh_later),
            (session.selection_changed, self._refresh_later),
        )
        self.brush.set_session(session)
        if not self._restore(session.position):
            self.grid.hang(hang(study, priors))
        self._start_thumbnails(study, priors)
        self.models.set_session(session)
        self._context.prefetch.opened(study)
        self._layer_timer.start()
        self.session_changed.emit(session)

    def _begin_marking(self, row: CoverageRow) -> None:
        """Show the series that a pack reads, and let the reader place what it asks for.

        What was given or found at the latest run is there already, to be moved.
        """
        session = self.session
        if session is None or session.is_locked:
            return
        uid = session.study.study_instance_uid
        runs = self._context.store.runs.of_study(uid, session.reading)
        used = [run for run in runs if (run.pack, run.source) == (row.pack_id, row.ref)]
        known = used[-1].report.get("reader_input") if used else None
        given = reader_input_from_json(known) if known else ReaderInput()
        if not any(v.image is not None and v.image.ref == row.ref for v in self.grid.shown):
            self.show_series(row.ref)
        self.marking.begin(row, self._context.packs.get(row.pack_id).pack, given)
        self.grid.setFocus()

    def close_study(self) -> None:
        """Keep where it was, cancel its jobs, show nothing."""
        session = self.session
        if session is None:
            return
        self.save_position()
        if self._thumbnails is not None:
            self._thumbnails.cancel()
        self.models.set_session(None)
        self.brush.set_session(None)
        self.marking.end()
        if self._signals is not None:
            self._signals.disconnect_all()
        self.session = self._signals = None
        self._wanted_finding = None
        self.session_changed.emit(None)
        self.grid.clear()
        for study in (session.study, *session.priors):
            self.loader.close_study(study.study_instance_uid)
        session.close()

    def save_position(self) -> None:
        """Journal what is on screen."""
        self._position_timer.stop()
        if self.session is not None:
            self.session.set_position(self.grid.to_json())

    def select(self, uid: str | None) -> None:
        """Make a finding the current one."""
        if self.session is not None:
            self.session.select(uid)

    def show_finding(self, uid: str) -> None:
        """Bring the finding's image on screen; its series is loaded first if need be."""
        session = self.session
        if session is None or not session.has_finding(uid):
            return
        session.select(uid)
        ref = session.ref_of(session.finding(uid))
        image = self.loader.known(ref)
        if not any(viewport.state.ref == ref for viewport in self.grid.shown):
            self.grid.show_series(self.grid.active, ref)
            image = self.loader.known(ref)
        if image is None or not image.is_loaded:
            self._wanted_finding = uid
            return
        self._wanted_finding = None
        self._refresh_layers()
        layer = next((item for item in self.grid.viewports[0].layers if item.uid == uid), None)
        point = None if layer is None else center_lps(layer, image.space)
        if point is not None:
            self.grid.go_to(point, image)
        self._position_timer.start()

    def show_series(self, ref: SeriesRef) -> None:
        """Show a stack in the active viewport."""
        self.grid.show_series(self.grid.active, ref)

    def step_series(self, by: int) -> None:
        """The next or previous stack of the study in the active viewport."""
        if self.session is None:
            return
        refs = [item.ref for item in displayable(self.session.study)]
        current = self.grid.active.state.ref
        if refs:
            place = refs.index(current) if current in refs else -by
            self.show_series(refs[(place + by) % len(refs)])

    def hang_again(self, *, prior: bool) -> None:
        """The first hanging of the study, with or without its prior."""
        if self.session is not None:
            self.grid.hang(hang(self.session.study, self.session.priors if prior else ()))

    def toggle_planes(self, ref: SeriesRef) -> None:
        """One stack as acquired, coronal and sagittal, or alone again."""
        shown = [viewport.state for viewport in self.grid.shown]
        if len(shown) > 1 and all(state.ref == ref for state in shown):
            self.grid.hang(Hanging("1x1", (Hung(ref),)))
        else:
            planes = (Hung(ref), Hung(ref, "coronal"), Hung(ref, "sagittal"))
            self.grid.hang(Hanging("1+2", planes))

    def fill_empty(self) -> None:
        """Give viewports that show nothing the next stacks of the study."""
        session = self.session
        if session is None:
            return
        taken = {viewport.state.ref for viewport in self.grid.shown}
        free = [item.ref for item in displayable(session.study) if item.ref not in taken]
        for viewport in self.grid.shown:
            if viewport.image is None and free:
                self.grid.show_series(viewport, free.pop(0))

    def refresh(self) -> None:
        """Draw the findings anew, in the language in force."""
        self._layer_timer.start()

    def series_on_screen(self) -> SeriesRef | None:
        """The stack of the active viewport."""
        return self.grid.active.state.ref

    def set_shows_rejected(self, shown: bool) -> None:
        """Draw rejected findings too, dotted."""
        self.shows_rejected = shown
        self._refresh_layers()

    @property
    def is_busy(self) -> bool:
        """Whether images are being loaded or models run."""
        return self.loader.is_busy or self.models.is_running

    # inside

    def _feed(self, viewport: ViewportWidget, ref: SeriesRef) -> None:
        study = self._study_of(ref)
        if study is not None:
            image = self.loader.image(study, ref)
            image.is_prior = self.session is not None and study is not self.session.study
            self.grid.put_image(viewport, image)
            self.loader.keep_only({other.state.ref for other in self.grid.viewports})

    def _study_of(self, ref: SeriesRef) -> Study | None:
        session = self.session
        if session is None:
            return None
        for study in (session.study, *session.priors):
            if study.study_instance_uid == ref.study_instance_uid:
                return study
        return None

    def _restore(self, position: dict[str, Any]) -> bool:
        states = [ViewportState.from_json(item) for item in position.get("viewports", [])]
        known = {item.id for item in LAYOUTS}
        session = self.session
        if session is None or position.get("layout") not in known:
            return False
        refs = {item.ref for study in (session.study, *session.priors)
                for item in displayable(study)}  # fmt: skip
        if not any(state.ref in refs for state in states):
            return False
        self.grid.clear()
        self.grid.set_layout(str(position["layout"]))
        for viewport, state in zip(self.grid.viewports, states, strict=False):
            if state.ref is not None and state.ref in refs:
                viewport.state = state
                self._feed(viewport, state.ref)
        active = position.get("active", 0)
        shown = self.grid.shown
        self.grid.set_active(
            shown[active if isinstance(active, int) and active < len(shown) else 0]
        )
        return True

    def _image_changed(self, image: SeriesImage) -> None:
        self.grid.refresh_image(image)

    def _volume_ready(self, ref: SeriesRef) -> None:
        if self.session is not None:
            self.session.announce_volume(ref)
        self._layer_timer.start()
        if self._wanted_finding is not None:
            self.show_finding(self._wanted_finding)

    def _refresh_later(self, *_: object) -> None:
        self._layer_timer.start()

    def _refresh_layers(self) -> None:
        self._layer_timer.stop()
        session = self.session
        if session is None:
            self.grid.set_layers(())
            return
        findings = session.findings
        self.findings_changed.emit()
        self.grid.set_layers(
            finding_layers(
                findings,
                numbers=finding_numbers(findings),
                mask_of=session.mask,
                attention_of=session.attention,
                language=language(),
                selected_uid=session.selected_uid,
                show_rejected=self.shows_rejected,
            )
        )

    def _repaint(self) -> None:
        for viewport in self.grid.shown:
            viewport.update()

    def _start_thumbnails(self, study: Study, priors: tuple[Study, ...]) -> None:
        def work(token: CancelToken, _progress: Progress) -> None:
            for each in (study, *priors):
                refs = [item.ref for item in displayable(each)]
                make_thumbnails(each, refs, token, self._thumbnail_made)

        self._thumbnails = self._bridge.submit(
            "io", tr("job.thumbnails"), work, done=lambda _nothing: None
        )

    def _thumbnail_made(self, ref: SeriesRef, picture: npt.NDArray[np.uint8]) -> None:
        """In the worker's thread."""
        height, width = picture.shape[:2]
        color = picture.ndim == 3
        kind = QImage.Format.Format_RGB888 if color else QImage.Format.Format_Grayscale8
        image = QImage(picture.data, width, height, picture.strides[0], kind).copy()
        self._bridge.post(lambda: self.thumbnail_ready.emit(ref, image))


def _single_shot(owner: QObject, milliseconds: int, call: Any) -> QTimer:  # noqa: ANN401
    timer = QTimer(owner)
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(call)
    return timer
