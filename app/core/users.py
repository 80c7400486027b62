"""Accounts: who may sign here, and as what."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Literal

from app.core.signing import Role

UserSource = Literal["local", "system"]


@dataclass(frozen=True, slots=True)
class User:
    """An account. ``local``: with a password of its own; ``system``: one of the operating system.

    ``name`` is what stands under a report. ``failures`` counts wrong passwords in a row, the last
    at ``failed_at_utc``.
    """

    login: str
    name: str
    roles: tuple[Role, ...]
    source: UserSource = "local"
    password_hash: str = field(default="", repr=False)
    is_disabled: bool = False
    failures: int = 0
    failed_at_utc: str = ""

    @property
    def sha256(self) -> str:
        """Hash of what only an administrator changes; the audit trail keeps it."""
        body = [
            self.login, self.name, sorted(self.roles), self.source, self.password_hash,
            self.is_disabled,
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(body, ensure_ascii=False).encode("utf-8")).hexdigest()
