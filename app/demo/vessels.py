"""The vessel trees of the lungs, grown to fill them: arteries beside bronchi, and veins.

Targets are spread through the lung; each is joined to the nearest branch that leads outwards. The
radii follow Murray's law (the cube of a branch is the sum of the cubes of its children).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.demo.shapes import Plane, Point, SliceGrid, capsule_distance, coverage, paint
from app.demo.thorax import Visit, render_slice

_Points = NDArray[np.float64]

_ARTERY_ROOTS: Final[tuple[tuple[Point, float], ...]] = (
    ((-43.0, 20.0, -60.0), 5.6), ((-44.0, 12.0, 2.0), 4.2), ((-40.0, 13.0, -40.0), 4.4),
    ((54.0, 35.0, -52.0), 5.6), ((60.0, -6.0, 0.0), 3.9), ((50.0, 25.0, -24.0), 4.2),
)  # fmt: skip
_VEIN_ROOTS: Final[tuple[tuple[Point, float], ...]] = (
    ((-50.0, -12.0, -26.0), 4.4), ((-54.0, 36.0, -72.0), 4.4), ((58.0, -18.0, -22.0), 4.4),
    ((58.0, 38.0, -74.0), 4.4),
)  # fmt: skip
_SMALLEST_MM: Final = 0.68
_TARGETS_A_SIDE: Final = 620
_SEED: Final = 20261120
_STEP_MM: Final = 9.0


@dataclass(frozen=True, slots=True)
class Branches:
    """Tapered capsules: ``starts`` and ``ends`` (n, 3) in mm, ``radii`` (n, 2)."""

    starts: _Points
    ends: _Points
    radii: _Points


@lru_cache(maxsize=2)
def vessel_tree(visit: Visit) -> Branches:
    """All arteries and veins of both lungs of one visit."""
    inside = _lung_points(visit)
    rng = np.random.default_rng(_SEED)
    parts = []
    for roots, share in ((_ARTERY_ROOTS, 1.0), (_VEIN_ROOTS, 0.8)):
        for side in (-1.0, 1.0):
            mine = inside[inside[:, 0] * side > 0]
            count = min(len(mine), int(_TARGETS_A_SIDE * share))
            targets = mine[rng.choice(len(mine), count, replace=False)]
            targets = targets + rng.uniform(-2.5, 2.5, targets.shape)
            own = [root for root in roots if root[0][0] * side > 0]
            parts.append(_grow(targets, own, rng))
    return Branches(
        np.concatenate([part.starts for part in parts]),
        np.concatenate([part.ends for part in parts]),
        np.concatenate([part.radii for part in parts]),
    )


def paint_vessels(
    hu: Plane, grid: SliceGrid, z_mm: float, lung: Plane, tree: Branches, value: float
) -> None:
    """Paint the tree into the lung of one slice (``lung`` is its cover, 0 to 1)."""
    widest = tree.radii.max(axis=1) + grid.edge_mm + grid.thickness_mm / 2
    low = np.minimum(tree.starts[:, 2], tree.ends[:, 2]) - widest
    high = np.maximum(tree.starts[:, 2], tree.ends[:, 2]) + widest
    for n in np.flatnonzero((low < z_mm) & (z_mm < high)):
        a, b, r = tree.starts[n], tree.ends[n], float(widest[n])
        window = grid.window(
            min(a[0], b[0]) - r, max(a[0], b[0]) + r, min(a[1], b[1]) - r, max(a[1], b[1]) + r
        )
        x, y = grid.xy(window)
        if x.size == 0 or y.size == 0:
            continue
        radii = (float(tree.radii[n, 0]), float(tree.radii[n, 1]))
        ends = ((float(a[0]), float(a[1]), float(a[2])), (float(b[0]), float(b[1]), float(b[2])))
        distance = capsule_distance(x, y, z_mm, ends, radii)
        cover = coverage(distance, grid.edge_mm) * np.minimum(lung[window] * np.float32(1.3), 1)
        # A vessel thinner than a slice fills only a part of it.
        cover *= np.float32(min(1.0, 2.6 * max(radii) / grid.thickness_mm))
        paint(hu[window], cover, value)


def _lung_points(visit: Visit) -> _Points:
    """Points about 5 mm apart that lie well inside a lung."""
    x = np.arange(-128, 129, 5.0, dtype=np.float32)
    y = np.arange(-100, 101, 5.0, dtype=np.float32)
    grid = SliceGrid.make(x, y, 5.0)
    flat = np.zeros(grid.radius_mm.shape, np.float32)
    found = []
    for z in np.arange(-175.0, 100.0, 6.0):
        lung = render_slice(grid, float(z), visit, flat).lung
        rows, columns = np.nonzero(lung > 0.98)
        found.append(np.column_stack([x[columns], y[rows], np.full(len(rows), z)]))
    return np.concatenate(found).astype(np.float64)


def _grow(targets: _Points, roots: list[tuple[Point, float]], rng: np.random.Generator) -> Branches:
    """Join the targets to the roots, nearest first, then give radii from the tips inwards."""
    origin = np.array([root for root, _ in roots])
    distance = np.linalg.norm(targets[:, None] - origin[None], axis=2).min(axis=1)
    nodes = [np.array(root, dtype=np.float64) for root, _ in roots]
    parents = [-1] * len(roots)
    away = [0.0] * len(roots)
    for target in targets[np.argsort(distance)]:
        cloud = np.array(nodes)
        gap = np.linalg.norm(cloud - target, axis=1)
        # Prefer short ways to the hilum over short twigs: branches run outwards, not sideways.
        start = int(np.argmin(gap + 0.42 * np.array(away)))
        steps = max(1, int(gap[start] / _STEP_MM))
        bend = rng.normal(0, 0.06 * gap[start], 3)
        previous = start
        for step in range(1, steps + 1):
            t = step / steps
            point = nodes[start] + t * (target - nodes[start]) + np.sin(t * np.pi) * bend
            nodes.append(point)
            parents.append(previous)
            away.append(away[previous] + float(np.linalg.norm(point - nodes[previous])))
            previous = len(nodes) - 1
    return _with_radii(np.array(nodes), np.array(parents), [radius for _, radius in roots])


def _with_radii(nodes: _Points, parents: NDArray[np.int64], widest: list[float]) -> Branches:
    cubes = np.zeros(len(nodes))
    is_tip = np.ones(len(nodes), bool)
    is_tip[parents[parents >= 0]] = False
    cubes[is_tip] = _SMALLEST_MM**3
    for n in range(len(nodes) - 1, -1, -1):
        if parents[n] >= 0:
            cubes[parents[n]] += cubes[n]
    radii = np.cbrt(cubes)
    for root, limit in enumerate(widest):
        radii[root] = min(radii[root], limit)
    radii = np.minimum(radii, max(widest))
    children = np.flatnonzero(parents >= 0)
    fathers = parents[children]
    # Where a small branch leaves a large one it is as narrow as itself, not as the trunk.
    start_radius = np.minimum(radii[fathers], radii[children] * 1.15)
    return Branches(
        nodes[fathers], nodes[children], np.column_stack([start_radius, radii[children]])
    )
