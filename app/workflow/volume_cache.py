"""The one account of memory for images: volumes that are kept, shown or being read.

What somebody holds (a viewport, a model that runs) is in memory whether or not it is kept here, so
it counts until it is let go: what is visible is never taken away, and room is made among the rest.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from app.core.errors import InputError
from app.core.study import Series, SeriesRef, Stack, Study
from app.core.volume import Volume

VolumeKey = tuple[SeriesRef, str]
"""The stack, and which files it is made of: of a study that is still coming the stack of a minute
ago is another volume (D18), and the same UID from two places is two volumes."""


class VolumeCache:
    """Keeps the volumes used last, within ``budget_bytes``. Any thread."""

    def __init__(self, budget_bytes: int) -> None:
        self.budget_bytes = budget_bytes
        self._lock = threading.RLock()
        self._kept: OrderedDict[VolumeKey, Volume] = OrderedDict()
        # every volume that is in memory still, kept here or held elsewhere
        self._living: weakref.WeakValueDictionary[VolumeKey, Volume] = weakref.WeakValueDictionary()
        self._reserved = 0

    def get(self, key: VolumeKey) -> Volume | None:
        """The volume if it is in memory, kept or held by somebody; it counts as used now."""
        with self._lock:
            volume = self._living.get(key)
            if volume is not None:
                self._kept[key] = volume
                self._kept.move_to_end(key)
            return volume

    def put(self, key: VolumeKey, volume: Volume) -> None:
        """Keep the volume; the ones used longest ago go. The newest always stays."""
        with self._lock:
            self._kept[key] = volume
            self._living[key] = volume
            self._kept.move_to_end(key)
            self._make_room(0, least=1)

    @contextmanager
    def reserved(self, nbytes: int) -> Iterator[bool]:
        """Room for a volume of ``nbytes`` that is about to be read; False: it does not fit.

        Volumes that nobody else holds are let go for it, the one used longest ago first.
        """
        with self._lock:
            self._make_room(nbytes, least=0)
            fits = self.size_bytes + nbytes <= self.budget_bytes
            if fits:
                self._reserved += nbytes
        try:
            yield fits
        finally:
            with self._lock:
                self._reserved -= nbytes if fits else 0

    @property
    def free_bytes(self) -> int:
        """What is neither held nor promised now."""
        return max(self.budget_bytes - self.size_bytes, 0)

    @property
    def size_bytes(self) -> int:
        """Memory held by voxels, and promised to those that are being read."""
        with self._lock:
            return self._reserved + sum(v.voxels.nbytes for v in self._living.values())

    def forget(self, study_instance_uid: str) -> None:
        """Read the study's files again when they are asked for: they may have changed."""
        with self._lock:
            for key in [
                key for key in self._living if key[0].study_instance_uid == study_instance_uid
            ]:
                self._living.pop(key, None)
                self._kept.pop(key, None)

    def clear(self) -> None:
        """Let all go."""
        with self._lock:
            self._kept.clear()

    def _make_room(self, nbytes: int, least: int) -> None:
        while len(self._kept) > least and self.size_bytes + nbytes > self.budget_bytes:
            self._kept.popitem(last=False)


def volume_key(ref: SeriesRef, stack: Stack) -> VolumeKey:
    """The key under which the volume of a stack is kept."""
    if not stack.frames:
        return ref, ""
    first, last = stack.frames[0].instance.path, stack.frames[-1].instance.path
    return ref, f"{len(stack.frames)} {first} {last}"


def find_stack(study: Study, ref: SeriesRef) -> tuple[Series, Stack]:
    """The series and stack that ``ref`` names. Raises ``InputError`` where there is none."""
    series = study.find_series(ref.series_instance_uid)
    if ref.study_instance_uid == study.study_instance_uid and series is not None:
        for stack in series.stacks:
            if stack.index == ref.stack:
                return series, stack
    raise InputError(
        "The study has no such series or stack.",
        ru="В исследовании нет такой серии или стопки.",
        hint="overread inspect lists the series with their stacks.",
        hint_ru="Список серий и стопок: overread inspect.",
    )
