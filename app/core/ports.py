"""What upper rooms or the outside world provide."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Protocol

from app.core.segmentation import Mask
from app.core.volume import Volume, Window


class Clock(Protocol):
    """Gives the time; tests give a fixed one."""

    def now_utc(self) -> str:
        """The time now, ISO 8601 with offset, UTC."""
        ...


class UidSource(Protocol):
    """Mints unique identifiers; tests give predictable ones."""

    def new_uid(self) -> str:
        """A new DICOM UID under 2.25 (PS3.5 B.2)."""
        ...


class SnapshotRenderer(Protocol):
    """Draws key images without a display."""

    def render_finding(
        self,
        volume: Volume,
        k: int,
        mask: Mask | None,
        window: Window | None = None,
        size: tuple[int, int] | None = None,
    ) -> bytes:
        """Slice ``k`` (from 0) with the outline of ``mask``, as PNG.

        ``window`` None: the volume's own; ``size`` (width, height) None: native size.
        """
        ...


class SecretStore(Protocol):
    """Keeps passwords and tokens by the name of the peer they are for."""

    def get(self, name: str) -> str:
        """The secret, or empty."""
        ...

    def put(self, name: str, secret: str) -> None:
        """Keep a secret."""
        ...

    def hold(self, name: str, secret: str) -> None:
        """Keep a secret in memory alone, until the program ends."""
        ...

    def remove(self, name: str) -> None:
        """Forget a secret."""
        ...


class TimeWitness(Protocol):
    """Knows whether the machine's clock is right."""

    def is_synchronised(self) -> bool | None:
        """Whether the system keeps its clock by a time server; None: it does not tell."""
        ...

    def offset_s(self) -> float | None:
        """Seconds that the site's time server is ahead of us; None: there is none to ask."""
        ...


class SystemLogon(Protocol):
    """The user of the operating system."""

    def account(self) -> str:
        """The account that runs the program."""
        ...

    def check(self, password: str) -> bool:
        """Whether this is the password of the account."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_utc(self) -> str:
        """The time now, ISO 8601 with milliseconds, UTC."""
        return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")


class RandomUids:
    """UIDs from random UUIDs (PS3.5 B.2)."""

    def new_uid(self) -> str:
        """A new UID under 2.25."""
        return f"2.25.{uuid.uuid4().int}"
