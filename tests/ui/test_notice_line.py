"""The sentence under the report: short ones whole, long ones by their beginning until asked."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from app.ui.notice_line import NoticeLine


def test_a_long_notice_takes_two_lines_until_it_is_asked_for(qtbot: QtBot) -> None:
    line = NoticeLine()
    qtbot.addWidget(line)
    words, more = line.findChildren(QLabel)[0], line.findChildren(QPushButton)[0]
    assert line.isHidden()
    line.say("The sentence was written anew.")
    assert words.text() == line.text
    assert more.isHidden()
    line.say("word " * 100)
    assert len(words.text()) <= 110
    assert words.text().endswith("…")
    assert not more.isHidden()
    more.click()
    assert words.text() == line.text
    assert more.isHidden()
    line.say("")
    assert line.isHidden()
