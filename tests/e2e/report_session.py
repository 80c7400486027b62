"""A report, scripted: draft, edit, three discrepancies made by typing, their fixes, signing.

``python -m tests.e2e.report_session STUDY OUT LANGUAGE`` works the real window by keys, in a
process of its own. Writes ``session.json`` and a picture of each step into OUT.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.bootstrap import build_context
from app.core.report import Language
from app.ui.application import make_application, settle
from app.ui.report_editor import ReportEditor
from app.ui.texts import set_language
from tests.e2e.reading_session import CONTROL, Reading
from tests.e2e.report_signing import Signing
from tests.support.signing import account
from tests.support.typing_keys import type_text

ALT = Qt.KeyboardModifier.AltModifier
_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "label": "Nodule", "site": "upper lobe", "own": " The heart is not enlarged.",
        "field": " The nodule measures [size].", "size": "8 mm",
        "organ": " The prostate is not enlarged.",
    },
    "ru": {
        "label": "Узел", "site": "верхняя доля", "own": " Сердце не расширено.",
        "field": " Размер узла [размер].", "size": "8 мм",
        "organ": " Предстательная железа не увеличена.",
    },
}  # fmt: skip


class Reporting(Signing, Reading):
    """What a reader does to the report, step by step."""

    def __init__(self, *given: object, language: Language) -> None:
        super().__init__(*given)  # type: ignore[arg-type]
        self.language: Language = language
        self.words = _WORDS[language]

    @property
    def editor(self) -> ReportEditor:
        """The text."""
        return self.window.report.editor

    def decide(self) -> None:
        """Accept what the models outlined and add a nodule of one's own."""
        self.session.set_language(self.language)
        for finding in self.proposals():
            self.session.select(finding.uid)
            self.window.findings.accept_current()
        own = self.add(self.words["label"], "right", self.words["site"], name="own-finding")
        self.own_uid = own.uid
        self.decide_the_rest()

    def write(self) -> None:
        """Go to the findings by key and add a sentence at their end."""
        self.until(lambda: self.window.report.outline.sections, "the sections")
        names = [section.name for section in self.window.report.outline.sections]
        QTest.keyClick(self.editor, Qt.Key.Key_1 + names.index("findings"), ALT)
        QTest.keyClick(self.editor, Qt.Key.Key_End)
        type_text(self.editor, self.words["own"])
        self._wait_for_check()
        self.seen["edited"] = self.words["own"].strip() in self.session.report_text
        self.seen["edited_rules"] = self._rules("block")
        self.picture("edited")

    def leave_a_field(self) -> None:
        """First fault: a field is left; Tab goes to it, what is typed fills it."""
        type_text(self.editor, self.words["field"])
        self._wait_for_check()
        self.seen["field_rules"] = self._rules("block")
        self.picture("field-left")
        QTest.keyClick(self.editor, Qt.Key.Key_Tab)
        type_text(self.editor, self.words["size"])
        self._wait_for_check()
        self.seen["field_filled"] = self._rules("block")
        self.picture("field-filled")

    def name_a_wrong_organ(self) -> None:
        """Third fault: an organ that this patient has not; undo takes the sentence back."""
        QTest.keyClick(self.editor, Qt.Key.Key_End)
        before = self.editor.report_text()
        type_text(self.editor, self.words["organ"])
        self._wait_for_check()
        self.seen["organ_rules"] = self._rules("block")
        self.picture("wrong-organ")
        for _ in range(5):
            if self.editor.report_text() == before:
                break
            QTest.keyClick(self.editor, Qt.Key.Key_Z, CONTROL)
        self._wait_for_check()
        self.seen["organ_mended"] = self._rules("block")
        self.seen["undone"] = self.editor.report_text() == before

    def own_window(self) -> None:
        """F9: the report in its own window, and back."""
        QTest.keyClick(self.editor, Qt.Key.Key_F9)
        place = self.window.report_place
        self.until(lambda: place.window_ is not None, "the report's window", 5)
        settle(200)
        self.picture("full", place.window_)
        place.toggle()
        self.seen["is_back"] = self.window.report.window() is self.window


def main(study: Path, out: Path, language: Language) -> None:
    """The whole session; leaves ``session.json``."""
    make_application()
    set_language(language)
    context = build_context(data_folder=out / "library", user="Dr Petrov")
    for login, name, role in (
        ("sidorov", "Sidorov^Oleg", "resident"),
        ("petrov", "Petrov^Ivan", "radiologist"),
    ):
        account(context, login, name, role)  # type: ignore[arg-type]
    reporting = Reporting(context, out, language=language)
    try:
        reporting.open(study)
        reporting.run_models()
        reporting.decide()
        reporting.draft()
        reporting.write()
        reporting.leave_a_field()
        reporting.break_the_side()
        reporting.mend()
        reporting.name_a_wrong_organ()
        reporting.own_window()
        reporting.call_it_critical(reporting.own_uid)
        reporting.tell()
        reporting.sign_as("sidorov", "preliminary")
        reporting.review_and_cosign("petrov")
        reporting.extend("petrov")
        reporting.look_back()
    except AssertionError:
        reporting.picture("stuck")
        raise
    finally:
        (out / "session.json").write_text(json.dumps(reporting.seen, indent=1), "utf-8")
        reporting.window.close()
        context.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), "ru" if sys.argv[3] == "ru" else "en")
