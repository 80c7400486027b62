"""Measurements that a pack names for its labels, and what headers say for the gates."""

from __future__ import annotations

import numpy as np
import pytest

from app.core.acquisition import Acquisition
from app.measure.by_role import Setting, measure_labels, roles_of
from app.measure.known import kernel_of, known_of
from tests.support.solids import ellipsoid, grid, points_of

GRID = grid((160, 120, 140), (2, 2, 2))
FACTS = Acquisition(modality="CT", kvp=120.0, contrast=False, age_years=55.0, sex="M")


def test_labels_are_taken_by_their_names():
    points = points_of(GRID)
    right = ellipsoid(points, (-40, 0, 0), (20, 20, 50))
    left = ellipsoid(points, (40, 0, 0), (20, 20, 40))
    masks = {"right kidney": right, "left kidney": left}
    setting = Setting(GRID, None, "HU", FACTS)
    assert measure_labels("kidney_length", masks, "right kidney", setting).value == pytest.approx(
        100, abs=2
    )
    number = measure_labels("kidney_length", masks, "left kidney", setting)
    assert number.value == pytest.approx(80, abs=2)
    assert number.reference is not None
    assert (
        measure_labels("kidney_length", {"left kidney": left}, "left kidney", setting).value
        == number.value
    )


def test_other_names_get_the_roles_in_order():
    assert roles_of("liver_spleen_difference", ("a", "b")) == {"a": "liver", "b": "spleen"}
    assert roles_of("liver_spleen_difference", ("spleen", "organ")) == {
        "spleen": "spleen", "organ": "liver",
    }  # fmt: skip
    assert roles_of("kidney_length", ("left kidney",)) == {"left kidney": "kidney_left"}


def test_values_and_protocol_reach_the_gate():
    liver = ellipsoid(points_of(GRID), (0, 0, 0), (60, 50, 55))
    values = np.full(liver.shape, 52.0)
    number = measure_labels(
        "liver_hu", {"liver": liver}, "liver", Setting(GRID, values, "HU", FACTS)
    )
    assert (number.value, number.status) == (52.0, "valid")
    number = measure_labels("liver_hu", {"liver": liver}, "liver", Setting(GRID, values, "HU"))
    assert number.status == "low_quality"


def test_without_a_place_in_space_it_fails():
    mask = np.ones((1, 4, 4), np.uint8)
    number = measure_labels("liver_volume", {"liver": mask}, "liver", Setting(None, None, "OD"))
    assert (number.status, number.value, number.unit) == ("failed", None, "mL")
    assert number.note_ru


def test_what_headers_say():
    person, protocol = known_of(FACTS)
    assert (person.age_years, person.sex, person.height_m) == (55.0, "M", None)
    assert (protocol.tube_kv, protocol.contrast, protocol.gated) == (120.0, False, None)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("B31f", "soft"), ("B70f", "sharp"), ("Br40d\\3", "soft"), ("I50f", ""), ("FC08", "soft"),
     ("FC52", "sharp"), ("STANDARD", "soft"), ("LUNG", "sharp"), ("BONEPLUS", "sharp"), ("", ""),
     ("Qx", ""), ("B", "soft")],
)  # fmt: skip
def test_kernels(name, kind):
    assert kernel_of(name) == kind
