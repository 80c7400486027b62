"""What lies below the diaphragm: liver, spleen, stomach, bowel gas, kidneys (mm, LPS axes)."""

from __future__ import annotations

from typing import Final

import numpy as np

from app.demo.mediastinum import CAVA, Contrast
from app.demo.shapes import (
    Ellipsoid,
    Plane,
    SliceGrid,
    Tube,
    capsule_distance,
    catmull_rom,
    coverage,
    ellipsoid_distance,
    paint,
    smooth_min,
)

_SPLEEN: Final = Ellipsoid((84, 38, -142), (52, 29, 40), (0.55, -0.75, -0.3))
_STOMACH: Final = (
    Ellipsoid((54, -12, -136), (44, 40, 36), (0.8, 0.3, 0.4)),
    Ellipsoid((34, -46, -172), (34, 26, 38), (0.4, -0.5, -0.7)),
)
_KIDNEYS: Final = (
    Ellipsoid((52, 44, -196), (24, 22, 42)),
    Ellipsoid((-52, 46, -206), (24, 22, 42)),
)
_COLON: Final = (
    Ellipsoid((98, -26, -172), (20, 22, 26), (0.3, -0.4, 0.8)),
    Ellipsoid((84, -52, -188), (26, 16, 18)),
)
_HEPATIC: Final = tuple(
    catmull_rom(Tube(tuple(p[:3] for p in points), tuple(p[3] for p in points)))
    for points in (
        ((-24, 4, -106, 6), (-44, 16, -116, 5), (-72, 26, -132, 3.5), (-95, 28, -150, 2)),
        ((-24, 2, -106, 6), (-42, -18, -116, 5), (-58, -44, -134, 3.4), (-66, -60, -150, 2)),
        ((-24, 2, -106, 6), (-10, -22, -114, 5), (8, -48, -128, 3), (20, -60, -140, 2)),
        ((-18, -20, -178, 7), (-36, -14, -166, 6), (-62, -4, -158, 4.6), (-92, 2, -150, 2.4)),
        ((-36, -14, -166, 5), (-48, -34, -156, 4), (-66, -50, -146, 2.2), (-80, -52, -138, 1.5)),
        ((-62, -4, -158, 4), (-80, 24, -168, 3), (-96, 38, -178, 2), (-100, 42, -186, 1.5)),
        ((-30, -16, -168, 5), (-6, -34, -156, 4), (16, -52, -148, 2.6), (28, -60, -146, 1.5)),
    )
)
_CRURA: Final = (
    Tube(((-9, 22, -112), (-13, 26, -150), (-10, 22, -230)), (3.5, 5.5, 6.0)),
    Tube(((20, 20, -112), (21, 26, -150), (13, 22, -230)), (3.5, 5.0, 6.0)),
)


def _liver_distance(x: Plane, y: Plane, z_mm: float, inside: Plane, below: Plane) -> Plane:
    """Signed distance to the liver from distances to the cage wall and the diaphragm."""
    left_edge = np.float32(8.0) - np.float32(0.62) * (y + np.float32(8.0))
    left_edge = np.minimum(left_edge, np.float32(58.0) + np.float32(0.30) * (z_mm + 110.0))
    groove = (x - left_edge) * np.float32(0.85)
    fossa = np.float32(30.0) - np.sqrt((x + 6) ** 2 + (y - 62) ** 2)
    hollow = np.float32(30.0) - np.sqrt((x + 52) ** 2 + (y - 48) ** 2 + (z_mm + 212) ** 2)
    outer = np.maximum(inside + np.float32(5.0), below + np.float32(3.2))
    result: Plane = -smooth_min(-outer, -groove, 14.0)
    return np.asarray(np.maximum(np.maximum(result, fossa), hollow), np.float32)


def paint_abdomen(
    hu: Plane,
    grid: SliceGrid,
    z_mm: float,
    inside: Plane,
    below: Plane,
    texture: Plane,
    contrast: Contrast,
    *,
    erect: bool,
) -> None:
    """Paint the upper abdomen over a whole slice.

    `inside` is the signed distance to the inner cage, `below` the signed distance to the space
    under the diaphragm; both are negative where the abdomen is.
    """
    edge = grid.edge_mm
    x, y = grid.x_mm[None, :], grid.y_mm[:, None]
    cavity = coverage(np.maximum(below, inside), edge + 0.4 * grid.thickness_mm)
    paint(hu, cavity, 58.0)  # the diaphragm itself
    within = np.maximum(below + np.float32(2.6), inside + np.float32(2.4))
    fat = -98.0 + 12.0 * texture + 70.0 * (texture > 1.7).astype(np.float32)
    paint(hu, coverage(within, edge), fat)
    bound = np.maximum(below + np.float32(3.4), inside + np.float32(4.0))
    window = grid.window(-140, 140, -110, 100)
    wx, wy = grid.xy(window)
    view, limit, grain = hu[window], bound[window], texture[window]
    for crus in _CRURA:
        for k in range(2):
            ends = (crus.points[k], crus.points[k + 1])
            distance = capsule_distance(wx, wy, z_mm, ends, (crus.radii[k], crus.radii[k + 1]))
            paint(view, coverage(distance, edge), 58.0)
    spleen = np.maximum(ellipsoid_distance(wx, wy, z_mm, _SPLEEN), limit + 2)
    paint(view, coverage(spleen, edge), contrast.spleen + 2.0 * grain)
    for kidney in _KIDNEYS:
        distance = ellipsoid_distance(wx, wy, z_mm, kidney)
        paint(view, coverage(distance, edge), contrast.kidney)
        paint(view, coverage(distance + np.float32(13.0), edge * 4), -40.0)
    stomach = smooth_min(
        ellipsoid_distance(wx, wy, z_mm, _STOMACH[0]),
        ellipsoid_distance(wx, wy, z_mm, _STOMACH[1]),
        16.0,
    )
    stomach = stomach + np.float32(0.8) * np.sin(wx * np.float32(0.45)) * np.sin(wy * 0.4 + z_mm)
    stomach = np.maximum(stomach, limit + 1)
    level = np.float32(z_mm + 121.0) + 0 * wy if erect else -(wy + np.float32(30.0))
    paint(view, coverage(stomach, edge), 72.0 + 0.25 * (contrast.myocardium - 45))
    content = 22.0 + 34.0 * np.maximum(grain - 0.4, 0) - 160.0 * (grain > 1.75).astype(np.float32)
    paint(view, coverage(stomach + np.float32(3.8), edge), content)
    gas = np.maximum(stomach + np.float32(3.8), -level)
    paint(view, coverage(gas, edge), -990.0)
    for loop in _COLON:
        distance = np.maximum(ellipsoid_distance(wx, wy, z_mm, loop), limit + 2)
        distance = np.maximum(distance, -stomach + 2)
        distance = np.maximum(distance, -spleen + 2)
        paint(view, coverage(distance, edge), 60.0)
        stool = np.where(grain + 0.04 * (wy - loop.centre[1]) > 0.2, np.float32(20), -960.0)
        paint(view, coverage(distance + np.float32(2.2), edge), stool)
    liver = _liver_distance(x, y, z_mm, inside, below)[window]
    liver = np.maximum(liver, np.float32(3.0) - stomach)
    solid = coverage(liver, edge)
    paint(view, solid, contrast.liver + 1.5 * grain)
    vein = 0.55 * contrast.liver + 0.55 * contrast.venous
    for tube in (*_HEPATIC, CAVA):
        for k in range(len(tube.points) - 1):
            ends, radii = (tube.points[k], tube.points[k + 1]), tube.radii[k : k + 2]
            low, high = sorted((ends[0][2], ends[1][2]))
            if low - 8 < z_mm < high + 8:
                far = max(radii) + 3
                box = grid.window(
                    min(ends[0][0], ends[1][0]) - far,
                    max(ends[0][0], ends[1][0]) + far,
                    min(ends[0][1], ends[1][1]) - far,
                    max(ends[0][1], ends[1][1]) + far,
                )
                bx, by = grid.xy(box)
                distance = capsule_distance(bx, by, z_mm, ends, (radii[0], radii[1]))
                inside_liver = solid[
                    box[0].start - window[0].start : box[0].stop - window[0].start,
                    box[1].start - window[1].start : box[1].stop - window[1].start,
                ]
                if inside_liver.shape == distance.shape:
                    paint(hu[box], coverage(distance, edge) * inside_liver, vein)
