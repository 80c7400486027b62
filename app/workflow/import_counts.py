"""How far an import is: counts, and the time that the rest will take."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

from app.core.message import number_ru
from app.core.report import Message

_RECENT = 20


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """Counts of files. ``known`` ones are unchanged since an earlier import and were not read;
    ``changed`` ones were read again; ``left_out`` held no object or one that is there already.
    ``remaining_s`` is None until there is something to judge it by.
    """

    total: int = 0
    seen: int = 0
    new: int = 0
    known: int = 0
    changed: int = 0
    left_out: int = 0
    remaining_s: float | None = None

    def message(self) -> Message:
        """The counts and the remaining time in a sentence."""
        en = f"{self.seen} of {self.total} files: {self.new} new, {self.known} known"
        ru = f"{self.seen} из {self.total} файлов: новых {self.new}, известных {self.known}"
        if self.remaining_s is None:
            return Message(en, ru)
        left = _duration(self.remaining_s)
        return Message(f"{en}, about {left.en} left", f"{ru}, осталось около {left.ru}")


@dataclass(slots=True)
class Tally:
    """Counts while the import runs; the speed is that of the last portions that were read."""

    total: int = 0
    known: int = 0
    new: int = 0
    changed: int = 0
    left_out: int = 0
    read: int = 0
    _recent: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_RECENT))

    def start(self, *, total: int, known: int) -> None:
        """The files are listed, the known ones among them found; reading begins."""
        self.total, self.known = total, known
        self._recent.append((time.monotonic(), 0))

    def portion_read(self, files: int) -> None:
        """So many more of the listed files were read."""
        self.read += files
        self._recent.append((time.monotonic(), self.read))

    def counts(self) -> ImportCounts:
        """The counts as they now are."""
        return ImportCounts(
            total=self.total,
            seen=self.known + self.read,
            new=self.new,
            known=self.known,
            changed=self.changed,
            left_out=self.left_out,
            remaining_s=self._remaining_s(),
        )

    def _remaining_s(self) -> float | None:
        if len(self._recent) < 2:
            return None
        (first_at, first), (last_at, last) = self._recent[0], self._recent[-1]
        if last == first:
            return None
        return (last_at - first_at) / (last - first) * (self.total - self.known - self.read)


def _duration(seconds: float) -> Message:
    if seconds < 90:
        return Message(f"{seconds:.0f} s", f"{seconds:.0f} с")
    if seconds < 5400:
        return Message(f"{seconds / 60:.0f} min", f"{seconds / 60:.0f} мин")
    return Message(f"{seconds / 3600:.1f} h", f"{number_ru(seconds / 3600, '.1f')} ч")
