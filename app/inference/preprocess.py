"""From modality values to the tensor of a model, and the way back for its maps.

Runs the closed list of steps of ``manifest_steps`` in the order of the manifest. Deterministic:
numpy, Pillow's triangle filter in two dimensions, B-splines in three. Imports neither Qt nor VTK
nor pydicom: it runs in the worker process.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from app.core.acquisition import Acquisition
from app.core.errors import ModelPackError
from app.core.geometry import Geometry
from app.core.reader_input import ReaderInput
from app.core.volume import Rescale, VoxelArray
from app.imaging import labelmap
from app.inference import manifest_steps as steps
from app.inference.film_resize import center_square, resize_film
from app.inference.manifest_parts import Input
from app.inference.resample_grid import AxisGrid, resample_values, separate_axis_of
from app.inference.volume_axes import AxisMove, move_for
from app.inference.way_back import (
    BackStep,
    CropBack,
    LetterboxBack,
    ResampleBack,
    resize_linear,
)

Float32Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ModelInput:
    """One image as the worker gets it: stored values ``[k, j, i]`` and what they mean.

    The fields are those of ``core.volume.Volume``, then what the reader gave and what the headers
    say.
    """

    voxels: VoxelArray
    rescale: Rescale = field(default_factory=Rescale)
    padding: tuple[int, int] | None = None
    polarity_inverted: bool = False
    geometry: Geometry | None = None
    pixel_spacing_mm: tuple[float, float] | None = None
    patient_orientation: tuple[str, str] | None = None
    reader: ReaderInput = field(default_factory=ReaderInput)
    acquisition: Acquisition = field(default_factory=Acquisition)

    def modality_values(self) -> Float32Array:
        """The voxels after rescale, NaN where they are padding."""
        values = self.voxels.astype(np.float32)
        if self.rescale != Rescale():
            values *= np.float32(self.rescale.slope)
            values += np.float32(self.rescale.intercept)
        if self.padding is not None:
            low, high = self.padding
            values[(self.voxels >= low) & (self.voxels <= high)] = np.nan
        return values

    def spacing(self, dimensions: int) -> tuple[float, ...] | None:
        """Millimetres per array axis (row, column) or (k, j, i); None where unknown."""
        if self.geometry is not None:
            i, j, k = self.geometry.spacing_ijk
            return (j, i) if dimensions == 2 else (k, j, i)
        return self.pixel_spacing_mm if dimensions == 2 else None


@dataclass(slots=True)
class Prepared:
    """Values on their way to the model; ``values`` ends as the tensor without batch.

    They end as ``[*space]``, or ``[channel, *space]`` where the pack has several channels. The
    *native* grid is the input grid after mirroring or permuting, where results are judged.
    ``occupied`` is what differs from zero, holes filled, of a crop to it.
    """

    values: Float32Array
    valid: npt.NDArray[np.bool_] | None
    spacing: tuple[float, ...] | None
    native_shape: tuple[int, ...] = ()
    native_spacing: tuple[float, ...] | None = None
    move: AxisMove = field(default_factory=AxisMove)
    undo: list[BackStep] = field(default_factory=list)
    occupied: npt.NDArray[np.bool_] | None = None

    @property
    def space(self) -> tuple[int, ...]:
        """The shape of the tensor without channels."""
        return self.values.shape[self.values.ndim - len(self.native_shape) :]

    @property
    def tensor(self) -> Float32Array:
        """The values as ``[channel, *space]``."""
        return self.values.reshape((-1, *self.space))

    def to_native(self, map_: Float32Array) -> Float32Array:
        """One map of the model (a value per voxel), or several, on the native grid."""
        for step in reversed(self.undo):
            map_ = step.map_back(map_)
        return map_

    def points_to_input(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Points ``[n, dimensions]`` of the tensor as continuous indices of the input grid."""
        for step in reversed(self.undo):
            points = step.points_back(points)
        return self.move.revert_points(points, self.native_shape)

    def to_input(self, labels: VoxelArray) -> VoxelArray:
        """A labelmap of the native grid on the grid of the input image."""
        return np.ascontiguousarray(self.move.revert(labels))


def prepare_channels(image: ModelInput, wanted: Input) -> Prepared:
    """The tensor of a pack: each of its channels through the steps of all and its own."""
    if not wanted.channels:
        return prepare(image, wanted.dimensions, wanted.steps)
    made = []
    for channel in wanted.channels:
        plan: list[steps.PreStep] = []
        for step in wanted.steps:
            plan.extend(channel.steps if isinstance(step, steps.Channels) else (step,))
        made.append(prepare(image, wanted.dimensions, tuple(plan)))
    state = made[0]
    state.values = np.stack([one.values for one in made])
    return state


def prepare(image: ModelInput, dimensions: int, plan: tuple[steps.PreStep, ...]) -> Prepared:
    """Run the steps of one channel. ``dimensions`` 2 takes the only frame of the image.

    Raises ``ModelPackError`` where the image cannot be what the steps need.
    """
    if dimensions == 2 and image.voxels.shape[0] != 1:
        raise ModelPackError(
            "This model reads one film, and the stack holds several images.",
            ru="Эта модель читает один снимок, а в стопке их несколько.",
        )
    stored = image.voxels[0] if dimensions == 2 else image.voxels
    values = stored.astype(np.float32)
    if image.rescale != Rescale():
        values = values * np.float32(image.rescale.slope) + np.float32(image.rescale.intercept)
    valid = None
    if image.padding is not None:
        low, high = image.padding
        valid = ~((stored >= low) & (stored <= high))
        if valid.all() or not valid.any():
            valid = None
    state = Prepared(values, valid, image.spacing(dimensions))
    state.native_shape, state.native_spacing = values.shape, state.spacing
    for step in plan:
        _apply(step, state, image, plan)
    state.values = np.ascontiguousarray(state.values, dtype=np.float32)
    return state


def _apply(
    step: steps.PreStep, state: Prepared, image: ModelInput, plan: tuple[steps.PreStep, ...]
) -> None:
    match step:
        case steps.InvertMonochrome1():
            if image.polarity_inverted:
                low, high = _extremes(state)
                state.values = np.float32(high + low) - state.values
        case steps.OrientFilm() | steps.OrientVolume():
            _orient(step, state, image)
        case steps.CropNonzero():
            _crop_nonzero(state, plan)
        case steps.CropForeground():
            _crop(state, state.values > np.float32(step.above), step.margin_mm)
        case steps.Letterbox():
            _letterbox(step, state)
        case steps.CropCenter():
            box, shape = center_square(_film_shape(state)), state.values.shape
            state.values = state.values[box]
            state.valid = None if state.valid is None else state.valid[box]
            state.undo.append(CropBack(box, shape))
        case steps.ResizeFilm():
            shape = _film_shape(state)
            state.values = resize_film(state.values, step.size, step.filter)
            state.valid, state.spacing = None, None
            whole = (slice(0, step.size[0]), slice(0, step.size[1]))
            state.undo.append(LetterboxBack(whole, shape))
        case steps.Resample():
            _resample(step, state)
        case _:
            _change_values(step, state)


def _change_values(step: steps.PreStep, state: Prepared) -> None:
    values = state.values
    match step:
        case steps.ClipPercentile():
            low, high = np.percentile(_chosen(state), [step.low, step.high])
            state.values = np.clip(values, np.float32(low), np.float32(high))
        case steps.Clip():
            state.values = np.clip(values, np.float32(step.low), np.float32(step.high))
        case steps.ScaleRange():
            low, high = _extremes(state)
            width = high - low
            unit = (values - np.float32(low)) / np.float32(width) if width > 0 else values * 0
            state.values = unit * np.float32(step.high - step.low) + np.float32(step.low)
            if state.valid is not None:
                state.values = np.clip(state.values, np.float32(step.low), np.float32(step.high))
        case steps.Normalize():
            state.values = (values - np.float32(step.mean)) / np.float32(max(step.std, 1e-8))
        case steps.ZScore():
            state.values = _standardised(values, state.occupied, step)
        case _:
            raise ModelPackError(
                f'The step "{step.step}" is not known.', ru=f"Шаг «{step.step}» неизвестен."
            )


def _chosen(state: Prepared) -> Float32Array:
    return state.values if state.valid is None else state.values[state.valid]


def _extremes(state: Prepared) -> tuple[float, float]:
    chosen = _chosen(state)
    return float(chosen.min()), float(chosen.max())


def _orient(
    step: steps.OrientFilm | steps.OrientVolume, state: Prepared, image: ModelInput
) -> None:
    """Mirror or permute; masks go back through the same move. Comes before spatial steps."""
    if state.undo:
        raise ModelPackError(
            f'The step "{step.step}" must come before crop and resize.',
            ru=f"Шаг «{step.step}» должен стоять до обрезки и изменения размера.",
        )
    if isinstance(step, steps.OrientVolume):
        move = move_for(image.geometry, step.axes)
    else:
        move = film_move(image.patient_orientation, step.columns, step.rows)
    state.move = move
    state.values = np.ascontiguousarray(move.apply(state.values))
    if state.valid is not None:
        state.valid = np.ascontiguousarray(move.apply(state.valid))
    if state.spacing is not None:
        state.spacing = tuple(state.spacing[axis] for axis in move.order(len(state.spacing)))
    state.native_shape, state.native_spacing = state.values.shape, state.spacing


def film_move(orientation: tuple[str, str] | None, columns: str, rows: str) -> AxisMove:
    """The mirroring that brings a film to ``columns``\\``rows``.

    ``orientation`` is PatientOrientation: (direction along a row, direction down the rows). What
    is unknown, or not of a frontal film, stays as it is (the gate has spoken about it).
    """
    if orientation is None:
        return AxisMove()
    along, down = (text[:1].upper() for text in orientation)
    flips: list[int] = []
    if down in ("F", "H") and along in ("L", "R"):
        flips += [0] if down != rows else []
        flips += [1] if along != columns else []
    return AxisMove(flips=tuple(flips))


def _standardised(
    values: Float32Array, occupied: npt.NDArray[np.bool_] | None, step: steps.ZScore
) -> Float32Array:
    """By mean and deviation of the image, or of what is occupied; the rest stays as it is."""
    if not step.nonzero_only:
        mean, std = float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64))
        return ((values - np.float32(mean)) / np.float32(max(std, 1e-8))).astype(np.float32)
    inside = values != 0 if occupied is None else occupied
    chosen = values[inside] if inside.any() else values.reshape(-1)
    mean, std = float(chosen.mean(dtype=np.float64)), float(chosen.std(dtype=np.float64))
    return np.where(inside, (values - mean) / max(std, 1e-8), values).astype(np.float32)


def _crop_nonzero(state: Prepared, plan: tuple[steps.PreStep, ...]) -> None:
    """Crop to what differs from zero; nnU-Net's mask of it has its holes filled."""
    differs = state.values != 0
    box = _crop(state, differs)
    if box is not None and any(isinstance(s, steps.ZScore) and s.nonzero_only for s in plan):
        volume = differs[box] if differs.ndim == 3 else differs[box][None]
        filled = labelmap.fill_holes(volume, per_slice=differs.ndim == 2) != 0
        state.occupied = filled.reshape(differs[box].shape)


def _crop(
    state: Prepared, occupied: npt.NDArray[np.bool_], margin_mm: float = 0.0
) -> tuple[slice, ...] | None:
    """Keep the box of what is occupied, with a margin; an image without any stays whole."""
    slices = []
    for axis in range(occupied.ndim):
        others = tuple(a for a in range(occupied.ndim) if a != axis)
        present = np.flatnonzero(occupied.any(axis=others))
        if present.size == 0:
            return None
        edge = math.ceil(margin_mm / (state.spacing[axis] if state.spacing else 1.0))
        last = min(int(present[-1]) + 1 + edge, occupied.shape[axis])
        slices.append(slice(max(0, int(present[0]) - edge), last))
    box, shape = tuple(slices), state.values.shape
    state.values = state.values[box]
    state.valid = None if state.valid is None else state.valid[box]
    state.undo.append(CropBack(box, shape))
    return box


def _letterbox(step: steps.Letterbox, state: Prepared) -> None:
    rows, columns = state.values.shape
    row_mm, column_mm = state.spacing or (1.0, 1.0)
    height, width = rows * row_mm, columns * column_mm
    scale = min(step.size[0] / height, step.size[1] / width)
    new = (max(1, round(height * scale)), max(1, round(width * scale)))
    centered = step.align == "center"
    top = (step.size[0] - new[0]) // 2 if centered else 0
    left = (step.size[1] - new[1]) // 2 if centered else 0
    box = (slice(top, top + new[0]), slice(left, left + new[1]))

    padded = np.full(step.size, step.pad_value, dtype=np.float32)
    padded[box] = resize_linear(state.values, new, antialias=step.antialias)
    state.values, state.valid, state.spacing = padded, None, None
    state.undo.append(LetterboxBack(box, (rows, columns)))


def _resample(step: steps.Resample, state: Prepared) -> None:
    if state.spacing is None:
        raise ModelPackError(
            "The image has no voxel spacing, and this model needs it.",
            ru="У изображения нет шага сетки, а модели он нужен.",
        )
    old_shape, old_spacing = state.space, state.spacing
    target = tuple(step.spacing_kji)
    spacing = (*old_spacing[: len(old_spacing) - len(target)], *target)
    if step.anchor == "first_voxel":
        _resample_from_first(step, state, spacing)
        return
    new_shape = tuple(
        max(1, round(old / new * n))
        for old, new, n in zip(old_spacing, spacing, old_shape, strict=True)
    )
    separate = separate_axis_of(old_spacing, spacing, step.separate_z_ratio)
    state.values = resample_values(
        state.values, new_shape, order=step.order, separate_axis=separate, order_z=step.order_z
    )
    state.valid, state.occupied, state.spacing = None, None, spacing
    state.undo.append(
        ResampleBack.of((old_shape, new_shape), (old_spacing, spacing), step.separate_z_ratio)
    )


def _resample_from_first(step: steps.Resample, state: Prepared, spacing: tuple[float, ...]) -> None:
    """MONAI's grid: the first voxels coincide, the extent between first and last is kept."""
    old_shape, old_spacing = state.space, state.spacing or spacing
    strides = tuple(new / old for old, new in zip(old_spacing, spacing, strict=True))
    new_shape = tuple(
        max(1, round((n - 1) / stride + 1)) for n, stride in zip(old_shape, strides, strict=True)
    )
    for axis, (old, new, stride) in enumerate(zip(old_shape, new_shape, strides, strict=True)):
        state.values = AxisGrid(old, new, step.order, stride).apply(state.values, axis)
    state.values = np.ascontiguousarray(state.values)
    state.valid, state.occupied, state.spacing = None, None, spacing
    state.undo.append(ResampleBack(old_shape, new_shape, None, strides))


def _film_shape(state: Prepared) -> tuple[int, int]:
    rows, columns = state.values.shape
    return rows, columns
