"""Lungs, effusions and nodules with known volumes and densities; the ratio of two lines."""

from __future__ import annotations

import math

import numpy as np
import pytest

from app.measure.anatomy import Anatomy, Person, Protocol
from app.measure.chest import cardiothoracic_of_lines
from app.measure.regional import measure_anatomy
from tests.support.solids import by_kind, ellipsoid, grid, points_of, rotation

THIN = grid((150, 110, 110), (1.5, 1.5, 1.5))
DENSITY = Protocol(contrast=False, slice_mm=1.5, kernel="soft", inspiration=True)


def thorax():
    """Two ellipsoids as lungs and a ball of trachea in the right one; HU in known shares."""
    points = points_of(THIN)
    right = ellipsoid(points, (-35, 0, 0), (25, 40, 45))
    left = ellipsoid(points, (35, 0, 0), (25, 40, 40))
    trachea = ellipsoid(points, (-15, 0, 20), (8, 8, 20))
    values = np.full(right.shape, 40.0)
    rng = np.random.default_rng(3)
    for lung in (right, left):
        count = int(lung.sum())
        hu = np.full(count, -850.0)
        hu[: count // 10] = -960.0
        hu[count // 10 : count // 4] = -400.0
        values[lung] = rng.permutation(hu)
    values[trachea] = -1000.0
    return {"lung_right": right, "lung_left": left, "trachea": trachea}, values


def test_lungs_without_the_trachea():
    masks, values = thorax()
    anatomy = Anatomy(THIN, masks=masks, values=values, protocol=DENSITY,
                      person=Person(age_years=60))  # fmt: skip
    rows = measure_anatomy(anatomy)
    right = by_kind(rows, "lung_right")
    left = by_kind(rows, "lung_left")
    both = by_kind(rows, "lungs")
    expected = (masks["lung_right"] & ~masks["trachea"]).sum() * 1.5**3 / 1000
    assert right["lung_volume"].value == pytest.approx(expected)
    assert left["lung_volume"].value == pytest.approx(
        4 / 3 * math.pi * 25 * 40 * 40 / 1000, rel=0.01
    )
    assert both["lung_volume"].value == pytest.approx(
        right["lung_volume"].value + left["lung_volume"].value
    )
    assert right["lung_share"].value + left["lung_share"].value == pytest.approx(100)
    assert left["lung_laa950"].value == pytest.approx(10, abs=0.05)
    assert left["lung_haa"].value == pytest.approx(15, abs=0.05)
    assert left["lung_perc15"].value == -850.0
    assert right["lung_laa950"].value == pytest.approx(10, abs=1.5)  # none of the trachea's -1000
    assert {row.measurement.status for row in rows} == {"valid"}
    assert left["lung_laa950"].reference.high == 5.0


@pytest.mark.parametrize(
    ("changes", "status", "word"),
    [
        ({"kernel": "sharp"}, "wrong_protocol", "sharp"),
        ({"slice_mm": 5.0}, "wrong_protocol", "5 mm"),
        ({"inspiration": False}, "wrong_protocol", "inspiration"),
        ({"contrast": True}, "wrong_protocol", "contrast"),
        ({"kernel": ""}, "low_quality", "kernel: not known"),
    ],
)
def test_density_of_lungs_is_gated(changes, status, word):
    masks, values = thorax()
    known = {"contrast": False, "slice_mm": 1.5, "kernel": "soft", "inspiration": True} | changes
    anatomy = Anatomy(THIN, masks=masks, values=values, protocol=Protocol(**known))
    number = by_kind(measure_anatomy(anatomy, ["lung_laa950"]), "lung_left")["lung_laa950"]
    assert number.status == status
    assert word in number.note


def test_lobes_make_up_lungs_of_a_labelmap():
    masks, _ = thorax()
    labels = np.zeros(THIN.shape_kji, np.uint8)
    labels[masks["lung_left"]] = 10
    upper = masks["lung_left"].copy()
    upper[: upper.shape[0] // 2] = False
    labels[upper] = 11
    roles = {"lung_upper_lobe_left": (11,), "lung_lower_lobe_left": (10,)}
    rows = measure_anatomy(Anatomy(THIN, labels=labels, roles=roles), ["lung_volume"])
    found = {row.structure: row.measurement.value for row in rows}
    assert found["lung_left"] == pytest.approx(
        found["lung_upper_lobe_left"] + found["lung_lower_lobe_left"]
    )
    assert found["lungs"] == found["lung_left"]


def test_effusions_by_side():
    points = points_of(THIN)
    masks = {"pleural_effusion_left": ellipsoid(points, (30, 0, 0), (15, 15, 30)),
             "pleural_effusion_right": np.zeros(THIN.shape_kji, np.uint8)}  # fmt: skip
    rows = measure_anatomy(Anatomy(THIN, masks=masks), ["effusion_volume"])
    left = by_kind(rows, "pleural_effusion_left")["effusion_volume"]
    assert left.value == pytest.approx(4 / 3 * math.pi * 15 * 15 * 30 / 1000, rel=0.02)
    right = by_kind(rows, "pleural_effusion_right")["effusion_volume"]
    assert (right.status, right.value) == ("absent", None)


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
@pytest.mark.parametrize("direction", [np.eye(3), rotation(10, 20, 30)])
def test_nodule_axes_in_any_plane(plane, direction):
    """Half axes 9, 5, 4 mm; the long one lies in the plane, turned by 35 degrees."""
    geometry = grid((40, 40, 40), (0.6, 0.6, 1.0), direction)
    turn = {"axial": rotation(0, 0, 35), "coronal": rotation(0, 35, 0),
            "sagittal": rotation(35, 0, 90)}[plane]  # fmt: skip
    nodule = ellipsoid(points_of(geometry), (0, 0, 0), (9, 5, 4), direction @ turn)
    rows = by_kind(measure_anatomy(Anatomy(geometry, masks={"nodule": nodule})))
    assert rows["nodule_long_axis"].value == pytest.approx(18, abs=1.0)
    assert rows["nodule_short_axis"].value == pytest.approx(9, abs=1.6)
    long, short = (np.asarray(rows[f"nodule_{n}_axis"].points_lps) for n in ("long", "short"))
    assert np.linalg.norm(long[1] - long[0]) == pytest.approx(rows["nodule_long_axis"].value)
    assert abs((long[1] - long[0]) @ (short[1] - short[0])) < 1e-6
    volume = rows["nodule_volume"]
    assert volume.value == pytest.approx(4 / 3 * math.pi * 9 * 5 * 4, rel=0.05)
    assert volume.uncertainty.low == pytest.approx(0.73 * volume.value)
    assert volume.uncertainty.high == pytest.approx(1.27 * volume.value)
    effective = rows["nodule_effective_diameter"].value
    assert math.pi / 6 * effective**3 == pytest.approx(volume.value)
    assert rows["nodule_long_axis"].status == "valid"


def test_nodules_of_thick_slices_are_of_the_wrong_protocol():
    geometry = grid((40, 40, 60), (0.6, 0.6, 5.0))
    nodule = ellipsoid(points_of(geometry), (0, 0, 0), (9, 9, 9))
    rows = by_kind(measure_anatomy(Anatomy(geometry, masks={"nodule": nodule})))
    assert {row.status for row in rows.values()} == {"wrong_protocol"}


def test_cardiothoracic_ratio_of_lines():
    """The heart's line is oblique: only its part along the thorax counts."""
    thorax_line = ((-150.0, 0, 0), (150.0, 0, 0))
    heart = ((-40.0, 30, 10), (95.0, 10, -20))
    number = cardiothoracic_of_lines(heart, thorax_line, view_position="PA")
    assert number.value == pytest.approx(135 / 300)
    assert number.status == "valid"
    assert number.point_names[2] == "thorax_first"
    for view, supine in (("AP", None), ("", None), ("PA", True)):
        assert cardiothoracic_of_lines(
            heart, thorax_line, view_position=view, supine=supine
        ).status == "wrong_protocol"  # fmt: skip
    assert cardiothoracic_of_lines(heart, (heart[0], heart[0])).status == "failed"
    pixels = cardiothoracic_of_lines(((10, 5), (60, 9)), ((0, 0), (100, 0)), view_position="PA")
    assert pixels.value == pytest.approx(0.5)
