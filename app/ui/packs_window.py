"""The installed model packs, each with its card: add, verify, remove."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSplitter,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from app.core.errors import AppError
from app.core.report import Message
from app.inference.installed_pack import InstalledPack
from app.inference.pack_policy import PackMode
from app.ui.job_bridge import JobBridge
from app.ui.panel_style import set_role
from app.ui.texts import language, tr
from app.workflow.manage_packs import (
    PackState,
    card_text,
    install_pack,
    pack_states,
    remove_pack,
    set_mode,
    verify_pack,
)

if TYPE_CHECKING:
    from app.workflow.context import AppContext


MODES: Final[tuple[PackMode, ...]] = ("on", "shadow", "off")


class PacksWindow(QDialog):
    """A list of packs beside the card of the chosen one. Does not block the main window."""

    packs_changed = Signal()

    def __init__(
        self, context: AppContext, bridge: JobBridge, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("packs.title"))
        self.setModal(False)
        self.resize(1080, 720)
        self._context = context
        self._bridge = bridge
        self._states: tuple[PackState, ...] = ()
        self.packs = QListWidget()
        self.packs.setWordWrap(True)
        self.packs.setTextElideMode(Qt.TextElideMode.ElideNone)
        self.packs.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.packs.currentRowChanged.connect(self._choose)
        self.card = QTextBrowser()
        self.card.setOpenLinks(False)
        self.status = QLabel()
        self.status.setWordWrap(True)
        self._add = QPushButton(tr("packs.add"))
        self._verify = QPushButton(tr("packs.verify"))
        self._remove = QPushButton(tr("packs.remove"))
        self._add.clicked.connect(self._ask_file)
        self._verify.clicked.connect(self.verify)
        self._remove.clicked.connect(self.remove)
        self.mode = QComboBox()
        for mode in MODES:
            self.mode.addItem(tr(f"packs.use.{mode}"), mode)
        self.mode.setPlaceholderText(tr("packs.mode.unused"))
        self.mode.activated.connect(self._set_mode)
        self._place()
        self.refresh()

    def refresh(self, key: str = "") -> None:
        """List the packs anew; the one named ``id@version`` is chosen."""
        self._states = pack_states(self._context)
        self.packs.clear()
        for state in self._states:
            self.packs.addItem(QListWidgetItem(_line(state)))
        keys = [state.installed.key for state in self._states]
        self.packs.setCurrentRow(keys.index(key) if key in keys else 0)

    def add(self, file: Path) -> None:
        """Check and install a pack file; what is wrong with it is said."""
        self._say(tr("packs.adding", name=file.name), "dim")
        self._bridge.submit(
            "inference",
            tr("packs.adding", name=file.name),
            lambda _token, _progress: install_pack(self._context, file),
            done=self._added,
            failed=self._fail,
        )

    def verify(self) -> None:
        """Hash the files of the chosen pack and run its sample."""
        chosen = self._chosen()
        if chosen is None:
            return
        key = chosen.installed.key
        self._say(tr("packs.verifying", name=key), "dim")
        self._bridge.submit(
            "inference",
            tr("packs.verifying", name=key),
            lambda _token, _progress: verify_pack(self._context, key),
            done=self._verified,
            failed=self._fail,
        )

    def remove(self) -> None:
        """Delete the chosen pack; findings that it made stay."""
        chosen = self._chosen()
        if chosen is None:
            return
        try:
            remove_pack(self._context, chosen.installed.key)
        except AppError as error:
            self._fail(error)
            return
        self.refresh()
        self._say(tr("packs.removed", name=chosen.installed.key), "dim")
        self.packs_changed.emit()

    def _set_mode(self, row: int) -> None:
        chosen = self._chosen()
        if chosen is None or MODES[row] == _shown_mode(chosen):
            return
        try:
            set_mode(self._context, chosen.installed, MODES[row])
        except AppError as error:
            self._fail(error)
            return
        self.refresh(chosen.installed.key)
        self._say(tr(f"packs.used.{MODES[row]}", name=chosen.installed.key), "dim")
        self.packs_changed.emit()

    def _ask_file(self) -> None:
        file, _ = QFileDialog.getOpenFileName(
            self, tr("packs.add"), "", f"{tr('packs.files')} (*.overreadpack *.zip)"
        )
        if file:
            self.add(Path(file))

    def _added(self, installed: InstalledPack) -> None:
        self.refresh(installed.key)
        self._say(tr("packs.added", name=installed.key), "dim")
        self.packs_changed.emit()

    def _verified(self, outcome: Message) -> None:
        self._say(outcome.text(language()), "dim")

    def _chosen(self) -> PackState | None:
        row = self.packs.currentRow()
        return self._states[row] if 0 <= row < len(self._states) else None

    def _choose(self, _row: int) -> None:
        chosen = self._chosen()
        self._verify.setEnabled(chosen is not None)
        self._remove.setEnabled(chosen is not None and not chosen.installed.built_in)
        self.mode.setEnabled(chosen is not None)
        shown = _shown_mode(chosen) if chosen else None
        self.mode.setCurrentIndex(MODES.index(shown) if shown else -1)
        if chosen is None:
            self.card.clear()
            return
        try:
            self.card.setMarkdown(card_text(chosen.installed, language()))
        except AppError as error:
            self.card.setPlainText(error.text(language()))

    def _fail(self, error: BaseException) -> None:
        if not isinstance(error, AppError):
            raise error
        self._say(error.text(language()), "error")

    def _say(self, text: str, role: str) -> None:
        self.status.setText(text)
        set_role(self.status, role)

    def _place(self) -> None:
        panes = QSplitter(Qt.Orientation.Horizontal)
        panes.addWidget(self.packs)
        panes.addWidget(self.card)
        panes.setSizes([340, 740])
        panes.setChildrenCollapsible(False)
        foot = QHBoxLayout()
        foot.addWidget(self.status, 1)
        foot.addWidget(self.mode)
        for button in (self._add, self._verify, self._remove):
            button.setAutoDefault(False)
            foot.addWidget(button)
        column = QVBoxLayout(self)
        column.addWidget(panes, 1)
        column.addLayout(foot)


def _shown_mode(state: PackState) -> PackMode | None:
    """None where the version may run and another one does."""
    return None if state.mode == "on" and not state.in_use else state.mode


def _line(state: PackState) -> str:
    pack = state.installed.pack
    name = pack.name.ru if language() == "ru" else pack.name.en
    where = tr("packs.built_in" if state.installed.built_in else "packs.own")
    if not state.in_use:
        where += ", " + tr(f"packs.mode.{'unused' if state.mode == 'on' else state.mode}")
    return f"{name}\n{pack.id} {pack.version} · {tr(f'packs.task.{pack.task}')} · {where}"
