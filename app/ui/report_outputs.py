"""What leaves of the report from the window itself: text to the clipboard; the key of the PDF."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QInputDialog, QLineEdit, QWidget

from app.core.errors import AppError
from app.ui.texts import tr
from app.workflow.export_report import report_text
from app.workflow.report_pdf import certificates_without_password, give_password

if TYPE_CHECKING:
    from app.config.report_settings import CertificateSettings
    from app.core.report import Report
    from app.workflow.context import AppContext
    from app.workflow.session import StudySession


class ReportOutputs(QObject):
    """Copies the report, and asks for the password of a certificate. Main thread only."""

    said = Signal(str)
    """A note for the reader."""
    failed = Signal(object)
    """An ``AppError``."""
    ready = Signal()
    """A password was given: what waits for it can go."""

    def __init__(self, context: AppContext, owner: QWidget) -> None:
        super().__init__(owner)
        self._context = context
        self._owner = owner

    def copy(self, session: StudySession | None) -> None:
        """The report as plain text to the clipboard, laid out for a RIS."""
        if session is None:
            return
        try:
            text = report_text(session)
        except AppError as fault:
            self.failed.emit(fault)
            return
        QGuiApplication.clipboard().setText(text)
        self.said.emit(tr("outputs.copied" if session.is_signed else "outputs.copied_draft"))

    def ask(self, report: Report | None = None) -> None:
        """Ask for what the signed PDF waits for; of ``report`` alone where it is given."""
        waiting = certificates_without_password(self._context, report)
        if not waiting and report is None:
            has_any = bool(self._context.settings.report.certificates)
            self.said.emit(tr("outputs.password_known" if has_any else "outputs.no_certificate"))
        for certificate in waiting:
            self._ask(certificate)

    def _ask(self, certificate: CertificateSettings) -> None:
        name = certificate.user or tr("outputs.everybody")
        key = "outputs.password_of" if certificate.file else "outputs.pin_of"
        text = self.typed(tr(key, name=name))
        if text:
            give_password(self._context, certificate, text)
            self.ready.emit()

    def typed(self, words: str) -> str:
        """What is typed into a covered line; empty where the dialog is left."""
        dialog = QInputDialog(self._owner)
        dialog.setWindowTitle(tr("outputs.password_title"))
        dialog.setLabelText(words)
        dialog.setTextEchoMode(QLineEdit.EchoMode.Password)
        dialog.setOkButtonText(tr("outputs.password_give"))
        dialog.setCancelButtonText(tr("outputs.password_later"))
        is_given = dialog.exec() == QInputDialog.DialogCode.Accepted
        text = dialog.textValue()
        dialog.deleteLater()
        return text if is_given else ""
