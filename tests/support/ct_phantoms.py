"""A trunk in a scanner, made of ellipsoids in millimetres, with the truth of every part.

Axes of the phantom: x to the left, y to the back, z to the head, the origin in the chest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from app.core.geometry import Geometry
from app.core.reader_input import NamedBox, ReaderInput

Array = npt.NDArray[np.float32]
AIR, FAT, MUSCLE, ORGAN, BONE, LUNG, BLOOD = -1000.0, -100.0, 55.0, 45.0, 500.0, -850.0, 42.0


@dataclass(frozen=True)
class ChestPlan:
    """How the chest is made. ``bridge_mm``: half width of a bridge of lung before the heart."""

    spacing: tuple[float, float, float] = (3.0, 3.0, 3.0)
    low_z: float = -150.0
    high_z: float = 150.0
    blood_hu: float = BLOOD
    noise_hu: float = 15.0
    bridge_mm: float = 0.0
    lung_hu: float = LUNG
    right_lung: bool = True


@dataclass(frozen=True)
class Chest:
    """HU ``[k, j, i]``, the grid, and the masks of what is true."""

    hu: Array
    geometry: Geometry
    right: npt.NDArray[np.bool_]
    left: npt.NDArray[np.bool_]
    airway: npt.NDArray[np.bool_]


def chest(plan: ChestPlan = ChestPlan()) -> Chest:
    """Body on a table, lungs with vessels, trachea with both main bronchi, gas in the stomach."""
    si, sj, sk = plan.spacing
    n_i, n_j = round(420 / si), round(330 / sj)
    n_k = round((plan.high_z - plan.low_z) / sk)
    x = (np.arange(n_i) - (n_i - 1) / 2) * si
    y = (np.arange(n_j) - (n_j - 1) / 2) * sj
    z = plan.low_z + (np.arange(n_k) + 0.5) * sk
    zz, yy, xx = np.meshgrid(z, y, x, indexing="ij", sparse=True)
    shape = (n_k, n_j, n_i)

    def ball(
        cx: float, cy: float, cz: float, rx: float, ry: float, rz: float
    ) -> npt.NDArray[np.bool_]:
        return np.broadcast_to(
            ((xx - cx) / rx) ** 2 + ((yy - cy) / ry) ** 2 + ((zz - cz) / rz) ** 2 <= 1, shape
        )

    def tube(
        ax: float, ay: float, az: float, bx: float, by: float, bz: float, r: float
    ) -> npt.NDArray[np.bool_]:
        d = np.array([bx - ax, by - ay, bz - az])
        t = np.clip(((xx - ax) * d[0] + (yy - ay) * d[1] + (zz - az) * d[2]) / (d @ d), 0, 1)
        return (xx - ax - t * d[0]) ** 2 + (yy - ay - t * d[1]) ** 2 + (
            zz - az - t * d[2]
        ) ** 2 <= r * r

    hu = np.full(shape, AIR, np.float32)
    body = np.broadcast_to((xx / 180) ** 2 + (yy / 120) ** 2 <= 1, shape)
    inner = np.broadcast_to((xx / 165) ** 2 + (yy / 105) ** 2 <= 1, shape)
    hu[body] = FAT
    hu[inner] = MUSCLE
    right = ball(-72, 0, 20, 58, 80, 105) if plan.right_lung else np.zeros(shape, np.bool_)
    left = ball(72, 0, 20, 58, 80, 105)
    if plan.bridge_mm > 0:
        band = np.broadcast_to((np.abs(yy + 45) < plan.bridge_mm) & (np.abs(zz - 20) < 30)
                               & (np.abs(xx) < 60), shape)  # fmt: skip
        right = right | (band & np.broadcast_to(xx < 0, shape))
        left = left | (band & np.broadcast_to(xx >= 0, shape))
    heart = ball(20, -20, -20, 50, 45, 50)
    right, left = right & ~heart, left & ~heart
    hu[right | left] = plan.lung_hu
    hu[heart] = plan.blood_hu
    for side in (-1, 1):
        for dy, dz in ((-30, 50), (0, 20), (30, -20)):
            vessel = tube(side * 25, 0, 20, side * 105, dy, dz, 2.4)
            hu[vessel & (right | left)] = plan.blood_hu
    lumen = tube(0, 20, 60, 0, 20, 400, 9) | tube(0, 20, 60, -34, 20, 30, 7)
    lumen |= tube(0, 20, 60, 34, 20, 30, 7)
    wall = tube(0, 20, 60, 0, 20, 400, 11) | tube(0, 20, 60, -30, 20, 34, 9)
    wall |= tube(0, 20, 60, 30, 20, 34, 9)
    hu[wall] = MUSCLE
    hu[lumen] = AIR
    hu[np.broadcast_to((xx / 22) ** 2 + ((yy - 80) / 20) ** 2 <= 1, shape)] = BONE
    hu[ball(50, -40, -125, 45, 35, 22)] = AIR  # gas of the stomach
    hu[np.broadcast_to((np.abs(yy - 135) < 5) & (np.abs(xx) < 190), shape)] = 60.0  # table
    airway = lumen | wall
    rng = np.random.default_rng(3)
    hu += rng.normal(0, plan.noise_hu, shape).astype(np.float32)
    geometry = Geometry(
        (n_i, n_j, n_k), plan.spacing, (float(x[0]), float(y[0]), float(z[0])),
        (1, 0, 0, 0, 1, 0, 0, 0, 1), "1.2.3.7",
    )  # fmt: skip
    return Chest(np.rint(hu), geometry, right & ~airway, left & ~airway, airway)


@dataclass(frozen=True)
class CalciumPhantom:
    """Soft tissue with lung and air around it; ``spots`` are (vessel, HU, pixels, slices)."""

    hu: Array
    geometry: Geometry
    spots: tuple[tuple[str, float, int, int], ...]


def calcium_phantom(
    slice_mm: float = 3.0, tissue_hu: float = 40.0
) -> tuple[CalciumPhantom, ReaderInput]:
    """Square spots of calcium in LAD and RCA, one too small to count, and the boxes around them."""
    hu = np.full((12, 80, 80), AIR, np.float32)
    hu[:, 8:72, 8:72] = LUNG
    hu[:, 20:60, 20:60] = tissue_hu
    spots = []
    for name, k, j, i, side, depth, value in (
        ("LAD", 4, 28, 44, 4, 2, 450.0), ("LAD", 7, 30, 46, 3, 1, 150.0),
        ("RCA", 5, 40, 28, 5, 1, 250.0), ("RCA", 8, 44, 30, 1, 1, 300.0),
    ):  # fmt: skip
        hu[k : k + depth, j : j + side, i : i + side] = value
        spots.append((name, value, side * side, depth))
    geometry = Geometry(
        (80, 80, 12), (0.7, 0.7, slice_mm), (-28.0, -28.0, 0.0), (1, 0, 0, 0, 1, 0, 0, 0, 1), "1.2"
    )
    boxes = []
    for name, low, high in (("LAD", (40, 24, 3), (52, 36, 9)), ("RCA", (24, 36, 3), (36, 48, 9))):
        first, last = geometry.ijk_to_lps(low), geometry.ijk_to_lps(high)
        boxes.append(NamedBox(name, (tuple(map(float, first)), tuple(map(float, last)))))
    return CalciumPhantom(hu, geometry, tuple(spots)), ReaderInput(
        boxes=tuple(boxes), choices=(("gated", "yes"),)
    )
