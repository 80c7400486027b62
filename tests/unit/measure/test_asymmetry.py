"""Volumes of the hippocampi from their parts, and the index of their asymmetry."""

from __future__ import annotations

import numpy as np
import pytest

from app.core.geometry import Geometry
from app.measure.anatomy import Anatomy
from app.measure.regional import measure_anatomy

KINDS = ("hippocampus_volume", "hippocampus_asymmetry")


def _measured(spacing=1.0, **sizes):
    """Blocks of so many voxels (in columns of 10 x 10) in the middle of 40 slices."""
    grid = Geometry.from_arrays((40, 60, 40), (spacing,) * 3, (0, 0, 0), np.eye(3), "")
    masks = {}
    for n, (role, length) in enumerate(sizes.items()):
        mask = np.zeros((40, 60, 40), np.uint8)
        mask[10:20, 10 : 10 + length, 5 + 8 * n : 5 + 8 * n + 5] = 1
        masks[role] = mask
    rows = measure_anatomy(Anatomy(grid, masks=masks), KINDS)
    return {(row.structure, row.measurement.kind): row.measurement for row in rows}


def test_sides_are_made_of_their_parts():
    found = _measured(
        anterior_hippocampus_left=20, posterior_hippocampus_left=40,
        anterior_hippocampus_right=20, posterior_hippocampus_right=20,
    )  # fmt: skip
    assert found["hippocampus_left", "hippocampus_volume"].value == pytest.approx(3.0)
    assert found["hippocampus_right", "hippocampus_volume"].value == pytest.approx(2.0)
    index = found["hippocampi", "hippocampus_asymmetry"]
    assert index.value == pytest.approx(100 * (3 - 2) / 2.5)
    assert (index.unit, index.status, index.method) == ("%", "valid", "hippocampus-asymmetry@1")


def test_one_side_alone_has_no_asymmetry():
    index = _measured(hippocampus_left=30)["hippocampi", "hippocampus_asymmetry"]
    assert index.value is None
    assert index.status == "failed"
    assert index.note == "Both sides are needed."


def test_a_crop_without_a_side_has_a_volume_only():
    found = _measured(anterior_hippocampus=20, posterior_hippocampus=20)
    assert [kind for _, kind in found] == ["hippocampus_volume"]


def test_thick_slices_are_not_the_protocol():
    found = _measured(spacing=2.0, hippocampus_left=30, hippocampus_right=30)
    assert {number.status for number in found.values()} == {"wrong_protocol"}
