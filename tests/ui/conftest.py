"""Widgets are tested offscreen, with the program's own look; each test begins in English."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication

from app.ui.texts import set_language
from app.ui.theme import apply_theme


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    return ["overread-tests"]


@pytest.fixture(autouse=True)
def _look(qapp: QApplication) -> Iterator[None]:
    if not qapp.styleSheet():
        apply_theme(qapp)
    set_language("en")
    yield
    set_language("en")
