"""Password hashes with scrypt (RFC 7914), memory-hard; the cost stands in each hash."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import unicodedata
from dataclasses import dataclass
from typing import Final

SHORTEST: Final = 8
_SALT_BYTES: Final = 16
_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Cost:
    """``2**log_n`` blocks of ``128 * r`` bytes, ``p`` times."""

    log_n: int
    r: int = 8
    p: int = 1

    @property
    def memory_bytes(self) -> int:
        """What one hash needs."""
        return 128 * self.r * (1 << self.log_n)


STANDARD: Final = Cost(15, p=3)
"""32 MiB and some tenths of a second on one core: one of the costs that OWASP asks of scrypt."""


def hash_password(password: str, *, cost: Cost | None = None) -> str:
    """A hash with a salt of its own: ``scrypt$15$8$3$salt$key``; ``cost`` None: ``STANDARD``."""
    cost = cost or STANDARD
    salt = secrets.token_bytes(_SALT_BYTES)
    key = _derive(password, salt, cost)
    numbers = f"{cost.log_n}${cost.r}${cost.p}"
    return f"scrypt${numbers}${_text(salt)}${_text(key)}"


def matches(password: str, stored: str) -> bool:
    """Whether ``stored`` was made from ``password``; a damaged hash matches nothing."""
    parts = stored.split("$")
    if len(parts) != 6 or parts[0] != "scrypt":
        return False
    try:
        cost = Cost(*(int(number) for number in parts[1:4]))
        salt, key = base64.b64decode(parts[4]), base64.b64decode(parts[5])
    except ValueError:
        return False
    if not (1 <= cost.log_n <= 20 and 1 <= cost.r <= 32 and 1 <= cost.p <= 16):
        return False
    return hmac.compare_digest(_derive(password, salt, cost), key)


def _derive(password: str, salt: bytes, cost: Cost) -> bytes:
    # the same characters typed on another keyboard layout engine are the same password
    normal = unicodedata.normalize("NFKC", password).encode("utf-8")
    return hashlib.scrypt(
        normal, salt=salt, n=1 << cost.log_n, r=cost.r, p=cost.p,
        maxmem=2 * cost.memory_bytes + (1 << 20), dklen=_KEY_BYTES,
    )  # fmt: skip


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
