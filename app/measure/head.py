"""Haemorrhage, Evans index and midline shift: ``hemorrhage-volume@1``, ``abc2@1``,
``evans-index@1``, ``midline-shift@1``.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from app.core.geometry import Geometry
from app.core.measurement import Measurement
from app.measure.anatomy import Anatomy, Point, Structure, main_part
from app.measure.diameters import in_plane_axes
from app.measure.methods import METHODS
from app.measure.outcome import (
    Doubt,
    Found,
    Number,
    absent,
    failed,
    found,
    thin,
    whole,
)  # fmt: skip

Float64Array = npt.NDArray[np.float64]
HEMORRHAGE_SLICE_MM: Final = 5.0
_KINDS: Final = {"hemorrhage_volume": "mL", "hemorrhage_abc2": "mL"}
_COUNTED: Final = ((0.75, 1.0), (0.25, 0.5))
_TILT_STEPS_DEG: Final = (8.0, 4.0, 2.0, 1.0, 0.5)
_MOST_TILT_DEG: Final = 32.0
_LEAST_MIRROR: Final = 0.80
_MIRRORED_POINTS: Final = 3000
_LEVEL_STEP_MM: Final = 1.0


def hemorrhage(anatomy: Anatomy) -> list[Found]:
    """Volume of a haemorrhage, and ABC/2 beside it."""
    role = "hemorrhage"
    bleeding = anatomy.structure(role)
    if bleeding is None:
        return [absent(role, kind, unit) for kind, unit in _KINDS.items()]
    doubts = [*whole(bleeding), *thin(anatomy, HEMORRHAGE_SLICE_MM)]
    value, ends = abc2_ml(main_part(bleeding))
    names = ("a_first", "a_second", "b_first", "b_second")
    return [
        found(role, "hemorrhage_volume", Number(bleeding.volume_ml, "mL"), doubts),
        found(role, "hemorrhage_abc2", Number(value, "mL", ends, names), doubts),
    ]


def abc2_ml(bleeding: Structure) -> tuple[float, Float64Array]:
    """ABC/2 in mL (Kothari 1996) with the ends of A and B, shape (4, 3), LPS."""
    areas = np.count_nonzero(bleeding.mask, axis=(1, 2))
    largest = int(np.argmax(areas))
    spacing = bleeding.geometry.spacing_ijk
    axes = in_plane_axes(bleeding.mask[largest : largest + 1].astype(np.uint8), spacing[:2])
    if axes is None:
        raise ValueError("an empty mask has no diameters")
    shares = areas / areas[largest]
    slices = sum(
        next((weight for least, weight in _COUNTED if share >= least), 0.0) for share in shares
    )
    points = np.concatenate([axes.long_ijk, axes.short_ijk])
    points[:, 2] = largest
    value = axes.long_mm * axes.short_mm * slices * spacing[2] / 2.0 / 1000.0
    return value, bleeding.geometry.ijk_to_lps(points)


def evans(anatomy: Anatomy) -> list[Found]:
    """Width of the frontal horns over the inner width of the skull on the same level."""
    kind, role = "evans_index", "ventricle_frontal"
    horns, brain = anatomy.structure(role), anatomy.structure("brain")
    if horns is None:
        return [absent(role, kind, "1")]
    if brain is None:
        why = "There is no mask of the brain.", "Нет маски мозга."
        return [failed(role, kind, "1", why)]
    sideways = lateral_axis(brain)
    if sideways is None:
        why = (
            "No plane was found in which the brain mirrors itself.",
            "Плоскость симметрии мозга не найдена.",
        )
        return [failed(role, kind, "1", why)]
    up = np.asarray([0.0, 0.0, 1.0]) - sideways[2] * sideways
    up /= np.linalg.norm(up)
    width, ends, level = _widest_on_level(main_part(horns).points_lps(), sideways, up, anatomy)
    skull = anatomy.structure("skull")
    doubts = whole(horns)
    outer = None if skull is None else _inner_width(skull, sideways, up, level, ends.mean(axis=0))
    if outer is None:
        points = brain.points_lps()
        near = points[np.abs(points @ up - level) <= max(anatomy.geometry.spacing_ijk)]
        if len(near) == 0:
            why = "The brain is not on the level of the horns.", "Мозга нет на уровне рогов."
            return [failed(role, kind, "1", why)]
        inner, inner_ends, _ = _widest_on_level(near, sideways, up, anatomy)
        outer = inner, inner_ends
        doubts.append(
            Doubt(
                "low_quality",
                "The brain stands for the inner skull.",
                "Вместо внутреннего контура черепа — мозг.",
            )
        )
    points = np.concatenate([ends, outer[1]])
    names = ("horns_first", "horns_second", "skull_first", "skull_second")
    return [found(role, kind, Number(width / outer[0], "1", points, names), doubts)]


def lateral_axis(brain: Structure) -> Float64Array | None:
    """The unit vector from right to left of a head, by the symmetry of the brain's mask.

    Turns about the vertical and about the front-back axis of up to 32 degrees are tried, coarse to
    fine; what counts is the share of voxels whose mirror image lies in the mask. None where even
    the best plane mirrors less than 80 % of it.
    """
    points = brain.points_lps()
    stride = max(1, len(points) // _MIRRORED_POINTS)
    some, middle = points[::stride], points.mean(axis=0)
    best, score = (0.0, 0.0), -1.0
    span = _MOST_TILT_DEG
    for step in _TILT_STEPS_DEG:
        around = np.arange(-span, span + 0.01, step)
        base = best
        for yaw in around + base[0]:
            for roll in around + base[1]:
                mirrored = _mirror_share(brain, some, middle, _direction(yaw, roll))
                if mirrored > score + 1e-9:
                    best, score = (float(yaw), float(roll)), mirrored
        span = step
    return _direction(*best) if score >= _LEAST_MIRROR else None


def _direction(yaw_deg: float, roll_deg: float) -> Float64Array:
    yaw, roll = np.radians([yaw_deg, roll_deg])
    return np.asarray([np.cos(yaw) * np.cos(roll), np.sin(yaw) * np.cos(roll), np.sin(roll)])


def _mirror_share(
    brain: Structure, points: Float64Array, middle: Float64Array, normal: Float64Array
) -> float:
    """Share of points whose mirror image in the plane through the middle lies in the mask."""
    image = points - 2.0 * ((points - middle) @ normal)[:, None] * normal
    index = np.round(brain.geometry.lps_to_ijk(image)).astype(np.intp)
    size = np.asarray(brain.geometry.size_ijk)
    inside = np.all((index >= 0) & (index < size), axis=1)
    i, j, k = index[inside].T
    return float(np.count_nonzero(brain.mask[k, j, i])) / len(points)


def _widest_on_level(
    points: Float64Array, sideways: Float64Array, up: Float64Array, anatomy: Anatomy
) -> tuple[float, Float64Array, float]:
    """Largest extent along ``sideways`` of voxel centres on one level: mm, ends, and the level."""
    step = max(_LEVEL_STEP_MM, max(anatomy.geometry.spacing_ijk))
    # the outermost faces lie half a voxel beyond the outermost centres, along the axis
    voxel = _voxel_along(anatomy.geometry, sideways)
    heights = points @ up
    number = np.floor((heights - heights.min()) / step).astype(np.intp)
    along = points @ sideways
    low = np.full(int(number.max()) + 1, np.inf)
    high = np.full(len(low), -np.inf)
    np.minimum.at(low, number, along)
    np.maximum.at(high, number, along)
    best = int(np.argmax(high - low))
    own = points[number == best]
    ends = own[[int(np.argmin(own @ sideways)), int(np.argmax(own @ sideways))]]
    middle = ends.mean(axis=0)
    place = middle + ((ends - middle) @ sideways)[:, None] * sideways
    place += np.asarray([[-0.5], [0.5]]) * voxel * sideways
    return float(high[best] - low[best]) + voxel, place, float(own.mean(axis=0) @ up)


def _voxel_along(geometry: Geometry, direction: Float64Array) -> float:
    """How long a voxel is along a direction: that of the axis that runs most along it."""
    share = np.abs(geometry.direction_matrix.T @ direction)
    return float(geometry.spacing_ijk[int(np.argmax(share))])


def _inner_width(
    skull: Structure, sideways: Float64Array, up: Float64Array, level: float, middle: Float64Array
) -> tuple[float, Float64Array] | None:
    """Largest distance between the inner sides of the skull on a level, across the head."""
    points = skull.points_lps()
    step = max(skull.geometry.spacing_ijk)
    near = points[np.abs(points @ up - level) <= step]
    if len(near) == 0:
        return None
    forwards = np.cross(up, sideways)
    rows = np.round(near @ forwards / step).astype(np.intp)
    centre = float(middle @ sideways)
    voxel = _voxel_along(skull.geometry, sideways)
    best: tuple[float, Float64Array] | None = None
    for row in np.unique(rows):
        own = near[rows == row]
        along = own @ sideways
        right, left = own[along < centre], own[along > centre]
        if len(right) == 0 or len(left) == 0:
            continue
        inner = right[np.argmax(right @ sideways)], left[np.argmin(left @ sideways)]
        width = float((inner[1] - inner[0]) @ sideways) - voxel
        if best is None or width > best[0]:
            place = inner[0] - (inner[0] @ sideways) * sideways
            start = float(inner[0] @ sideways) + 0.5 * voxel
            ends = np.stack([place + start * sideways, place + (start + width) * sideways])
            best = width, ends
    return best


def midline_shift(anterior: Point, posterior: Point, septum: Point) -> Measurement:
    """Distance of the septum from the straight line of the falx, LPS mm; the side is in the note.

    The distance is taken in the axial plane: the three points lie on one levelled slice.
    """
    kind = "midline_shift"
    front, back, middle = (np.asarray(p, dtype=np.float64) for p in (anterior, posterior, septum))
    along = (back - front)[:2]
    length = float(np.linalg.norm(along))
    if length < 10.0:
        return Measurement(
            kind, None, "mm", METHODS[kind], "failed",
            "The two points of the falx lie too close together.",
            note_ru="Две точки серпа лежат слишком близко.",
        )  # fmt: skip
    along /= length
    offset = (middle - front)[:2]
    across = np.asarray([along[1], -along[0]])
    signed = float(offset @ across)
    shift = signed * across
    side = ("left", "влево") if shift[0] > 0 else ("right", "вправо")
    foot = np.append(middle[:2] - shift, middle[2])
    note = ("", "") if abs(signed) < 0.05 else (f"Towards the {side[0]}.", f"Смещение {side[1]}.")
    points = tuple((float(p[0]), float(p[1]), float(p[2])) for p in (front, back, middle, foot))
    return Measurement(
        kind, abs(signed), "mm", METHODS[kind], "valid", note[0], points_lps=points,
        point_names=("falx_anterior", "falx_posterior", "septum", "foot"), note_ru=note[1],
    )  # fmt: skip
