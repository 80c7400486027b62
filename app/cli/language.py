"""The language in which the command line speaks: that of the terminal."""

from __future__ import annotations

import os


def console_language() -> str:
    """``ru`` where the locale is Russian, else ``en``."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LANG") or ""
    return "ru" if locale.startswith("ru") else "en"


def in_language(en: str, ru: str) -> str:
    """The one of both sentences that the terminal speaks."""
    return ru if console_language() == "ru" else en
