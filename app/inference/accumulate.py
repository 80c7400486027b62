"""Summing overlapping patches where memory allows, and letting finished slices go.

Patches come level by level along the first axis. When a level is done, the slices that no later
patch touches are final: they leave as a slab and their room is used again. What is kept is one
patch deep, not the whole volume, in single precision, in half precision or on disk. A patch is
weighed and added a few slices at a time, so that what is between stays in the processor's cache.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import numpy as np
import numpy.typing as npt

from app.core.errors import DiskFull, InferenceError
from app.inference.half_sums import HalfSums
from app.inference.patch_grid import Corner, PatchGrid

Float32Array = npt.NDArray[np.float32]
Storage = Literal["float32", "float16", "disk"]

_PART_BYTES: Final = 64 << 20
_STEP_NUMBERS: Final = 96 << 10  # weighed and added at a time
_LEAST_RUNS: Final = 16  # for less a second thread does not pay


class SlabSink(Protocol):
    """Takes the finished slices of the image grid, in order."""

    def take(self, start: int, slab: Float32Array) -> None:
        """Means ``[channel, slices, *rest]`` of the slices from ``start``; valid until return."""


def ring_voxels(channels: int, grid: PatchGrid, rows: int) -> int:
    """Numbers that are kept at a time for ``rows`` rows."""
    return channels * grid.patch[0] * rows * int(np.prod(grid.shape[2:], dtype=np.int64))


def choose_storage(channels: int, grid: PatchGrid, budget_bytes: int) -> Storage:
    """The best storage that stays within ``budget_bytes``."""
    numbers = ring_voxels(channels, grid, grid.rows.stop - grid.rows.start)
    if numbers * 4 <= budget_bytes:
        return "float32"
    return "float16" if numbers * 2 <= budget_bytes else "disk"


@dataclass(slots=True)
class _Ring:
    """Room for the slices of one level: slice n lies at n modulo the depth; ``first`` is kept."""

    sums: npt.NDArray[Any]
    first: int = 0

    def runs(self, start: int, stop: int, most: int) -> Iterator[tuple[slice, slice]]:
        """Slices ``start`` to ``stop`` in runs of at most ``most``: counted from ``start``, and
        where they lie.
        """
        depth = self.sums.shape[1]
        at = start
        while at < stop:
            place = at % depth
            count = min(most, stop - at, depth - place)
            yield slice(at - start, at - start + count), slice(place, place + count)
            at += count


@dataclass(frozen=True, slots=True)
class _Room:
    """What one thread weighs in: values of some channels, the weights behind them."""

    values: Float32Array
    half: HalfSums | None

    def add(self, sums: npt.NDArray[Any], weighed: Float32Array) -> None:
        if self.half is None:
            np.add(sums, weighed, out=sums)
        elif not self.half.add(sums, np.ascontiguousarray(weighed)):
            raise not_a_number()


class Accumulator:
    """Adds patches of outputs ``[channel, *patch]`` and hands finished slices to ``sink``.

    One thread at a time. Raises ``InferenceError`` where an output is not a finite number.
    """

    def __init__(self, grid: PatchGrid, sink: SlabSink, budget_bytes: int) -> None:
        self._grid = grid
        self._sink = sink
        self._budget = budget_bytes
        self._ring: _Ring | None = None
        self._level = grid.starts[0][0]
        self._rows = grid.rows
        self._file: Path | None = None
        self._rooms: dict[int, _Room] = {}
        self._second = ThreadPoolExecutor(1, "sums") if (os.cpu_count() or 1) > 1 else None
        self.storage: Storage = "float32"

    def add(self, corner: Corner, output: Float32Array) -> None:
        """Add one patch."""
        if self._ring is None:
            self._ring = self._make_ring(output.shape[0])
        if corner[0] != self._level:
            self._release(corner[0])
            self._level = corner[0]
        ring, (into, used) = self._ring, self._places(corner)
        share = self._grid.share(corner).cut(used)
        one = int(np.prod(share.shape[1:], dtype=np.int64))
        together = max(1, min(output.shape[0], _STEP_NUMBERS // one))  # channels
        step = max(1, min(_STEP_NUMBERS // (one * together), share.shape[0]))
        runs = list(ring.runs(corner[0], corner[0] + share.shape[0], step))
        groups = [slice(n, n + together) for n in range(0, output.shape[0], together)]

        def weigh(rows: Sequence[tuple[slice, slice]], which: int) -> None:
            room = self._room(which, (together + 1, step, *share.shape[1:]))
            for part, place in rows:
                count = part.stop - part.start
                weights = share.slices(part, out=room.values[-1, :count])
                for group in groups:
                    given = output[(group, part, *used)]
                    weighed = room.values[: given.shape[0], :count]
                    np.multiply(given, weights, out=weighed)
                    room.add(ring.sums[(group, place, *into)], weighed)

        if self._second is None or len(runs) < _LEAST_RUNS:
            weigh(runs, 0)
            return
        half = len(runs) // 2
        other = self._second.submit(weigh, runs[half:], 1)
        weigh(runs[:half], 0)
        other.result()

    def finish(self) -> None:
        """Hand out what is left, after the last patch."""
        if self._ring is not None:
            self._release(self._grid.shape[0])
        self.close()

    def close(self) -> None:
        """Give room back, also after a failure."""
        self._ring = None
        self._rooms.clear()
        if self._second is not None:
            self._second.shutdown()
        if self._file is not None:
            self._file.unlink(missing_ok=True)
            self._file = None

    def _room(self, which: int, shape: tuple[int, ...]) -> _Room:
        """Room of a thread, kept from patch to patch."""
        room = self._rooms.get(which)
        if room is None or room.values.shape != shape:
            values = np.empty(shape, dtype=np.float32)
            half = HalfSums(values.size) if self.storage != "float32" else None
            room = self._rooms[which] = _Room(values, half)
        return room

    def _places(self, corner: Corner) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """Behind the first axis: where a patch goes in the ring, and the part of it that is kept:
        not the rows outside.
        """
        box = self._grid.box(corner)[1:]
        into, used = list(box), [slice(None)] * len(box)
        if box:
            rows = self._rows
            low, high = max(box[0].start, rows.start), min(box[0].stop, rows.stop)
            into[0] = slice(low - rows.start, high - rows.start)
            used[0] = slice(low - box[0].start, high - box[0].start)
        return tuple(into), tuple(used)

    def _release(self, until: int) -> None:
        """Hand out the slices before ``until`` and make room for as many."""
        ring = self._ring
        if ring is None:
            return
        depth, rest = self._grid.inner[0], (slice(None), *self._grid.inner[2:])
        rest = rest[: ring.sums.ndim - 2]
        first, end = max(ring.first, depth.start), min(until, depth.stop)
        step = max(1, _PART_BYTES // max(1, ring.sums[:, 0].size * 4))
        for part, place in ring.runs(first, end, step):
            slab = np.asarray(ring.sums[(slice(None), place, *rest)], dtype=np.float32)
            _require_numbers(slab)
            self._sink.take(first + part.start - depth.start, slab)
        for _, place in ring.runs(ring.first, min(until, ring.first + ring.sums.shape[1]), step):
            ring.sums[:, place] = 0
        ring.first = until

    def _make_ring(self, channels: int) -> _Ring:
        rows = (self._rows.stop - self._rows.start,) if len(self._grid.shape) > 1 else ()
        shape = (channels, self._grid.patch[0], *rows, *self._grid.shape[2:])
        self.storage = choose_storage(channels, self._grid, self._budget)
        if self.storage == "disk":
            return _Ring(self._on_disk(shape), self._level)
        return _Ring(np.zeros(shape, dtype=self.storage), self._level)

    def _on_disk(self, shape: tuple[int, ...]) -> npt.NDArray[Any]:
        size = int(np.prod(shape, dtype=np.int64)) * 2
        try:
            with tempfile.NamedTemporaryFile(prefix="overread-", suffix=".sums", delete=False) as f:
                self._file = Path(f.name)
                _reserve(f.fileno(), size)
            return np.memmap(self._file, dtype=np.float16, mode="r+", shape=shape)
        except OSError as error:
            self.close()
            raise DiskFull(
                "There is neither memory nor disk space for the result of the model.",
                ru="Для результата модели не хватает ни памяти, ни места на диске.",
                hint="Close other programs or free some disk space, then repeat the job.",
                hint_ru="Закройте другие программы или освободите место и повторите задание.",
                technical_detail=str(error.strerror),
            ) from error


def _reserve(handle: int, size: int) -> None:
    """Take the space now: writing into a hole on a full disk would end the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, size)
    else:
        os.truncate(handle, size)


def _require_numbers(slab: Float32Array) -> None:
    """Refuse infinities and NaN; the sum tells of either at the price of one pass."""
    with np.errstate(over="ignore", invalid="ignore"):
        doubtful = not np.isfinite(slab.sum())
    if doubtful and not np.isfinite(slab).all():
        raise not_a_number()


def not_a_number() -> InferenceError:
    """The error for outputs that are infinite or NaN."""
    return InferenceError(
        "The model gave values that are no numbers; its result is not used.",
        ru="Модель выдала значения, которые не являются числами; результат не используется.",
        hint="Repeat the job on the CPU; if it fails again, the pack does not fit this image.",
        hint_ru="Повторите на процессоре; если ошибка повторится, пакет не подходит к снимку.",
    )
