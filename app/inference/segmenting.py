"""From an image to the masks of its labels: the window, the way back, the winning label.

Volumes follow nnU-Net (copilot-practice 2.1): raw outputs go back to the grid of the image, then
the largest wins, or each region where its sigmoid is large enough. Films take probabilities back.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from app.core.errors import ModelPackError
from app.inference.accumulate import Accumulator, ring_voxels
from app.inference.head_scores import channel_of
from app.inference.label_field import LabelField
from app.inference.manifest_steps import Threshold
from app.inference.patch_grid import PatchGrid
from app.inference.postprocess import LabelMaps, clean_field, to_masks
from app.inference.resample_grid import AxisGrid
from app.inference.sinks import Certainty, LabelSink, WholeSink, activate
from app.inference.sliding_window import (
    OnPatch,
    SweepCount,
    Window,
    flat_run,
    sweep,
    whole_tensor,
    window_of,
)
from app.inference.way_back import CropBack, ResampleBack
from app.jobs.machine_memory import available_bytes

if TYPE_CHECKING:
    from app.inference.manifest import ModelPack
    from app.inference.preprocess import Prepared

Float32Array = npt.NDArray[np.float32]

_MOST_BYTES: Final = 4 << 30


@dataclass(slots=True)
class Runner:
    """The model with the batch that its graph takes, and who is told how far it is.

    ``outputs_of(tensor, names)`` runs it; ``first`` is the output with the maps, of ``channels``
    channels. ``seconds`` is the time spent in the model.
    """

    outputs_of: Callable[[Float32Array, Sequence[str]], dict[str, Float32Array]]
    first: str
    on_patch: OnPatch
    batch: int = 1
    fixed_batch: bool = False
    channels: int = 0
    seconds: float = 0.0

    def run(self, tensor: Float32Array) -> Float32Array:
        """The maps of ``tensor`` [batch, channel, *space]."""
        return self.run_all(tensor, (self.first,))[self.first]

    def run_all(self, tensor: Float32Array, names: Sequence[str]) -> dict[str, Float32Array]:
        """Several outputs."""
        begin = time.perf_counter()
        outputs = self.outputs_of(tensor, names)
        self.seconds += time.perf_counter() - begin
        return outputs


@dataclass(slots=True)
class Segmented:
    """Label maps on the native grid, what the sweep did, how certain the model was."""

    maps: LabelMaps
    count: SweepCount
    certainty: float | None


def segment(pack: ModelPack, state: Prepared, runner: Runner) -> Segmented:
    """Run the model on the prepared image. Raises ``ModelPackError`` or ``InferenceError``."""
    if len(state.native_shape) == 3 and _is_exclusive(pack):
        return _labelled(pack, state, runner)
    raw, count = raw_outputs(pack, state, runner)
    certainty = certainty_of(pack, raw)
    wanted = {label.index: channel_of(pack, label.index) for label in pack.output.labels}
    _require_channels(pack, raw.shape[0])
    native: dict[int, Float32Array] = {}
    activation = pack.infer.activation
    soft = len(state.native_shape) == 2 or pack.infer.back == "probability"
    if soft:
        raw = activate(raw, activation)
    elif activation == "softmax":  # with a threshold: all channels are needed for one probability
        probability = activate(state.to_native(raw), activation)
        native = {index: _inside(probability[n], state) for index, n in wanted.items()}
    for index, n in wanted.items():
        if index not in native:
            map_ = state.to_native(raw[n])
            native[index] = _inside(map_ if soft else activate(map_, activation), state)
    maps = to_masks(
        native,
        pack.output.post,
        exclusive=activation == "softmax",
        voxel_ml=voxel_ml(state),
    )
    return Segmented(maps, count, certainty)


def raw_outputs(
    pack: ModelPack, state: Prepared, runner: Runner
) -> tuple[Float32Array, SweepCount]:
    """Raw outputs ``[channel, *space]`` on the grid of the model, kept whole."""
    if pack.infer.patch is None:
        return _whole(pack, state, runner), SweepCount(1)
    window = _window(pack, state, runner)
    sink = WholeSink(state.space)
    accumulator = Accumulator(window.grid, sink, memory_budget())
    run = flat_run(runner.run, len(state.space), pack.infer)
    count = sweep(state.tensor, run, window, accumulator, runner.on_patch)
    return sink.values, count


def memory_budget() -> int:
    """Bytes that sums of patches may take: half of what is free, at most four GiB."""
    return min(_MOST_BYTES, available_bytes() // 2)


def row_bands(
    grid: PatchGrid, back: AxisGrid, channels: int, budget_bytes: int
) -> list[tuple[int, int]]:
    """Bands of image rows whose sums fit into the budget in half precision.

    One where possible. With several, patches on a border are run for both sides; a band is never
    narrower than half a patch (then the sums go to disk).
    """
    old = grid.rows.stop - grid.rows.start
    most = max(1, 2 * old // grid.patch[1])
    for count in range(1, most + 1):
        edges = [round(back.new * n / count) for n in range(count + 1)]
        bands = list(itertools.pairwise(edges))
        widest = max(high - low for low, high in (back.support(*band) for band in bands))
        if ring_voxels(channels, grid, widest) * 2 <= budget_bytes:
            return bands
    return [(0, back.new)]


def certainty_of(pack: ModelPack, raw: Float32Array) -> float | None:
    """The number of the pack's test for unknown images; None where it has no test."""
    certainty = Certainty(_test(pack))
    certainty.add(raw)
    return certainty.value


def _test(pack: ModelPack) -> str:
    """The test for unknown images that can be made from maps; empty: none."""
    return "" if pack.ood is None or pack.ood.method == "output" else pack.ood.method


def voxel_ml(state: Prepared) -> float | None:
    """The volume of a voxel of the native grid."""
    spacing = state.native_spacing
    if spacing is None or len(spacing) != 3:
        return None
    return float(np.prod(spacing)) / 1000.0


def _labelled(pack: ModelPack, state: Prepared, runner: Runner) -> Segmented:
    """Labels as they come, so that outputs never exist whole at the size of the image."""
    box, grids, separate = _way_back(state)
    field = LabelField.empty(state.native_shape)
    certainty = Certainty(_test(pack))
    sink = LabelSink(
        grids,
        field.labels[box],
        field.probability[box],
        certainty=certainty,
        last_axis=separate,
        soften=pack.infer.back == "probability",
    )
    count = SweepCount()
    if pack.infer.patch is None:
        sink.take(0, _whole(pack, state, runner))
        count.patches = 1
    else:
        _sweep_bands(pack, state, runner, sink, count)
    _require_channels(pack, sink.channels)
    state.values = state.values[..., :0, :0, :0]  # the tensor is not needed any more
    field.only(tuple(label.index for label in pack.output.labels))
    maps = clean_field(field, pack.output.post, voxel_ml(state))
    return Segmented(maps, count, certainty.value)


def _sweep_bands(
    pack: ModelPack, state: Prepared, runner: Runner, sink: LabelSink, count: SweepCount
) -> None:
    window = _window(pack, state, runner)
    run = flat_run(runner.run, len(state.space), pack.infer)
    budget = memory_budget()
    bands = row_bands(window.grid, sink.back[1], runner.channels, budget)
    for n, band in enumerate(bands):
        first, stop = sink.back[1].support(*band)
        grid = window.grid.band(first, stop)
        sink.start_band(band, first)

        def on_patch(done: int, total: int, before: int = n) -> None:
            runner.on_patch(before * total + done, len(bands) * total)

        accumulator = Accumulator(grid, sink, budget)
        part = sweep(state.tensor, run, window.on(grid), accumulator, on_patch)
        count.patches += part.patches
        count.skipped += part.skipped
        count.storage = accumulator.storage
    count.bands = len(bands)


def _way_back(
    state: Prepared,
) -> tuple[tuple[slice, ...], tuple[AxisGrid, AxisGrid, AxisGrid], int | None]:
    """The box of the native grid that is made, the grids that lead to it, the axis apart."""
    box = tuple(slice(0, n) for n in state.native_shape)
    shape = state.native_shape
    steps = list(state.undo)
    if steps and isinstance(first := steps[0], CropBack):
        steps, box = steps[1:], first.box
        shape = tuple(part.stop - part.start for part in box)
    back = ResampleBack(shape, shape, None)
    if steps and isinstance(second := steps[0], ResampleBack):
        steps, back = steps[1:], second
    if steps:
        raise ModelPackError(
            "The steps of the pack cannot be undone: a volume is cropped once, then resampled "
            "once.",
            ru="Шаги пакета нельзя обратить: объём обрезают один раз, затем один раз "
            "пересчитывают.",
        )
    k, j, i = back.grids
    return box, (k, j, i), back.separate


def _window(pack: ModelPack, state: Prepared, runner: Runner) -> Window:
    window = window_of(state.space, pack.infer, batch=runner.batch, fixed_batch=runner.fixed_batch)
    return replace(
        window,
        empty_below=pack.infer.empty_below,
        channels=runner.channels,
        exclusive=pack.infer.activation == "softmax",
    )


def _whole(pack: ModelPack, state: Prepared, runner: Runner) -> Float32Array:
    raw = whole_tensor(state.tensor, runner.run, pack.infer.mirror_axes)
    runner.on_patch(1, 1)
    return raw


def _is_exclusive(pack: ModelPack) -> bool:
    return pack.infer.activation == "softmax" and not any(
        isinstance(step, Threshold) for step in pack.output.post
    )


def _inside(probability: Float32Array, state: Prepared) -> Float32Array:
    """Nothing outside of a crop, whatever a raw value of zero would mean there."""
    if state.undo and isinstance(state.undo[0], CropBack):
        kept = probability[state.undo[0].box].copy()
        probability[...] = 0.0
        probability[state.undo[0].box] = kept
    return probability


def _require_channels(pack: ModelPack, channels: int) -> None:
    for label in pack.output.labels:
        if channel_of(pack, label.index) >= channels:
            raise ModelPackError(
                f'The graph of "{pack.id}" has no channel for label {label.index}.',
                ru=f"В графе «{pack.id}» нет канала для метки {label.index}.",
            )
