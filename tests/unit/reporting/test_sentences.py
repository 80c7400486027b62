"""Sentences of our own in ``sentences.txt``: each finding is read as stated or as denied."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.core.report import Language
from app.reporting.extract import read

_FILE = Path(__file__).with_name("sentences.txt")
ROWS = [
    tuple(line.split("|", 3))
    for line in _FILE.read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[3])
def test_a_sentence_is_read_as_it_is_meant(row: tuple[str, str, str, str]) -> None:
    concept, region, sign, text = row
    language: Language = "en" if text.isascii() else "ru"
    found = [m for m in read(text, language, region).mentions if m.concept == concept]
    assert found
    stated = {m.is_stated for m in found}
    assert stated == {sign == "+"}
