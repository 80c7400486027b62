"""``nodule``: volumes of phantoms, clicks anywhere inside, and what is refused."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest

from app.core.acquisition import Acquisition
from app.core.errors import ResultRefused
from app.core.reader_input import NamedPoint, ReaderInput
from app.inference.analyses.contract import AnalysisInput
from app.inference.analyses.nodule import NODULE, SOLID_PART, long_beside_a_vessel, run
from app.inference.golden import overlap
from tests.support.nodule_phantoms import NoduleCase, NodulePhantom, make

CT = Acquisition("CT", kernel="B30f", slice_thickness_mm=1.0)
TWO_MM = Acquisition("CT", slice_thickness_mm=2.0)


@functools.cache
def _phantom(kind: str, diameter: float, **more: float) -> NodulePhantom:
    return make(NoduleCase(kind, diameter, field_mm=50.0, **more))  # type: ignore[arg-type]


def _given(made: NodulePhantom, shift=(0.0, 0.0, 0.0), acquisition=CT) -> AnalysisInput:
    at = tuple(float(n) for n in np.add(made.center_lps, shift))
    reader = ReaderInput(points=(NamedPoint("nodule", at),))
    return AnalysisInput(made.hu, made.geometry, reader, acquisition)


def _value(made, kind: str, label: int = NODULE) -> float:
    return next(m.value for index, m in made.numbers if index == label and m.kind == kind)


@pytest.mark.parametrize(
    ("kind", "diameter", "tolerance"),
    [
        ("isolated", 5.0, 0.15),
        ("isolated", 8.0, 0.10),
        ("juxtapleural", 10.0, 0.18),
        ("juxtavascular", 8.0, 0.15),
        ("ground-glass", 10.0, 0.15),
    ],
)
def test_volumes_of_phantoms(kind, diameter, tolerance):
    phantom = _phantom(kind, diameter)
    made = run(_given(phantom))
    assert _value(made, "nodule_volume") == pytest.approx(phantom.volume_mm3, rel=tolerance)
    assert overlap(made.masks[NODULE], phantom.inside) > 0.85
    expected = "ground glass" if kind == "ground-glass" else "solid"
    assert expected in made.notes[0].en
    assert made.masks[SOLID_PART].any() == (kind == "part-solid")


def test_the_solid_part_is_measured_apart():
    phantom = _phantom("part-solid", 14.0, core_mm=7.0)
    made = run(_given(phantom))
    assert "part-solid" in made.notes[0].en
    assert _value(made, "nodule_volume") == pytest.approx(phantom.volume_mm3, rel=0.15)
    solid = _value(made, "nodule_volume", SOLID_PART)
    assert solid == pytest.approx(phantom.solid_mm3, rel=0.45)
    assert not (made.masks[SOLID_PART] & ~made.masks[NODULE]).any()


def test_clicks_anywhere_inside_give_the_same():
    phantom = _phantom("isolated", 8.0)
    volumes = [
        _value(run(_given(phantom, shift)), "nodule_volume")
        for shift in ((0, 0, 0), (2.5, 0, 0), (0, -2.5, 1.0))
    ]
    assert max(volumes) / min(volumes) < 1.03


def test_what_the_guidelines_need_is_listed():
    made = run(_given(_phantom("isolated", 8.0), acquisition=Acquisition("CT", age_years=30.0)))
    text = " ".join(note.en for note in made.notes)
    assert "Fleischner 2017: solid, mean diameter 8 mm" in text
    assert "Not known here: number of nodules" in text
    assert "Not for patients under 35" in text
    assert "Lung-RADS" in text


def test_slices_of_two_millimetres_are_the_wrong_protocol():
    made = run(
        _given(_phantom("isolated", 8.0), acquisition=Acquisition("CT", slice_thickness_mm=2.0))
    )
    number = next(m for index, m in made.numbers if m.kind == "nodule_volume")
    assert number.status == "wrong_protocol"


@pytest.mark.parametrize(
    ("shift", "words"),
    [
        ((0.0, 14.0, 14.0), "nothing denser"),  # lung
        ((0.0, 23.0, 0.0), "chest wall"),
        ((0.0, 0.0, 500.0), "outside"),
        ((13.0, 0.0, 0.0), "vessel"),
    ],
)
def test_what_is_no_nodule_is_refused(shift, words):
    with pytest.raises(ResultRefused, match=words) as told:
        run(_given(_phantom("isolated", 8.0), shift))
    assert told.value.ru != told.value.message


def test_thick_slices_are_refused():
    thick = Acquisition("CT", slice_thickness_mm=5.0)
    with pytest.raises(ResultRefused, match="too thick"):
        run(_given(_phantom("isolated", 8.0), acquisition=thick))


def test_without_a_click_nothing_is_done():
    phantom = _phantom("isolated", 8.0)
    with pytest.raises(ResultRefused, match="pointed"):
        run(AnalysisInput(phantom.hu, phantom.geometry))


def test_an_outline_that_is_drawn_out_beside_a_vessel_is_doubted():
    made = run(_given(_phantom("juxtavascular", 8.0)))
    assert made.flags == ()

    def axes(long: float, short: float):
        rows = [(k, v) for k, v in (("nodule_long_axis", long), ("nodule_short_axis", short))]
        numbers = {n.kind: (index, n) for index, n in made.numbers if index == NODULE}
        return [(NODULE, replace(numbers[kind][1], value=value)) for kind, value in rows]

    (flag,) = long_beside_a_vessel(axes(11.4, 5.4), is_parted=True)
    assert (flag.id, flag.status) == ("drawn-out", "low_quality")
    assert long_beside_a_vessel(axes(11.4, 5.4), is_parted=False) == ()
    assert long_beside_a_vessel(axes(11.4, 9.0), is_parted=True) == ()
