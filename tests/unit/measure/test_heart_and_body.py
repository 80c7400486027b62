"""Calcium, epicardial fat, ventricles; muscle and fat at a level."""

from __future__ import annotations

import math

import numpy as np
import pytest

from app.measure.anatomy import Anatomy, Person, Protocol
from app.measure.regional import measure_anatomy
from tests.support.solids import box, by_kind, ellipsoid, grid, points_of, rotation

GATED = Protocol(tube_kv=120, contrast=False, gated=True)


def calcified(increment):
    """Two lesions of 2 x 2 mm per slice over 12 mm, peaks 150 and 450 HU; one of 0.25 mm2."""
    geometry = grid((40, 40, 36), (0.5, 0.5, increment))
    points = points_of(geometry)
    arteries = box(points, (0, 0, 0), (30, 30, 12))
    values = np.full(arteries.shape, 50.0)
    values[box(points, (-8, 0, 0), (1.9, 1.9, 12))] = 150.0
    values[box(points, (8, 0, 0), (1.9, 1.9, 12))] = 450.0
    k = arteries.shape[0] // 2
    values[k, 20, 40] = 900.0  # one pixel, 0.25 mm2
    values[box(points, (18, 18, 0), (2, 2, 12))] = 900.0  # outside of the arteries
    return geometry, arteries, values


@pytest.mark.parametrize("increment", [3.0, 2.5])
def test_agatston_is_scaled_to_three_millimetres(increment):
    """4 mm2 x (1 + 4) per slice; thinner slices are more and count less."""
    geometry, arteries, values = calcified(increment)
    anatomy = Anatomy(
        geometry, masks={"coronary_arteries": arteries}, values=values, protocol=GATED
    )
    rows = by_kind(measure_anatomy(anatomy))
    slices = int(arteries.any(axis=(1, 2)).sum())
    score = rows["coronary_agatston"]
    assert score.value == pytest.approx(4 * (1 + 4) * slices * increment / 3)
    assert score.status == "valid"
    assert rows["coronary_calcium_volume"].value == pytest.approx(8 * slices * increment)


@pytest.mark.parametrize(
    ("protocol", "status", "word"),
    [
        (Protocol(tube_kv=120, contrast=False), "low_quality", "gating: not known"),
        (Protocol(tube_kv=120, contrast=False, gated=False), "wrong_protocol", "Without ECG"),
        (Protocol(tube_kv=100, contrast=False, gated=True), "wrong_protocol", "100 kV"),
        (Protocol(tube_kv=120, contrast=True, gated=True), "wrong_protocol", "contrast"),
    ],
)
def test_outside_of_the_protocol_calcium_is_ordinal(protocol, status, word):
    geometry, arteries, values = calcified(3.0)
    anatomy = Anatomy(geometry, masks={"coronary_arteries": arteries}, values=values,
                      protocol=protocol)  # fmt: skip
    score = by_kind(measure_anatomy(anatomy))["coronary_agatston"]
    assert score.status == status
    assert word in score.note
    assert "Ordinal only: mild." in score.note  # 80 or 100
    assert "лёгкий" in score.note_ru


def test_epicardial_fat():
    geometry = grid((120, 120, 120), (2, 2, 2))
    points = points_of(geometry)
    sac, heart = (
        ellipsoid(points, (0, 0, 0), (50, 45, 45)),
        ellipsoid(points, (0, 0, 0), (45, 40, 40)),
    )
    values = np.where(sac & ~heart, -100.0, 40.0)
    person = Person(age_years=50, height_m=1.8, weight_kg=80)
    anatomy = Anatomy(
        geometry, masks={"pericardium": sac}, values=values, protocol=GATED, person=person
    )
    rows = by_kind(measure_anatomy(anatomy))
    truth = 4 / 3 * math.pi * (50 * 45 * 45 - 45 * 40 * 40) / 1000
    assert rows["epicardial_fat_volume"].value == pytest.approx(truth, rel=0.03)
    surface = math.sqrt(180 * 80 / 3600)
    assert rows["epicardial_fat_index"].value == pytest.approx(
        rows["epicardial_fat_volume"].value / surface
    )
    assert rows["epicardial_fat_index"].reference.high == 68.1
    unknown = Anatomy(geometry, masks={"pericardium": sac}, values=values, protocol=GATED)
    assert by_kind(measure_anatomy(unknown))["epicardial_fat_index"].status == "failed"


@pytest.mark.parametrize("yaw", [0, 35, -50])
def test_ventricles_across_the_long_axis(yaw):
    geometry = grid((170, 170, 110), (1.5, 1.5, 2.0))
    local = points_of(geometry) @ rotation(0, 0, yaw)
    left = ellipsoid(local, (25, 0, 0), (20, 42, 22))
    right = ellipsoid(local, (-25, 0, 0), (24, 38, 25)) & ~left
    masks = {"heart_ventricle_left": left, "heart_ventricle_right": right}
    anatomy = Anatomy(geometry, masks=masks, protocol=Protocol(contrast=True))
    number = by_kind(measure_anatomy(anatomy, ["rv_lv_ratio"]))["rv_lv_ratio"]
    assert number.value == pytest.approx(48 / 40, abs=0.08)
    assert number.status == "valid"
    points = np.asarray(number.points_lps)
    assert np.linalg.norm(points[1] - points[0]) == pytest.approx(48, abs=3)


def torso(heights):
    """A cylinder of muscle (radius 60 to 70) and fat (70 to 90), visceral fat of radius 30."""
    geometry = grid((220, 220, 160), (2, 2, 4))
    points = points_of(geometry)
    away = np.hypot(points[..., 0], points[..., 1])
    masks = {
        "skeletal_muscle": (away > 60) & (away <= 70),
        "subcutaneous_fat": (away > 70) & (away <= 90),
        "torso_fat": away <= 30,
    }
    for level, height in heights.items():
        masks[f"vertebrae_{level}"] = ellipsoid(points, (0, 45, height), (12, 10, 12))
    values = np.where(masks["skeletal_muscle"], 50.0, -100.0)
    values[(away > 66) & (away <= 70)] = -60.0  # fat within the muscle's mask
    return geometry, masks, values


def test_muscle_and_fat_at_l3():
    geometry, masks, values = torso({"l3": 0.0, "l2": 36.0})
    person = Person(age_years=30, sex="M", height_m=1.75)
    anatomy = Anatomy(geometry, masks=masks, values=values, protocol=GATED, person=person)
    kinds = ["muscle_area", "muscle_hu", "muscle_index", "visceral_fat_area",
             "subcutaneous_fat_area", "visceral_subcutaneous_ratio"]  # fmt: skip
    at = by_kind(measure_anatomy(anatomy, kinds), "vertebrae_l3")
    area = math.pi * (66**2 - 60**2) / 100
    assert at["muscle_area"].value == pytest.approx(area, rel=0.06)
    assert at["muscle_hu"].value == 50.0
    assert at["muscle_index"].value == pytest.approx(at["muscle_area"].value / 1.75**2)
    assert at["muscle_index"].reference.low == 45.4
    assert at["visceral_fat_area"].value == pytest.approx(math.pi * 30**2 / 100, rel=0.03)
    fat = math.pi * (90**2 - 70**2) / 100
    assert at["subcutaneous_fat_area"].value == pytest.approx(fat, rel=0.03)
    assert at["visceral_subcutaneous_ratio"].value == pytest.approx(900 / 3200, rel=0.05)
    assert {row.status for row in at.values()} == {"valid"}
    assert at["muscle_area"].points_lps[0][2] == pytest.approx(0, abs=4)


def test_other_levels_have_no_reference():
    geometry, masks, values = torso({"l2": 20.0})
    person = Person(age_years=30, sex="M", height_m=1.75)
    anatomy = Anatomy(geometry, masks=masks, values=values, protocol=GATED, person=person)
    at = by_kind(measure_anatomy(anatomy, ["muscle_area"]), "vertebrae_l2")
    assert at["muscle_area"].value is not None
    assert at["muscle_area"].reference is None


def test_a_level_is_needed_and_the_reader_may_give_it():
    geometry, masks, values = torso({"l3": 78.0})  # cut by the border
    anatomy = Anatomy(geometry, masks=masks, values=values, protocol=GATED)
    rows = by_kind(measure_anatomy(anatomy, ["muscle_area", "visceral_fat_area"]))
    assert {(row.status, row.value) for row in rows.values()} == {("failed", None)}
    given = Anatomy(geometry, masks=masks, values=values, protocol=GATED,
                    points={"level": (0.0, 0.0, -20.0)})  # fmt: skip
    at = by_kind(measure_anatomy(given, ["muscle_area", "muscle_index"]), "reader")
    assert at["muscle_area"].status == "valid"
    assert at["muscle_index"].status == "failed"  # no height
