"""An image on a regular LPS grid of a chosen step, and a template of one side to hold to it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Template:
    """Values [z, y, x] at 1 mm, axes to head, back and left, 0 outside; origin in the middle.

    ``is_left`` tells which side the values show.
    """

    values: Float32Array
    is_left: bool


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the pair lies: middle (LPS), turn in radians about x, y, z, scale, distance in mm."""

    middle: tuple[float, float, float]
    turn: tuple[float, float, float]
    scale: float
    distance: float
    score: float = 0.0

    def vector(self) -> Float64Array:
        """All eight numbers."""
        return np.array([*self.middle, *self.turn, self.scale, self.distance])


class Level:
    """The image on an LPS grid of ``step`` mm, smoothed to it, and the template likewise."""

    def __init__(self, values: Float32Array, origin: Float64Array, template: Template) -> None:
        self.values = values
        self.origin = origin
        self.template = template
        self.step = 1.0
        self.places = np.zeros((0, 3))
        self.weights = np.zeros(0, np.float32)

    @classmethod
    def of(cls, image: sitk.Image, template: Template, step: float) -> Level:
        """Resample an image; the grid covers all of it."""
        finest = max(image.GetSpacing())
        sigma = 0.5 * float(np.sqrt(max(step**2 - finest**2, 0.0)))
        if sigma > 0.2:
            image = sitk.SmoothingRecursiveGaussian(sitk.Cast(image, sitk.sitkFloat32), sigma)
        size = image.GetSize()
        corners = [
            image.TransformContinuousIndexToPhysicalPoint([float(c * (n - 1)) for c, n in zip(
                corner, size, strict=True)])
            for corner in itertools.product((0, 1), repeat=3)
        ]  # fmt: skip
        low, high = np.min(corners, axis=0), np.max(corners, axis=0)
        count = [int(n) for n in np.floor((high - low) / step) + 1]
        resampled = sitk.Resample(
            image, count, sitk.Transform(3, sitk.sitkIdentity), sitk.sitkLinear, low.tolist(),
            (step, step, step), (1, 0, 0, 0, 1, 0, 0, 0, 1), 0.0, sitk.sitkFloat32,
        )  # fmt: skip
        level = cls(sitk.GetArrayFromImage(resampled), low, template)
        level.step = step
        level._sample_template()
        return level

    def _sample_template(self) -> None:
        """Places (x, y, z) mm of template voxels at this step, and their centred values."""
        every = max(1, round(self.step))
        values = self.template.values
        inside = values > 0
        if every > 1:
            picture = sitk.GetImageFromArray(np.where(inside, values, values[inside].mean()))
            picture = sitk.SmoothingRecursiveGaussian(picture, 0.5 * every)
            values = sitk.GetArrayFromImage(picture)
        start = every // 2
        chosen = np.zeros(inside.shape, bool)
        chosen[start::every, start::every, start::every] = True
        index = np.argwhere(chosen & inside)
        middle = (np.array(values.shape) - 1) / 2
        self.places = (index - middle)[:, ::-1].astype(np.float64)
        found = values[tuple(index.T)].astype(np.float32)
        self.weights = found - found.mean()

    def at(self, points: Float64Array) -> Float32Array:
        """Values at LPS points (n, 3), trilinear; what lies outside takes the edge's value."""
        place = (points - self.origin) / self.step
        top = np.array(self.values.shape[::-1]) - 1
        place = np.clip(place, 0, top)
        low = np.minimum(np.floor(place).astype(np.intp), np.maximum(top - 1, 0))
        x, y, z = (place - low).T.astype(np.float32)
        _, rows, columns = self.values.shape
        flat = self.values.reshape(-1)
        first = (low[:, 2] * rows + low[:, 1]) * columns + low[:, 0]
        dx = int(columns > 1)
        dy, dz = columns * int(rows > 1), rows * columns * int(self.values.shape[0] > 1)

        def along(start: npt.NDArray[np.intp]) -> Float32Array:
            front = flat[start] * (1 - x) + flat[start + dx] * x
            back = flat[start + dy] * (1 - x) + flat[start + dy + dx] * x
            return np.asarray(front * (1 - y) + back * y, np.float32)

        found = along(first) * (1 - z) + along(first + dz) * z
        return np.asarray(found, np.float32)

    def correlation(self, points: Float64Array) -> float:
        """Correlation of the template's values with the image at the moved places."""
        found = self.at(points)
        found = found - found.mean()
        power = float(found @ found) * float(self.weights @ self.weights)
        return float(found @ self.weights) / float(np.sqrt(power)) if power > 0 else 0.0


def rotation(turn: tuple[float, float, float] | Float64Array) -> Float64Array:
    """Matrix of turns about z, then y, then x (radians): Rx @ Ry @ Rz."""
    result = np.eye(3)
    for axis in range(3):
        a, b = [k for k in range(3) if k != axis]
        step = np.eye(3)
        cos, sin = np.cos(turn[axis]), np.sin(turn[axis])
        step[a, a] = step[b, b] = cos
        step[a, b], step[b, a] = (-sin, sin) if axis != 1 else (sin, -sin)
        result = result @ step
    return result


def moved_places(level: Level, pose: Float64Array, *, is_left: bool) -> Float64Array:
    """The template's places for one side of a pose (eight numbers), LPS."""
    places = level.places * pose[6]
    if is_left != level.template.is_left:
        places = places * np.array([-1.0, 1.0, 1.0])
    shift = np.array([pose[7] / 2 if is_left else -pose[7] / 2, 0.0, 0.0])
    moved = (places + shift) @ rotation(pose[3:6]).T + pose[:3]
    return np.asarray(moved, np.float64)
