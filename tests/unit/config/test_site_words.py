"""The words that a site adds to the spell check."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.config.site_words import DICTIONARY_NAME, add_site_word, site_words
from app.core.errors import EnvironmentFault


def test_words_are_kept_once_and_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    assert site_words(folder) == frozenset()
    add_site_word(folder, "neoterm")
    add_site_word(folder, "Клиноморф")
    assert add_site_word(folder, "neoterm") == {"neoterm", "Клиноморф"}
    assert site_words(folder) == {"neoterm", "Клиноморф"}
    assert (folder / DICTIONARY_NAME).read_text("utf-8") == "neoterm\nКлиноморф\n"


def test_an_edited_file_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / DICTIONARY_NAME
    path.write_bytes(b"\xef\xbb\xbf# ours\r\nalpha # why\r\n\r\n" + b"x" * 90 + b"\n\xff\xfe\n")
    assert {"alpha"} <= site_words(tmp_path)
    assert all(len(word) <= 60 for word in site_words(tmp_path))


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFault) as caught:
        add_site_word(tmp_path / "file" / "data", "word")
    assert "словарь" in caught.value.text("ru").lower()
