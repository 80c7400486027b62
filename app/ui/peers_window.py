"""The network peers of the settings: add, change, test, remove; plain words when one refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from app.config.peer_settings import PeerSettings
from app.core.errors import AppError
from app.ui.entries_window import EntriesWindow
from app.ui.job_bridge import JobBridge
from app.ui.peer_form import PeerForm, PeerKind
from app.ui.texts import language, tr
from app.workflow.peers import ask_peer, keep_peer, remove_peer

if TYPE_CHECKING:
    from app.workflow.context import AppContext


class PeersWindow(EntriesWindow):
    """A list of peers beside the fields of the chosen one. Does not block the main window."""

    peers_changed = Signal()

    def __init__(
        self, context: AppContext, bridge: JobBridge, parent: QWidget | None = None
    ) -> None:
        super().__init__(bridge, "peers", parent)
        self.resize(920, 600)
        self._context = context
        self._editing = ""
        self.form: PeerForm | None = None
        add_dimse, add_web = QPushButton(tr("peers.add_dimse")), QPushButton(tr("peers.add_web"))
        add_dimse.clicked.connect(lambda: self.add("dimse"))
        add_web.clicked.connect(lambda: self.add("web"))
        settings = context.settings
        ours = QLabel(tr("peers.ours", title=settings.ae_title, port=settings.listen_port))
        ours.setProperty("role", "dim")
        ours.setWordWrap(True)
        self.place(add_dimse, add_web, note=ours)
        self._fill()

    def add(self, kind: PeerKind) -> None:
        """Empty fields for a new peer."""
        self.entries.setCurrentRow(-1)
        self._show(kind, None)

    def keep(self) -> bool:
        """Save the fields; what is wrong with them is said. True when saved."""
        form = self.form
        if form is None:
            return False
        try:
            name = keep_peer(
                self._context,
                form.values(),
                replaces=self._editing,
                secret=form.secret,
                auto_send=form.auto_send.isChecked(),
            )
        except AppError as error:
            self.refuse(error)
            return False
        self._fill(name)
        self.say(tr("peers.saved"), "dim")
        self.peers_changed.emit()
        return True

    def remove(self) -> None:
        """Forget the chosen peer."""
        if self._editing:
            remove_peer(self._context, self._editing)
            self._fill()
            self.peers_changed.emit()

    def run_test(self) -> None:
        """Save, then ask the peer whether it is there and knows us."""
        if not self.keep():
            return
        name = self._editing
        self.say(tr("peers.testing", name=name), "dim")
        self.ask(
            tr("job.test_peer"),
            lambda _token, _progress: ask_peer(self._context, name),
            lambda words: (words.text(language()), True),
        )

    def _fill(self, chosen: str = "") -> None:
        names = [peer.name for peer in self._context.settings.peers]
        self.show_entries(names, names.index(chosen) if chosen in names else 0)
        if not names:
            self._show("dimse", None)
            self.say(tr("peers.none"), "dim")

    def choose(self, row: int) -> None:
        """Show the fields of a peer."""
        known = self._context.settings.peers
        if 0 <= row < len(known):
            self._show(known[row].kind, known[row])

    def _show(self, kind: PeerKind, peer: PeerSettings | None) -> None:
        self._editing = peer.name if peer else ""
        self.form = PeerForm(kind)
        settings = self._context.settings
        self.form.show_peer(
            peer,
            secret=self._context.secrets.get(peer.name) if peer else "",
            auto_send=peer is not None and peer.name in settings.auto_send_to,
        )
        self.form.changed.connect(lambda: self.say("", "dim"))
        self.show_form(self.form, removable=peer is not None)
