"""The same numbers as SimpleITK and pyradiomics where they define the same thing, and the same
however the voxels are stored.

pyradiomics is no dependency (3.0.1 builds on CPython 3.11 with numpy 1 only): its test skips
without it.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import SimpleITK as sitk

from app.core.geometry import Geometry
from app.imaging.nifti import to_sitk
from app.measure.anatomy import Anatomy, structure_of
from app.measure.regional import measure_anatomy
from app.measure.registry import measure_mask
from app.measure.solid import main_axes
from tests.support.solids import by_kind, ellipsoid, grid, points_of, rotation

GRID = grid((70, 60, 80), (1.5, 2.0, 2.5), rotation(10, 20, 30))
ORGAN = ellipsoid(points_of(GRID), (2, -3, 4), (12, 16, 28), rotation(25, 15, 40))
KINDS = ("kidney_length", "kidney_volume")


def test_simpleitk_agrees():
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.ComputeFeretDiameterOn()
    shape.Execute(to_sitk(ORGAN.astype(np.uint8), GRID))
    ours = {m.kind: m for m in measure_mask(ORGAN.astype(np.uint8), geometry=GRID)}
    assert ours["volume"].value * 1000 == pytest.approx(shape.GetPhysicalSize(1))
    assert np.allclose(ours["centroid"].points_lps[0], shape.GetCentroid(1), atol=1e-6)
    # ITK takes the centres of voxels, we their outer faces: up to a voxel's diagonal more
    excess = ours["max_diameter_3d"].value - shape.GetFeretDiameter(1)
    assert 0 <= excess <= np.linalg.norm(GRID.spacing_ijk)
    axes = np.reshape(shape.GetPrincipalAxes(1), (3, 3))
    mine = main_axes(structure_of(ORGAN, GRID).points_lps())[0]
    assert abs(mine @ axes[2]) == pytest.approx(1.0, abs=1e-6)


def test_pyradiomics_agrees():
    pytest.importorskip("radiomics", reason="pyradiomics is not installed")
    from radiomics import firstorder, shape

    values = np.random.default_rng(5).normal(100, 20, ORGAN.shape).astype(np.float32)
    image, mask = to_sitk(values, GRID), to_sitk(ORGAN.astype(np.uint8), GRID)
    measured = measure_mask(ORGAN.astype(np.uint8), geometry=GRID, values=values)
    ours = {m.kind: m.value for m in measured}
    sizes = shape.RadiomicsShape(image, mask)
    assert ours["volume"] * 1000 == pytest.approx(float(sizes.getVoxelVolumeFeatureValue()))
    diameter = float(sizes.getMaximum3DDiameterFeatureValue())
    assert ours["max_diameter_3d"] == pytest.approx(diameter, abs=1e-3)
    density = firstorder.RadiomicsFirstOrder(image, mask)
    density._initCalculation()
    assert ours["mean"] == pytest.approx(float(density.getMeanFeatureValue()[0]), rel=1e-5)
    assert ours["median"] == pytest.approx(float(density.getMedianFeatureValue()[0]), rel=1e-5)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("flipped", [(), (0,), (1, 2)])
def test_how_voxels_are_stored_changes_nothing(order, flipped):
    """The same voxels with axes in another order and direction, at the same place."""
    stored = np.flip(ORGAN, flipped).transpose(order)
    affine = GRID.affine_lps
    steps, origin = affine[:3, :3].copy(), affine[:3, 3].copy()
    for axis in flipped:  # an array axis n runs along i, j or k number 2 - n
        origin += steps[:, 2 - axis] * (ORGAN.shape[axis] - 1)
        steps[:, 2 - axis] *= -1
    columns = [steps[:, 2 - axis] for axis in reversed(order)]
    spacing = [float(np.linalg.norm(column)) for column in columns]
    direction = np.stack([c / s for c, s in zip(columns, spacing, strict=True)], axis=1)
    geometry = Geometry.from_arrays(stored.shape[::-1], spacing, origin, direction, "")
    one, other = (
        by_kind(measure_anatomy(Anatomy(g, masks={"kidney_left": m}), KINDS))
        for g, m in ((GRID, ORGAN), (geometry, stored))
    )
    for kind in KINDS:
        assert other[kind].value == pytest.approx(one[kind].value, rel=1e-9)
    ends = [np.sort(np.asarray(rows["kidney_length"].points_lps), axis=0) for rows in (one, other)]
    assert np.allclose(*ends, atol=1e-6)


def test_moving_the_patient_moves_the_picture_only():
    moved = Geometry.from_arrays(
        GRID.size_ijk, GRID.spacing_ijk, np.add(GRID.origin_lps, (100, -50, 7)), GRID.direction, ""
    )
    one, other = (
        by_kind(measure_anatomy(Anatomy(g, masks={"kidney_left": ORGAN}), KINDS))["kidney_length"]
        for g in (GRID, moved)
    )
    assert other.value == pytest.approx(one.value)
    assert np.allclose(np.subtract(other.points_lps, one.points_lps), (100, -50, 7))
