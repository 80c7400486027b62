"""The model servers of the settings: add, change, test, remove; which packs run where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QPushButton, QWidget

from app.core.errors import AppError
from app.ui.entries_window import EntriesWindow
from app.ui.job_bridge import JobBridge
from app.ui.server_form import ServerForm
from app.ui.texts import language, tr
from app.workflow.keep_servers import keep_server, remove_server, served_packs, try_server

if TYPE_CHECKING:
    from app.workflow.context import AppContext
    from app.workflow.model_servers import ServerCheck


class ServersWindow(EntriesWindow):
    """A list of servers beside the fields of the chosen one. Does not block the main window."""

    def __init__(
        self, context: AppContext, bridge: JobBridge, parent: QWidget | None = None
    ) -> None:
        super().__init__(bridge, "servers", parent)
        self.resize(1000, 720)
        self._context = context
        self._editing: int | None = None
        self._packs = served_packs(context)
        self.form = ServerForm(self._packs)
        adding = QPushButton(tr("servers.add"))
        adding.clicked.connect(self.add)
        self.place(adding)
        self._fill(0)

    def add(self) -> None:
        """Empty fields for a new server."""
        self.entries.setCurrentRow(-1)
        self._show(None)

    def keep(self) -> bool:
        """Save the fields; what is wrong with one is said in a sentence. True when saved."""
        try:
            fault = keep_server(self._context, self.form.values(), self._editing)
        except AppError as error:
            self.refuse(error)
            return False
        if fault is not None:
            field, why = tr(f"servers.field.{fault.field}"), fault.why.text(language())
            self.say(tr("servers.fault", field=field, why=why), "block")
            self.form.focus(fault.field)
            return False
        last = len(self._context.settings.inference.servers) - 1
        self._fill(last if self._editing is None else self._editing)
        self.say(tr("servers.saved"), "dim")
        return True

    def remove(self) -> None:
        """Forget the chosen server."""
        if self._editing is None:
            return
        try:
            remove_server(self._context, self._editing)
        except AppError as error:
            self.refuse(error)
            return
        self._fill(0)

    def run_test(self) -> None:
        """Save, then ask the server, and have it compute the samples of the packs."""
        if not self.keep() or self._editing is None:
            return
        name = self._context.settings.inference.servers[self._editing].name
        self.say(tr("servers.testing", name=name), "dim")
        self.ask(
            tr("servers.job"),
            lambda _token, _progress: try_server(self._context, name),
            lambda checks: ("\n".join(map(_line, checks)), all(one.is_ok for one in checks)),
        )

    def _fill(self, chosen: int) -> None:
        names = [server.name for server in self._context.settings.inference.servers]
        self.show_entries(names, chosen)
        if not names:
            self._show(None)
            self.say(tr("servers.none"), "dim")

    def choose(self, row: int) -> None:
        """Show the fields of a server."""
        if 0 <= row < len(self._context.settings.inference.servers):
            self._show(row)

    def _show(self, number: int | None) -> None:
        self._editing = number
        known = self._context.settings.inference.servers
        self.form = ServerForm(self._packs, None if number is None else known[number])
        self.form.changed.connect(lambda: self.say("", "dim"))
        self.show_form(self.form, removable=number is not None)


def _line(check: ServerCheck) -> str:
    words = [tr("servers.ok" if check.is_ok else "servers.bad")]
    words += [check.pack] if check.pack else []
    hint = f" {check.hint.text(language())}" if check.hint else ""
    return f"{': '.join(words)}: {check.text.text(language())}{hint}"
