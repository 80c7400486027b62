"""The settings file."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.config.settings import SETTINGS_NAME, Settings, load_settings, save_settings
from app.core.errors import InputError


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    settings = Settings(language="ru", user='Д-р "Петров" \\ 1', volume_cache_mb=512)
    save_settings(tmp_path / "new", settings)
    assert load_settings(tmp_path / "new") == settings


def test_no_file_means_defaults(tmp_path: Path) -> None:
    assert load_settings(tmp_path) == Settings()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("langauge = 'ru'", "langauge"),
        ("volume_cache_mb = 'much'", "volume_cache_mb"),
        ("volume_cache_mb = 1", "volume_cache_mb"),
        ("= 3", "not valid"),
        ("version = 2", "newer version"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / SETTINGS_NAME).write_text(text, "utf-8")
    with pytest.raises(InputError, match=words):
        load_settings(tmp_path)
