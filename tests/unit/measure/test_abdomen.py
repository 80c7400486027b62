"""Abdominal organs with known sizes and densities, in any orientation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from app.measure.abdomen import adrenal_washout
from app.measure.anatomy import Anatomy, Person, Protocol
from app.measure.regional import measure_anatomy
from tests.support.solids import by_kind, ellipsoid, grid, points_of, rotation

UNENHANCED = Protocol(tube_kv=120, contrast=False)
GRIDS = {
    "isotropic": grid((180, 160, 160), (1.5, 1.5, 1.5)),
    "anisotropic": grid((180, 160, 160), (0.9, 0.9, 4.0)),
    "oblique": grid((190, 180, 180), (1.2, 1.2, 2.5), rotation(15, -20, 30)),
    "flipped": grid((180, 160, 160), (1.5, 1.5, 2.0), np.diag([-1, -1, 1])),
}


@pytest.mark.parametrize("name", GRIDS)
def test_kidney_length_is_taken_along_the_kidney(name):
    """Half axes 55, 27, 24 mm, the long one tilted by 40 degrees out of every axis."""
    geometry = GRIDS[name]
    turn = rotation(40, 30, 10)
    organ = ellipsoid(points_of(geometry), (3, -2, 4), (24, 27, 55), turn)
    anatomy = Anatomy(geometry, masks={"kidney_right": organ})
    rows = by_kind(measure_anatomy(anatomy, ["kidney_length", "kidney_volume"]))
    length = rows["kidney_length"]
    assert length.value == pytest.approx(110, abs=max(geometry.spacing_ijk))
    assert length.status == "valid"
    ends = np.asarray(length.points_lps)
    assert np.linalg.norm(ends[1] - ends[0]) == pytest.approx(length.value)
    direction = (ends[1] - ends[0]) / length.value
    assert abs(direction @ turn[:, 2]) > math.cos(math.radians(2))
    volume = 4 / 3 * math.pi * 55 * 27 * 24 / 1000
    assert rows["kidney_volume"].value == pytest.approx(volume, rel=0.01)
    axial = organ.any(axis=(1, 2)).sum() * geometry.spacing_ijk[2]
    assert length.value > axial + 5 or name == "oblique"  # what slices alone would give


def test_reference_of_the_kidney_is_for_adults_only():
    geometry = GRIDS["isotropic"]
    organ = ellipsoid(points_of(geometry), (0, 0, 0), (24, 27, 55))
    for person, has_one in ((Person(age_years=50), True), (Person(age_years=6), False),
                            (Person(), False)):  # fmt: skip
        anatomy = Anatomy(geometry, masks={"kidney_left": organ}, person=person)
        reference = by_kind(measure_anatomy(anatomy, ["kidney_length"]))["kidney_length"].reference
        assert (reference is not None) == has_one
    anatomy = Anatomy(geometry, masks={"kidney_left": organ}, person=Person(age_years=50))
    reference = by_kind(measure_anatomy(anatomy, ["kidney_length"]))["kidney_length"].reference
    assert (reference.low, reference.high) == (83.0, 136.4)
    assert "Isfahan" in reference.source
    assert "adults" in reference.population


def test_truncated_and_absent_are_told_and_never_zero():
    geometry = GRIDS["isotropic"]
    organ = ellipsoid(points_of(geometry), (0, 0, 70), (24, 27, 55))
    masks = {"kidney_right": organ, "kidney_left": np.zeros_like(organ)}
    rows = measure_anatomy(Anatomy(geometry, masks=masks), ["kidney_length", "kidney_volume"])
    assert by_kind(rows, "kidney_right")["kidney_length"].status == "truncated_fov"
    for number in by_kind(rows, "kidney_left").values():
        assert (number.status, number.value) == ("absent", None)
    assert by_kind(measure_anatomy(Anatomy(geometry, masks=masks)), "kidney_left") == {}
    never_named = by_kind(measure_anatomy(Anatomy(geometry), ["spleen_length"]))["spleen_length"]
    assert (never_named.status, never_named.value) == ("failed", None)


def test_liver_density_leaves_out_edge_vessels_and_lesions():
    """Liver 60 HU, its rim 20, a vessel 40, a lesion 10, the spleen 50."""
    geometry = GRIDS["anisotropic"]
    points = points_of(geometry)
    liver = ellipsoid(points, (0, 0, 0), (60, 50, 55))
    core = ellipsoid(points, (0, 0, 0), (57, 47, 52))
    vessel = ellipsoid(points, (-20, 0, 0), (8, 40, 8))
    lesion = ellipsoid(points, (25, 0, 0), (22, 22, 22))
    spleen = ellipsoid(points, (78, 0, 0), (10, 40, 40)) & ~liver
    values = np.where(liver, 20.0, np.where(spleen, 50.0, -100.0))
    values[core] = 60.0
    values[vessel] = 40.0
    values[lesion] = 10.0
    masks = {
        "liver": liver, "liver_lesion": lesion, "liver_vessels": vessel & liver, "spleen": spleen,
    }  # fmt: skip
    anatomy = Anatomy(geometry, masks=masks, values=values, protocol=UNENHANCED,
                      person=Person(age_years=60))  # fmt: skip
    rows = by_kind(measure_anatomy(anatomy, ["liver_hu", "liver_hu_iqr"]))
    assert (rows["liver_hu"].value, rows["liver_hu"].status) == (60.0, "valid")
    assert rows["liver_hu_iqr"].value == 0.0
    assert rows["liver_hu"].reference.low == 40
    difference = by_kind(measure_anatomy(anatomy, ["liver_spleen_difference"]))
    assert difference["liver_spleen_difference"].value == 10.0


@pytest.mark.parametrize(
    ("acquisition", "status", "words"),
    [
        (UNENHANCED, "valid", ""),
        (Protocol(tube_kv=120), "low_quality", "Contrast medium: not known"),
        (Protocol(tube_kv=120, contrast=True), "wrong_protocol", "With contrast"),
        (Protocol(tube_kv=100, contrast=False), "wrong_protocol", "100 kV"),
    ],
)
def test_liver_density_says_what_the_protocol_lacks(acquisition, status, words):
    geometry = GRIDS["isotropic"]
    liver = ellipsoid(points_of(geometry), (0, 0, 0), (60, 50, 55))
    values = np.full(liver.shape, 55.0)
    anatomy = Anatomy(geometry, masks={"liver": liver}, values=values, protocol=acquisition)
    number = by_kind(measure_anatomy(anatomy, ["liver_hu"]))["liver_hu"]
    assert (number.status, number.value) == (status, 55.0)
    assert words in number.note
    assert bool(number.note_ru) == bool(words)


def test_densities_need_hounsfield_units():
    geometry = GRIDS["isotropic"]
    liver = ellipsoid(points_of(geometry), (0, 0, 0), (60, 50, 55))
    for values, quantity in ((None, "HU"), (np.ones(liver.shape), "arbitrary")):
        anatomy = Anatomy(geometry, masks={"liver": liver}, values=values, quantity=quantity)
        number = by_kind(measure_anatomy(anatomy, ["liver_hu"]))["liver_hu"]
        assert (number.status, number.value) == ("failed", None)


def test_spleen_length_and_stone():
    geometry = GRIDS["oblique"]
    points = points_of(geometry)
    turn = rotation(30, 20, 50)
    spleen = ellipsoid(points, (0, 0, 0), (20, 35, 60), turn)
    anatomy = Anatomy(geometry, masks={"spleen": spleen})
    length = by_kind(measure_anatomy(anatomy, ["spleen_length"]))["spleen_length"]
    assert length.value == pytest.approx(12.0, abs=0.25)
    assert length.unit == "cm"
    stone = ellipsoid(points, (0, 0, 0), (4, 4, 7), turn)
    values = np.where(stone, 800.0, 30.0)
    values[tuple(np.argwhere(stone)[0])] = 1100.0
    anatomy = Anatomy(geometry, masks={"stone": stone}, values=values, protocol=UNENHANCED)
    rows = by_kind(measure_anatomy(anatomy))
    assert rows["stone_diameter"].value == pytest.approx(14, abs=2.0)
    assert rows["stone_volume"].value == pytest.approx(4 / 3 * math.pi * 4 * 4 * 7, rel=0.1)
    assert rows["stone_max_hu"].value == 1100.0
    assert {row.status for row in rows.values()} == {"valid"}


def test_adrenal_washout():
    absolute, relative = adrenal_washout(10.0, 90.0, 40.0)
    assert absolute.value == pytest.approx(62.5)
    assert relative.value == pytest.approx(100 * 50 / 90)
    assert adrenal_washout(None, 90.0, 40.0)[0].status == "failed"
    assert adrenal_washout(90.0, 90.0, 90.0)[0].value is None
