"""What follows the writing: signing, co-signature, correction, addendum, who was told, versions.

Stands between the text and its status line; says who signed and offers what may come next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.core.errors import AppError
from app.core.report import Discrepancy, Report
from app.core.signing import Signature, meaning_text
from app.ui import finding_words as words
from app.ui.addendum_editor import AddendumEditor
from app.ui.communication_form import CommunicationForm
from app.ui.panel_style import set_role
from app.ui.reason_line import ReasonLine
from app.ui.sign_dialog import SignDialog
from app.ui.texts import language, tr
from app.ui.versions_window import VersionsWindow
from app.workflow.communicate import critical_findings, sentence_of, untold_findings
from app.workflow.revise import begin_revision, discard_revision

if TYPE_CHECKING:
    from app.workflow.session import StudySession

_VERBS = ("cosign", "correct", "discard", "told", "versions")


class ReportSigning(QWidget):
    """Signs the report of the open session and shows what was signed.

    ``signed`` carries a version that was just signed, ``show_wanted`` a discrepancy to look at,
    ``failed`` an ``AppError``; ``closed`` gives the focus back to the text.
    """

    signed = Signal(object)
    show_wanted = Signal(object)
    failed = Signal(object)
    changed = Signal()
    closed = Signal()

    def __init__(self, fix: Callable[[Discrepancy], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fix = fix
        self._session: StudySession | None = None
        self.dialog: SignDialog | None = None
        self.addendum: AddendumEditor | None = None
        self.reason: ReasonLine | None = None
        self._form: CommunicationForm | None = None
        self._window: VersionsWindow | None = None
        self._line = QLabel()
        self._line.setWordWrap(True)
        self._buttons = {name: QPushButton() for name in _VERBS}
        calls = {
            "cosign": self.revise, "correct": self.revise, "discard": self.discard,
            "told": self.communicate, "versions": self.show_versions,
        }  # fmt: skip
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for name, button in self._buttons.items():
            button.setProperty("role", "small")
            button.clicked.connect(lambda _=False, call=calls[name]: call())
            row.addWidget(button)
        row.addStretch(1)
        self._below = QVBoxLayout()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self._line)
        column.addLayout(row)
        column.addLayout(self._below)
        self.refresh()

    def set_session(self, session: StudySession | None) -> None:
        """Show what was signed in ``session``; whatever stands open closes."""
        self.close_inline()
        for window in (self._window, self._form):
            if window is not None:
                window.close()
        self._window = self._form = None
        self._session = session
        self.refresh()

    def sign(self) -> None:
        """Open the sign dialog; the check runs anew in it."""
        session = self._session
        if session is None or session.is_locked or self.dialog is not None:
            return
        try:
            dialog = SignDialog(session, self._fix, self)
        except AppError as error:
            self.failed.emit(error)
            return
        dialog.show_requested.connect(self._leave_dialog_for)
        dialog.signed.connect(self._was_signed)
        dialog.finished.connect(self._dialog_closed)
        self.dialog = dialog
        dialog.open()

    def add_addendum(self) -> None:
        """Open the addendum editor under a signed report."""
        session = self._session
        if session is None or not session.is_signed or self.addendum is not None:
            return
        self.close_inline()
        self.addendum = AddendumEditor(session)
        self.addendum.signed.connect(self._was_signed)
        self.addendum.cancelled.connect(self.close_inline)
        self.addendum.show_requested.connect(self.show_wanted)
        self._below.addWidget(self.addendum)
        self.changed.emit()
        self.addendum.setFocus()

    def revise(self) -> None:
        """Open a preliminary report for review, or a signed one for correction with a reason."""
        session = self._session
        if session is None or not session.is_locked or self.reason is not None:
            return
        self.close_inline()
        if not session.is_signed:
            self._begin("")
            return
        self.reason = ReasonLine(tr("revise.reason"), tr("revise.begin"))
        self.reason.given.connect(self._begin)
        self.reason.cancelled.connect(self.close_inline)
        self._below.addWidget(self.reason)
        self.changed.emit()
        self.reason.setFocus()

    def discard(self) -> None:
        """Throw the correction away; the signed version counts as before."""
        session = self._session
        if session is not None and session.is_revision:
            self._try(lambda: discard_revision(session))

    def communicate(self, finding_uid: str = "") -> None:
        """Record who was told of the critical findings (or of the one given)."""
        session = self._session
        if session is None:
            return
        self._form = CommunicationForm(session, self, finding_uid=finding_uid)
        self._form.recorded.connect(self._was_told)
        self._form.finished.connect(lambda _code: self.closed.emit())
        self._form.open()

    def _was_told(self) -> None:
        session = self._session
        if session is not None and self.addendum is not None and session.communications:
            self.addendum.add_sentence(sentence_of(session, session.communications[-1]))
        self.changed.emit()

    @property
    def communication_form(self) -> CommunicationForm | None:
        """The form for a critical result, the latest that was opened."""
        return self._form

    @property
    def versions_window(self) -> VersionsWindow | None:
        """The window of the versions, the latest that was opened."""
        return self._window

    def show_versions(self) -> None:
        """All versions and what changed between them, in a window of its own."""
        if self._session is None or self._session.report is None:
            return
        if self._window is not None:
            self._window.close()
        self._window = VersionsWindow(self._session, self)
        self._window.show()

    def close_inline(self) -> None:
        """Close the addendum editor or the question for a reason."""
        was_open = self.addendum is not None or self.reason is not None
        for part in (self.addendum, self.reason):
            if part is not None:
                self._below.removeWidget(part)
                part.hide()
                part.deleteLater()
        self.addendum = self.reason = None
        if was_open:
            self.changed.emit()

    def refresh(self) -> None:
        """Say who signed, and offer what the state of the report allows."""
        session = self._session
        report = None if session is None else session.report
        text, role = ("", "dim") if session is None or report is None else _state_line(report)
        self._line.setText(text)
        self._line.setVisible(bool(text))
        set_role(self._line, role)
        is_asking = self.addendum is not None or self.reason is not None
        state = "" if report is None else report.state
        is_revision = session is not None and session.is_revision
        untold = 0 if session is None else len(untold_findings(session))
        critical = session is not None and bool(critical_findings(session))
        wanted = {
            "cosign": state == "preliminary",
            "correct": state in ("signed", "amended") and not is_asking,
            "discard": is_revision,
            "told": critical and (not is_asking or self.addendum is not None),
            "versions": report is not None and (report.version > 1 or state != "draft"),
        }
        for name, button in self._buttons.items():
            button.setText(tr(f"revise.{name}", n=untold))
            button.setToolTip(tr(f"revise.{name}_tip"))
            button.setVisible(wanted[name])
        told = self._buttons["told"]
        told.setText(tr("revise.untold", n=untold) if untold else tr("revise.told"))
        self.setVisible(bool(text) or any(wanted.values()) or is_asking)

    def _begin(self, reason: str) -> None:
        session = self._session
        if session is not None and self._try(lambda: begin_revision(session, reason)):
            self.close_inline()
            self.closed.emit()

    def _try(self, work: Callable[[], object]) -> bool:
        try:
            work()
        except AppError as error:
            self.failed.emit(error)
            return False
        self.changed.emit()
        return True

    def _leave_dialog_for(self, item: Discrepancy) -> None:
        if self.dialog is not None:
            self.dialog.reject()
        self.show_wanted.emit(item)

    def _was_signed(self, report: Report) -> None:
        self.close_inline()
        self.changed.emit()
        self.signed.emit(report)

    def _dialog_closed(self, _code: int) -> None:
        dialog, self.dialog = self.dialog, None
        if dialog is not None:
            dialog.deleteLater()
        self.closed.emit()


def _state_line(report: Report) -> tuple[str, str]:
    """Who signed, or what the draft takes the place of; the role of the line."""
    if report.signature is not None:
        lines = [_signed_by(report.signature)]
        if report.change == "correction":
            lines.append(tr("versions.reason", reason=report.change_reason))
        lines += [_signed_by(item) for item in reversed(report.prior_signatures)]
        return "\n".join(lines), "warn" if report.state == "preliminary" else ""
    if not report.prior_signatures:
        return "", "dim"
    before = report.prior_signatures[-1]
    name = " ".join(before.name.replace("^", " ").split())
    if report.change == "correction":
        reason = report.change_reason
        return tr("revise.correction_line", n=report.version - 1, reason=reason), "warn"
    return tr("revise.review_line", n=report.version - 1, name=name), "warn"


def _signed_by(signature: Signature) -> str:
    return tr(
        "report.signed_line",
        name=" ".join(signature.name.replace("^", " ").split()),
        at=words.full_time_text(signature.at_utc),
        meaning=meaning_text(signature.meaning).text(language()),
    )
