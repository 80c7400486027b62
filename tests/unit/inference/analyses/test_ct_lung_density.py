"""``ct-lung-density`` on chests of known truth, and on images that are none."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from app.core.acquisition import Acquisition
from app.core.errors import ResultRefused
from app.core.geometry import Geometry
from app.imaging.resample import turned_onto
from app.inference.analyses.contract import AnalysisInput
from app.inference.analyses.ct_lung_density import AIRWAY, BOTH, LEFT, RIGHT, run
from app.inference.golden import overlap
from tests.support.ct_phantoms import Chest, ChestPlan, chest

GOOD = Acquisition("CT", kernel="B30f", contrast=False, slice_thickness_mm=1.0)


@functools.cache
def _chest(**plan: object) -> Chest:
    """A coarse chest, made once."""
    return chest(ChestPlan(**{"spacing": (4.0, 4.0, 4.0), **plan}))


@pytest.fixture(scope="module")
def plain() -> Chest:
    return _chest()


def _given(made: Chest, acquisition: Acquisition = GOOD, hu=None) -> AnalysisInput:
    return AnalysisInput(made.hu if hu is None else hu, made.geometry, acquisition=acquisition)


def _number(made, kind: str, label: int = BOTH):
    return next(m for index, m in made.numbers if index == label and m.kind == kind)


def test_lungs_without_trachea_and_stomach(plain):
    made = run(_given(plain))
    assert overlap(made.masks[RIGHT], plain.right) > 0.99
    assert overlap(made.masks[LEFT], plain.left) > 0.99
    assert not (made.masks[BOTH] ^ (made.masks[RIGHT] | made.masks[LEFT])).any()
    assert not (made.masks[BOTH] & plain.airway & (plain.hu < -900)).any()
    assert (made.masks[AIRWAY] & plain.airway).sum() > 0.5 * plain.airway.sum()
    stomach = tuple(np.rint(plain.geometry.lps_to_ijk((50, -40, -125))[::-1]).astype(int))
    assert plain.hu[stomach] < -900
    assert not made.masks[BOTH][stomach]
    assert made.flags == ()


def test_densities_are_those_of_the_lung(plain):
    made = run(_given(plain))
    inside = plain.hu[made.masks[BOTH]]
    assert _number(made, "lung_perc15").value == pytest.approx(np.percentile(inside, 15))
    assert _number(made, "mean").value == pytest.approx(inside.mean(), abs=0.01)
    assert _number(made, "lung_laa950").value == pytest.approx(0.0, abs=0.01)
    emphysema = run(_given(_chest(lung_hu=-945.0, noise_hu=10.0)))
    assert 20 < _number(emphysema, "lung_laa950").value < 45


@pytest.mark.parametrize("half_mm", [6.0, 12.0])
def test_lungs_that_touch_are_cut_apart(half_mm):
    joined = _chest(bridge_mm=half_mm)
    made = run(_given(joined))
    assert overlap(made.masks[RIGHT], joined.right) > 0.99
    assert overlap(made.masks[LEFT], joined.left) > 0.99
    assert any("touch" in note.en for note in made.notes)


def test_a_lung_that_is_cut_off_is_a_lower_bound():
    made = run(_given(_chest(low_z=-40.0)))
    assert [flag.id for flag in made.flags] == ["lungs-cut-off"]
    assert made.flags[0].status == "truncated_fov"
    assert set(made.flags[0].labels) == {RIGHT, LEFT, BOTH}


def test_a_missing_lung_is_said_and_never_zero():
    made = run(_given(_chest(right_lung=False)))
    assert not made.masks[RIGHT].any()
    assert not [m for index, m in made.numbers if index == RIGHT]
    assert any("right lung" in note.en for note in made.notes)


@pytest.mark.parametrize(
    ("plan", "acquisition", "words"),
    [
        ({}, GOOD, "Slices of 4 mm"),
        ({"blood_hu": 170.0}, GOOD, "looks enhanced"),
        ({}, Acquisition("CT", kernel="B30f", contrast=True), "contrast agent"),
        ({}, Acquisition("CT", kernel="B70f"), "sharp kernel"),
        ({}, Acquisition("CT", kernel="XYZ"), "not known"),
        ({}, Acquisition("CT"), "not stated"),
        ({"lung_hu": -690.0}, GOOD, "inspiration"),
    ],
)
def test_the_protocol_gate_says_why(plan, acquisition, words):
    made = run(_given(_chest(**plan), acquisition))
    number = _number(made, "lung_laa950")
    assert number.status == "wrong_protocol"
    assert words in number.note


def test_a_thin_soft_native_scan_is_valid():
    thin = _chest(spacing=(1.5, 1.5, 1.5), low_z=40.0, high_z=100.0)
    assert _number(run(_given(thin)), "lung_perc15").status == "valid"


def test_sides_hold_whatever_way_the_volume_lies(plain):
    d = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, 1.0], [-1.0, 0.0, 0.0]])  # i down, j right, k back
    si, sj, sk = plain.geometry.spacing_ijk
    ni, nj, nk = plain.geometry.size_ijk
    corner = plain.geometry.ijk_to_lps((ni - 1, 0, nk - 1))
    target = Geometry.from_arrays((nk, ni, nj), (sk, si, sj), corner, d, "1.2.3.7")
    hu = turned_onto(plain.hu, plain.geometry, target)
    assert hu is not None
    made = run(AnalysisInput(hu, target, acquisition=GOOD))
    back = turned_onto(made.masks[RIGHT].astype(np.uint8), target, plain.geometry)
    assert back is not None
    assert overlap(back, plain.right) > 0.99


@pytest.mark.parametrize("change", ["shifted", "magnetic", "empty", "head", "few"])
def test_what_is_no_chest_ct_is_refused_in_words(plain, change):
    hu, geometry = plain.hu, plain.geometry
    if change == "shifted":
        hu = hu + 1024
    elif change == "magnetic":
        hu = np.abs(hu) * 0.7
    elif change == "empty":
        hu = np.full_like(hu, -1000)
    elif change == "head":
        hu = np.where(plain.right | plain.left | plain.airway, np.float32(40), hu)
    else:
        hu = hu[:2]
        i, j, _ = geometry.size_ijk
        geometry = Geometry.from_arrays(
            (i, j, 2), geometry.spacing_ijk, geometry.origin_lps, geometry.direction, "1.2"
        )
    with pytest.raises(ResultRefused) as told:
        run(AnalysisInput(hu, geometry, acquisition=GOOD))
    assert told.value.ru
    assert told.value.ru != told.value.message


def test_padding_counts_as_nothing(plain):
    hu = plain.hu.copy()
    hu[:, :, :8] = np.nan
    made = run(_given(plain, hu=hu))
    assert overlap(made.masks[RIGHT], plain.right) > 0.99
