"""Vertebrae of known heights and densities: boxes with a wedge, an arch behind, a tilted spine."""

from __future__ import annotations

import numpy as np
import pytest

from app.measure.anatomy import Anatomy, Person, Protocol
from app.measure.regional import measure_anatomy
from app.measure.spine import numbering_agrees
from tests.support.solids import box, by_kind, cylinder, grid, points_of, rotation

LEVELS = ("t12", "l1", "l2")
KNOWN = Protocol(tube_kv=120, contrast=False)
SIXTY = Person(age_years=60)


def spine(geometry, turn, wedge=0.0):
    """Three bodies of 42 x 32 x 26 mm, 34 mm apart; L1 is ``wedge`` lower in front.

    In its own axes it stands as in the patient. Behind each body an arch, left and right of a
    canal of 16 mm, and a spinous process.
    """
    local = points_of(geometry) @ turn
    masks = {}
    for number, level in enumerate(LEVELS):
        centre = np.asarray((0.0, -10.0, 34.0 * (1 - number)))
        body = box(local, centre, (42, 32, 26))
        if level == "l1":
            share = (local[..., 1] - (centre[1] - 16)) / 32  # 0 in front, 1 behind
            low = 26.0 * wedge * (1.0 - share)
            body &= local[..., 2] - centre[2] <= 13.0 - low
        for side in (-1, 1):
            body |= box(local, np.add(centre, (side * 13, 26, 4)), (10, 26, 12))
        body |= box(local, np.add(centre, (0, 46, 0)), (36, 10, 14))
        masks[f"vertebrae_{level}"] = body
    return masks, local


@pytest.mark.parametrize("spacing", [(1.2, 1.2, 1.2), (0.9, 0.9, 3.0)])
@pytest.mark.parametrize("turn", [np.eye(3), rotation(15, 8, 0)])
@pytest.mark.parametrize("wedge", [0.0, 0.35])
def test_heights_of_wedged_bodies(spacing, turn, wedge):
    """At 15, 50 and 85 % of the depth a wedge of w has lost 0.85, 0.5 and 0.15 of w."""
    geometry = grid((70, 110, 140), spacing)
    masks, _ = spine(geometry, turn, wedge)
    rows = by_kind(measure_anatomy(Anatomy(geometry, masks=masks)), "vertebrae_l1")
    slack = 0.5 * max(spacing) + 0.4
    for kind, share in (("anterior", 0.85), ("middle", 0.5), ("posterior", 0.15)):
        number = rows[f"vertebral_{kind}_height"]
        assert number.value == pytest.approx(26 * (1 - wedge * share), abs=slack), kind
        ends = np.asarray(number.points_lps)
        assert np.linalg.norm(ends[1] - ends[0]) == pytest.approx(number.value, abs=0.01)
        up = (ends[0] - ends[1]) / number.value
        assert up @ turn[:, 2] > 0.985
    loss = rows["vertebral_height_loss"]
    expected = 100 * (1 - (1 - 0.85 * wedge) / (1 - 0.15 * wedge))
    assert loss.value == pytest.approx(expected, abs=100 * 1.5 * slack / 26)
    assert loss.point_names[0] == "anterior_top"
    assert loss.status == "valid"
    to_neighbours = rows["vertebral_height_loss_to_neighbours"]
    assert to_neighbours.value == pytest.approx(100 * 0.85 * wedge, abs=100 * 1.5 * slack / 26)


def bone(geometry, masks, hu=None):
    """Trabecular HU by level, a cortex of 400 HU on the surface."""
    from app.measure.solid import depth_mm

    values = np.full(geometry.shape_kji, 40.0)
    for level, inner in ({"t12": 150.0, "l1": 120.0, "l2": 90.0} | (hu or {})).items():
        mask = masks[f"vertebrae_{level}"]
        values[mask] = 400.0
        values[mask & (depth_mm(mask, geometry) >= 1.5)] = inner
    return values


def trabecular(geometry, masks, values, person=SIXTY, protocol=KNOWN):
    anatomy = Anatomy(geometry, masks=masks, values=values, person=person, protocol=protocol)
    (row,) = measure_anatomy(anatomy, ["l1_trabecular_hu"])
    return row


def test_trabecular_density_and_its_fallbacks():
    geometry = grid((70, 110, 140), (1.6, 1.6, 1.6))
    masks, local = spine(geometry, rotation(10, 5, 0))
    row = trabecular(geometry, masks, bone(geometry, masks))
    assert (row.structure, row.measurement.value) == ("vertebrae_l1", 120.0)
    assert "not checked against ribs" in row.measurement.note
    ribs = {f"rib_12_{side}": cylinder(local, (s * 32, 0, 34), (1, 0, 0), 5, 22)
            for side, s in (("left", 1), ("right", -1))}  # fmt: skip
    row = trabecular(geometry, masks | ribs, bone(geometry, masks))
    assert row.measurement.status == "valid"
    wedged, _ = spine(geometry, rotation(10, 5, 0), 0.4)
    row = trabecular(geometry, wedged | ribs, bone(geometry, wedged))
    assert (row.structure, row.measurement.value) == ("vertebrae_t12", 150.0)
    assert "L1 has lost height" in row.measurement.note
    values = bone(geometry, masks)
    values[box(local, (0, -16, 0), (6, 6, 6))] = 1500.0
    row = trabecular(geometry, masks | ribs, values)
    assert row.structure == "vertebrae_t12"
    assert "over 700 HU" in row.measurement.note


@pytest.mark.parametrize(
    ("age", "contrast", "kv", "status"),
    [
        (60, None, 120, "valid"), (60, True, 120, "valid"), (30, False, 120, "valid"),
        (30, True, 120, "wrong_protocol"), (30, None, 120, "wrong_protocol"),
        (None, None, 120, "low_quality"), (60, False, 100, "wrong_protocol"),
        (60, False, None, "low_quality"),
    ],
)  # fmt: skip
def test_the_gate_of_trabecular_density(age, contrast, kv, status):
    geometry = grid((70, 110, 140), (2, 2, 2))
    masks, local = spine(geometry, np.eye(3))
    masks["rib_12_left"] = cylinder(local, (32, 0, 34), (1, 0, 0), 5, 22)
    row = trabecular(
        geometry, masks, bone(geometry, masks), Person(age_years=age),
        Protocol(tube_kv=kv, contrast=contrast),
    )  # fmt: skip
    assert row.measurement.status == status
    assert row.measurement.value is not None


def test_wrong_numbering_is_found_by_the_ribs():
    geometry = grid((70, 110, 140), (2, 2, 2))
    masks, local = spine(geometry, np.eye(3))
    assert numbering_agrees(Anatomy(geometry, masks=masks)) is None
    masks["rib_12_left"] = cylinder(local, (32, 0, 0), (1, 0, 0), 5, 22)  # at what is called L1
    assert numbering_agrees(Anatomy(geometry, masks=masks)) is False
    row = trabecular(geometry, masks, bone(geometry, masks))
    assert row.measurement.status == "wrong_protocol"
