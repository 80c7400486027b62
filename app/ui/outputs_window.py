"""What leaves of a signed report, and where to: letterhead, certificates, receivers. No file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QPushButton, QWidget

from app.core.errors import AppError
from app.ui.entries_window import EntriesWindow
from app.ui.job_bridge import JobBridge
from app.ui.output_form import FormKind, OutputForm
from app.ui.texts import language, tr
from app.workflow.report_receivers import OutputPart, keep_output, remove_output, try_output

if TYPE_CHECKING:
    from app.workflow.check_outputs import OutputCheck
    from app.workflow.context import AppContext

_FIXED: tuple[OutputPart, ...] = ("objects", "letterhead", "hl7", "fhir")
_ADDED: tuple[FormKind, ...] = ("folder", "mllp", "file", "token")


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the list; ``index`` is that within its part, None for a new one or the only one."""

    part: OutputPart
    kind: FormKind
    title: str
    index: int | None = None


class OutputsWindow(EntriesWindow):
    """A list of parts beside the fields of the chosen one. Does not block the main window."""

    outputs_changed = Signal()

    def __init__(
        self, context: AppContext, bridge: JobBridge, parent: QWidget | None = None
    ) -> None:
        super().__init__(bridge, "outputs", parent)
        self.resize(980, 640)
        self._context = context
        self._rows: list[_Row] = []
        self._row = _Row("objects", "objects", "")
        self.form = OutputForm("objects")
        adding = QPushButton(tr("outputs.add"))
        adding.setMenu(self._menu())
        self.place(adding)
        self._fill(0)

    def add(self, kind: FormKind) -> None:
        """Empty fields for a new receiver or certificate."""
        part: OutputPart = "targets" if kind in ("folder", "mllp") else "certificates"
        self.entries.setCurrentRow(-1)
        self._show(_Row(part, kind, ""), None)

    def keep(self) -> bool:
        """Save the fields; what is wrong with one is said in a sentence. True when saved."""
        row = self._row
        try:
            fault = keep_output(self._context, row.part, self.form.values(), row.index)
        except AppError as error:
            self.refuse(error)
            return False
        if fault is not None:
            why = fault.why.text(language())
            self.say(tr("outputs.fault", field=self.form.title(fault.field), why=why), "block")
            self.form.focus(fault.field)
            return False
        is_new = row.index is None and row.part in ("certificates", "targets")
        self._fill(self._last_of(row.part) if is_new else self.entries.currentRow())
        self.say(tr("outputs.saved"), "dim")
        self.outputs_changed.emit()
        return True

    def remove(self) -> None:
        """Forget the chosen receiver or certificate."""
        row = self._row
        if row.index is None or (row.part != "certificates" and row.part != "targets"):
            return
        try:
            remove_output(self._context, row.part, row.index)
        except AppError as error:
            self.refuse(error)
            return
        self._fill(0)
        self.outputs_changed.emit()

    def run_test(self) -> None:
        """Save, then look whether it works; nothing of a patient is sent."""
        if not self.keep():
            return
        row = self._row
        self.say(tr("outputs.testing"), "dim")

        def told(found: list[OutputCheck]) -> tuple[str, bool]:
            words = [f"{row.title}: {one.text.text(language())}." for one in found]
            said = "\n".join(words) or tr("outputs.no_logo")
            return said, all(one.is_ok for one in found)

        self.ask(
            tr("outputs.job"),
            lambda _token, _progress: try_output(self._context, row.part, row.index),
            told,
        )

    def _last_of(self, part: OutputPart) -> int:
        """The row of the one that was just added."""
        report = self._context.settings.report
        before = len(_FIXED) - 1 + len(report.targets)
        return before if part == "targets" else before + len(report.certificates)

    def _fill(self, chosen: int) -> None:
        report = self._context.settings.report
        self._rows = [_Row(part, part, tr(f"outputs.part.{part}")) for part in _FIXED]  # type: ignore[arg-type]
        self._rows += [
            _Row("targets", target.kind, target.name, index)
            for index, target in enumerate(report.targets)
        ]
        for index, one in enumerate(report.certificates):
            who = one.user or tr("outputs.everybody")
            kind: FormKind = "file" if one.file else "token"
            title = tr("outputs.certificate_of", who=who)
            self._rows.append(_Row("certificates", kind, title, index))
        self.show_entries([row.title for row in self._rows], chosen)

    def choose(self, row: int) -> None:
        """Show the fields of a part, a receiver or a certificate."""
        if not 0 <= row < len(self._rows):
            return
        chosen = self._rows[row]
        raw = self._context.settings.report.model_dump(mode="json")
        values: Any = raw if chosen.part == "objects" else raw[chosen.part]
        self._show(chosen, values if chosen.index is None else values[chosen.index])

    def _show(self, row: _Row, values: dict[str, Any] | None) -> None:
        self._row = row
        self.form = OutputForm(row.kind, values)
        self.form.changed.connect(lambda: self.say("", "dim"))
        self.show_form(
            self.form,
            removable=row.index is not None,
            testable=row.part in ("targets", "certificates", "letterhead"),
        )

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        for kind in _ADDED:
            action = menu.addAction(tr(f"outputs.add.{kind}"))
            action.triggered.connect(lambda _checked=False, kind=kind: self.add(kind))
        return menu
