"""Commands as data, texts, theme, messages, the bridge, the last net; Qt facts that must hold."""

from __future__ import annotations

import re
import sys
import threading
import time
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QLabel

from app.core.errors import InputError
from app.jobs.runner import JobRunner
from app.ui import actions, texts
from app.ui.actions import ACTIONS, MENUS, action_text, clashes, key_text
from app.ui.application import probe_window
from app.ui.crash_dialog import CrashNet
from app.ui.job_bridge import JobBridge
from app.ui.messages import MessageBar
from app.ui.shortcuts import KeyHelp
from app.ui.theme import COLORS, icon, style_sheet
from tests.support.windows import wait_for

UI = Path(actions.__file__).parent


def test_command_ids_are_unique_keys_do_not_clash_icons_and_texts_exist(qtbot):
    ids = [spec.id for spec in ACTIONS]
    assert len(ids) == len(set(ids))
    assert clashes(ACTIONS) == []
    assert {spec.menu for spec in ACTIONS} == set(MENUS)
    for spec in ACTIONS:
        assert action_text(spec)
        assert not spec.toolbar or spec.icon
        if spec.icon:
            assert not icon(spec.icon).isNull()


def test_a_clash_is_found():
    twice = [spec for spec in ACTIONS if spec.id in ("undo",)] * 2
    assert clashes(twice) == sorted(["Ctrl+Z"])


def test_every_text_that_the_shell_asks_for_exists_in_both_languages():
    known = texts.entries()
    for key, languages in known.items():
        assert set(languages) == {"en", "ru"}, key
        assert all(languages.values()) or key.startswith("unit."), key
        places = [set(re.findall(r"{(\w+)}", text)) for text in languages.values()]
        assert places[0] == places[1], key
    for path in UI.glob("*.py"):
        for key in re.findall(r"""\btr\(\s*"([^"{}]+)\"""", path.read_text(encoding="utf-8")):
            assert key in known, f"{path.name}: {key}"


def test_the_style_sheet_has_every_name_filled_in():
    assert not re.findall(r"@\w+@", style_sheet())
    assert all(re.fullmatch(r"#[0-9a-f]{6}", value) for value in COLORS.values())


def test_help_on_keys_lists_every_key(qtbot):
    help_ = KeyHelp()
    qtbot.addWidget(help_)
    shown = {part for label in help_.findChildren(QLabel) for part in label.text().split("  ")}
    assert {key_text(key) for spec in ACTIONS for key in spec.keys} <= shown


def test_messages_say_one_sentence_and_hint(qtbot):
    bar = MessageBar()
    qtbot.addWidget(bar)
    bar.show_error(InputError("It is not there.", ru="Этого нет.", hint="Look elsewhere."))
    assert bar.text == "It is not there. Look elsewhere."
    texts.set_language("ru")
    bar.show_error(InputError("It is not there.", ru="Этого нет.", hint="x", hint_ru="Ищите."))
    assert bar.text == "Этого нет. Ищите."
    with pytest.raises(ZeroDivisionError):
        bar.show_error(ZeroDivisionError())


def test_results_arrive_on_the_main_thread(qtbot):
    runner = JobRunner({"io": 2})
    bridge = JobBridge(runner)
    seen: list[tuple[object, bool]] = []

    def note(value: object) -> None:
        seen.append((value, threading.current_thread() is threading.main_thread()))

    worker: list[str] = []

    def work(_token, _progress):
        worker.append(threading.current_thread().name)
        return 7

    def fail(_token, _progress):
        raise InputError("no")

    bridge.submit("io", "good", work, done=note)
    bridge.submit("io", "bad", fail, done=note, failed=lambda error: note(type(error)))
    wait_for(lambda: len(seen) == 2, "both results")
    assert {value for value, _ in seen} == {7, InputError}
    assert all(is_main for _, is_main in seen)
    assert worker[0].startswith("io")
    bridge.close()
    assert runner.shutdown()


def test_nothing_is_delivered_after_closing(qtbot):
    runner = JobRunner({"io": 1})
    bridge = JobBridge(runner)
    seen: list[int] = []
    job = bridge.submit("io", "slow", lambda _t, _p: time.sleep(0.1), done=lambda _: seen.append(1))
    bridge.close()
    job.result(2)
    QApplication.processEvents()
    assert seen == []
    assert runner.shutdown()


def test_a_bug_leaves_a_report_without_values_and_an_expected_error_is_told(qtbot, tmp_path):
    net = CrashNet(tmp_path / "logs")
    crashed: list[Path] = []
    refused: list[object] = []
    net.crashed.connect(crashed.append)
    net.refused.connect(refused.append)
    (tmp_path / "logs").mkdir()
    net.take(KeyError("IVANOVA"))
    net.take(InputError("known"))
    assert len(refused) == 1
    report = crashed[0].read_text(encoding="utf-8")
    assert "KeyError" in report
    assert "IVANOVA" not in report


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None is immortal from Python 3.12 on")
def test_qt_takes_no_references_from_none(qtbot):
    """PySide6 6.12 loses one per call and ends the process after some thousands."""
    before = sys.getrefcount(None)
    for _ in range(2000):
        QApplication.processEvents()
    assert abs(sys.getrefcount(None) - before) < 1000


def test_the_probe_draws_text(qtbot):
    assert probe_window().startswith("Qt 6")
