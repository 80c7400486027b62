"""The pulmonary trunk and its ratio to the ascending aorta: ``pulmonary-trunk@1``.

The mask is a fork: trunk, right and left branch. Its three ends are the places farthest from each
other; the trunk's is the one most to the front. The ways from the two branches to it join at the
bifurcation. The trunk is cut perpendicular to its axis one radius before that; its width is the
distance across, perpendicular to the largest diameter of the section (Truong 2012 measures across
the trunk).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from app.core.geometry import Geometry
from app.measure.anatomy import Anatomy, main_part
from app.measure.aorta import aorta_parts
from app.measure.outcome import Doubt, Found, Number, absent, failed, found
from app.measure.section import Section, Sectioned
from app.measure.tube import arrival_within, farthest_ends, isotropic

Float64Array = npt.NDArray[np.float64]
Voxel = tuple[int, int, int]
KINDS: Final = (("pulmonary_trunk_diameter", "mm"), ("pulmonary_aortic_ratio", "1"))
_NAMES: Final = ("max_first", "max_second", "across_first", "across_second")
_NO_FORK: Final = (
    "No bifurcation was found in the mask.",
    "Бифуркация в маске не найдена.",
)
_LEAST_BRANCH_MM: Final = 15.0


def pulmonary_trunk(anatomy: Anatomy) -> list[Found]:
    """Width of the trunk before the bifurcation, and its ratio to the ascending aorta."""
    role = "pulmonary_artery"
    artery = anatomy.structure(role)
    if artery is None:
        return [absent(role, kind, unit) for kind, unit in KINDS]
    section = trunk_section(anatomy)
    if section is None:
        return [failed(role, kind, unit, _NO_FORK) for kind, unit in KINDS]
    doubts: list[Doubt] = []
    if section.leaves:
        doubts.append(
            Doubt(
                "truncated_fov",
                "The section reaches the border of the image.",
                "Сечение доходит до края изображения.",
            )
        )
    width = Number(section.across_mm, "mm", section.callipers, _NAMES)
    rows = [found(role, KINDS[0][0], width, doubts)]
    beside = _ascending_at(anatomy, float(section.center_lps[2]))
    if beside is None:
        why = (
            "The ascending aorta was not found on this height.",
            "Восходящая аорта на этой высоте не найдена.",
        )
        return [*rows, failed(role, KINDS[1][0], "1", why)]
    both = np.concatenate([section.across_lps, beside.across_lps])
    names = ("trunk_first", "trunk_second", "aorta_first", "aorta_second")
    ratio = Number(section.across_mm / beside.across_mm, "1", both, names)
    return [*rows, found(role, KINDS[1][0], ratio, doubts)]


def trunk_section(anatomy: Anatomy) -> Section | None:
    """The section of the trunk one radius before the bifurcation."""
    artery = anatomy.structure("pulmonary_artery")
    if artery is None:
        return None
    largest = main_part(artery)
    mask, grid = isotropic(largest)
    if not mask.any():
        return None
    ends = fork_ends(mask, grid)
    if ends is None:
        return None
    trunk, first, second = ends
    stem = _stem(mask, grid, trunk, first, second)
    if stem is None:
        return None
    bifurcation, axis = stem
    cut = Sectioned(largest)
    # the radius is taken well before the bifurcation, then the section one radius before it
    half = 0.5 * float(np.linalg.norm(grid.ijk_to_lps(trunk) - bifurcation))
    probe = cut.at(bifurcation - half * axis, axis)
    if probe is None:
        return None
    radius = probe.across_mm / 2.0
    return cut.at(bifurcation - radius * axis, axis)


def fork_ends(mask: npt.NDArray[np.bool_], grid: Geometry) -> tuple[Voxel, Voxel, Voxel] | None:
    """The end of the trunk and those of both branches, as voxels (i, j, k); None: no fork."""
    first, second = farthest_ends(mask, grid)
    near = np.minimum(arrival_within(mask, grid, first), arrival_within(mask, grid, second))
    length = float(arrival_within(mask, grid, first)[second[::-1]])
    inside = np.where(mask, near, -1.0)
    third_kji = np.unravel_index(int(np.argmax(inside)), mask.shape)
    third = (int(third_kji[2]), int(third_kji[1]), int(third_kji[0]))
    # a tube without a fork has its farthest place half way along, beside its own axis
    excess = float(
        arrival_within(mask, grid, first)[third_kji]
        + arrival_within(mask, grid, second)[third_kji]
        - length
    )
    if excess < 2.0 * _LEAST_BRANCH_MM:
        return None
    ends = [first, second, third]
    front = min(ends, key=lambda end: float(grid.ijk_to_lps(end)[1]))
    branches = [end for end in ends if end != front]
    return front, branches[0], branches[1]


def _stem(
    mask: npt.NDArray[np.bool_], grid: Geometry, trunk: Voxel, first: Voxel, second: Voxel
) -> tuple[Float64Array, Float64Array] | None:
    """The bifurcation and the unit axis of the trunk towards it, LPS."""
    from_trunk = arrival_within(mask, grid, trunk)
    from_first = arrival_within(mask, grid, first)
    # how far down the trunk the ways to both branches run together (half the sum of the ways,
    # less the way from branch to branch)
    to_first, to_second = from_trunk[first[::-1]], from_trunk[second[::-1]]
    between = from_first[second[::-1]]
    stem = float(to_first + to_second - between) / 2.0
    if stem < _LEAST_BRANCH_MM:
        return None
    inside = np.argwhere(mask)
    along = from_trunk[mask]
    points = grid.ijk_to_lps(inside[:, ::-1])
    centres = [
        points[(along >= low) & (along < low + 3.0)].mean(axis=0)
        for low in np.arange(0.25 * stem, 0.75 * stem, 3.0)
    ]
    if len(centres) < 2:
        return None
    centred = np.asarray(centres) - np.mean(centres, axis=0)
    axis = np.linalg.svd(centred)[2][0]
    axis = axis if (centres[-1] - centres[0]) @ axis > 0 else -axis
    # the centres lie around the middle of the stem
    return np.asarray(np.mean(centres, axis=0) + 0.5 * stem * axis), np.asarray(axis)


def _ascending_at(anatomy: Anatomy, height: float) -> Section | None:
    """The section of the ascending aorta whose middle is on a height."""
    for part in aorta_parts(anatomy):
        if not (part.has_arch or part.is_ascending):
            continue
        line = part.line.points_lps
        last = int(np.argmax(line[:, 2])) if part.has_arch else len(line) - 1
        rising = line[: last + 1, 2]
        if rising.size and rising.min() - 1.0 <= height <= rising.max() + 1.0:
            section = part.section(int(np.argmin(np.abs(rising - height))))
            if section is not None and not section.leaves:
                return section
    return None
