"""UIDs that follow from content: what is written twice is one object."""

from __future__ import annotations

import hashlib


def derived_uid(*parts: str) -> str:
    """The UID (2.25, PS3.5 B.2) that belongs to these texts, always the same."""
    digest = hashlib.sha256("\x00".join(parts).encode("utf-8")).hexdigest()
    return f"2.25.{int(digest[:32], 16)}"
