"""Ratios with known answers, on films and on volumes in any orientation."""

from __future__ import annotations

import numpy as np
import pytest

from app.core.geometry import Geometry
from app.measure.ratios import area_ratio, cardiothoracic_ratio


def test_area_ratio():
    a, b = np.zeros((1, 20, 20), np.uint8), np.zeros((1, 20, 20), np.uint8)
    assert area_ratio(a, b).status == "absent"
    a[0, :4, :5], b[0, 10:14, :10] = 1, 1
    assert area_ratio(a, b).value == pytest.approx(0.5)


def test_cardiothoracic_ratio_on_a_film():
    """Heart columns 40..80 over two heights; thorax 10..110 on its widest row."""
    heart, lungs = np.zeros((1, 100, 120), np.uint8), np.zeros((1, 100, 120), np.uint8)
    heart[0, 50:60, 40:70] = 1
    heart[0, 60:70, 50:80] = 1
    lungs[0, 20:80, 20:40] = lungs[0, 20:80, 82:100] = 1
    lungs[0, 70, 10:40] = lungs[0, 70, 82:110] = 1
    got = cardiothoracic_ratio(heart, lungs, geometry=None, view_position="PA")
    assert got.value == pytest.approx(0.4)
    assert got.status == "valid"
    got = cardiothoracic_ratio(heart, lungs, geometry=None, view_position="AP")
    assert got.status == "wrong_protocol"


@pytest.mark.parametrize("axes", [(2, 1, 0), (0, 1, 2), (1, 0, 2), (2, 0, 1)])
def test_cardiothoracic_ratio_of_a_volume_in_any_axis_order(axes):
    """The same thorax in LPS [z, y, x], stored with its axes permuted."""
    heart, lungs = np.zeros((30, 40, 100), np.uint8), np.zeros((30, 40, 100), np.uint8)
    heart[10:15, 10:20, 30:66] = 1
    lungs[5:25, 10:30, 10:30] = lungs[5:25, 10:30, 70:90] = 1
    order = tuple(reversed(axes))  # array axis n of the stored volume is axis order[n] here
    matrix = np.zeros((3, 3))
    for stored_axis, patient_axis in enumerate(order):
        matrix[2 - patient_axis, 2 - stored_axis] = 1
    stored_heart, stored_lungs = heart.transpose(order), lungs.transpose(order)
    geometry = Geometry.from_arrays(stored_heart.shape[::-1], (1, 1, 1), (0, 0, 0), matrix, "1.2")
    got = cardiothoracic_ratio(stored_heart, stored_lungs, geometry=geometry)
    assert got.value == pytest.approx(36 / 80)
    assert got.status == "wrong_protocol"
