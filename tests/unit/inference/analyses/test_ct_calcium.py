"""``ct-calcium``: the score of squares of known size, and what is not scored."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.core.acquisition import Acquisition
from app.core.errors import ResultRefused
from app.core.reader_input import ReaderInput
from app.inference.analyses.contract import AnalysisInput
from app.inference.analyses.ct_calcium import ALL, VESSELS, run
from tests.support.ct_phantoms import calcium_phantom

CT = Acquisition("CT", kvp=120.0, contrast=False, slice_thickness_mm=3.0)
PIXEL = 0.7 * 0.7


def _given(acquisition=CT, reader=None, **plan) -> AnalysisInput:
    made, boxes = calcium_phantom(**plan)
    return AnalysisInput(made.hu, made.geometry, reader or boxes, acquisition)


def _number(made, label, kind="agatston"):
    return next(m for index, m in made.numbers if index == label and m.kind == kind)


def test_the_score_is_area_times_weight_per_vessel():
    made = run(_given())
    lad = (16 * 4 * 2 + 9 * 1) * PIXEL  # 450 HU over two slices, 150 HU over one
    rca = 25 * 2 * PIXEL  # 250 HU; the single pixel is under 1 mm2
    assert _number(made, VESSELS["LAD"]).value == pytest.approx(lad, rel=1e-5)
    assert _number(made, VESSELS["RCA"]).value == pytest.approx(rca, rel=1e-5)
    assert _number(made, ALL).value == pytest.approx(lad + rca, rel=1e-5)
    assert _number(made, ALL).status == "valid"
    volume = (16 * 2 + 9 + 25) * PIXEL * 3.0
    assert _number(made, ALL, "coronary_calcium_volume").value == pytest.approx(volume, rel=1e-5)
    assert not made.masks[VESSELS["LM"]].any()


@pytest.mark.parametrize(
    ("acquisition", "plan", "words"),
    [
        (replace(CT, slice_thickness_mm=1.0), {"slice_mm": 1.0}, "2.5 to 3 mm"),
        (replace(CT, kvp=100.0), {}, "120 kV"),
    ],
)
def test_off_protocol_it_is_only_ordinal(acquisition, plan, words):
    made = run(_given(acquisition, **plan))
    number = _number(made, ALL)
    assert number.status == "wrong_protocol"
    assert words in number.note
    assert "Ordinal grade" in made.notes[0].en


def test_a_scan_that_is_not_known_to_be_gated_is_only_ordinal():
    _, boxes = calcium_phantom()
    made = run(_given(reader=ReaderInput(boxes=boxes.boxes)))
    assert "gated" in _number(made, ALL).note


def test_a_lesion_in_two_boxes_counts_once():
    _, boxes = calcium_phantom()
    twice = [replace(box, name="LM") for box in boxes.boxes if box.name == "LAD"]
    made = run(_given(reader=replace(boxes, boxes=(*twice, *boxes.boxes))))
    assert _number(made, ALL).value == pytest.approx(_number(run(_given()), ALL).value)
    assert not made.masks[VESSELS["LAD"]].any()


def test_nothing_is_scored_without_boxes():
    with pytest.raises(ResultRefused, match="No box"):
        run(_given(reader=ReaderInput()))


def test_enhanced_images_are_refused():
    with pytest.raises(ResultRefused, match="contrast"):
        run(_given(replace(CT, contrast=True)))
    with pytest.raises(ResultRefused, match="contrast"):
        run(_given(tissue_hu=125.0))
