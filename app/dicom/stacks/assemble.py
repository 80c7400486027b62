"""From a stack to voxels: whole volumes, from the middle outwards.

A frame and the slice of the volume made from it hold the same stored values.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.core.errors import DicomReadError, EnvironmentFault
from app.core.report import Message
from app.core.study import Series, Stack, Study
from app.core.volume import Volume
from app.dicom import wording
from app.dicom.stacks.regrid import (
    FloatPlane,
    SliceSource,
    offsets_in_grid,
    plan_slices,
    regrid_slice,
)
from app.dicom.stacks.stack_reader import (
    NO_HOLES,
    NO_IMAGE_FLOAT,
    Holes,
    ImageFacts,
    StackReader,
    make_volume,
)
from app.dicom.stacks.volume_size import is_resampled, too_large, volume_bytes
from app.jobs.cancel import CancelToken
from app.jobs.machine_memory import memory_bytes
from app.jobs.progress import Progress, no_progress

READING_THREADS: Final = min(max(os.cpu_count() or 1, 2), 8)
"""Reading waits for disks and for the processes that decode, so more than one pays."""

_KEPT_SLICES: Final = 4

OnFrame = Callable[[int, npt.NDArray[Any]], None]

# Outside of what was acquired, in modality values: below air, so that it can be no tissue.
_NO_IMAGE_HU: Final = -3024


def assemble_volume(
    study: Study,
    series: Series,
    stack: Stack,
    *,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
    on_frame: OnFrame | None = None,
) -> Volume:
    """``assemble`` for those who keep no account of memory: half of the machine is the limit."""
    reader = StackReader(study, series, stack)
    nbytes, limit = volume_bytes(reader), memory_bytes() // 2
    if nbytes > limit:
        raise too_large(reader, limit)
    return assemble(reader, progress=progress, cancel=cancel, on_frame=on_frame)


def assemble(
    reader: StackReader,
    *,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
    on_frame: OnFrame | None = None,
    leaves_holes: bool = False,
) -> Volume:
    """All voxels of a stack; of a stack that is no volume its images, with geometry None.

    Slices are decoded from the middle outwards. ``on_frame(k, plane)`` is called in this thread
    for each finished slice ``k`` of the result, so that a viewer can show it at once. With
    ``leaves_holes`` an image that cannot be decoded is padding in the result and named in its
    warnings (D12); without, or where no image can be, that raises ``DicomReadError``. Also raises
    ``EnvironmentFault`` (memory), ``Cancelled``.
    """
    report, token = progress or no_progress, cancel or CancelToken()
    stack = reader.stack
    frames = _Frames(reader, leaves_holes=leaves_holes)
    padding = reader.facts.padding
    try:
        if is_resampled(stack):
            voxels, padding = _resampled(frames, stack, report, token, on_frame)
        else:
            voxels = _plain(frames, stack, report, token, on_frame)
            if frames.faults and not reader.facts.is_color:
                padding = frames.padding
    except MemoryError as error:
        raise EnvironmentFault(
            "There is not enough memory for this series.",
            ru="Для этой серии не хватает памяти.",
            hint="Close other studies and repeat.",
            hint_ru="Закройте другие исследования и повторите.",
        ) from error
    return make_volume(
        reader.facts, voxels, reader.ref, stack=stack, padding=padding, holes=frames.holes()
    )


class _Frames:
    """The frames of a stack; with ``leaves_holes`` those that cannot be decoded are padding."""

    def __init__(self, reader: StackReader, *, leaves_holes: bool) -> None:
        self.reader = reader
        self.faults: dict[int, DicomReadError] = {}
        self.filler = _filler(reader.facts)
        self.padding = reader.facts.padding or (self.filler, self.filler)
        self._leaves_holes = leaves_holes

    def read_into(self, n: int, plane: npt.NDArray[Any]) -> None:
        """Frame ``n``, or padding; any thread."""
        try:
            self.reader.read_into(n, plane)
        except DicomReadError as error:
            self._note(n, error)
            plane[...] = self.filler

    def read(self, n: int) -> npt.NDArray[Any]:
        """Frame ``n``, or padding; any thread."""
        try:
            return self.reader.read_frame(n)
        except DicomReadError as error:
            self._note(n, error)
            stack = self.reader.stack
            return np.full((stack.rows, stack.columns), self.filler, self.reader.facts.dtype)

    def holes(self) -> Holes:
        """What is missing. Raises the first fault where nothing could be read."""
        if not self.faults:
            return NO_HOLES
        first = self.faults[min(self.faults)]
        count = self.reader.frame_count
        if len(self.faults) == count:
            raise first
        said = wording.unreadable(len(self.faults), count, Message(first.message, first.ru))
        return Holes(tuple(sorted(self.faults)), (wording.warning("D12", said),))

    def _note(self, n: int, error: DicomReadError) -> None:
        if not self._leaves_holes:
            raise error
        self.faults[n] = error


def middle_out(count: int) -> Iterator[int]:
    """0..count-1 from the middle outwards: what a reader looks at first comes first."""
    middle = count // 2
    yield from sorted(range(count), key=lambda n: (abs(n - middle), n))


def _plain(
    frames: _Frames,
    stack: Stack,
    report: Progress,
    token: CancelToken,
    on_frame: OnFrame | None,
) -> npt.NDArray[Any]:
    reader, facts = frames.reader, frames.reader.facts
    shape: tuple[int, ...] = (reader.frame_count, stack.rows, stack.columns)
    voxels = np.zeros((*shape, 3) if facts.is_color else shape, dtype=facts.dtype)

    def read(k: int) -> int:
        token.raise_if_cancelled()
        frames.read_into(k, voxels[k])
        return k

    with ThreadPoolExecutor(READING_THREADS, "reading") as threads:
        try:
            for done, k in enumerate(threads.map(read, _reading_order(stack)), start=1):
                token.raise_if_cancelled()
                if on_frame is not None:
                    on_frame(k, voxels[k])
                report(done / len(voxels), "reading images")
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
    return voxels


def _reading_order(stack: Stack) -> Iterator[int]:
    """Middle out; frames of one object in its own order, so that each object is opened once."""
    if stack.frames[0].instance.number_of_frames > 1:
        yield from range(len(stack.frames))
    else:
        yield from middle_out(len(stack.frames))


def _resampled(
    frames: _Frames,
    stack: Stack,
    report: Progress,
    token: CancelToken,
    on_frame: OnFrame | None,
) -> tuple[npt.NDArray[Any], tuple[int, int]]:
    reader, geometry = frames.reader, stack.geometry
    positions = [position for position in reader.positions_lps if position is not None]
    if geometry is None or len(positions) != reader.frame_count:
        raise DicomReadError(
            "The images have changed on disk since they were listed.",
            ru="Снимки на диске изменились после составления списка.",
            hint="Open the study again.",
            hint_ru="Откройте исследование заново.",
        )
    fill_gaps = any(warning.code == "G05" for warning in stack.warnings)
    plan = plan_slices(positions, geometry, fill_gaps=fill_gaps)
    offsets = offsets_in_grid(positions, geometry)
    padding = frames.padding
    voxels = np.full(geometry.shape_kji, frames.filler, dtype=reader.facts.dtype)
    acquired: dict[int, tuple[FloatPlane, npt.NDArray[np.bool_]]] = {}
    order = list(_reading_order_of(len(plan)))
    threads = ThreadPoolExecutor(READING_THREADS, "reading")
    ahead = _read_ahead(threads, frames.read, _first_needs([plan[k] for k in order]))

    def read(n: int) -> tuple[FloatPlane, npt.NDArray[np.bool_]]:
        if n not in acquired:
            stored = next(ahead)
            valid = np.ones(stored.shape, dtype=np.bool_)
            if reader.facts.padding is not None or n in frames.faults:
                valid = (stored < padding[0]) | (stored > padding[1])
            while len(acquired) >= _KEPT_SLICES:
                acquired.pop(next(iter(acquired)))
            acquired[n] = stored.astype(np.float64), valid
        return acquired[n]

    plane_shape = geometry.shape_kji[1], geometry.shape_kji[2]
    try:
        for done, k in enumerate(order, start=1):
            token.raise_if_cancelled()
            values, holds = regrid_slice(plan[k], offsets, plane_shape, read)
            if reader.facts.dtype.kind in "iu":
                values = np.rint(values)
            voxels[k][holds] = values[holds].astype(reader.facts.dtype)
            if on_frame is not None:
                on_frame(k, voxels[k])
            report(done / len(plan), "resampling to a regular grid")
    finally:
        threads.shutdown(wait=True, cancel_futures=True)
    return voxels, padding


def _first_needs(plan: Sequence[SliceSource]) -> Iterator[int]:
    """The frames in the order in which they are read, where the last few are kept."""
    kept: list[int] = []
    for source in plan:
        for n, _ in source.parts:
            if n not in kept:
                yield n
                kept = [*kept, n][-_KEPT_SLICES:]


def _read_ahead(
    threads: ThreadPoolExecutor, read: Callable[[int], npt.NDArray[Any]], order: Iterator[int]
) -> Iterator[npt.NDArray[Any]]:
    """The frames of ``order``; while one is worked on the next ones are being read."""
    waiting: deque[Future[npt.NDArray[Any]]] = deque()
    for n in order:
        waiting.append(threads.submit(read, n))
        if len(waiting) > READING_THREADS:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _reading_order_of(count: int) -> Iterator[int]:
    """Middle upwards, then middle downwards: neighbours share the slices they are made from."""
    middle = count // 2
    yield from range(middle, count)
    yield from range(middle - 1, -1, -1)


def _filler(facts: ImageFacts) -> int:
    """The stored value for places without image; the present padding value where there is one."""
    if facts.is_color:
        return 0
    if facts.padding is not None:
        return facts.padding[0]
    if facts.dtype.kind == "f":
        return NO_IMAGE_FLOAT
    limits = np.iinfo(facts.dtype)
    if facts.quantity == "HU":
        stored = round((_NO_IMAGE_HU - facts.rescale.intercept) / facts.rescale.slope)
        if limits.min <= stored <= limits.max:
            return stored
    return int(limits.min) if limits.min < 0 else int(limits.max)
