"""Verdicts and their reasons: refused, limited, suitable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.core.geometry import Geometry
from app.core.study import (
    FrameRef,
    Instance,
    Patient,
    PatientText,
    Series,
    Stack,
    Study,
    StudyWarning,
)
from app.inference.gate import judge, route
from app.inference.pack_store import PackStore
from tests.support import tiny_pack

_NONE = PatientText("")


@pytest.fixture(scope="module")
def packs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packs")
    tiny_pack.write_film_pack(folder)
    tiny_pack.write_volume_pack(folder)
    return {p.pack.id: p.pack for p in PackStore(folder, folder / "user").installed()}


def instance(n=1):
    return Instance(Path("x"), f"1.2.{n}", "1.2.840.10008.5.1.4.1.1.1.1", "", n, 1, 100, 100)


def film_study(**series):
    stack = Stack(
        0, "one film", (FrameRef(instance()),), "stack", None, 100, 100, "MONOCHROME1", "arbitrary"
    )
    values = {
        "series_instance_uid": "1.2.3.4",
        "modality": "DX",
        "description": "",
        "body_part": "CHEST",
        "number": 1,
        "sop_class_uids": ("1.2.840.10008.5.1.4.1.1.1.1",),
        "transfer_syntax_uids": (),
        "instances": (instance(),),
        "frames": 1,
        "stacks": (stack,),
        "view_position": "PA",
        "patient_age_years": 40.0,
    } | series
    return study_of(Series(**values))


def study_of(series, **values):
    patient = Patient(_NONE, _NONE, PatientText("1980-01-01"), "F")
    fields = {"study_date": "2024-01-01", "description": ""} | values
    return Study(
        "1.2.3", patient, fields["study_date"], "", _NONE, fields["description"], (series,)
    )


def verdict(pack, study):
    series = study.series[0]
    return judge(pack, study, series, series.stacks[0])


def failed(found):
    return {reason.rule for reason in found.reasons if not reason.ok}


def test_a_frontal_film_suits_whatever_its_polarity(packs):
    found = verdict(packs["tiny-lungs"], film_study())
    assert found.verdict == "suitable"
    assert found.score == 1.0
    assert {"modality", "body_part", "view_position", "age"} <= {r.rule for r in found.reasons}
    for reason in found.reasons:
        assert reason.text.en.endswith(".")
        assert any("а" <= letter <= "я" for letter in reason.text.ru.lower())


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"view_position": ""}, "view_position"),
        ({"body_part": ""}, "body_part"),
        ({"sop_class_uids": ()}, None),
    ],
)
def test_what_is_not_said_limits(packs, change, rule):
    found = verdict(packs["tiny-lungs"], film_study(**change))
    assert found.verdict == ("limited" if rule else "suitable")
    assert failed(found) == ({rule} if rule else set())


def test_missing_age_is_taken_from_the_birth_date(packs):
    assert verdict(packs["tiny-lungs"], film_study(patient_age_years=None)).verdict == "suitable"
    study = replace(film_study(patient_age_years=None), study_date="")
    assert failed(verdict(packs["tiny-lungs"], study)) == {"age"}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"modality": "MG"}, "modality"),
        ({"modality": ""}, "modality"),
        ({"view_position": "LL"}, "view_position"),
        ({"view_position": "LATERAL"}, "view_position"),
        ({"view_position": "", "description": "Chest lateral"}, "view_position"),
        ({"view_position": "", "description": "ОГК боковая"}, "view_position"),
        ({"body_part": "KNEE"}, "body_part"),
        ({"image_type": ("ORIGINAL", "PRIMARY", "LOCALIZER")}, "image_type"),
        ({"patient_age_years": 0.2}, "age"),
        ({"patient_orientation": ("A", "F")}, "orientation"),
        ({"patient_orientation": ("F", "L")}, "orientation"),
    ],
)
def test_what_is_wrong_is_refused(packs, change, rule):
    found = verdict(packs["tiny-lungs"], film_study(**change))
    assert found.verdict == "refused"
    assert found.score == 0.0
    assert failed(found) == {rule}


@pytest.mark.parametrize(
    "change",
    [
        {"body_part": "THORAX"},
        {"body_part": "Chest PA"},
        {"body_part": "", "description": "Chest, frontal"},
        {"body_part": "", "description": "Рентгенография грудной клетки прямая"},
        {"view_position": "AP"},
        {"view_position": "PA ERECT"},
        {"view_position": "POSTERO_ANTERIOR"},
        {"patient_orientation": ("L", "F")},
        {"patient_orientation": ("R", "F")},
        {"patient_orientation": ("LF", "FL")},
    ],
)
def test_ways_to_say_the_same(packs, change):
    assert verdict(packs["tiny-lungs"], film_study(**change)).verdict == "suitable"


def test_color_and_several_images_are_refused(packs):
    study = film_study()
    series = study.series[0]
    stack = series.stacks[0]
    rgb = replace(stack, photometric="RGB")
    several = replace(stack, frames=stack.frames * 3)
    assert failed(judge(packs["tiny-lungs"], study, series, rgb)) == {"photometric"}
    assert failed(judge(packs["tiny-lungs"], study, series, several)) == {"slices"}


def volume_study(count=40, spacing=(1.0, 1.0, 2.0), verdict="ok", warnings=()):
    frames = tuple(FrameRef(instance(n)) for n in range(count))
    geometry = Geometry.from_arrays((100, 100, count), spacing, (0, 0, 0), np.eye(3), "1.2")
    stack = Stack(
        0, "why", frames, verdict, None if verdict == "stack" else geometry, 100, 100,
        "MONOCHROME2", "HU", warnings,
    )  # fmt: skip
    return study_of(
        Series(
            "1.2.3.4", "CT", "", "", 1, (), (), tuple(f.instance for f in frames), count, (stack,)
        )
    )


def test_volumes(packs):
    ball = packs["tiny-ball"]
    assert verdict(ball, volume_study()).verdict == "suitable"
    assert failed(verdict(ball, volume_study(count=5))) == {"slices"}
    assert failed(verdict(ball, volume_study(spacing=(1, 1, 7.0)))) == {"spacing"}
    assert failed(verdict(ball, volume_study(verdict="stack"))) >= {"geometry"}
    assert verdict(ball, volume_study(verdict="resampled")).verdict == "limited"
    doubt = verdict(ball, volume_study(warnings=(StudyWarning("G04", "x"),)))
    assert doubt.verdict == "limited"
    assert "G04" in doubt.reasons[-3].text.en or any("G04" in r.text.en for r in doubt.reasons)
    blocked = verdict(ball, replace(volume_study(), blocked="two patients"))
    assert blocked.verdict == "refused"


def test_route_orders_packs_and_refuses_a_modality_that_none_knows(packs):
    routing = route(packs.values(), film_study())
    assert [fit.pack_id for fit in routing[0][1]] == ["tiny-lungs", "tiny-ball"]
    assert routing[0][0].series_instance_uid == "1.2.3.4"
    unknown = route(packs.values(), film_study(modality="XYZ"))
    assert {fit.verdict for fit in unknown[0][1]} == {"refused"}
    assert all(fit.reasons for fit in unknown[0][1])


def test_a_lateral_film_beside_a_frontal_one_is_refused_on_its_own(packs):
    study = film_study()
    series = study.series[0]
    frontal = replace(series.stacks[0], view_position="PA", patient_orientation=("L", "F"))
    lateral = replace(frontal, index=1, view_position="LL", patient_orientation=("A", "F"))
    silent = replace(frontal, index=2, view_position="", patient_orientation=None)
    series = replace(series, stacks=(frontal, lateral, silent))
    assert judge(packs["tiny-lungs"], study, series, frontal).verdict == "suitable"
    found = judge(packs["tiny-lungs"], study, series, lateral)
    assert failed(found) == {"view_position", "orientation"}
    assert failed(judge(packs["tiny-lungs"], study, series, silent)) == {"view_position"}
