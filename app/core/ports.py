"""What upper rooms or the outside world provide."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Protocol


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
