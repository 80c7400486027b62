"""An abdomen on a table, made of ellipses in millimetres, with the truth of every tissue.

x to the left, y to the back; all slices are alike except for their noise.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from app.core.geometry import Geometry
from tests.support.ct_phantoms import AIR, BONE, FAT, MUSCLE, ORGAN, Array

MASKS = ("muscle", "visceral", "subcutaneous", "bone")


@dataclass(frozen=True)
class AbdomenPlan:
    """``fat_mm``, ``wall_mm``: thickness of subcutaneous fat and of the wall.

    ``gap_mm``: width of a gap in the wall in front; ``full``: organs against the wall on the right.
    """

    pixel_mm: float = 1.0
    fat_mm: float = 22.0
    wall_mm: float = 14.0
    gap_mm: float = 0.0
    full: bool = True
    arms: bool = True
    noise_hu: float = 12.0
    field_mm: tuple[float, float] = (480.0, 340.0)
    slices: int = 4


@dataclass(frozen=True)
class Abdomen:
    """HU ``[k, j, i]``, the grid, a point on slice 1, and the true masks ``[j, i]``."""

    hu: Array
    geometry: Geometry
    level: tuple[float, float, float]
    truth: dict[str, npt.NDArray[np.bool_]] = field(default_factory=dict)


def abdomen(plan: AbdomenPlan = AbdomenPlan()) -> Abdomen:
    """Fat, wall, psoas, erectors, quadratus, vertebra, kidneys, bowel with gas, vessels."""
    p = plan.pixel_mm
    columns, rows = round(plan.field_mm[0] / p), round(plan.field_mm[1] / p)
    x = ((np.arange(columns) - (columns - 1) / 2) * p)[None]
    y = ((np.arange(rows) - (rows - 1) / 2) * p)[:, None]

    def oval(cx: float, cy: float, rx: float, ry: float) -> npt.NDArray[np.bool_]:
        return ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1

    skin = oval(0, 0, 172, 122)
    body = oval(0, 0, 170, 120)
    ring = oval(0, 0, 170 - plan.fat_mm, 120 - plan.fat_mm)
    inner = oval(0, 0, 170 - plan.fat_mm - plan.wall_mm, 120 - plan.fat_mm - plan.wall_mm)
    muscle = ring & ~inner
    muscle &= ~((np.abs(x) < plan.gap_mm / 2) & (y < 0))
    for side in (-1, 1):
        muscle |= inner & oval(side * 44, 40, 19, 21)  # psoas
        muscle |= ring & oval(side * 38, 78, 30, 22)  # erector spinae
        muscle |= ring & oval(side * 72, 62, 13, 16)  # quadratus
    shell, marrow, canal = oval(0, 36, 25, 19), oval(0, 36, 22, 16), oval(0, 64, 9, 8)
    arch = oval(0, 64, 14, 13)
    spine = (shell | arch) & ring
    muscle &= ~spine
    organs = oval(-98, 30, 22, 20) | oval(98, 30, 22, 20)  # kidneys in their fat
    organs |= oval(-14, 6, 10, 9) | oval(12, 6, 9, 9)  # vessels
    organs |= oval(40, -30, 30, 20) | oval(-20, -40, 24, 16)  # bowel
    if plan.full:
        organs |= oval(-95, -20, 50, 34)  # liver or bowel against the wall
    organs &= inner & ~muscle & ~spine
    gas = oval(40, -34, 18, 9)
    plane = np.full((rows, columns), AIR, np.float32)
    plane[skin] = 30.0
    plane[body] = FAT
    plane[muscle] = MUSCLE
    plane[organs] = ORGAN
    plane[gas] = -990.0
    plane[spine] = BONE
    plane[marrow] = 170.0
    plane[canal & arch] = 30.0
    if plan.arms:
        for side in (-1, 1):
            plane[oval(side * 205, 10, 26, 30)] = FAT
            plane[oval(side * 205, 10, 20, 23)] = MUSCLE
            plane[oval(side * 205, 10, 8, 8)] = BONE
    plane[np.broadcast_to((np.abs(y - 135) < 3) & (np.abs(x) < 215), plane.shape)] = -100.0
    noise = np.random.default_rng(7).normal(0.0, 1.0, (plan.slices, rows, columns))
    hu = (plane[None] + plan.noise_hu * noise).astype(np.float32)
    geometry = Geometry(
        (columns, rows, plan.slices), (p, p, 5.0), (0.0, 0.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1),
        "1.2",
    )  # fmt: skip
    level = tuple(float(n) for n in geometry.ijk_to_lps((columns // 2, rows // 2, 1)))
    outside = body & ~ring
    truth = {
        "muscle": muscle & ~organs,
        "visceral": inner & ~muscle & ~organs & ~spine & ~gas,
        "subcutaneous": outside,
        "bone": spine,
    }
    return Abdomen(np.clip(hu, -1024, 3000), geometry, (level[0], level[1], level[2]), truth)
