"""Where things are: what the program ships, and what it writes for the user."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import platformdirs

PRODUCT = "overread"


def program_root() -> Path:
    """The folder that holds ``resources/`` and ``models/``: the checkout, or the built program."""
    bundled = getattr(sys, "_MEIPASS", None)
    return Path(bundled) if bundled else Path(__file__).resolve().parents[2]


def resources_folder() -> Path:
    """Icons, fonts, themes, texts, report templates, code tables."""
    return program_root() / "resources"


def built_in_packs_folder() -> Path:
    """Model packs that ship with the program."""
    return program_root() / "models"


def data_folder() -> Path:
    """The user's library, journal and packs; ``OVERREAD_DATA`` overrides it."""
    override = os.environ.get("OVERREAD_DATA")
    return Path(override) if override else Path(platformdirs.user_data_dir(PRODUCT, False))


def log_folder() -> Path:
    """Logs and crash reports, without patient data."""
    override = os.environ.get("OVERREAD_DATA")
    return Path(override) / "logs" if override else Path(platformdirs.user_log_dir(PRODUCT, False))
