"""Running a model patch by patch: batches, mirroring, and work beside the model.

While the session computes (it does so outside Python's lock), the next batch is cut out and the
outputs of the one before are summed by a second thread, if there is a core for it.
Copilot-practice 2.1 items 5 to 8 and 11.
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from app.inference.accumulate import Accumulator, not_a_number
from app.inference.manifest_parts import Infer
from app.inference.patch_grid import Corner, PatchGrid, pad_to, patch_grid
from app.inference.said_outputs import not_as_said
from app.inference.sinks import WholeSink

Float32Array = npt.NDArray[np.float32]
RunModel = Callable[[Float32Array], Float32Array]
OnPatch = Callable[[int, int], None]
T = TypeVar("T")

_WAITING: Final = 2
_MODEL_THREADS: Final = 4  # that onnxruntime is given at most (ort_session)
_LARGE_BYTES: Final = 256 << 20  # outputs of which only one is kept at a time
_CERTAIN: Final = 20.0  # logit of the background where a patch is left out


@dataclass(frozen=True, slots=True)
class Window:
    """One sweep: which patches of ``values`` [channel, *space], into what.

    ``grid`` covers the padded space; ``empty_below`` leaves out patches with no larger value:
    their outputs are those of ``channels`` channels that are sure of the background, channel 0
    where labels are ``exclusive``, no channel otherwise.
    """

    grid: PatchGrid
    batch: int = 1
    fixed_batch: bool = False
    mirror_axes: tuple[int, ...] = ()
    pad_value: float = 0.0
    empty_below: float | None = None
    channels: int = 0
    exclusive: bool = True

    def on(self, grid: PatchGrid) -> Window:
        """The same sweep on another grid."""
        return replace(self, grid=grid)


@dataclass(slots=True)
class SweepCount:
    """What a sweep did."""

    patches: int = 0
    skipped: int = 0
    bands: int = 1
    storage: str = "float32"


def mirrored(run: RunModel, tensor: Float32Array, axes: tuple[int, ...]) -> Float32Array:
    """Mean of the maps over all subsets of mirrored spatial ``axes`` (batch, channel before)."""
    if not axes:
        return run(tensor)
    subsets = [
        subset for size in range(len(axes) + 1) for subset in itertools.combinations(axes, size)
    ]
    total: Float32Array | None = None
    for subset in subsets:
        flips = tuple(axis + 2 for axis in subset)
        output: Float32Array = np.flip(run(np.ascontiguousarray(np.flip(tensor, flips))), flips)
        if total is None:
            total = np.array(output, dtype=np.float32)
        else:
            total += output
    if total is None:
        raise AssertionError("the empty subset is always there")
    total /= np.float32(len(subsets))
    return total


def sweep(
    values: Float32Array,
    run: RunModel,
    window: Window,
    accumulator: Accumulator,
    on_patch: OnPatch,
) -> SweepCount:
    """Run every patch of ``values`` [channel, *space] and hand the outputs to ``accumulator``.

    ``on_patch(done, total)`` is called after each batch. The accumulator is closed in any case.
    """
    padded = pad_to(values, window.grid.shape, window.pad_value)
    corners = window.grid.corners
    count = SweepCount(patches=len(corners))
    batches = _batches(corners, padded, window)
    rooms = [_room(padded, window) for _ in range(2)]  # one is cut while the other is computed
    done = 0
    with _beside() as beside:
        waiting: deque[Future[None]] = deque()
        coming: Future[Float32Array] | None = None
        try:
            for n, (is_run, batch) in enumerate(batches):
                if not is_run:
                    count.skipped += len(batch)
                    waiting.append(beside.submit(_add_empty, batch, window, accumulator))
                else:
                    room = rooms[n % 2]
                    tensor = coming.result() if coming else _cut(padded, batch, window, room)
                    coming = None
                    if n + 1 < len(batches) and batches[n + 1][0]:
                        following = (padded, batches[n + 1][1], window, rooms[(n + 1) % 2])
                        coming = beside.submit(_cut, *following)
                    output = mirrored(run, tensor, window.mirror_axes)
                    if np.may_share_memory(output, tensor):  # the room is filled again
                        output = output.copy()
                    _require_maps(output, window)
                    waiting.append(beside.submit(_add, batch, output, accumulator))
                    if output.nbytes > _LARGE_BYTES:
                        waiting[-1].result()
                    del output
                while len(waiting) > _WAITING:
                    waiting.popleft().result()
                done += len(batch)
                on_patch(done, len(corners))
            for future in waiting:
                future.result()
            accumulator.finish()
        finally:
            beside.shutdown(wait=True, cancel_futures=True)
            accumulator.close()
    return count


class _Here(Executor):
    """Does at once what it is given, in the thread that gives it."""

    def submit(self, work: Callable[..., T], /, *args: Any, **more: Any) -> Future[T]:  # noqa: ANN401
        """The result, or what was raised, as a future that is done."""
        done: Future[T] = Future()
        try:
            done.set_result(work(*args, **more))
        except BaseException as error:  # noqa: BLE001 - handed on by the future
            done.set_exception(error)
        return done


def _beside() -> Executor:
    """A thread beside the model where a core is left for it.

    The model's own threads (up to four) fill a small machine: there a further one only takes their
    turns (measured: docs/measurements.md, Engine).
    """
    if (os.cpu_count() or 1) > _MODEL_THREADS:
        return ThreadPoolExecutor(1, thread_name_prefix="patches")
    return _Here()


def predict(values: Float32Array, run: RunModel, infer: Infer, on_patch: OnPatch) -> Float32Array:
    """Raw outputs ``[channel, *space]`` for ``values`` [channel, *space], kept whole."""
    if infer.patch is None:
        whole = whole_tensor(values, run, infer.mirror_axes)
        on_patch(1, 1)
        return whole
    window = window_of(values.shape[1:], infer)
    sink = WholeSink(values.shape[1:])
    sweep(values, flat_run(run, values.ndim - 1, infer), window,
          Accumulator(window.grid, sink, _LARGE_BYTES * 16), on_patch)  # fmt: skip
    return sink.values


def whole_tensor(values: Float32Array, run: RunModel, mirror_axes: tuple[int, ...]) -> Float32Array:
    """The model on the whole tensor at once; maps of its size come out."""
    whole = np.asarray(mirrored(run, values[None], mirror_axes)[0], dtype=np.float32)
    if whole.shape[1:] != values.shape[1:]:
        raise not_as_said("maps", whole.shape, (whole.shape[0], *values.shape[1:]))
    if not np.isfinite(whole).all():
        raise not_a_number()
    return whole


def window_of(
    shape: tuple[int, ...], infer: Infer, *, batch: int = 1, fixed_batch: bool = False
) -> Window:
    """The sweep that a manifest asks for. A patch of two dimensions tiles every slice."""
    if infer.patch is None:
        raise ValueError("the manifest asks for no patches")
    patch = (1,) * (len(shape) - len(infer.patch)) + tuple(infer.patch)
    flat = len(shape) - len(infer.patch)
    return Window(
        patch_grid(shape, patch, infer.overlap, infer.window, infer.placement),
        batch=batch,
        fixed_batch=fixed_batch,
        mirror_axes=tuple(axis + flat for axis in infer.mirror_axes),
        pad_value=infer.pad_value,
    )


def flat_run(run: RunModel, dimensions: int, infer: Infer) -> RunModel:
    """``run`` for tensors of ``dimensions``; a model of slices gets them without the first axis."""
    if infer.patch is None or len(infer.patch) == dimensions:
        return run
    return lambda tensor: run(np.ascontiguousarray(tensor[:, :, 0]))[:, :, None]


def _batches(
    corners: Sequence[Corner], padded: Float32Array, window: Window
) -> list[tuple[bool, list[Corner]]]:
    """Groups of neighbours in order; with False those that need not be run."""
    groups: list[tuple[bool, list[Corner]]] = []
    for corner in corners:
        is_run = window.empty_below is None or bool(
            padded[(slice(None), *window.grid.box(corner))].max() > window.empty_below
        )
        if groups and groups[-1][0] == is_run and len(groups[-1][1]) < max(1, window.batch):
            groups[-1][1].append(corner)
        else:
            groups.append((is_run, [corner]))
    return groups


def _room(padded: Float32Array, window: Window) -> Float32Array:
    """Room for the tensor of a batch, filled again and again: new memory has to be cleared."""
    return np.empty((max(1, window.batch), padded.shape[0], *window.grid.patch), dtype=np.float32)


def _cut(
    padded: Float32Array, batch: list[Corner], window: Window, room: Float32Array
) -> Float32Array:
    """The tensor of a batch, in ``room``."""
    tensor = room if window.fixed_batch else room[: len(batch)]
    for row, corner in zip(tensor, batch, strict=False):
        row[...] = padded[(slice(None), *window.grid.box(corner))]
    tensor[len(batch) :] = 0.0
    return tensor


def _add(batch: list[Corner], output: Float32Array, accumulator: Accumulator) -> None:
    for corner, maps in zip(batch, output, strict=False):
        accumulator.add(corner, maps)


def _add_empty(batch: list[Corner], window: Window, accumulator: Accumulator) -> None:
    """Background where the model was not run."""
    for corner in batch:
        maps = np.full((window.channels, *window.grid.patch), -_CERTAIN, dtype=np.float32)
        if window.exclusive:
            maps[0] = _CERTAIN
        accumulator.add(corner, maps)


def _require_maps(output: Float32Array, window: Window) -> None:
    """Refuse outputs of another size than the patch."""
    if output.ndim != 2 + len(window.grid.patch) or output.shape[2:] != window.grid.patch:
        raise not_as_said("maps", output.shape, (*output.shape[:2], *window.grid.patch))
