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
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.core.errors import AppError
from app.core.finding import FindingState
from app.core.report import CheckResult, Discrepancy, Override, Report
from app.ui import finding_words as words
from app.ui.communication_form import CommunicationForm
from app.ui.corner_texts import patient_line, person_line, study_line
from app.ui.diff_view import DiffView, summary
from app.ui.discrepancy_panel import DiscrepancyPanel
from app.ui.panel_style import PANEL_STYLE, set_role
from app.ui.report_status import counts_line
from app.ui.signer_fields import SignerFields
from app.ui.texts import language, tr
from app.workflow import check_report, sign_report
from app.workflow.communicate import critical_findings, untold_findings
from app.workflow.report_versions import compare
from app.workflow.revise import predecessor_of

if TYPE_CHECKING:
    from app.workflow.session import StudySession

_WIDTH: Final = 720
_ROW_HEIGHT: Final = 49
_MOST_ROWS: Final = 6
_LIST_HEIGHT: Final = 110
_DIFF_HEIGHT: Final = 90
MEANINGS: Final = ("author", "approval", "preliminary", "cosignature", "correction", "addendum")
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
        self.communication_form: CommunicationForm | None = None
        self._before = _predecessor(session)
        self.setStyleSheet(PANEL_STYLE)
        self.setModal(True)
        self.setMinimumWidth(640)
        self.setWindowTitle(tr("sign.title"))
        self._heading, self._verdict, self._counts = QLabel(), QLabel(), QLabel()
        self._written, self._changed = QLabel(), QLabel()
        self._fault, self._why_not = QLabel(), QLabel()
        self._list = DiscrepancyPanel()
        self._diff = DiffView()
        self._critical = QPushButton()
        self._meaning = QComboBox()
        self._signer = SignerFields(session.context)
        self._back = QPushButton(tr("sign.back"))
        self._sign = QPushButton(tr("sign.sign"))
        self._make()
        self._place()
        self._offer_meanings()
        self._check_anew()
        self._signer.focus_first_empty()

    @property
    def discrepancies(self) -> DiscrepancyPanel:
        """The list of what stands against signing."""
        return self._list

    @property
    def signer(self) -> SignerFields:
        """Who signs: name or login, password, clock."""
        return self._signer

    @property
    def meaning(self) -> str:
        """The meaning chosen, as a code."""
        return str(self._meaning.currentData() or "")

    @property
    def changes(self) -> DiffView:
        """What changed of the version before, where there is one."""
        return self._diff

    @property
    def critical_button(self) -> QPushButton:
        """Opens the record of who was told."""
        return self._critical

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
        self._signer.who.setText(name)

    def sign(self) -> None:
        """Sign; an error is shown in words and leaves the dialog open."""
        if self._check is None or not self.can_sign:
            return
        request = sign_report.SignRequest(
            signer=self._signer.who.text().strip(),
            meaning=self.meaning,
            overrides=self._session.overrides,
            check=self._check,
            password=self._signer.take_password(),
            clock_reason=self._signer.clock_reason.text(),
        )
        try:
            report = sign_report.sign(self._session, request)
        except AppError as error:
            self._signer.refresh_clock()
            self._check_anew()
            self._say(error.text(language()))
            self._signer.focus_first_empty()
            return
        self.signed.emit(report)
        self.accept()

    def communicate(self, finding_uid: str = "") -> None:
        """Record who was told of the critical findings; the check runs again then."""
        self.communication_form = CommunicationForm(self._session, self, finding_uid=finding_uid)
        self.communication_form.recorded.connect(self._check_anew)
        self.communication_form.open()

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

    def _offer_meanings(self, *_: object) -> None:
        """What this person's signature can mean; the choice stays where it still fits."""
        offered = self._signer.meanings(self._before)
        if self._before is not None and self._before.is_final:
            offered = [meaning for meaning in offered if meaning != "addendum"]
        present = [self._meaning.itemData(n) for n in range(self._meaning.count())]
        if offered != present:
            chosen = self.meaning
            self._meaning.clear()
            for meaning in offered:
                self._meaning.addItem(tr(f"sign.meaning.{meaning}"), meaning)
            self._meaning.setCurrentIndex(max(self._meaning.findData(chosen), 0))
        self._refresh_buttons()

    def _refresh(self) -> None:
        session = self._session
        items = [] if self._check is None else list(self._check.discrepancies)
        overrides = {item.discrepancy_id: item for item in session.overrides}
        self._list.show_items(items, overrides, locked=False)
        self._list.setVisible(bool(items))
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
        self._refresh_critical()
        self._refresh_changes()
        self._refresh_buttons()
        self._fit(len(items))

    def _refresh_critical(self) -> None:
        critical, untold = critical_findings(self._session), untold_findings(self._session)
        self._critical.setVisible(bool(critical))
        key = "sign.critical_told" if critical and not untold else "sign.critical_untold"
        self._critical.setText(tr(key, n=len(untold or critical)))
        self._critical.setProperty("primary", bool(untold))

    def _refresh_changes(self) -> None:
        report = self._session.report
        shown = self._before is not None and report is not None
        self._changed.setVisible(shown)
        self._diff.setVisible(shown)
        if self._before is None or report is None:
            return
        try:
            found = compare(self._session, self._before, report)
        except AppError as error:
            self._diff.hide()
            self._changed.setText(error.text(language()))
            return
        signature = self._before.signature
        name = "" if signature is None else " ".join(signature.name.replace("^", " ").split())
        self._changed.setText(
            tr("sign.changed", n=self._before.version, name=name, what=summary(found))
        )
        self._diff.show_comparison(found, is_short=True)
        self._diff.setVisible(not found.is_same)

    def _fit(self, count: int) -> None:
        """No taller than needed: list and changes are the parts that grow."""
        rows = min(count, _MOST_ROWS) * _ROW_HEIGHT
        self._list.setMinimumHeight(min(max(rows, _ROW_HEIGHT + 10), _LIST_HEIGHT))
        extra = max(0, rows - _LIST_HEIGHT) + (0 if self._diff.isHidden() else _DIFF_HEIGHT)
        self.resize(_WIDTH, self.minimumSizeHint().height() + extra)

    def _what_is_written(self) -> str:
        if self.meaning == "preliminary":
            return tr("sign.written_preliminary")
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
        peers = self._session.context.settings.auto_send_to
        sent = tr("sign.sent_to", peers=", ".join(peers)) if peers else tr("sign.sent_nowhere")
        return f"{', '.join(parts)} · {sent}"

    def _refresh_buttons(self, *_: object) -> None:
        self._written.setText(self._what_is_written())
        reason = ""
        if self._open_blocks():
            reason = tr("sign.blocks_open")
        elif not self._session.report_text.strip():
            reason = tr("sign.no_text")
        elif not self.meaning and self._signer.who.text().strip():
            reason = tr("sign.may_not")
        else:
            reason = self._signer.missing
        self._sign.setEnabled(not reason and self._check is not None)
        self._why_not.setText(reason)

    def _say(self, text: str) -> None:
        self._fault.setText(text)
        self._fault.setVisible(bool(text))

    def _make(self) -> None:
        study = self._session.study
        self._heading.setText(
            f"{person_line(study.patient)}   {patient_line(study.patient, study.study_date)}\n"
            f"{study_line(study)}"
        )
        roles = (
            (self._heading, "bright"), (self._fault, "error"), (self._why_not, "dim"),
            (self._changed, "bright"),
        )  # fmt: skip
        for label, role in roles:
            label.setProperty("role", role)
        for label in (self._heading, self._verdict, self._counts, self._written, self._changed,
                      self._fault, self._why_not):  # fmt: skip
            label.setWordWrap(True)
        self._fault.hide()
        self._list.show_requested.connect(self.show_requested)
        self._list.fix_requested.connect(self._apply_fix)
        self._list.override_given.connect(self._override)
        self._list.override_removed.connect(self._take_back)
        self._list.setAccessibleName(tr("discrepancy.list_name"))
        self._diff.setMinimumHeight(90)
        self._diff.setAccessibleName(tr("versions.title"))
        self._critical.setAutoDefault(False)
        self._critical.clicked.connect(lambda: self.communicate())
        self._meaning.currentIndexChanged.connect(self._refresh_buttons)
        self._signer.changed.connect(self._offer_meanings)
        self._back.setAutoDefault(False)
        self._back.clicked.connect(self.reject)
        self._sign.setProperty("primary", True)
        self._sign.setDefault(True)
        self._sign.clicked.connect(self.sign)

    def _place(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        locked = QLabel(tr("sign.written_lock"))
        locked.setWordWrap(True)
        rows: tuple[tuple[str, QWidget], ...] = (
            ("sign.findings", self._counts),
            ("sign.locked", locked),
            ("sign.written", self._written),
            ("sign.meaning", self._meaning),
        )
        captions = []
        for line, (key, widget) in enumerate(rows):
            caption = QLabel(tr(key))
            caption.setProperty("role", "dim")
            caption.setBuddy(widget)
            captions.append(caption)
            grid.addWidget(caption, line, 0)
            grid.addWidget(widget, line, 1)
        self._meaning.setAccessibleName(tr("sign.meaning"))
        widest = max(self._signer.caption_width, *(c.sizeHint().width() for c in captions))
        for caption in captions:
            caption.setMinimumWidth(widest)
        self._signer.align_with(widest)
        rule = QFrame()
        rule.setProperty("role", "rule")
        buttons = QHBoxLayout()
        buttons.addWidget(self._why_not, 1)
        buttons.addWidget(self._back)
        buttons.addWidget(self._sign)
        told = QHBoxLayout()
        told.addWidget(self._critical)
        told.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 14, 18, 14)
        layout.setSpacing(10)
        layout.addWidget(self._heading)
        layout.addWidget(self._verdict)
        layout.addWidget(self._list, 1)
        layout.addLayout(told)
        layout.addWidget(self._changed)
        layout.addWidget(self._diff, 1)
        layout.addStretch(0)
        layout.addWidget(rule)
        layout.addLayout(grid)
        layout.addWidget(self._signer)
        layout.addWidget(self._fault)
        layout.addLayout(buttons)


def _predecessor(session: StudySession) -> Report | None:
    report = session.report
    if report is None or not report.predecessor_uid:
        return None
    return predecessor_of(session, report)
