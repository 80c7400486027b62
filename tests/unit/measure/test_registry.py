"""Phantoms of known size: spheres, tilted boxes, ellipsoids, anisotropic and oblique grids."""

from __future__ import annotations

import math

import numpy as np
import pytest

from app.core.errors import InputError
from app.core.geometry import Geometry
from app.measure.registry import label_boxes, measure_labelmap, measure_mask, touches_border


def rotation(x_deg, y_deg, z_deg):
    a, b, c = np.radians([x_deg, y_deg, z_deg])
    rx = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    ry = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    rz = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return rz @ ry @ rx


OBLIQUE = rotation(20, -15, 30)
GRIDS = {
    "isotropic": Geometry.from_arrays((80, 80, 80), (1, 1, 1), (0, 0, 0), np.eye(3), "1.2"),
    "anisotropic": Geometry.from_arrays(
        (120, 100, 40), (0.7, 0.8, 2.5), (-40, 10, 5), np.eye(3), "1.2"
    ),
    "oblique": Geometry.from_arrays((120, 100, 60), (0.7, 0.8, 1.5), (5, -30, 100), OBLIQUE, "1.2"),
    "flipped": Geometry.from_arrays(
        (80, 80, 80), (1, 1, 1), (0, 0, 0), np.diag([-1, -1, 1]), "1.2"
    ),
}


def points_of(geometry):
    k, j, i = np.mgrid[tuple(slice(0, n) for n in geometry.shape_kji)]
    return geometry.ijk_to_lps(np.stack([i, j, k], axis=-1))


def center_of(geometry):
    return geometry.ijk_to_lps((np.asarray(geometry.size_ijk) - 1) / 2)


def ellipsoid(geometry, radii, turn=None):
    """Mask of an ellipsoid in the middle; its axes are the columns of ``turn`` in LPS."""
    offset = points_of(geometry) - center_of(geometry)
    local = offset @ (np.eye(3) if turn is None else turn)
    return ((local / np.asarray(radii)) ** 2).sum(axis=-1) <= 1.0


def by_kind(measurements):
    return {m.kind: m for m in measurements}


@pytest.mark.parametrize("name", GRIDS)
def test_m08_sphere(name):
    geometry, radius = GRIDS[name], 20.0
    mask = ellipsoid(geometry, (radius,) * 3).astype(np.uint8)
    got = by_kind(measure_mask(mask, geometry=geometry))
    assert {m.status for m in got.values()} == {"valid"}
    assert got["volume"].value == pytest.approx(4 / 3 * math.pi * radius**3 / 1000, rel=0.02)
    assert got["volume"].unit == "mL"
    largest = max(geometry.spacing_ijk)
    for kind in ("long_axis", "short_axis", "max_diameter_3d"):
        assert got[kind].value == pytest.approx(2 * radius, abs=largest)
        assert got[kind].unit == "mm"
    assert got["surface_area"].value == pytest.approx(4 * math.pi * radius**2, rel=0.05)
    assert np.allclose(got["centroid"].points_lps[0], center_of(geometry), atol=0.05)


@pytest.mark.parametrize("name", ["isotropic", "oblique"])
def test_tilted_ellipsoid_axes(name):
    """Half axes 24, 12, 12; the long one lies in the slice plane, turned by 35 degrees."""
    geometry = GRIDS[name]
    turn = geometry.direction_matrix @ rotation(0, 0, 35)
    mask = ellipsoid(geometry, (24, 12, 12), turn).astype(np.uint8)
    got = by_kind(measure_mask(mask, geometry=geometry))
    assert got["long_axis"].value == pytest.approx(48, abs=1.0)
    assert got["short_axis"].value == pytest.approx(24, abs=1.0)
    assert got["max_diameter_3d"].value == pytest.approx(48, abs=1.0)
    long, short = (np.asarray(got[k].points_lps) for k in ("long_axis", "short_axis"))
    assert np.linalg.norm(long[1] - long[0]) == pytest.approx(got["long_axis"].value)
    assert np.linalg.norm(short[1] - short[0]) == pytest.approx(got["short_axis"].value)
    assert abs((long[1] - long[0]) @ (short[1] - short[0])) < 1e-6
    plane = geometry.lps_to_ijk(np.concatenate([long, short]))[:, 2]
    assert np.ptp(plane) < 1e-6


def test_long_axis_out_of_plane_is_in_the_3d_diameter_only():
    geometry = GRIDS["isotropic"]
    mask = ellipsoid(geometry, (10, 8, 30)).astype(np.uint8)
    got = by_kind(measure_mask(mask, geometry=geometry))
    assert got["long_axis"].value == pytest.approx(20, abs=1.0)
    assert got["short_axis"].value == pytest.approx(16, abs=1.0)
    assert got["max_diameter_3d"].value == pytest.approx(60, abs=1.0)


def test_box_lengths_are_exact():
    geometry = Geometry.from_arrays((60, 60, 30), (0.5, 2.0, 3.0), (0, 0, 0), np.eye(3), "1.2")
    mask = np.zeros(geometry.shape_kji, np.uint8)
    mask[10:14, 20:30, 10:50] = 1  # 40 x 10 x 4 voxels: 20 x 20 x 12 mm
    got = by_kind(measure_mask(mask, geometry=geometry))
    assert got["volume"].value == pytest.approx(20 * 20 * 12 / 1000)
    assert got["long_axis"].value == pytest.approx(math.hypot(20, 20), abs=1.0)
    assert got["max_diameter_3d"].value == pytest.approx(math.sqrt(400 + 400 + 144), abs=2.0)
    assert np.allclose(got["centroid"].points_lps[0], (29.5 * 0.5, 24.5 * 2.0, 11.5 * 3.0))


def test_densities_in_hounsfield_units():
    geometry = GRIDS["isotropic"]
    mask = ellipsoid(geometry, (15, 15, 15)).astype(np.uint8)
    rng = np.random.default_rng(1)
    values = rng.normal(-800, 60, mask.shape).astype(np.float32)
    inside = values[mask == 1].astype(np.float64)
    got = by_kind(
        measure_mask(
            mask, geometry=geometry, values=values,
            what=("mean", "sd", "min", "max", "median", "p15", "laa950"),
        )
    )  # fmt: skip
    assert got["mean"].value == pytest.approx(inside.mean())
    assert got["mean"].unit == "[hnsf'U]"
    assert got["sd"].value == pytest.approx(inside.std())
    assert got["min"].value == inside.min()
    assert got["max"].value == inside.max()
    assert got["median"].value == np.median(inside)
    assert got["p15"].value == pytest.approx(np.percentile(inside, 15))
    assert got["laa950"].value == pytest.approx(100 * (inside <= -950).mean())


def test_agatston_of_known_plaques():
    """One plaque of 4 mm2 with peak 250 on two slices of 3 mm, one speck under 1 mm2."""
    geometry = Geometry.from_arrays((40, 40, 10), (0.5, 0.5, 3.0), (0, 0, 0), np.eye(3), "1.2")
    mask = np.zeros(geometry.shape_kji, np.uint8)
    mask[:, 5:35, 5:35] = 1
    values = np.zeros(mask.shape, np.float32)
    values[4:6, 10:14, 10:14] = 150
    values[4:6, 11, 11] = 250
    values[4, 20, 20:23] = 500  # three pixels: 0.75 mm2
    values[8, 1:3, 1:3] = 900  # outside the mask
    got = measure_mask(mask, geometry=geometry, values=values, what=("agatston",))[0]
    assert got.value == pytest.approx(2 * 4.0 * 2)
    thin = Geometry.from_arrays((40, 40, 10), (0.5, 0.5, 1.0), (0, 0, 0), np.eye(3), "1.2")
    got = measure_mask(mask, geometry=thin, values=values, what=("agatston",))[0]
    assert got.status in ("wrong_protocol",)
    assert got.value == pytest.approx(2 * 4.0 * 2 / 3)


def test_absent_is_not_zero():
    geometry = GRIDS["isotropic"]
    for m in measure_mask(np.zeros(geometry.shape_kji, np.uint8), geometry=geometry):
        assert m.status == "absent"
        assert m.value is None


def test_a_mask_near_the_border_is_truncated():
    geometry = GRIDS["isotropic"]
    mask = np.zeros(geometry.shape_kji, np.uint8)
    mask[2:40, 20:40, 20:40] = 1
    got = by_kind(measure_mask(mask, geometry=geometry))
    assert got["volume"].status == "truncated_fov"
    assert got["volume"].value == pytest.approx(38 * 20 * 20 / 1000)
    mask[2] = 0
    assert by_kind(measure_mask(mask, geometry=geometry))["volume"].status == "valid"


def test_the_border_of_short_axes_counts_only_when_touched():
    mask = np.zeros((5, 60, 60), np.uint8)
    mask[1:4, 20:40, 20:40] = 1
    assert not touches_border(mask)
    mask[0, 30, 30] = 1
    assert touches_border(mask)
    assert not touches_border(mask[2:3])


def test_m01_film_areas_know_what_their_spacing_means():
    mask = np.zeros((1, 200, 100), np.uint8)
    mask[0, 50:150, 20:70] = 1
    known = measure_mask(mask, pixel_spacing_mm=(0.2, 0.4), what=("area", "long_axis"))
    assert known[0].value == pytest.approx(100 * 50 * 0.2 * 0.4 / 100)
    assert known[0].unit == "cm2"
    assert known[1].value == pytest.approx(math.hypot(20, 20), abs=0.4)
    unknown = measure_mask(mask, what=("area", "long_axis"))
    assert (unknown[0].value, unknown[0].unit) == (pytest.approx(25.0), "%")
    assert unknown[0].method == "area-fraction@1"
    assert unknown[1].status == "failed"
    detector = measure_mask(
        mask, pixel_spacing_mm=(0.2, 0.4), spacing_source="mm at detector", what=("area",)
    )[0]
    assert "magnification" in detector.note


def test_what_cannot_be_is_said():
    geometry = GRIDS["isotropic"]
    mask = ellipsoid(geometry, (9, 9, 9)).astype(np.uint8)
    assert measure_mask(mask, geometry=geometry, what=("mean",))[0].status == "failed"
    mr = measure_mask(
        mask, geometry=geometry, values=mask.astype(float), what=("laa950",), quantity="arbitrary"
    )
    assert mr[0].status == "failed"
    with pytest.raises(InputError, match="colour"):
        measure_mask(mask, geometry=geometry, what=("colour",))
    with pytest.raises(InputError, match="differ in size"):
        measure_mask(mask, geometry=geometry, values=np.zeros((2, 2, 2)))


def test_a_labelmap_gives_what_its_masks_give():
    geometry = GRIDS["anisotropic"]
    labels = np.zeros(geometry.shape_kji, np.uint8)
    labels[ellipsoid(geometry, (20, 15, 30))] = 7
    labels[ellipsoid(geometry, (8, 8, 8))] = 200
    labels[0, 0, 0] = 3
    values = np.arange(labels.size, dtype=np.float32).reshape(labels.shape)
    found = measure_labelmap(labels, geometry=geometry, values=values)
    assert list(found) == [3, 7, 200] == list(label_boxes(labels))
    for label, numbers in found.items():
        mask = (labels == label).astype(np.uint8)
        assert numbers == measure_mask(mask, geometry=geometry, values=values)
    assert measure_labelmap(np.zeros_like(labels), geometry=geometry) == {}


def test_a_mask_on_one_slice_of_many_has_no_area():
    geometry = GRIDS["isotropic"]
    mask = np.zeros(geometry.shape_kji, np.uint8)
    mask[40, 20:30, 20:30] = 1
    assert measure_mask(mask, geometry=geometry, what=("area",))[0].status == "failed"


def test_i09_padding_has_no_part_in_statistics():
    mask = np.ones((4, 8, 8), np.uint8)
    values = np.full(mask.shape, 50.0, np.float32)
    values[:, :4] = np.nan  # what Volume.measured_values gives for padding of -2000
    kinds = ("mean", "min", "max", "laa950")
    found = {
        m.kind: m.value for m in measure_mask(mask, geometry=_grid(), values=values, what=kinds)
    }
    assert found == {"mean": 50.0, "min": 50.0, "max": 50.0, "laa950": 0.0}
    empty = measure_mask(
        mask, geometry=_grid(), values=np.full(mask.shape, np.nan, np.float32), what=("mean",)
    )[0]
    assert empty.value is None
    assert "padding" in empty.note


def _grid():
    return Geometry.from_arrays((8, 8, 4), (1.0, 1.0, 1.0), (0, 0, 0), np.eye(3), "1.2.3")
