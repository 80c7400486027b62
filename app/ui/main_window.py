"""The window: patient, studies, images, findings, report, in the order of the work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QLabel,
    QMainWindow,
    QToolBar,
    QToolButton,
)

from app.core.errors import AppError
from app.imaging.voi import WindowPreset
from app.jobs.runner import JobHandle
from app.ui.actions import ActionSet, Need
from app.ui.commands import commands
from app.ui.findings_panel import FindingsPanel
from app.ui.health_panel import HealthPanel
from app.ui.history_bridge import HistoryBridge
from app.ui.job_bridge import JobBridge
from app.ui.jobs_panel import JobsPanel
from app.ui.mark_bar import MarkBar
from app.ui.messages import MessageBar
from app.ui.patient_banner import PatientBanner
from app.ui.reading_desk import ReadingDesk
from app.ui.report_dock import ReportDock
from app.ui.report_outputs import ReportOutputs
from app.ui.report_panel import ReportPanel
from app.ui.side_windows import SideWindows
from app.ui.study_browser import StudyBrowser
from app.ui.study_opener import StudyOpener, as_given
from app.ui.texts import language, language_changed, tr
from app.ui.theme import ICON_SIZE_PX
from app.ui.traffic import Traffic
from app.ui.viewport_grid import ViewportGrid
from app.ui.viewport_tools import ToolName
from app.ui.viewport_widget import ViewportWidget
from app.ui.window_frame import column, splitter
from app.workflow.export import export

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.core.study import SeriesRef, Study
    from app.workflow.context import AppContext
    from app.workflow.open_study import OpenedPaths
    from app.workflow.session import StudySession

_PANEL_WIDTHS = (236, 1200, 430)


class MainWindow(QMainWindow):
    """Puts the parts together and connects them; the work is done in the parts."""

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self._context = context
        self.bridge = JobBridge(context.runner, self)
        self.grid = ViewportGrid()
        self.desk = ReadingDesk(context, self.bridge, self.grid, self)
        self.opener = StudyOpener(context, self.bridge, self)
        self.browser = StudyBrowser()
        self.health = HealthPanel()
        self.windows = SideWindows(context, self.bridge, self)
        self.banner = PatientBanner(context.user)
        self.findings = FindingsPanel(context)
        self.report = ReportPanel(context)
        self.report_place = ReportDock(self.report)
        self.jobs = JobsPanel(context)
        self.messages = MessageBar()
        self.mark_bar = MarkBar(self.desk.marking)
        self.traffic = Traffic(context, self.bridge, self.opener, self.desk, self.messages)
        self.outputs = ReportOutputs(context, self)
        self.actions_ = ActionSet(self, commands(self))
        self._history = HistoryBridge(self.actions_.by_id["undo"], self.actions_.by_id["redo"])
        self._job_text = QToolButton()
        self._status, self._probe = QLabel(), QLabel()
        self._bar = QToolBar()
        self._place()
        self._menus = self.actions_.fill_menus(self.menuBar())
        self.actions_.fill_toolbar(self._bar)
        self.actions_.bind_image_keys(self.grid, self.browser)
        for name in ("toggle_browser", "toggle_panels", "toggle_overlays"):
            self.actions_.by_id[name].setChecked(True)
        self._connect()
        self.report_place.set_actions(self.actions_.of_menu("report", "undo", "redo"))
        self.set_tool("window")
        self._session_changed(None)
        self._relabel()
        self.setAcceptDrops(True)
        self.resize(1600, 960)

    # commands

    def open(self, paths: Sequence[Path]) -> None:
        """Open files, folders or ZIPs; the newest study found becomes the open one."""
        self.messages.hide()
        self.opener.open(paths)

    def begin(self, paths: Sequence[Path]) -> None:
        """Open what was named at the start, else the study that was open last."""
        self._context.runner.submit(
            "io", tr("job.models"), lambda _token, _progress: self._context.inference.warm_up()
        )
        self._context.prefetch.start()
        self.traffic.begin()
        last = self._context.store.sessions.last_study()
        if paths:
            self.open(paths)
        elif last:
            self.opener.open_study(last)
        else:
            self._refresh_rows()

    def open_folder(self) -> None:
        """Ask for a folder."""
        folder = QFileDialog.getExistingDirectory(self, tr("action.open_folder"))
        if folder:
            self.open([Path(folder)])

    def open_files(self) -> None:
        """Ask for files or ZIPs."""
        files, _ = QFileDialog.getOpenFileNames(self, tr("action.open_files"))
        self.open([Path(file) for file in files])

    def close_study(self) -> None:
        """Put the open study away; everything typed is kept."""
        self.report.flush()
        self.desk.close_study()

    def refresh_study(self) -> None:
        """Read the files of the open study anew: more of it may have come."""
        session = self.desk.session
        if session is not None:
            self.opener.read_again(session.study.study_instance_uid)

    def use_preset(self, preset: WindowPreset) -> None:
        """A named window, on images of its modality only."""
        image = self.grid.active.image
        if image is not None and image.series.modality == preset.modality:
            self.grid.set_window(preset.window)
        elif image is not None:
            self.messages.show_note(tr("message.preset_other", modality=preset.modality))

    def toggle_browser(self) -> None:
        """Fold the left panel away, or back."""
        self._left.setVisible(self._left.isHidden())
        self.actions_.by_id["toggle_browser"].setChecked(not self._left.isHidden())

    def toggle_panels(self) -> None:
        """Fold the right panels away, or back."""
        self._right.setVisible(self._right.isHidden())
        self.actions_.by_id["toggle_panels"].setChecked(not self._right.isHidden())

    def toggle_overlays(self) -> None:
        """Texts and outlines on or off."""
        shown = not self.grid.active.shows_overlays
        self.grid.set_overlays(shown)
        self.actions_.by_id["toggle_overlays"].setChecked(shown)

    def toggle_rejected(self) -> None:
        """Rejected findings on the images on or off."""
        self.desk.set_shows_rejected(not self.desk.shows_rejected)
        self.actions_.by_id["toggle_rejected"].setChecked(self.desk.shows_rejected)

    def set_layout(self, layout_id: str) -> None:
        """Another layout; empty viewports are filled with the next series."""
        self.grid.set_layout(layout_id)
        self.actions_.check("layout", f"layout.{layout_id}")
        self.desk.fill_empty()

    def toggle_mpr(self) -> None:
        """The active series in three planes, or alone again."""
        image = self.grid.active.image
        if image is None:
            return
        if not image.has_planes:
            self.messages.show_note(tr("message.no_planes", why=image.stack.why_in(language())))
            return
        self.desk.toggle_planes(image.ref)
        self._mark_layout()

    def toggle_prior(self) -> None:
        """Prior beside the current study, or the current alone."""
        session = self.desk.session
        if session is None or not session.priors:
            self.messages.show_note(tr("message.no_prior"))
            return
        uid = session.study.study_instance_uid
        shown = any(v.state.ref and v.state.ref.study_instance_uid != uid for v in self.grid.shown)
        self.desk.hang_again(prior=not shown)
        self._mark_layout()

    def toggle_link(self) -> None:
        """Scroll the viewports together from where they are, or each alone."""
        self.grid.set_linked(not self.grid.is_linked)
        self._mark_layout()

    def set_tool(self, tool: ToolName) -> None:
        """What the left mouse button does."""
        self.grid.set_tool(tool, self.desk.brush)
        self.actions_.check("tool", f"tool.{tool}")
        if tool in ("brush", "erase"):
            session = self.desk.session
            if session is not None and session.selected_uid is None:
                self.messages.show_note(tr("brush.no_finding"))

    def run_models(self) -> None:
        """Run every pack that suits the open study, again too."""
        if self.desk.models.run_suitable(again=True) == 0:
            self.messages.show_note(tr("models.none"))

    def undo(self) -> None:
        """Take the latest change back: a decision, a stroke, or what was written."""
        self.report.undo()

    def redo(self) -> None:
        """Do it again."""
        self.report.redo()

    def export(self) -> None:
        """Write the outputs of the reviewed study to a folder."""
        session = self.desk.session
        folder = QFileDialog.getExistingDirectory(self, tr("action.export"))
        if session is None or not folder:
            return
        self.report.flush()
        self.bridge.submit(
            "io",
            tr("job.export"),
            lambda _token, _progress: export(session, Path(folder)),
            done=lambda files: self.messages.show_note(
                tr("message.exported", n=len(files), folder=folder)
            ),
        )

    # events

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Files and folders may be dropped anywhere."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped."""
        self.open([Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()])
        event.acceptProposedAction()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Keep everything, then let go; the context is closed by whoever made it."""
        self.close_study()
        self.report_place.bring_back()
        self.traffic.close()
        self.bridge.close()
        event.accept()

    # inside

    def _opened(self, opened: OpenedPaths) -> None:
        left_out = [*opened.scan.unreadable, *opened.scan.skipped]
        self.windows.set_scan(opened.scan)
        self.health.set_left_out(len(left_out))
        if opened.scan.unreadable:
            reason = left_out[0].reason.text(language())
            count = len(opened.scan.unreadable)
            self.messages.show_warning(tr("message.unreadable", n=count, reason=reason))
        if not opened.studies:
            reason = left_out[0].reason.text(language()) if left_out else ""
            self.messages.show_warning(tr("message.nothing", reason=reason).strip())
        if opened.studies:
            # the newest; of several from one day the one that was named first
            self._open_study(max(as_given(opened), key=lambda item: item.study_date))

    def _open_study(self, study: Study) -> None:
        self.report.flush()
        try:
            self.desk.open_study(study, self.opener.priors(study))
        except AppError as error:
            self.messages.show_error(error)
            return
        hidden = [stack for series in study.series for stack in series.stacks if not stack.is_shown]
        notes = [note.text(language()) for stack in hidden for note in stack.health.notes]
        if notes:
            self.messages.show_warning(" ".join(dict.fromkeys(notes)))

    def _session_changed(self, session: StudySession | None) -> None:
        self.banner.set_study(session.study if session else None)
        self.findings.set_session(session)
        self.report.set_session(session)
        self._history.set_session(session)
        self.windows.set_session(session)
        self.browser.set_study(
            session.study if session else None, session.priors if session else ()
        )
        self._refresh_rows()
        self._refresh_actions()
        self._refresh_health()
        self._mark_layout()
        name = self.banner.title
        self.setWindowTitle(f"{name} - Overread" if session else "Overread")
        self.report_place.set_title(name if session else "")
        if session is not None:
            self.grid.setFocus()

    def _refresh_rows(self) -> None:
        session = self.desk.session
        uid = session.study.study_instance_uid if session else ""
        self.browser.set_studies(self.opener.rows(), uid)

    def _refresh_actions(self, *_: object) -> None:
        session = self.desk.session
        available: set[Need] = set()
        if session is not None:
            available.add("study")
            if self.grid.active.image is not None:
                available.add("image")
            if session.findings or self.desk.marking.is_active:
                available.add("finding")
        self.actions_.enable(frozenset(available))

    def _active_changed(self, viewport: ViewportWidget) -> None:
        self.browser.mark(viewport.state.ref)
        self._refresh_actions()
        self._refresh_health()

    def _refresh_health(self, *_: object) -> None:
        self.health.set_image(self.grid.active.image)

    def _job_changed(self, job: JobHandle[object]) -> None:
        running = [item for item in self._context.runner.jobs if item.lane == "inference"]
        shown = running[0] if running else job
        if running:
            percent = round(shown.fraction * 100)
            self._job_text.setText(tr("status.job", name=shown.label, percent=percent))
        else:
            self._job_text.setText(tr("status.jobs"))

    def _refused(self, what: object) -> None:
        if isinstance(what, BaseException):
            self.messages.show_error(what)
        else:
            self.messages.show_note(str(what))

    def _series_chosen(self, ref: SeriesRef) -> None:
        self.desk.show_series(ref)
        self.grid.setFocus()

    def _menu(self, viewport: ViewportWidget, at: QPoint) -> None:
        self.grid.set_active(viewport)
        self.actions_.context_menu(self).popup(at)

    def _mark_layout(self) -> None:
        self.actions_.check("layout", f"layout.{self.grid.layout_id}")
        self.actions_.by_id["link"].setChecked(self.grid.is_linked)

    def _relabel(self, *_: object) -> None:
        self.actions_.relabel()
        for name, menu in self._menus.items():
            menu.setTitle(tr(f"menu.{name}"))
        self._history.refresh()
        self._job_text.setText(tr("status.jobs"))
        self.desk.refresh()
        for viewport in self.grid.viewports:
            viewport.update()

    def _connect(self) -> None:
        self.bridge.failed.connect(self._refused)
        self.bridge.job_changed.connect(self._job_changed)
        self.opener.opened.connect(self._opened)
        self.opener.study_ready.connect(self._open_study)
        self.opener.failed.connect(self.messages.show_error)
        self.opener.busy_changed.connect(self._status.setText)
        self.desk.session_changed.connect(self._session_changed)
        self.desk.thumbnail_ready.connect(self.browser.set_thumbnail)
        self.desk.findings_changed.connect(self._refresh_actions)
        self.desk.brush.refused.connect(self._refused)
        self.desk.marking.refused.connect(self._refused)
        self.desk.marking.changed.connect(self._refresh_actions)
        self.desk.models.coverage_changed.connect(self.findings.set_coverage)
        self.desk.models.state_changed.connect(self.banner.set_models)
        self.desk.models.failed.connect(self._refused)
        self.desk.loader.image_changed.connect(self._refresh_actions)
        self.desk.loader.image_changed.connect(self._refresh_health)
        self.desk.loader.volume_ready.connect(self._refresh_health)
        self.health.left_out_wanted.connect(self.windows.show_left_out)
        self.findings.finding_activated.connect(self.desk.show_finding)
        self.findings.run_requested.connect(self.desk.models.run_row)
        self.findings.set_series_provider(self.desk.series_on_screen)
        self.report.show_finding.connect(self.desk.show_finding)
        self.report.spelling.turned.connect(self.actions_.by_id["spell_check"].setChecked)
        self.actions_.by_id["spell_check"].setChecked(self.report.spelling.is_on)
        self.report_place.changed.connect(self.actions_.by_id["report_window"].setChecked)
        self.browser.study_chosen.connect(self.opener.open_study)
        self.browser.series_chosen.connect(self._series_chosen)
        self.browser.objects_chosen.connect(self.windows.show_objects)
        self.windows.study_chosen.connect(self.opener.open_study)
        self.windows.said.connect(self.messages.show_note)
        self.windows.failed.connect(self._refused)
        self.windows.templates_changed.connect(self.report.templates_changed)
        self.windows.packs_changed.connect(self.desk.models.route_again)
        self.windows.send_wanted.connect(self.traffic.outgoing.wake)
        self.windows.study_wanted.connect(self.traffic.retrievals.start)
        self.report.signed.connect(self.outputs.ask)
        self.report.signed.connect(self.traffic.outgoing.wake)
        self.outputs.said.connect(self.messages.show_note)
        self.outputs.failed.connect(self._refused)
        self.outputs.ready.connect(self.traffic.outgoing.wake)
        self.traffic.failed.connect(self._refused)
        self.traffic.studies_changed.connect(self._refresh_rows)
        self.traffic.receiving_changed.connect(self.actions_.by_id["receive"].setChecked)
        self.grid.active_changed.connect(self._active_changed)
        self.grid.menu_requested.connect(self._menu)
        self.grid.probed.connect(self._probe.setText)
        self.banner.language_wanted.connect(self.actions_.by_id["language"].trigger)
        self._job_text.clicked.connect(lambda: self.jobs.setVisible(self.jobs.isHidden()))
        language_changed.connect(self._relabel)

    def _place(self) -> None:
        self._bar.setMovable(False)
        self._bar.setIconSize(QSize(ICON_SIZE_PX, ICON_SIZE_PX))
        self._bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        middle = column((self.grid, 1), (self.mark_bar, 0), (self.messages, 0))
        self._right = splitter(Qt.Orientation.Vertical, self.findings, self.report_place, self.jobs)
        self._right.setSizes([360, 480, 0])
        self._right.setMinimumWidth(340)
        self.jobs.setMinimumHeight(130)
        self.jobs.hide()
        self._left = column((self.browser, 1), (self.health, 0))
        columns = splitter(Qt.Orientation.Horizontal, self._left, middle, self._right)
        columns.setStretchFactor(1, 1)
        columns.setSizes(list(_PANEL_WIDTHS))
        self.addToolBar(Qt.ToolBarArea.TopToolBarArea, self._bar)
        self.setCentralWidget(column((self.banner, 0), (columns, 1)))
        self._job_text.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.statusBar().addWidget(self._status, 1)
        self.statusBar().addPermanentWidget(self._probe)
        self.statusBar().addPermanentWidget(self.traffic.receiving_label)
        self.statusBar().addPermanentWidget(self.traffic.sending_label)
        self.statusBar().addPermanentWidget(self._job_text)
        self.statusBar().setSizeGripEnabled(False)
