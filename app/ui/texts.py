"""User-visible texts in English and Russian, from ``resources/texts/*.json``.

Each file maps a key to ``{"en": ..., "ru": ...}``; a key stands in one file only. Widgets ask
``tr`` when they build themselves and again when ``language_changed`` tells them to.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Literal

from PySide6.QtCore import QObject, Signal

from app.config.folders import resources_folder

Language = Literal["en", "ru"]
LANGUAGES: tuple[Language, ...] = ("en", "ru")


class _Catalogue(QObject):
    """Holds the language in force; made on the main thread when this module is imported."""

    language_changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.language: Language = "en"


_catalogue = _Catalogue()
language_changed = _catalogue.language_changed


@cache
def entries() -> dict[str, dict[str, str]]:
    """All texts of all files; raises ``ValueError`` when two files share a key."""
    merged: dict[str, dict[str, str]] = {}
    for path in sorted((resources_folder() / "texts").glob("*.json")):
        for key, languages in json.loads(path.read_text(encoding="utf-8")).items():
            if key in merged:
                raise ValueError(f"text {key!r} is defined twice, again in {path.name}")
            merged[key] = languages
    return merged


def language() -> Language:
    """The language in force, ``en`` or ``ru``."""
    return _catalogue.language


def set_language(language_code: str) -> None:
    """Change the language; anything but ``ru`` is English. Main thread only."""
    chosen: Language = "ru" if language_code.lower().startswith("ru") else "en"
    if chosen != _catalogue.language:
        _catalogue.language = chosen
        language_changed.emit(chosen)


def tr(key: str, **values: object) -> str:
    """The text of ``key`` with ``{name}`` places filled in; an unknown key is a bug (KeyError)."""
    text = entries()[key][_catalogue.language]
    return text.format(**values) if values else text
