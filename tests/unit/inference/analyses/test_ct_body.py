"""``ct-body``: tissues of a phantom of known areas, what is doubted and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.core.acquisition import Acquisition
from app.core.errors import ResultRefused
from app.core.reader_input import NamedPoint, ReaderInput
from app.inference.analyses.contract import AnalysisInput
from app.inference.analyses.ct_body import BODY, BONE, MUSCLE, SUBCUTANEOUS, VISCERAL, run
from tests.support.abdomen_phantom import MASKS, AbdomenPlan, abdomen

CT = Acquisition("CT", kvp=120.0, contrast=False)
PLAN = AbdomenPlan(pixel_mm=2.0)


def _given(made, acquisition=CT, level=None) -> AnalysisInput:
    reader = ReaderInput(points=(NamedPoint("level", level or made.level),))
    return AnalysisInput(made.hu, made.geometry, reader, acquisition)


def _number(made, kind):
    return next(m for _, m in made.numbers if m.kind == kind)


@pytest.mark.parametrize(
    "plan",
    [PLAN, replace(PLAN, full=False), replace(PLAN, fat_mm=8.0, wall_mm=8.0),
     replace(PLAN, gap_mm=16.0), replace(PLAN, noise_hu=25.0)],
)  # fmt: skip
def test_areas_of_a_phantom_of_known_tissues(plan):
    made = abdomen(plan)
    result = run(_given(made))
    pixel = plan.pixel_mm**2 / 100.0
    for kind, name, most in (
        ("muscle_area", "muscle", 0.02),
        ("visceral_fat_area", "visceral", 0.07),  # fat among the back muscles is left out
        ("subcutaneous_fat_area", "subcutaneous", 0.02),
    ):
        true = made.truth[name].sum() * pixel
        assert _number(result, kind).value == pytest.approx(true, rel=most)
        assert _number(result, kind).status == "valid"
    for label, name in enumerate(MASKS, 1):
        found, true = result.masks[label][1], made.truth[name]
        assert 2 * (found & true).sum() / (found.sum() + true.sum()) > 0.96, name
    assert _number(result, "muscle_hu").value == pytest.approx(55.0, abs=1.5)


def test_masks_lie_on_the_slice_of_the_level_alone():
    result = run(_given(abdomen(PLAN)))
    for label in (MUSCLE, VISCERAL, SUBCUTANEOUS, BONE, BODY):
        assert np.flatnonzero(result.masks[label].any(axis=(1, 2))).tolist() == [1]


def test_arms_are_left_out_and_said():
    with_arms = run(_given(abdomen(PLAN)))
    without = run(_given(abdomen(replace(PLAN, arms=False))))
    area = _number(without, "muscle_area").value
    assert _number(with_arms, "muscle_area").value == pytest.approx(area, rel=0.01)
    assert any("Arms" in note.en for note in with_arms.notes)
    assert not any("Arms" in note.en for note in without.notes)


def test_a_patient_who_is_cut_at_the_side_has_only_lower_bounds():
    made = abdomen(replace(PLAN, field_mm=(330.0, 340.0), arms=False))
    result = run(_given(made))
    assert _number(result, "subcutaneous_fat_area").status == "truncated_fov"
    assert [flag.id for flag in result.flags] == ["cut-at-the-sides"]


def test_contrast_makes_the_density_but_not_the_area_doubtful():
    result = run(_given(abdomen(PLAN), replace(CT, contrast=True)))
    assert _number(result, "muscle_hu").status == "wrong_protocol"
    assert _number(result, "muscle_area").status == "valid"


def test_without_a_level_nothing_is_guessed():
    made = abdomen(PLAN)
    with pytest.raises(ResultRefused, match="No level"):
        run(AnalysisInput(made.hu, made.geometry, ReaderInput(), CT))
    x, y, _ = made.level
    with pytest.raises(ResultRefused, match="outside"):
        run(_given(made, level=(x, y, 900.0)))


def test_a_slice_with_lung_is_refused():
    made = abdomen(PLAN)
    hu = made.hu.copy()
    hu[:, 60:90, 60:100] = -850.0
    with pytest.raises(ResultRefused, match="lung"):
        run(_given(replace(made, hu=hu)))


def test_a_slice_without_wall_is_refused():
    made = abdomen(replace(PLAN, full=False))
    hu = made.hu.copy()
    # the wall of the front and the sides away, the back stays
    rows, columns = np.nonzero(made.truth["muscle"])
    front = rows < 0.55 * hu.shape[1]
    hu[:, rows[front], columns[front]] = -100.0
    with pytest.raises(ResultRefused, match="ring"):
        run(_given(replace(made, hu=hu)))


def test_a_slice_without_a_vertebra_is_refused():
    made = abdomen(PLAN)
    hu = made.hu.copy()
    hu[:, made.truth["bone"]] = 40.0
    with pytest.raises(ResultRefused, match="vertebra"):
        run(_given(replace(made, hu=hu)))


def test_a_liver_against_the_back_is_refused():
    made = abdomen(PLAN)
    rows, columns = made.truth["muscle"].shape
    y = (np.arange(rows)[:, None] - (rows - 1) / 2) * PLAN.pixel_mm
    x = (np.arange(columns)[None] - (columns - 1) / 2) * PLAN.pixel_mm
    hu = made.hu.copy()
    liver = (((x + 75) / 55) ** 2 + ((y - 30) / 55) ** 2 <= 1) & ~made.truth["bone"]
    hu[:, liver & ~made.truth["subcutaneous"]] = 60.0
    with pytest.raises(ResultRefused, match="organ"):
        run(_given(replace(made, hu=hu)))


def _oval(cx: float, cy: float, rx: float, ry: float) -> np.ndarray:
    rows, columns = round(PLAN.field_mm[1] / 2.0), round(PLAN.field_mm[0] / 2.0)
    y = (np.arange(rows)[:, None] - (rows - 1) / 2) * PLAN.pixel_mm
    x = (np.arange(columns)[None] - (columns - 1) / 2) * PLAN.pixel_mm
    return np.asarray(((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1)


def test_a_spleen_on_the_wall_beside_the_back_muscles_is_refused():
    made = abdomen(replace(PLAN, full=False))
    hu = made.hu.copy()
    spleen = _oval(100, 32, 24, 42) & ~made.truth["subcutaneous"] & ~made.truth["bone"]
    hu[:, spleen] = 60.0
    with pytest.raises(ResultRefused, match="organ"):
        run(_given(replace(made, hu=hu)))


def test_a_slice_above_the_lungs_is_refused():
    made = abdomen(PLAN)
    hu = made.hu.copy()
    hu[0, _oval(-60, 0, 55, 70) | _oval(60, 0, 55, 70)] = -850.0
    x, y, _ = made.level
    above = float(made.geometry.ijk_to_lps((0, 0, 2))[2])
    with pytest.raises(ResultRefused, match="below it"):
        run(_given(replace(made, hu=hu), level=(x, y, above)))


def test_a_slice_through_the_pelvis_is_refused():
    made = abdomen(PLAN)
    hu = made.hu.copy()
    hu[:, _oval(-110, 30, 12, 45) | _oval(110, 30, 12, 45)] = 500.0
    with pytest.raises(ResultRefused, match="pelvis"):
        run(_given(replace(made, hu=hu)))


def test_a_vertebra_that_runs_into_dense_bowel_is_refused():
    made = abdomen(PLAN)
    hu = made.hu.copy()
    hu[:, _oval(0, 0, 30, 45)] = 400.0
    with pytest.raises(ResultRefused, match="told from something dense"):
        run(_given(replace(made, hu=hu)))
