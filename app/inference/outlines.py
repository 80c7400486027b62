"""The outline of one region: labels on the image's grid, and whether it looks like what it should.

What is judged here bears out where the region was placed: a template finds a place that looks
right, the network then has to find in it one piece of the right size, in the right order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from app.core.geometry import Geometry
from app.core.measurement import MeasurementStatus
from app.core.message import number_ru
from app.core.report import Message
from app.imaging.labelmap import connected_components, fill_holes
from app.inference.manifest_localizer import LocalizedSide, Localizer
from app.inference.regions import Region, brought_back

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
Source = Literal["found", "given", "whole"]
_CUT_VOXELS = 10


@dataclass(frozen=True, slots=True)
class Placed:
    """A region, what it is a region of, how it came to be, and the template's correlation."""

    entry: LocalizedSide
    region: Region
    source: Source
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Outline:
    """``labels`` is 0 or the number of a class, on the part ``box`` of the image's grid."""

    placed: Placed
    labels: npt.NDArray[np.uint8]
    box: tuple[slice, slice, slice]
    confidences: tuple[float | None, ...]
    ml: float
    confidence: float
    piece: float
    offset_mm: float
    front_mm: float
    cut: bool
    unseen: float


@dataclass(frozen=True, slots=True)
class Doubt:
    """What does not look as it should; ``id`` is that of a quality flag."""

    id: str
    text: Message
    status: MeasurementStatus = "low_quality"


def outline(
    probability: Float32Array, placed: Placed, geometry: Geometry, seen: npt.NDArray[np.bool_]
) -> Outline:
    """From class probabilities ``[class, z, y, x]`` of a region; class 0 is the background.

    ``seen`` [k, j, i] is False where the image has no values of its own. The largest piece of all
    classes together is kept, its holes are filled.
    """
    native, box = brought_back(probability[1:], placed.region, geometry)
    background = 1.0 - native.sum(axis=0)
    labels = np.concatenate([background[None], native]).argmax(axis=0).astype(np.uint8)
    pieces, counts = connected_components((labels > 0).astype(np.uint8))
    total = sum(counts)
    labels[pieces != 1] = 0
    filled = fill_holes((labels > 0).astype(np.uint8)) > 0
    hole = filled & (labels == 0)
    labels[hole] = native[:, hole].argmax(axis=0).astype(np.uint8) + 1
    inside = labels > 0
    count = int(inside.sum())
    part = Geometry.from_arrays(
        labels.shape[::-1], geometry.spacing_ijk,
        geometry.ijk_to_lps([s.start for s in reversed(box)]), geometry.direction, "",
    )  # fmt: skip
    region = placed.region
    classes = range(1, len(probability))
    first, last = (_middle(labels == n, part) for n in (classes[0], classes[-1]))
    offset = np.linalg.norm(_middle(inside, part) - region.centre) if count else np.inf
    front = float((last - first) @ region.axes[:, 1]) if count else -np.inf
    return Outline(
        placed,
        labels,
        box,
        tuple(_mean(native[n - 1], labels == n) for n in classes),
        count * geometry.voxel_volume_mm3 / 1000.0,
        _mean(native.sum(axis=0), inside) or 0.0,
        counts[0] / total if total else 0.0,
        float(offset),
        front if np.isfinite(front) else -1000.0,
        _reaches_edge(probability),
        float((inside & ~seen[box]).sum() / count) if count else 0.0,
    )


def _mean(values: Float32Array, mask: npt.NDArray[np.bool_]) -> float | None:
    return float(values[mask].mean()) if mask.any() else None


def _middle(mask: npt.NDArray[np.bool_], geometry: Geometry) -> Float64Array:
    index = np.argwhere(mask)[:, ::-1]
    if not len(index):
        return np.full(3, np.nan)
    return geometry.ijk_to_lps(index.mean(axis=0))


def _reaches_edge(probability: Float32Array) -> bool:
    """Whether the outline runs into the wall of its region."""
    inside = probability.argmax(axis=0) > 0
    walls = [inside.take(place, axis) for axis in range(3) for place in (0, -1)]
    return max(int(wall.sum()) for wall in walls) >= _CUT_VOXELS


def doubts(found: Outline, plan: Localizer) -> list[Doubt]:
    """What speaks against an outline, the gravest first."""
    if found.ml == 0:
        text = Message("Nothing was outlined.", "Ничего не выделено.")
        return [Doubt("nothing-outlined", text)]
    rows: list[Doubt] = []

    def doubt(id_: str, en: str, ru: str, status: MeasurementStatus = "low_quality") -> None:
        rows.append(Doubt(id_, Message(en, ru), status))

    low, high = plan.structure_ml.min, plan.structure_ml.max
    if not low <= found.ml <= high:
        doubt("size-implausible",
              f"The outlined volume of {found.ml:.1f} mL is outside {low:g} to {high:g} mL.",
              f"Выделенный объём {number_ru(found.ml, '.1f')} мл вне пределов"
              f" {number_ru(low)}–{number_ru(high)} мл.")  # fmt: skip
    if found.confidence < plan.min_confidence:
        doubt("unsure-outline", "The model is unsure of this outline.",
              "Модель не уверена в этом контуре.")  # fmt: skip
    if found.piece < plan.min_piece:
        doubt("in-pieces", "The outline falls into pieces.", "Контур распадается на части.")
    if found.front_mm < plan.min_front_mm:
        doubt("out-of-order",
              "The parts do not lie one behind the other as they should; the orientation of the "
              "image may be wrong.",
              "Части лежат не друг за другом, как должны; возможно, ориентация изображения "
              "неверна.")  # fmt: skip
    if found.placed.source == "found" and found.offset_mm > plan.max_offset_mm:
        doubt("off-place", "The outline does not lie where the place was found.",
              "Контур лежит не там, где найдено место.")  # fmt: skip
    if found.cut:
        doubt("cut-by-box", "The outline is cut by the edge of its box.",
              "Контур срезан краем рамки.", "truncated_fov")  # fmt: skip
    return rows
