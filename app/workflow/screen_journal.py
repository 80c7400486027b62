"""The memory of an archive-wide run: one JSON line per study, written the moment it is finished.

After a crash the run starts again and skips what stands here; a line that was cut off is dropped.
Only one run at a time may write into a folder.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self

from app.core.errors import EnvironmentFault
from app.workflow.output_files import disk_faults
from app.workflow.screen_units import ScreenUnit, content_sha256

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

JOURNAL: Final = "studies.jsonl"
_LOCKED_BYTE: Final = 2**40  # beyond the end: a lock on it hinders no reading
Row = dict[str, Any]


class ScreenJournal:
    """The lines of ``folder``; use it in a ``with`` block. One thread.

    ``retry_failed``: what failed counts as not done. Raises ``EnvironmentFault`` where another run
    writes into the folder, ``DiskFull``.
    """

    def __init__(self, folder: Path, *, retry_failed: bool = False) -> None:
        self._path = folder / JOURNAL
        self._retry_failed = retry_failed
        self._stream: BinaryIO | None = None
        self._by_fingerprint: dict[str, dict[str, Row]] = {}
        self._by_content: dict[str, Row] = {}

    @property
    def rows(self) -> tuple[Row, ...]:
        """The last line of every study."""
        rows = [row for studies in self._by_fingerprint.values() for row in studies.values()]
        return tuple(rows)

    def __enter__(self) -> Self:
        """Read what is there and keep others out."""
        with disk_faults(self._path.parent):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            stream = self._stream = self._path.open("a+b")
            _lock(stream, self._path.parent)
            stream.seek(0)
            content = stream.read()
            whole = content.rfind(b"\n") + 1
            if whole != len(content):  # cut off while it was written
                stream.truncate(whole)
                stream.seek(0, os.SEEK_END)
        for line in content[:whole].splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict) and "fingerprint" in row:
                self._keep(row)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file; that lets others in."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def add(self, row: Row) -> None:
        """Write a line, on the disk before this returns. Raises ``DiskFull``."""
        if self._stream is None:
            raise AssertionError("the journal is not open")
        with disk_faults(self._path.parent):
            self._stream.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
            self._stream.flush()
            os.fsync(self._stream.fileno())
        self._keep(row)

    def handled(self, unit: ScreenUnit, wanted: Iterable[str]) -> frozenset[str]:
        """Which of the packs (hashes of their manifests) need not run on the unit again.

        Files that are known by name, size and time are not opened; others are read, so that a
        study that was moved is known by its content.
        """
        asked = frozenset(wanted)
        rows = list(self._by_fingerprint.get(unit.fingerprint, {}).values())
        if not rows and self._by_content and unit.study_instance_uid:
            try:
                known = self._by_content.get(content_sha256(map(Path, unit.paths)))
            except OSError:
                known = None
            if known is None:
                return frozenset()
            self._keep(known | {"fingerprint": unit.fingerprint})
            rows = [known]
        if not rows or len(rows) < max(row.get("studies_in_unit", 1) for row in rows):
            return frozenset()
        return asked.intersection(*(self._done(row) for row in rows))

    def _done(self, row: Row) -> frozenset[str]:
        if row.get("error"):
            return frozenset() if self._retry_failed else frozenset(row["wanted"])
        return frozenset(
            entry["manifest_sha256"]
            for entry in row["packs"]
            if not (self._retry_failed and entry["status"] == "failed")
        )

    def _keep(self, row: Row) -> None:
        """The newest line about a study counts, with what older ones say of other packs."""
        studies = self._by_fingerprint.setdefault(row["fingerprint"], {})
        older = studies.get(row["study"])
        if older is None and row.get("error"):
            studies.pop("", None)
        if older is not None and not row.get("error"):
            newer = {entry["manifest_sha256"] for entry in row["packs"]}
            kept = [e for e in older["packs"] if e["manifest_sha256"] not in newer]
            packs = [*kept, *row["packs"]]
            row = row | {"packs": packs, "status": status_of(packs)}
        studies[row["study"]] = row
        if row["study"] and not row.get("error"):
            studies.pop("", None)  # what was said of the unit while it could not be read
            self._by_content[row["study"]] = row


def status_of(entries: Iterable[Row]) -> str:
    """The status of a study from those of its packs."""
    statuses = {entry["status"] for entry in entries}
    return next((s for s in ("failed", "done", "refused") if s in statuses), "nothing-fits")


def _lock(stream: BinaryIO, folder: Path) -> None:
    try:
        if sys.platform == "win32":
            stream.seek(_LOCKED_BYTE)
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        stream.close()
        raise EnvironmentFault(
            f"Another run writes into {folder}.",
            ru=f"В папку {folder} уже пишет другой запуск.",
            hint="Wait for it, or give another folder.",
            hint_ru="Дождитесь его или укажите другую папку.",
        ) from error
