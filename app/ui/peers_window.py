"""The network peers of the settings: add, change, test, remove; plain words when one refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QPushButton,
    QScrollArea,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app.config.peer_settings import PeerSettings
from app.core.errors import AppError
from app.ui.job_bridge import JobBridge
from app.ui.panel_style import set_role
from app.ui.peer_form import PeerForm, PeerKind
from app.ui.texts import language, tr
from app.workflow.peers import ask_peer, keep_peer, remove_peer

if TYPE_CHECKING:
    from app.workflow.context import AppContext


class PeersWindow(QDialog):
    """A list of peers beside the fields of the chosen one. Does not block the main window."""

    peers_changed = Signal()

    def __init__(
        self, context: AppContext, bridge: JobBridge, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("peers.title"))
        self.setModal(False)
        self.resize(920, 600)
        self._context = context
        self._bridge = bridge
        self._asked = 0
        self._editing = ""
        self.form: PeerForm | None = None
        self.peers = QListWidget()
        self.peers.currentRowChanged.connect(self._choose)
        self.status = QLabel()
        self.status.setWordWrap(True)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QScrollArea.Shape.NoFrame)
        self.test = QPushButton(tr("peers.test"))
        self.save = QPushButton(tr("peers.save"))
        self.save.setProperty("primary", True)
        self._remove = QPushButton(tr("peers.remove"))
        self._place()
        self.test.clicked.connect(self.run_test)
        self.save.clicked.connect(self.keep)
        self._remove.clicked.connect(self.remove)
        self._fill()

    def add(self, kind: PeerKind) -> None:
        """Empty fields for a new peer."""
        self.peers.setCurrentRow(-1)
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
            self._say(error.text(language()), "error")
            return False
        self._fill(name)
        self._say(tr("peers.saved"), "dim")
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
        self._asked += 1
        asked, name = self._asked, self._editing
        self._say(tr("peers.testing", name=name), "dim")
        self.test.setEnabled(False)
        self._bridge.submit(
            "io",
            tr("job.test_peer"),
            lambda _token, _progress: ask_peer(self._context, name),
            done=lambda words: self._tested(asked, words.text(language()), "dim"),
            failed=lambda error: self._test_failed(asked, error),
        )

    def _test_failed(self, asked: int, error: BaseException) -> None:
        if not isinstance(error, AppError):
            raise error
        self._tested(asked, error.text(language()), "error")

    def _tested(self, asked: int, words: str, role: str) -> None:
        if asked == self._asked:
            self._say(words, role)
            self.test.setEnabled(True)

    def _fill(self, chosen: str = "") -> None:
        names = [peer.name for peer in self._context.settings.peers]
        self.peers.blockSignals(True)
        self.peers.clear()
        self.peers.addItems(names)
        self.peers.blockSignals(False)
        if chosen in names:
            self.peers.setCurrentRow(names.index(chosen))
        elif names:
            self.peers.setCurrentRow(0)
        else:
            self._show("dimse", None)
            self._say(tr("peers.none"), "dim")

    def _choose(self, row: int) -> None:
        known = self._context.settings.peers
        if 0 <= row < len(known):
            self._show(known[row].kind, known[row])

    def _show(self, kind: PeerKind, peer: PeerSettings | None) -> None:
        self._editing = peer.name if peer else ""
        self._asked += 1
        self.test.setEnabled(True)
        self.form = PeerForm(kind)
        settings = self._context.settings
        self.form.show_peer(
            peer,
            secret=self._context.secrets.get(peer.name) if peer else "",
            auto_send=peer is not None and peer.name in settings.auto_send_to,
        )
        self.form.changed.connect(lambda: self._say("", "dim"))
        self._area.setWidget(self.form)
        self._remove.setEnabled(peer is not None)
        self._say("", "dim")

    def _say(self, text: str, role: str) -> None:
        set_role(self.status, "block" if role == "error" else role)
        self.status.setText(text)

    def _place(self) -> None:
        add_dimse, add_web = QPushButton(tr("peers.add_dimse")), QPushButton(tr("peers.add_web"))
        add_dimse.clicked.connect(lambda: self.add("dimse"))
        add_web.clicked.connect(lambda: self.add("web"))
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.peers, 1)
        for button in (add_dimse, add_web, self._remove):
            column.addWidget(button)
        settings = self._context.settings
        ours = QLabel(tr("peers.ours", title=settings.ae_title, port=settings.listen_port))
        ours.setProperty("role", "dim")
        ours.setWordWrap(True)
        right = QWidget()
        fields = QVBoxLayout(right)
        fields.setContentsMargins(8, 0, 0, 0)
        fields.addWidget(self._area, 1)
        fields.addWidget(self.status)
        panes = QSplitter()
        panes.addWidget(left)
        panes.addWidget(right)
        panes.setSizes([230, 690])
        panes.setChildrenCollapsible(False)
        foot = QHBoxLayout()
        foot.addWidget(ours, 1)
        for button in (self.test, self.save):
            foot.addWidget(button)
        for button in (add_dimse, add_web, self._remove, self.test, self.save):
            button.setAutoDefault(False)
        whole = QVBoxLayout(self)
        whole.addWidget(panes, 1)
        whole.addLayout(foot)
