"""Finds the development data beside the checkout; tests that need it skip where it is absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_CHECKOUT = Path(__file__).resolve().parents[2]


def shared(relative: str) -> Path:
    """The path of ``relative`` below the shared folder, or a skip that says what is missing.

    The folder is ``OVERREAD_SHARED``, ``../shared`` beside the checkout, or ``shared`` in it.
    """
    override = os.environ.get("OVERREAD_SHARED")
    roots = [Path(override)] if override else [_CHECKOUT.parent / "shared", _CHECKOUT / "shared"]
    for root in roots:
        if (root / relative).exists():
            return root / relative
    pytest.skip(f"shared/{relative} is not on this machine")
