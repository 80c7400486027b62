"""What leaves of a signed report, and where to: letterhead, certificates, receivers. No file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QMenu,
    QPushButton,
    QScrollArea,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app.core.errors import AppError
from app.ui.job_bridge import JobBridge
from app.ui.output_form import FormKind, OutputForm
from app.ui.panel_style import set_role
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


class OutputsWindow(QDialog):
    """A list of parts beside the fields of the chosen one. Does not block the main window."""

    outputs_changed = Signal()

    def __init__(
        self, context: AppContext, bridge: JobBridge, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("outputs.title"))
        self.setModal(False)
        self.resize(980, 640)
        self._context = context
        self._bridge = bridge
        self._rows: list[_Row] = []
        self._asked = 0
        self._row = _Row("objects", "objects", "")
        self.form = OutputForm("objects")
        self.parts = QListWidget()
        self.parts.currentRowChanged.connect(self._choose)
        self.status = QLabel()
        self.status.setWordWrap(True)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QScrollArea.Shape.NoFrame)
        self._add = QPushButton(tr("outputs.add"))
        self._remove = QPushButton(tr("outputs.remove"))
        self.test = QPushButton(tr("outputs.test"))
        self.save = QPushButton(tr("outputs.save"))
        self.save.setProperty("primary", True)
        self._place()
        self._add.setMenu(self._menu())
        self._remove.clicked.connect(self.remove)
        self.test.clicked.connect(self.run_test)
        self.save.clicked.connect(self.keep)
        self._fill(0)

    def add(self, kind: FormKind) -> None:
        """Empty fields for a new receiver or certificate."""
        part: OutputPart = "targets" if kind in ("folder", "mllp") else "certificates"
        self.parts.setCurrentRow(-1)
        self._show(_Row(part, kind, ""), None)

    def keep(self) -> bool:
        """Save the fields; what is wrong with one is said in a sentence. True when saved."""
        row = self._row
        try:
            fault = keep_output(self._context, row.part, self.form.values(), row.index)
        except AppError as error:
            self._say(error.text(language()), "block")
            return False
        if fault is not None:
            why = fault.why.text(language())
            self._say(tr("outputs.fault", field=self.form.title(fault.field), why=why), "block")
            self.form.focus(fault.field)
            return False
        is_new = row.index is None and row.part in ("certificates", "targets")
        self._fill(self._last_of(row.part) if is_new else self.parts.currentRow())
        self._say(tr("outputs.saved"), "dim")
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
            self._say(error.text(language()), "block")
            return
        self._fill(0)
        self.outputs_changed.emit()

    def run_test(self) -> None:
        """Save, then look whether it works; nothing of a patient is sent."""
        if not self.keep():
            return
        self._asked += 1
        asked, row = self._asked, self._row
        self._say(tr("outputs.testing"), "dim")
        self.test.setEnabled(False)
        self._bridge.submit(
            "io",
            tr("outputs.job"),
            lambda _token, _progress: try_output(self._context, row.part, row.index),
            done=lambda found: self._tested(asked, found),
            failed=lambda error: self._test_failed(asked, error),
        )

    def _test_failed(self, asked: int, error: BaseException) -> None:
        if not isinstance(error, AppError):
            raise error
        if asked == self._asked:
            self._say(error.text(language()), "block")
            self.test.setEnabled(True)

    def _tested(self, asked: int, found: list[OutputCheck]) -> None:
        if asked != self._asked:
            return
        self.test.setEnabled(True)
        words = [f"{self._row.title}: {one.text.text(language())}." for one in found]
        is_ok = all(one.is_ok for one in found)
        self._say("\n".join(words) or tr("outputs.no_logo"), "dim" if is_ok else "block")

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
        self.parts.blockSignals(True)
        self.parts.clear()
        self.parts.addItems([row.title for row in self._rows])
        self.parts.setCurrentRow(min(max(chosen, 0), len(self._rows) - 1))
        self.parts.blockSignals(False)
        self._choose(self.parts.currentRow())

    def _choose(self, number: int) -> None:
        if not 0 <= number < len(self._rows):
            return
        row = self._rows[number]
        raw = self._context.settings.report.model_dump(mode="json")
        values: Any = raw if row.part == "objects" else raw[row.part]
        self._show(row, values if row.index is None else values[row.index])

    def _show(self, row: _Row, values: dict[str, Any] | None) -> None:
        self._row = row
        self._asked += 1
        self.form = OutputForm(row.kind, values)
        self.form.changed.connect(lambda: self._say("", "dim"))
        self._area.setWidget(self.form)
        self._remove.setEnabled(row.index is not None)
        self.test.setEnabled(row.part in ("targets", "certificates", "letterhead"))
        self._say("", "dim")

    def _say(self, text: str, role: str) -> None:
        set_role(self.status, role)
        self.status.setText(text)

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        for kind in _ADDED:
            action = menu.addAction(tr(f"outputs.add.{kind}"))
            action.triggered.connect(lambda _checked=False, kind=kind: self.add(kind))
        return menu

    def _place(self) -> None:
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.parts, 1)
        column.addWidget(self._add)
        column.addWidget(self._remove)
        right = QWidget()
        fields = QVBoxLayout(right)
        fields.setContentsMargins(8, 0, 0, 0)
        fields.addWidget(self._area, 1)
        fields.addWidget(self.status)
        panes = QSplitter()
        panes.addWidget(left)
        panes.addWidget(right)
        panes.setSizes([290, 690])
        panes.setChildrenCollapsible(False)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(self.test)
        foot.addWidget(self.save)
        for button in (self._add, self._remove, self.test, self.save):
            button.setAutoDefault(False)
        whole = QVBoxLayout(self)
        whole.addWidget(panes, 1)
        whole.addLayout(foot)
