"""Muscle, fat and bone on one axial slice of the abdomen, by rules of density and place.

Planes are ``[1, j, i]`` with i to the left and j to the back. The muscle ring is what is lean or
bone under the skin; inside it, the wall is as thick as the first run of lean tissue along rays from
outside, smoothed over neighbouring rays where an organ lies against it. Behind the front of the
vertebra, lean pieces belong to the wall by their distance to spine and ring (the kidneys do not).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from app.imaging.labelmap import connected_components, largest_component
from app.imaging.morphology import (
    closed,
    dilate,
    distance_inside,
    distance_to,
    erode,
    filled_per_slice,
    labelled,
    opened,
    reached,
    split_by_markers,
)
from app.measure.body_composition import FAT_HU, MUSCLE_HU

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
Triple = tuple[float, float, float]
_BONE_HU: Final = 180.0
_LEAST_SPINE_CM2: Final = 3.0
_SKIN_MM: Final = 2.0
_LEAST_PIECE_MM2: Final = 100.0
_BRIDGED_MM: Final = 15.0
_HULL_MM: Final = 60.0
_HELD_MM: Final = 10.0
_LEAST_HELD: Final = 0.88
_GAS_HU: Final = -300.0
_VERTEBRA_MM: Final = 12.0
_FRONT_MM: Final = (28.0, 35.0)  # half width and depth of a vertebral body
_BESIDE_MM: Final = 40.0
_RAYS: Final = 720
_STEP_MM: Final = 0.5
_DEEPEST_MM: Final = 35.0
_GAP_MM: Final = 1.5
_CORE_MM: Final = 6.0
_FAR_MM: Final = (65.0, 25.0)  # from the spine and from the border: no muscle of the back


@dataclass(frozen=True, slots=True)
class BodySlice:
    """Masks ``[1, j, i]``; ``covered``: the share of rays on which an organ touches the wall.

    ``depth_mm``: radius of the largest circle in what was taken for muscle; muscles are slender.
    ``deep_cm2``: of it, what lies far from both the spine and the border of the ring.
    """

    muscle: BoolArray
    visceral: BoolArray
    subcutaneous: BoolArray
    bone: BoolArray
    covered: float
    depth_mm: float
    deep_cm2: float


def muscle_ring(
    hu: npt.NDArray[np.float32], body: BoolArray, spine: BoolArray, spacing: Triple
) -> BoolArray | None:
    """Everything inside the ring of muscle and bone, the ring included; None: no closed ring."""
    dense = body & ((hu > FAT_HU[1]) | (hu < _GAS_HU))
    skin_mm = max(_SKIN_MM, 1.01 * max(spacing[:2]))
    core = opened(dense & erode(body, skin_mm, spacing), _SKIN_MM, spacing)
    numbers, counts = connected_components(core)
    pixel = spacing[0] * spacing[1]
    large = [n for n, count in enumerate(counts, 1) if count * pixel > _LEAST_PIECE_MM2]
    if not large:
        return None
    pieces = np.isin(numbers, large)
    ring = closed(pieces, _BRIDGED_MM, spacing)
    # In front only fascia joins the muscles; nothing but the hull of the pieces shows where it is.
    front = int(np.nonzero(spine)[1].min())
    ring[:, :front] |= closed(pieces, _HULL_MM, spacing)[:, :front]
    ring = filled_per_slice(largest_component(ring) > 0) & body
    rim = ring & ~erode(ring, 1.01 * max(spacing[:2]), spacing)
    rim[:, front:] = False
    held = distance_to(pieces, spacing)[rim] <= _HELD_MM
    if (
        not (spine & ring).any()
        or not rim.any()
        or ring.sum() < 0.2 * body.sum()
        or held.mean() < _LEAST_HELD
    ):
        return None
    return ring


def spine_of(bone: BoolArray, body: BoolArray, spacing: Triple) -> BoolArray | None:
    """The vertebra with its arch and canal: the bone near the midline in the back."""
    numbers, counts = connected_components(bone, fully_connected=True)
    rows, columns = np.nonzero(body)[1:]
    middle, width = float(np.mean(columns)), float(np.ptp(columns))
    front = rows.min() + 0.4 * np.ptp(rows)
    pixel_cm2 = spacing[0] * spacing[1] / 100.0
    pieces: list[int] = []
    for number, count in enumerate(counts, 1):
        _, j, i = (float(np.mean(axis)) for axis in np.nonzero(numbers == number))
        if j > front and abs(i - middle) < 0.2 * width:
            if not pieces and count * pixel_cm2 < _LEAST_SPINE_CM2:
                return None
            pieces.append(number)
    if not pieces:
        return None
    for radius in (4.0, 8.0, 12.0, 16.0):  # until marrow and canal are enclosed
        spine = filled_per_slice(closed(np.isin(numbers, pieces), radius, spacing)) & body
        if distance_inside(spine, spacing).max() >= _VERTEBRA_MM:
            return (spine | _vertebral_body(np.isin(numbers, pieces), spacing)) & body
    return None


def _vertebral_body(bone: BoolArray, spacing: Triple) -> BoolArray:
    """The hull of the front of the spine: at a disc or a pedicle the shell is open."""
    rows, columns = np.nonzero(bone)[1:]
    front, middle = int(rows.min()), float(columns.mean())
    part = np.zeros_like(bone)
    near = np.abs(columns - middle) * spacing[0] <= _FRONT_MM[0]
    near &= (rows - front) * spacing[1] <= _FRONT_MM[1]
    part[0, rows[near], columns[near]] = True
    return filled_per_slice(closed(part, _HULL_MM, spacing))


def read_slice(
    hu: npt.NDArray[np.float32], body: BoolArray, ring: BoolArray, spine: BoolArray, spacing: Triple
) -> BodySlice:
    """Tell the tissues of a slice apart."""
    lean = ring & (hu >= MUSCLE_HU[0]) & (hu <= MUSCLE_HU[1])
    dense = filled_per_slice(body & (hu >= _BONE_HU))
    wall, covered = _wall(ring & ((hu > FAT_HU[1]) | dense), ring, spacing)
    back = _back_muscle(lean & ~spine, ring, spine, spacing)
    bone = dense & (spine | reached(dense, wall & dense, full=True) & ~_deep(ring, spacing))
    frame = closed(wall | back | spine | bone, 3.0, spacing)
    room = opened(ring & ~frame, 2.0, spacing)
    numbers, counts = connected_components(room)
    pixel = spacing[0] * spacing[1]
    large = [n for n, count in enumerate(counts, 1) if count * pixel > 400.0]
    front = int(np.nonzero(spine)[1].min())
    kept = [n for n in large if np.nonzero(numbers == n)[1].min() < front]
    # The opening rounded the room off: its rim comes back, no farther than the frame.
    cavity = dilate(np.isin(numbers, kept), 2.0, spacing) & ring & ~frame
    cavity &= ~_behind(spine, spacing)
    fat = body & (hu >= FAT_HU[0]) & (hu <= FAT_HU[1])
    muscle = lean & (wall | back) & ~spine & ~bone & ~cavity
    return BodySlice(
        muscle=muscle,
        visceral=fat & cavity,
        subcutaneous=fat & ~ring,
        bone=bone,
        covered=covered,
        depth_mm=float(distance_inside(closed(back, 2.0, spacing), spacing).max()),
        deep_cm2=float(_far(muscle, ring, spine, spacing).sum()) * pixel / 100.0,
    )


def _far(muscle: BoolArray, ring: BoolArray, spine: BoolArray, spacing: Triple) -> BoolArray:
    """What was taken for muscle and lies where only liver, spleen or kidney can lie."""
    behind = ring.copy()
    behind[:, : int(np.nonzero(spine)[1].min())] = False
    beside = distance_to(spine, spacing) > _FAR_MM[0]
    inside = distance_inside(ring, spacing) > _FAR_MM[1]
    return np.asarray(muscle & behind & beside & inside)


def _behind(spine: BoolArray, spacing: Triple) -> BoolArray:
    """The place of the back muscles: beside and behind the middle of the spine."""
    rows, columns = np.nonzero(spine)[1:]
    behind = np.zeros_like(spine)
    reach = round(_BESIDE_MM / spacing[0])
    middle = round(float(columns.mean()))
    behind[:, round(float(rows.mean())) :, max(middle - reach, 0) : middle + reach + 1] = True
    return behind


def _deep(ring: BoolArray, spacing: Triple) -> BoolArray:
    """Farther inside the ring than ribs and iliac bones lie."""
    return np.asarray(distance_inside(ring, spacing) > 45.0)


def _wall(firm: BoolArray, ring: BoolArray, spacing: Triple) -> tuple[BoolArray, float]:
    """The wall inside the ring by rays towards the middle, and the share of covered rays."""
    rows, columns = np.nonzero(ring)[1:]
    middle = np.array([rows.mean(), columns.mean()])
    angles = np.arange(_RAYS) * (2 * np.pi / _RAYS)
    along = np.stack([np.sin(angles) / spacing[1], np.cos(angles) / spacing[0]])  # voxels per mm
    farthest = float(np.hypot(ring.shape[1] * spacing[1], ring.shape[2] * spacing[0]))
    radii = np.arange(0.0, farthest, _STEP_MM)
    inside = _sampled(ring, middle, along, np.broadcast_to(radii, (_RAYS, radii.size)))
    border = radii[inside.shape[1] - 1 - np.argmax(inside[:, ::-1], axis=1)]
    depths = np.arange(0.0, _DEEPEST_MM + 5.0, _STEP_MM)
    firm_at = _sampled(firm, middle, along, np.maximum(border[:, None] - depths, 0.0))
    own = np.array([_first_run(row) for row in firm_at])
    usual = _smoothed(own)
    thick = np.where(np.isnan(own), usual, np.minimum(own, 1.25 * usual + 1.0))
    dj, di = (rows - middle[0]) * spacing[1], (columns - middle[1]) * spacing[0]
    ray = np.round(np.arctan2(dj, di) / (2 * np.pi / _RAYS)).astype(int) % _RAYS
    wall = np.zeros_like(ring)
    wall[0, rows, columns] = np.hypot(dj, di) >= border[ray] - thick[ray]
    front = np.sin(angles) < 0.0
    return wall, float(np.mean(np.isnan(own[front])))


def _sampled(
    mask: BoolArray, middle: FloatArray, along: FloatArray, radii: FloatArray
) -> BoolArray:
    j = np.round(middle[0] + along[0][:, None] * radii).astype(int)
    i = np.round(middle[1] + along[1][:, None] * radii).astype(int)
    known = (j >= 0) & (j < mask.shape[1]) & (i >= 0) & (i < mask.shape[2])
    return np.asarray(
        known & mask[0][np.clip(j, 0, mask.shape[1] - 1), np.clip(i, 0, mask.shape[2] - 1)]
    )


def _first_run(firm: BoolArray) -> float:
    """Depth in mm at which the first run of firm tissue ends; NaN where it does not end in time."""
    allowed = round(_GAP_MM / _STEP_MM)
    end, gap = -1, 0
    for n, here in enumerate(firm):
        if here:
            end, gap = n, 0
        elif end >= 0:
            gap += 1
            if gap > allowed:
                break
    deep = (end + 1) * _STEP_MM
    return deep if 0.0 < deep <= _DEEPEST_MM else np.nan


def _smoothed(thick: FloatArray) -> FloatArray:
    """The median over 30 degrees of the known thicknesses; gaps are filled between neighbours."""
    known = np.flatnonzero(~np.isnan(thick))
    if known.size == 0:
        return np.full(thick.shape, 10.0)
    filled = np.interp(np.arange(_RAYS), known, thick[known], period=_RAYS)
    reach = _RAYS // 24
    around = np.concatenate([filled[-reach:], filled, filled[:reach]])
    windows = np.lib.stride_tricks.sliding_window_view(around, 2 * reach + 1)
    return np.asarray(np.median(windows, axis=1))


def _back_muscle(lean: BoolArray, ring: BoolArray, spine: BoolArray, spacing: Triple) -> BoolArray:
    """Lean pieces behind the front of the vertebra that lie at the spine or in the ring."""
    front = int(np.nonzero(spine)[1].min())
    part = lean.copy()
    part[:, :front] = False
    to_spine = distance_to(spine, spacing)
    to_border = np.where(ring, distance_inside(ring, spacing), 0.0)
    near = (to_spine < 8.0) | (to_border < 8.0) | _behind(spine, spacing)
    cores = labelled(erode(part, _CORE_MM, spacing))
    if cores.max(initial=0) > 250:
        return np.asarray(part & near)
    pieces = split_by_markers(part, cores, spacing) if cores.any() else np.zeros_like(cores)
    muscle = part & (pieces == 0) & near
    for number in range(1, int(cores.max(initial=0)) + 1):
        core = cores == number
        if to_spine[core].min() <= 12.0 or to_border[core].min() <= 14.0:
            muscle |= pieces == number
    return np.asarray(muscle)
