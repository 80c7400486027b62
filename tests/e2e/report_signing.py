"""What follows the report session: who was told, resident, co-signature, addendum, by keys."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox

from app.core.report import Language
from app.ui import finding_words
from app.ui.finding_editor import FindingEditor
from app.ui.sign_dialog import SignDialog
from app.workflow.sign_report import verify_signed
from tests.e2e.reading_session import CONTROL
from tests.support.signing import PASSWORD
from tests.support.typing_keys import type_text

SHIFT: Final = CONTROL | Qt.KeyboardModifier.ShiftModifier
TOLD: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "who": "Ivanova O.", "more": " Follow-up in 3 months.", "later": "The prior was compared.",
    },
    "ru": {
        "who": "Иванова О. П.", "more": " Контроль через 3 месяца.",
        "later": "Сопоставлено с предыдущим исследованием.",
    },
}  # fmt: skip


class Signing:
    """Steps of a session (mixed into ``Reporting``) from a critical finding to the addendum."""

    def call_it_critical(self, uid: str) -> None:
        """E on the finding, significance critical, Enter: now somebody must be told."""
        panel = self.window.findings
        self.session.select(uid)
        panel.setFocus()
        QTest.keyClick(panel, Qt.Key.Key_E)
        editor = next(e for e in panel.findChildren(FindingEditor) if e.isVisible())
        order = finding_words.SIGNIFICANCE_ORDER
        box = next(b for b in editor.findChildren(QComboBox) if b.count() == len(order))
        box.setCurrentIndex(order.index("critical"))
        QTest.keyClick(editor.focusProxy(), Qt.Key.Key_Return)
        self.until(
            lambda: self.session.finding(uid).current.significance == "critical", "the edit", 5
        )
        self._wait_for_check()
        self.seen["critical_rules"] = self._rules("block")
        self.picture("critical")

    def tell(self) -> None:
        """Ctrl+Shift+T, the name, Enter: recorded, and in the text."""
        who = TOLD[self.language]["who"]
        self.editor.setFocus()
        QTest.keyClick(self.editor, Qt.Key.Key_T, SHIFT)
        signing = self.window.report.signing
        self.until(lambda: signing.communication_form is not None, "the form", 5)
        form = signing.communication_form
        type_text(form.told, who)
        form.read_back.setChecked(True)
        self.picture("who-was-told", form)
        QTest.keyClick(form.told, Qt.Key.Key_Return)
        self._wait_for_check()
        self.seen["told"] = [record.told for record in self.session.communications]
        self.seen["told_in_text"] = who in self.session.report_text
        self.seen["told_rules"] = self._rules("block")
        self.picture("told")

    def sign_as(self, login: str, name: str) -> None:
        """Ctrl+Enter, reasons for what warns, login and password, Enter."""
        QTest.keyClick(self.editor, Qt.Key.Key_Return, CONTROL)
        self.until(lambda: self.window.report.sign_dialog is not None, "the sign dialog", 5)
        dialog: SignDialog = self.window.report.sign_dialog
        dialog.signer.who.selectAll()
        QTest.keyClicks(dialog.signer.who, login)
        QTest.keyClicks(dialog.signer.password, PASSWORD)
        self.seen[f"{name}_can_sign"] = dialog.can_sign
        self.seen[f"{name}_changes"] = dialog.changes.toPlainText()
        self.picture(f"sign-{name}", dialog)
        QTest.keyClick(dialog.signer.password, Qt.Key.Key_Return)
        self.until(lambda: self.session.is_locked, f"the signature of {login}", 20)
        self.picture(name)

    def review_and_cosign(self, login: str) -> None:
        """Ctrl+Shift+R opens the resident's report; a sentence more; the senior signs."""
        self.seen["preliminary"] = self.session.report.state
        QTest.keyClick(self.editor, Qt.Key.Key_R, SHIFT)
        self.until(lambda: not self.session.is_locked, "the revision", 5)
        text = self.session.report_text.rstrip()
        self.editor.replace_range(len(text), len(text), TOLD[self.language]["more"])
        self._wait_for_check()
        self.picture("reviewed")
        self.sign_as(login, "cosigned")
        self.seen["cosigned"] = self.session.report.state

    def extend(self, login: str) -> None:
        """Ctrl+Shift+A, a sentence, Ctrl+Enter."""
        QTest.keyClick(self.editor, Qt.Key.Key_A, SHIFT)
        self.until(lambda: self.window.report.addendum_editor is not None, "the addendum", 5)
        addendum = self.window.report.addendum_editor
        addendum.set_text(TOLD[self.language]["later"])
        addendum.signer.who.setText(login)
        addendum.signer.password.setText(PASSWORD)
        self.picture("addendum")
        QTest.keyClick(addendum.focusProxy(), Qt.Key.Key_Return, CONTROL)
        self.until(lambda: self.session.report.version == 3, "the addendum is signed", 20)

    def look_back(self) -> None:
        """Ctrl+Shift+V: three versions, each intact."""
        QTest.keyClick(self.editor, Qt.Key.Key_V, SHIFT)
        window = self.window.report.signing.versions_window
        self.picture("versions", window)
        window.close()
        store = self.context.store
        found = store.reports.versions(
            self.session.study.study_instance_uid, self.session.reading
        )  # fmt: skip
        self.seen["states"] = [report.state for report in found]
        self.seen["signers"] = [s.login for s in found[-1].signatures]
        self.seen["intact"] = [verify_signed(self.context, report) for report in found]
        self.seen["trail"] = store.audit.verify() is None
