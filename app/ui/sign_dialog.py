"""The sign dialog: what stands against signing, what is signed, by whom, with what meaning."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.core.errors import AppError
from app.core.finding import FindingState
from app.core.report import CheckResult, Discrepancy, Override
from app.ui import finding_words as words
from app.ui.corner_texts import patient_line, person_line, study_line
from app.ui.discrepancy_panel import DiscrepancyPanel
from app.ui.panel_style import PANEL_STYLE, set_role
from app.ui.report_status import counts_line
from app.ui.texts import language, tr
from app.workflow import check_report, sign_report

if TYPE_CHECKING:
    from app.workflow.session import StudySession

_WIDTH: Final = 680
_HEIGHT_WITH_LIST: Final = 640
MEANINGS: Final = ("author", "approval")
_STATES: Final[tuple[FindingState, ...]] = ("accepted", "edited", "rejected", "proposed")


class SignDialog(QDialog):
    """Checks anew when it opens; ``Sign`` is off until every block is gone or has a reason.

    ``fix`` applies an offered repair to the report. ``signed`` carries the signed report.
    """

    signed = Signal(object)
    show_requested = Signal(object)

    def __init__(
        self, session: StudySession, fix: Callable[[Discrepancy], None], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._fix = fix
        self._check: CheckResult | None = None
        self.setStyleSheet(PANEL_STYLE)
        self.setModal(True)
        self.setMinimumWidth(640)
        study = session.study
        self.setWindowTitle(tr("sign.title"))
        heading = QLabel(
            f"{person_line(study.patient)}   {patient_line(study.patient, study.study_date)}\n"
            f"{study_line(study)}"
        )
        heading.setProperty("role", "bright")
        heading.setWordWrap(True)
        self._heading = heading
        self._verdict = QLabel()
        self._verdict.setWordWrap(True)
        self._list = DiscrepancyPanel()
        self._list.setMinimumHeight(150)
        self._list.show_requested.connect(self.show_requested)
        self._list.fix_requested.connect(self._apply_fix)
        self._list.override_given.connect(self._override)
        self._list.override_removed.connect(self._take_back)
        self._counts = QLabel()
        self._counts.setWordWrap(True)
        self._written = QLabel()
        self._written.setWordWrap(True)
        self._locked = QLabel(tr("sign.written_lock"))
        self._locked.setWordWrap(True)
        self._meaning = QComboBox()
        for meaning in MEANINGS:
            self._meaning.addItem(tr(f"sign.meaning.{meaning}"), meaning)
        self._signer = QLineEdit(session.context.user)
        self._signer.textChanged.connect(self._refresh_buttons)
        self._fault = QLabel()
        self._fault.setProperty("role", "error")
        self._fault.setWordWrap(True)
        self._fault.hide()
        self._why_not = QLabel()
        self._why_not.setProperty("role", "dim")
        self._why_not.setWordWrap(True)
        self._back = QPushButton(tr("sign.back"))
        self._back.setAutoDefault(False)
        self._back.clicked.connect(self.reject)
        self._sign = QPushButton(tr("sign.sign"))
        self._sign.setProperty("primary", True)
        self._sign.setDefault(True)
        self._sign.clicked.connect(self.sign)
        self._place()
        self._check_anew()

    @property
    def discrepancies(self) -> DiscrepancyPanel:
        """The list of what stands against signing."""
        return self._list

    @property
    def can_sign(self) -> bool:
        """Whether the Sign button is on."""
        return self._sign.isEnabled()

    @property
    def fault(self) -> str:
        """The error shown, or an empty text."""
        return "" if self._fault.isHidden() else self._fault.text()

    def set_signer(self, name: str) -> None:
        """Give the name of the signer."""
        self._signer.setText(name)

    def sign(self) -> None:
        """Sign; an error is shown in words and leaves the dialog open."""
        if self._check is None or not self.can_sign:
            return
        request = sign_report.SignRequest(
            signer=self._signer.text().strip(),
            meaning=self._meaning.currentData(),
            overrides=self._session.overrides,
            check=self._check,
        )
        try:
            report = sign_report.sign(self._session, request)
        except AppError as error:
            self._check_anew()
            self._say(error.text(language()))
            return
        self.signed.emit(report)
        self.accept()

    def _check_anew(self) -> None:
        self._say("")
        try:
            self._check = check_report.check_now(self._session)
        except AppError as error:
            self._check = None
            self._say(error.text(language()))
        self._refresh()

    def _apply_fix(self, item: Discrepancy) -> None:
        self._fix(item)
        self._check_anew()

    def _override(self, item: Discrepancy, reason: str) -> None:
        self._write(lambda: self._session.set_override(Override(item.id, item.rule, reason)))

    def _take_back(self, item: Discrepancy) -> None:
        self._write(lambda: self._session.remove_override(item.id))

    def _write(self, work: Callable[[], None]) -> None:
        try:
            work()
        except AppError as error:
            self._say(error.text(language()))
        self._refresh()

    def _open_blocks(self) -> int:
        if self._check is None:
            return 0
        return len(sign_report.open_blocks(self._check, self._session.overrides))

    def _refresh(self) -> None:
        session = self._session
        items = [] if self._check is None else list(self._check.discrepancies)
        overrides = {item.discrepancy_id: item for item in session.overrides}
        self._list.show_items(items, overrides, locked=False)
        self._list.setVisible(bool(items))
        self._fit(has_list=bool(items))
        text, worst = counts_line(items, session.overrides)
        if not worst and self._check is not None:
            text = " · ".join(part for part in (tr("sign.ready"), text) if part)
        self._verdict.setText(text)
        set_role(self._verdict, worst or "bright")
        states = [finding.state for finding in session.findings]
        self._counts.setText(
            " · ".join(f"{tr(f'state.{state}')} {states.count(state)}" for state in _STATES)
            + ("\n" + tr("sign.undecided_note") if "proposed" in states else "")
        )
        self._written.setText(self._what_is_written())
        self._refresh_buttons()

    def _fit(self, *, has_list: bool) -> None:
        """No taller than needed: the list is the only part that grows."""
        self.resize(_WIDTH, _HEIGHT_WITH_LIST if has_list else self.minimumSizeHint().height())

    def _what_is_written(self) -> str:
        outlined = sum(
            1
            for finding in self._session.findings
            if finding.is_in_report
            and finding.current.region is not None
            and finding.current.region.mask_sha256
        )
        parts = [tr("sign.written_sr")]
        if outlined:
            parts.append(words.counted("outline", outlined))
        parts.append(tr("sign.written_pdf"))
        return ", ".join(parts)

    def _refresh_buttons(self) -> None:
        reason = ""
        if self._open_blocks():
            reason = tr("sign.blocks_open")
        elif not self._session.report_text.strip():
            reason = tr("sign.no_text")
        elif not self._signer.text().strip():
            reason = tr("sign.signer_missing")
        self._sign.setEnabled(not reason and self._check is not None)
        self._why_not.setText(reason)

    def _say(self, text: str) -> None:
        self._fault.setText(text)
        self._fault.setVisible(bool(text))

    def _place(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        rows: tuple[tuple[str, QWidget], ...] = (
            ("sign.findings", self._counts),
            ("sign.locked", self._locked),
            ("sign.written", self._written),
            ("sign.meaning", self._meaning),
            ("sign.signer", self._signer),
        )
        for line, (key, widget) in enumerate(rows):
            caption = QLabel(tr(key))
            caption.setProperty("role", "dim")
            grid.addWidget(caption, line, 0)
            grid.addWidget(widget, line, 1)
        rule = QFrame()
        rule.setProperty("role", "rule")
        buttons = QHBoxLayout()
        buttons.addWidget(self._why_not, 1)
        buttons.addWidget(self._back)
        buttons.addWidget(self._sign)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 14, 18, 14)
        layout.setSpacing(10)
        layout.addWidget(self._heading)
        layout.addWidget(self._verdict)
        layout.addWidget(self._list, 1)
        layout.addStretch(0)
        layout.addWidget(rule)
        layout.addLayout(grid)
        layout.addWidget(self._fault)
        layout.addLayout(buttons)
