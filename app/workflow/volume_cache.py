"""Assembled volumes in memory, within a budget of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict

from app.core.errors import InputError
from app.core.study import Series, SeriesRef, Stack, Study
from app.core.volume import Volume

VolumeKey = tuple[SeriesRef, str]
"""The stack and the place of its first file: the same UID from two places is two volumes."""


class VolumeCache:
    """Keeps the volumes used last. Any thread."""

    def __init__(self, budget_bytes: int) -> None:
        self._budget_bytes = budget_bytes
        self._lock = threading.Lock()
        self._volumes: OrderedDict[VolumeKey, Volume] = OrderedDict()

    def get(self, key: VolumeKey) -> Volume | None:
        """The volume, or None; it counts as used now."""
        with self._lock:
            volume = self._volumes.get(key)
            if volume is not None:
                self._volumes.move_to_end(key)
            return volume

    def put(self, key: VolumeKey, volume: Volume) -> None:
        """Keep the volume; the one used longest ago goes. The newest always stays."""
        with self._lock:
            self._volumes[key] = volume
            self._volumes.move_to_end(key)
            while self.size_bytes > self._budget_bytes and len(self._volumes) > 1:
                self._volumes.popitem(last=False)

    @property
    def size_bytes(self) -> int:
        """Memory held by the voxels."""
        return sum(volume.voxels.nbytes for volume in self._volumes.values())

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._volumes.clear()


def volume_key(ref: SeriesRef, stack: Stack) -> VolumeKey:
    """The key under which the volume of a stack is kept."""
    return ref, str(stack.frames[0].instance.path) if stack.frames else ""


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
