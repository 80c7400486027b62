"""The coarse part of the search for a pair: both templates, turned through a fan of turns.

Normalised cross-correlation by FFT at the step of the level, with the mean and the deviation under
the turned template itself; the maps of both sides are added up over the distances of the sides.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from app.inference.template_level import Level, Pose, rotation

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]

COARSE_MM: Final = 4.0
_PITCH: Final = (-36, -24, -12, 0, 12, 24, 36)  # degrees about the left-right axis
_YAW_ROLL: Final = (-15, 0, 15)
_AXES: Final = (0, 1, 2)
_REACH_MM: Final = 36.0  # half the edge of the cube that holds the turned template
# of the image's deviation: less local contrast than this correlates with nothing
_FLAT: Final = 0.15


def coarse_poses(
    level: Level, distances_mm: tuple[float, float], progress: Callable[[float], None]
) -> Iterator[Pose]:
    """The two best poses for every turn of the fan."""
    deviation = float(level.values.std())
    if deviation == 0:
        return
    values = (level.values - level.values.mean()) / deviation
    shape = tuple(_fast_length(n + 20) for n in values.shape)
    image = np.fft.rfftn(values, shape, _AXES)
    square = np.fft.rfftn(values**2, shape, _AXES)
    turns = list(itertools.product(_PITCH, _YAW_ROLL, _YAW_ROLL))
    possible = _possible(level, shape)
    distances = np.arange(distances_mm[0], distances_mm[1] + 1e-6, COARSE_MM)
    pictures = _smoothed_template(level)
    for n, degrees in enumerate(turns):
        turn = np.radians(degrees)
        matrix = rotation(turn)
        maps = []
        for is_left in (True, False):
            mirrored = is_left != level.template.is_left
            box = _template_box(level, pictures, matrix, mirrored=mirrored)
            maps.append(np.where(possible, _correlations((image, square), box, shape), -1.0))
        yield from _peaks(level, maps, (turn, matrix), distances)
        progress(0.6 * (n + 1) / len(turns))


def _correlations(
    spectra: tuple[npt.NDArray[np.complex128], npt.NDArray[np.complex128]],
    box: Float32Array,
    shape: tuple[int, ...],
) -> Float32Array:
    """Normalised correlation of the turned template (NaN outside) with the image at every place."""
    mask = np.isfinite(box).astype(np.float32)
    count = float(mask.sum())
    values = np.where(mask > 0, box, 0)
    mask_spectrum = np.conj(np.fft.rfftn(mask, shape, _AXES))
    products = (
        spectra[0] * np.conj(np.fft.rfftn(values, shape, _AXES)),
        spectra[0] * mask_spectrum,
        spectra[1] * mask_spectrum,
    )
    cross, total, square = (np.fft.irfftn(product, shape, _AXES) for product in products)
    mean = total / count
    deviation = np.sqrt(np.maximum(square / count - mean**2, _FLAT**2))
    power = float(np.sqrt((values**2).sum() * count))
    half = box.shape[0] // 2
    found = np.roll(cross / deviation / power, (half, half, half), (0, 1, 2))
    return np.asarray(found, np.float32)


def _possible(level: Level, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Where the middle of a side may be: in bright tissue, the whole template inside the image."""
    image = sitk.GetImageFromArray(level.values)
    tissue = sitk.GetArrayFromImage(sitk.OtsuThreshold(image, 0, 1)) > 0
    radius = (np.array(level.template.values.shape) * 0.3 / level.step).astype(int)
    result = np.zeros(shape, bool)
    inner = tuple(slice(r, n - r) for r, n in zip(radius, tissue.shape, strict=True))
    result[inner] = tissue[inner]
    return result


def _peaks(
    level: Level,
    maps: list[Float32Array],
    turned: tuple[Float64Array, Float64Array],
    distances: Float64Array,
) -> Iterator[Pose]:
    turn, matrix = turned
    best = np.full(maps[0].shape, -1.0, np.float32)
    which = np.zeros(maps[0].shape, np.int16)
    for n, distance in enumerate(distances):
        shift = np.rint(matrix[:, 0] * distance / 2 / level.step).astype(int)[::-1]
        both = _shifted(maps[0], shift) + _shifted(maps[1], -shift)
        better = both > best
        best[better] = both[better]
        which[better] = n
    for _ in range(2):
        place = np.unravel_index(int(best.argmax()), best.shape)
        middle = level.origin + np.array(place[::-1]) * level.step
        score = float(best[place]) / 2
        if score <= 0:
            return
        yield Pose(
            (float(middle[0]), float(middle[1]), float(middle[2])),
            (float(turn[0]), float(turn[1]), float(turn[2])),
            1.0,
            float(distances[which[place]]),
            score,
        )
        around = tuple(slice(max(0, p - 3), p + 4) for p in place)
        best[around] = -1.0


def _shifted(map_: Float32Array, shift: npt.NDArray[np.int_]) -> Float32Array:
    """``result[p] = map_[p + shift]``; -1 where that lies outside."""
    result = np.full(map_.shape, -1.0, np.float32)
    target, source = [], []
    for offset, length in zip(shift, map_.shape, strict=True):
        low, high = max(0, -int(offset)), min(length, length - int(offset))
        if low >= high:
            return result
        target.append(slice(low, high))
        source.append(slice(low + int(offset), high + int(offset)))
    result[tuple(target)] = map_[tuple(source)]
    return result


def _smoothed_template(level: Level) -> tuple[sitk.Image, sitk.Image]:
    """The template's values and where it has any, both smoothed to the level's step."""
    values = level.template.values
    pictures = []
    for source in (np.where(values > 0, values, 0), values > 0):
        picture = sitk.GetImageFromArray(source.astype(np.float32))
        picture.SetOrigin([-(n - 1) / 2 for n in values.shape[::-1]])
        pictures.append(sitk.SmoothingRecursiveGaussian(picture, 0.4 * level.step))
    return pictures[0], pictures[1]


def _template_box(
    level: Level,
    pictures: tuple[sitk.Image, sitk.Image],
    matrix: Float64Array,
    *,
    mirrored: bool,
) -> Float32Array:
    """The turned template on a cube of the level's grid, zero mean; NaN where it has no value."""
    half = int(np.ceil(_REACH_MM / level.step))
    count = 2 * half + 1
    back = sitk.AffineTransform(3)
    flip = np.diag([-1.0 if mirrored else 1.0, 1.0, 1.0])
    back.SetMatrix((flip @ matrix.T).reshape(-1).tolist())
    start = (-half * level.step,) * 3
    values, weight = (
        sitk.GetArrayFromImage(
            sitk.Resample(
                picture, (count,) * 3, back, sitk.sitkLinear, start, (level.step,) * 3,
                (1, 0, 0, 0, 1, 0, 0, 0, 1), 0.0,
            )
        )
        for picture in pictures
    )  # fmt: skip
    inside = weight > 0.5
    box = np.full(values.shape, np.nan, np.float32)
    box[inside] = values[inside] / weight[inside]
    box[inside] -= box[inside].mean()
    return box


def _fast_length(least: int) -> int:
    """The next length of factors 2, 3 and 5."""
    for length in itertools.count(least):
        rest = length
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return length
    raise AssertionError("endless")
