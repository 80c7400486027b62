"""Measuring the surroundings of a mask gives what measuring the whole image gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.geometry import Geometry
from app.core.measurement import Measurement, Reference
from app.core.segmentation import Mask
from app.core.volume import Rescale, Volume
from app.measure.registry import measure_mask
from app.workflow.remeasure import around, like, no_longer_fits
from tests.unit.workflow.conftest import REF

SIZE = (30, 26, 24)
GEOMETRY = Geometry(SIZE, (0.7, 0.8, 1.5), (-5, 3, 40), (0, 0, 1, 1, 0, 0, 0, 1, 0), "1")
RNG = np.random.default_rng(5)
VOLUME = Volume(
    RNG.integers(-1000, 1000, GEOMETRY.shape_kji, np.int16),
    GEOMETRY,
    Rescale(1.0, -24.0),
    "HU",
    REF,
)
KINDS = ("volume", "long_axis", "short_axis", "centroid", "mean", "max")

corners = st.tuples(*[st.integers(0, n - 4) for n in SIZE])


@settings(max_examples=40, deadline=None)
@given(corner=corners, size=st.tuples(*[st.integers(1, 4)] * 3))
def test_cut_or_whole_the_numbers_are_the_same(
    corner: tuple[int, int, int], size: tuple[int, int, int]
) -> None:
    voxels = np.zeros(GEOMETRY.shape_kji, np.uint8)
    (i, j, k), (a, b, c) = corner, size
    voxels[k : k + c, j : j + b, i : i + a] = 1
    whole = measure_mask(voxels, geometry=GEOMETRY, values=VOLUME.modality_values(), what=KINDS)
    cut, part = around(Mask(voxels, REF), VOLUME)
    assert cut.size < voxels.size
    near = measure_mask(cut, geometry=part.geometry, values=part.modality_values(), what=KINDS)
    for one, other in zip(whole, near, strict=True):
        assert other.status == one.status
        assert other.value == pytest.approx(one.value)
        if one.kind == "centroid":  # of equal diameters any may be shown
            assert np.allclose(other.points_lps, one.points_lps, atol=1e-6)


def test_films_and_empty_masks_stay_whole() -> None:
    empty = Mask(np.zeros(GEOMETRY.shape_kji, np.uint8), REF)
    assert around(empty, VOLUME)[0].shape == GEOMETRY.shape_kji
    film = Volume(np.zeros((1, 20, 20), np.int16), None, Rescale(), "OD", REF)
    drawn = Mask(np.ones((1, 20, 20), np.uint8), REF)
    assert around(drawn, film)[1] is film


def test_what_no_longer_fits_has_no_value() -> None:
    ratio = Measurement("area_ratio", 0.9, "1", "area-ratio@1")
    gone = no_longer_fits(ratio)
    assert (gone.value, gone.status) == (None, "failed")
    assert no_longer_fits(gone) is gone


def test_a_doubt_about_the_image_stays_after_an_edit() -> None:
    old = Measurement(
        "area",
        40.0,
        "cm2",
        "area-pixel-count@1",
        "truncated_fov",
        reference=Reference(1.0, 2.0, "x"),
    )
    new = Measurement("area", 41.0, "cm2", "area-pixel-count@1")
    kept = like(old, new)
    assert (kept.value, kept.status, kept.reference) == (41.0, "truncated_fov", old.reference)
    absent = replace(new, value=None, status="absent")
    assert like(old, absent).status == "absent"
