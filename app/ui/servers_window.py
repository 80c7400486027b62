"""The model servers of the settings: add, change, test, remove; which packs run where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
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

from app.core.errors import AppError
from app.ui.job_bridge import JobBridge
from app.ui.panel_style import set_role
from app.ui.server_form import ServerForm
from app.ui.texts import language, tr
from app.workflow.keep_servers import keep_server, remove_server, served_packs, try_server

if TYPE_CHECKING:
    from app.workflow.context import AppContext
    from app.workflow.model_servers import ServerCheck


class ServersWindow(QDialog):
    """A list of servers beside the fields of the chosen one. Does not block the main window."""

    def __init__(
        self, context: AppContext, bridge: JobBridge, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("servers.title"))
        self.setModal(False)
        self.resize(1000, 720)
        self._context = context
        self._bridge = bridge
        self._asked = 0
        self._editing: int | None = None
        self._packs = served_packs(context)
        self.form = ServerForm(self._packs)
        self.servers = QListWidget()
        self.servers.currentRowChanged.connect(self._choose)
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QScrollArea.Shape.NoFrame)
        self._add = QPushButton(tr("servers.add"))
        self._remove = QPushButton(tr("servers.remove"))
        self.test = QPushButton(tr("servers.test"))
        self.save = QPushButton(tr("servers.save"))
        self.save.setProperty("primary", True)
        self._place()
        self._add.clicked.connect(self.add)
        self._remove.clicked.connect(self.remove)
        self.test.clicked.connect(self.run_test)
        self.save.clicked.connect(self.keep)
        self._fill(0)

    def add(self) -> None:
        """Empty fields for a new server."""
        self.servers.setCurrentRow(-1)
        self._show(None)

    def keep(self) -> bool:
        """Save the fields; what is wrong with one is said in a sentence. True when saved."""
        try:
            fault = keep_server(self._context, self.form.values(), self._editing)
        except AppError as error:
            self._say(error.text(language()), "block")
            return False
        if fault is not None:
            field, why = tr(f"servers.field.{fault.field}"), fault.why.text(language())
            self._say(tr("servers.fault", field=field, why=why), "block")
            self.form.focus(fault.field)
            return False
        last = len(self._context.settings.inference.servers) - 1
        self._fill(last if self._editing is None else self._editing)
        self._say(tr("servers.saved"), "dim")
        return True

    def remove(self) -> None:
        """Forget the chosen server."""
        if self._editing is None:
            return
        try:
            remove_server(self._context, self._editing)
        except AppError as error:
            self._say(error.text(language()), "block")
            return
        self._fill(0)

    def run_test(self) -> None:
        """Save, then ask the server, and have it compute the samples of the packs."""
        if not self.keep() or self._editing is None:
            return
        self._asked += 1
        asked, name = self._asked, self._context.settings.inference.servers[self._editing].name
        self._say(tr("servers.testing", name=name), "dim")
        self.test.setEnabled(False)
        self._bridge.submit(
            "io",
            tr("servers.job"),
            lambda _token, _progress: try_server(self._context, name),
            done=lambda checks: self._tested(asked, checks),
            failed=lambda error: self._test_failed(asked, error),
        )

    def _test_failed(self, asked: int, error: BaseException) -> None:
        if not isinstance(error, AppError):
            raise error
        if asked == self._asked:
            self._say(error.text(language()), "block")
            self.test.setEnabled(True)

    def _tested(self, asked: int, checks: list[ServerCheck]) -> None:
        if asked != self._asked:
            return
        self.test.setEnabled(True)
        is_ok = all(check.is_ok for check in checks)
        self._say("\n".join(_line(check) for check in checks), "dim" if is_ok else "block")

    def _fill(self, chosen: int) -> None:
        names = [server.name for server in self._context.settings.inference.servers]
        self.servers.blockSignals(True)
        self.servers.clear()
        self.servers.addItems(names)
        self.servers.setCurrentRow(min(chosen, len(names) - 1))
        self.servers.blockSignals(False)
        if names:
            self._choose(self.servers.currentRow())
        else:
            self._show(None)
            self._say(tr("servers.none"), "dim")

    def _choose(self, row: int) -> None:
        if 0 <= row < len(self._context.settings.inference.servers):
            self._show(row)

    def _show(self, number: int | None) -> None:
        self._editing = number
        self._asked += 1
        self.test.setEnabled(True)
        known = self._context.settings.inference.servers
        self.form = ServerForm(self._packs, None if number is None else known[number])
        self.form.changed.connect(lambda: self._say("", "dim"))
        self._area.setWidget(self.form)
        self._remove.setEnabled(number is not None)
        self._say("", "dim")

    def _say(self, text: str, role: str) -> None:
        set_role(self.status, role)
        self.status.setText(text)

    def _place(self) -> None:
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        for widget, stretch in ((self.servers, 1), (self._add, 0), (self._remove, 0)):
            column.addWidget(widget, stretch)
        right = QWidget()
        fields = QVBoxLayout(right)
        fields.setContentsMargins(8, 0, 0, 0)
        fields.addWidget(self._area, 1)
        fields.addWidget(self.status)
        panes = QSplitter()
        panes.addWidget(left)
        panes.addWidget(right)
        panes.setSizes([230, 770])
        panes.setChildrenCollapsible(False)
        foot = QHBoxLayout()
        foot.addStretch(1)
        for button in (self.test, self.save):
            foot.addWidget(button)
        for button in (self._add, self._remove, self.test, self.save):
            button.setAutoDefault(False)
        whole = QVBoxLayout(self)
        whole.addWidget(panes, 1)
        whole.addLayout(foot)


def _line(check: ServerCheck) -> str:
    words = [tr("servers.ok" if check.is_ok else "servers.bad")]
    words += [check.pack] if check.pack else []
    hint = f" {check.hint.text(language())}" if check.hint else ""
    return f"{': '.join(words)}: {check.text.text(language())}{hint}"
