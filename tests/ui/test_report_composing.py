"""Templates, macros, refreshed sentences, earlier reports, and the window where they are edited."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from app.core.report import Language
from app.reporting.carried import marked
from app.reporting.macros import Macro
from app.ui.choice_bar import ChoiceBar
from app.ui.report_panel import ReportPanel
from app.ui.templates_window import TemplatesWindow
from app.ui.texts import set_language
from app.workflow import report_macros, report_templates, review
from app.workflow.context import AppContext
from app.workflow.session import StudySession
from tests.support.panel_sessions import EFFUSION, NODULE
from tests.support.panel_sessions import chest_session as make_session
from tests.support.typing_keys import type_text
from tests.support.workflow_context import context_in

CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def context(tmp_path: Path) -> Iterator[AppContext]:
    with context_in(tmp_path) as opened:
        yield opened


@pytest.fixture
def session(context: AppContext) -> StudySession:
    made = make_session(context)
    for uid in (NODULE, EFFUSION):
        review.accept(made, uid)
    return made


@pytest.fixture
def panel(qtbot: QtBot, context: AppContext, session: StudySession) -> ReportPanel:
    shown = ReportPanel(context)
    qtbot.addWidget(shown)
    shown.resize(480, 700)
    shown.set_session(session)
    shown.show()
    return shown


@pytest.mark.parametrize("code", ["en", "ru"])
def test_a_template_is_chosen_by_key_and_its_fields_offer_their_lists(
    panel: ReportPanel, session: StudySession, code: Language
) -> None:
    set_language(code)
    session.set_language(code)
    QTest.keyClick(panel.editor, Qt.Key.Key_T, CONTROL)
    bar = panel.findChild(ChoiceBar)
    line = bar.findChild(QLineEdit)
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert bar.isHidden()
    report = session.report
    assert report is not None
    assert report.template_id
    assert report.template_id == report_templates.templates_for(session)[0].id
    panel.undo()
    assert session.report_text == ""


def test_a_pick_list_is_chosen_from_by_number(
    panel: ReportPanel, session: StudySession, context: AppContext
) -> None:
    for one in report_templates.shelf(context).all("en"):
        picks = [field for field in one.template.fields if len(field.options) > 1]
        if picks:
            break
    session.write_report(
        replace(session.draft_or_new(), text=f"A [{picks[0].label}].", template_id=one.template.id),
        "template",
    )
    QTest.keyClick(panel.editor, Qt.Key.Key_Tab)
    type_text(panel.editor, "2")
    assert session.report_text == f"A {picks[0].options[1]}."


def test_a_macro_expands_by_tab_and_its_field_is_next(
    panel: ReportPanel, session: StudySession, context: AppContext
) -> None:
    report_macros.save_macro(context, "en", Macro("hs", "Heart size [size]."))
    panel.templates_changed()
    type_text(panel.editor, "Chest. .hs")
    QTest.keyClick(panel.editor, Qt.Key.Key_Tab)
    assert session.report_text == "Chest. Heart size [size]."
    assert panel.editor.textCursor().selectedText() == "[size]"
    panel.undo()
    assert session.report_text == "Chest. .hs"


def test_an_edited_finding_offers_to_refresh_its_sentence(
    panel: ReportPanel, session: StudySession, qtbot: QtBot
) -> None:
    panel.draft()
    before = session.report_text
    content = session.finding(NODULE).current
    larger = tuple(replace(m, value=m.value + 6) if m.value else m for m in content.measurements)
    review.edit(session, NODULE, replace(content, measurements=larger))
    panel.check()
    qtbot.waitUntil(
        lambda: any(d.rule == "stale-sentence" for d in panel.discrepancies.items), timeout=5000
    )
    for _ in range(10):
        item = panel.discrepancies.current
        if item is not None and item.rule == "stale-sentence":
            panel.discrepancies.fix_requested.emit(item)
        if session.last_check is None or not any(
            d.rule == "stale-sentence" for d in session.last_check.discrepancies
        ):
            break
        panel.next_discrepancy()
    assert session.report_text != before
    assert "14" in session.report_text
    panel.undo()


def test_a_carried_sentence_is_marked_and_confirmed_by_key(
    panel: ReportPanel, session: StudySession, qtbot: QtBot
) -> None:
    line = marked("Old healed fracture of the rib.", "2026-05-02", "en")
    session.set_report_text(f"FINDINGS:\n{line}\nIMPRESSION:\nNo change.\n")
    assert len(panel.editor.marks.places("carried")) == 1
    qtbot.waitUntil(lambda: session.is_check_current, timeout=5000)
    start = panel.editor.report_text().index("[carried")
    panel.editor.select_range(start + 3, start + 3)
    QTest.keyClick(panel.editor, Qt.Key.Key_Period, CONTROL)
    assert "[carried" not in session.report_text
    assert "Old healed fracture of the rib." in session.report_text
    assert panel.editor.marks.places("carried") == []


def test_without_an_earlier_report_it_is_said(panel: ReportPanel) -> None:
    panel.toggle_prior()
    assert "no signed report" in panel.notice


@pytest.mark.parametrize("code", ["en", "ru"])
def test_the_window_says_faults_in_words_and_stores_a_copy(
    context: AppContext, qtbot: QtBot, code: Language
) -> None:
    set_language(code)
    window = TemplatesWindow(context)
    qtbot.addWidget(window)
    tab = window.templates
    shipped = report_templates.shelf(context).all(code)[0].template
    tab.select(shipped.key)
    assert tab.check()
    assert tab.preview.toPlainText().strip()
    data = json.loads(tab.source.toPlainText())
    data["nonsense"] = 1
    del data["sections"]
    tab.source.setPlainText(json.dumps(data))
    assert not tab.check()
    assert not tab.can_save
    assert "nonsense" in tab.verdict
    assert "sections" in tab.verdict
    tab.select(shipped.key)
    tab.load(shipped.key)
    tab.source.setPlainText(tab.source.toPlainText())
    tab._show()
    tab.copy()
    with qtbot.waitSignal(window.changed):
        tab.save()
    own = [one for one in report_templates.shelf(context).all(code) if not one.is_built_in]
    assert [one.template.id for one in own] == [f"{shipped.id}-2"]
    tab.remove()
    assert all(one.is_built_in for one in report_templates.shelf(context).all(code))


def test_macros_are_stored_and_removed_and_a_fault_is_said(
    context: AppContext, qtbot: QtBot
) -> None:
    window = TemplatesWindow(context)
    qtbot.addWidget(window)
    tab = window.macros
    tab.begin_new()
    tab.trigger.setText("-x")
    assert tab.verdict.startswith("■")
    tab.trigger.setText("zz1")
    tab.text.setPlainText("Seen with [name].")
    with qtbot.waitSignal(window.changed):
        tab.save()
    assert "zz1" in [one.trigger for one in report_macros.macros(context, "en")]
    tab.remove()
    assert "zz1" not in [one.trigger for one in report_macros.macros(context, "en")]
