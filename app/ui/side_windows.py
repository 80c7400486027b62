"""The windows beside the main one: none of them blocks it, and each is there once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QDialog, QFileDialog, QMessageBox, QWidget

from app import __version__
from app.ui.deidentify_window import DeidentifyWindow
from app.ui.job_bridge import JobBridge
from app.ui.left_out_window import LeftOutWindow
from app.ui.objects_window import ObjectsWindow
from app.ui.outbox_window import OutboxWindow
from app.ui.outputs_window import OutputsWindow
from app.ui.packs_window import PacksWindow
from app.ui.peers_window import PeersWindow
from app.ui.rules_window import RulesWindow
from app.ui.servers_window import ServersWindow
from app.ui.shortcuts import KeyHelp
from app.ui.studies_window import StudiesWindow
from app.ui.study_sources import LibrarySource, PeerSource, StudySource
from app.ui.templates_window import TemplatesWindow
from app.ui.texts import language, tr
from app.ui.users_window import UsersWindow
from app.workflow.foreign_results import ForeignResults, apply_results, read_results
from app.workflow.import_studies import ImportOutcome, import_paths

if TYPE_CHECKING:
    from app.dicom.files.scan import ScanResult
    from app.workflow.context import AppContext
    from app.workflow.other_objects import OtherObject
    from app.workflow.session import StudySession

Window = TypeVar("Window", bound=QDialog)


class SideWindows(QObject):
    """Makes the windows when they are asked for, in the language then in force. Main thread."""

    study_chosen = Signal(object)
    """UID of a study of the library that is to be opened."""
    study_wanted = Signal(str, object)
    """Name of a peer and the ``StudyListing`` that is to be retrieved from it."""
    send_wanted = Signal()
    """Something is to be sent, or a peer was chosen for what is signed."""
    templates_changed = Signal()
    """Report templates or macros were stored or removed."""
    packs_changed = Signal()
    """Model packs were added or removed."""
    said = Signal(str)
    """A sentence on what came of something that was asked for here."""
    failed = Signal(object)
    """The ``AppError`` of it."""

    def __init__(self, context: AppContext, bridge: JobBridge, owner: QWidget) -> None:
        super().__init__(owner)
        self._context = context
        self._bridge = bridge
        self._owner = owner
        self._open: dict[str, QDialog] = {}
        self._scan: ScanResult | None = None
        self._session: StudySession | None = None

    def set_session(self, session: StudySession | None) -> None:
        """The study that is open now; windows on another one close."""
        self._session = session
        self._close("objects")
        self._close("deidentify")

    def set_scan(self, scan: ScanResult) -> None:
        """What the latest opening found and left out."""
        self._scan = scan

    def show_studies(self) -> None:
        """Search the library and the peers."""
        window = self._show("studies", StudiesWindow(self._bridge, self._sources(), self._owner))
        window.study_chosen.connect(self.study_chosen)
        window.import_wanted.connect(self.import_folder)
        window.peers_wanted.connect(self.show_peers)
        window.study_wanted.connect(
            lambda source, study: self.study_wanted.emit(source.title, study)
        )

    def _sources(self) -> tuple[StudySource, ...]:
        names = [peer.name for peer in self._context.settings.peers]
        peers = [PeerSource(self._context, name) for name in names]
        return (LibrarySource(self._context), *peers)

    def show_peers(self) -> None:
        """The network peers of the settings."""
        window = self._show("peers", PeersWindow(self._context, self._bridge, self._owner))
        window.peers_changed.connect(self._peers_changed)
        window.peers_changed.connect(self.send_wanted)

    def _peers_changed(self) -> None:
        window = self._open.get("studies")
        if isinstance(window, StudiesWindow):
            window.set_sources(self._sources())

    def show_outputs(self) -> None:
        """Letterhead, certificates and receivers of signed reports."""
        window = self._show("outputs", OutputsWindow(self._context, self._bridge, self._owner))
        window.outputs_changed.connect(self.send_wanted)

    def show_users(self) -> None:
        """The accounts of those who sign."""
        self._show("users", UsersWindow(self._context, self._owner))

    def show_packs(self) -> None:
        """The installed model packs with their cards."""
        window = self._show("packs", PacksWindow(self._context, self._bridge, self._owner))
        window.packs_changed.connect(self.packs_changed)

    def show_servers(self) -> None:
        """The servers that compute model packs."""
        self._show("servers", ServersWindow(self._context, self._bridge, self._owner))

    def show_templates(self) -> None:
        """Report templates and macros of the site."""
        window = self._show("templates", TemplatesWindow(self._context, self._owner))
        window.changed.connect(self.templates_changed)

    def import_folder(self) -> None:
        """Index the studies of a folder in the library, where they lie."""
        folder = QFileDialog.getExistingDirectory(self._owner, tr("studies.import"))
        if not folder:
            return
        self._bridge.submit(
            "io",
            tr("job.import"),
            lambda token, progress: import_paths(
                self._context, [Path(folder)], progress=progress, cancel=token
            ),
            done=self._imported,
            failed=self.failed.emit,
        )

    def _imported(self, outcome: ImportOutcome) -> None:
        self._scan = outcome.scan
        self.said.emit(tr("studies.imported", n=len(outcome.studies)))
        window = self._open.get("studies")
        if isinstance(window, StudiesWindow):
            window.search()

    def show_objects(self, series_instance_uid: str = "") -> None:
        """Reports, documents and other objects of the open study that are no images."""
        if self._session is not None:
            study = self._session.study
            window = self._show("objects", ObjectsWindow(self._bridge, study, self._owner))
            window.import_wanted.connect(self._read_results)
            window.load(series_instance_uid)

    def _read_results(self, found: OtherObject) -> None:
        """Another system's results become proposals, to accept, edit or reject like our own."""
        session = self._session
        if session is None:
            return
        self._bridge.submit(
            "io",
            tr("job.objects"),
            lambda token, progress: read_results(
                self._context, session.study, (found,), progress=progress, cancel=token
            ),
            done=lambda results: self._apply_results(session, results),
            failed=self.failed.emit,
        )

    def _apply_results(self, session: StudySession, results: ForeignResults) -> None:
        added = len(apply_results(session, results))
        words = [tr("objects.imported", n=added) if added else tr("objects.imported_none")]
        words += [note.text(language()) for note in results.notes]
        self.said.emit(" ".join(words))

    def show_deidentify(self) -> None:
        """Export the open study without what identifies the patient."""
        if self._session is not None:
            self._show("deidentify", DeidentifyWindow(self._bridge, self._session, self._owner))

    def show_outbox(self) -> None:
        """What was signed and where it went."""
        window = self._show("outbox", OutboxWindow(self._context, self._owner))
        window.retried.connect(self.send_wanted)

    def show_rules(self) -> None:
        """What the report check has learnt on this site."""
        self._show("rules", RulesWindow(self._context, self._owner))

    def show_keys(self) -> None:
        """The help on keys and mouse."""
        self._show("keys", KeyHelp(self._owner))

    def show_about(self) -> None:
        """Version and licence."""
        QMessageBox.about(self._owner, tr("about.title"), tr("about.text", version=__version__))

    def show_left_out(self) -> None:
        """The files that were not read, with reasons."""
        if self._scan is not None:
            self._show("left out", LeftOutWindow(self._scan, self._owner))

    def _show(self, name: str, window: Window) -> Window:
        self._close(name)
        self._open[name] = window
        window.show()
        return window

    def _close(self, name: str) -> None:
        old = self._open.pop(name, None)
        if old is not None:
            old.close()
            old.deleteLater()
