"""Packs of image quality as gates: whom they speak to, and what their manifests may say."""

from __future__ import annotations

import json

import pytest

from app.config.folders import built_in_packs_folder
from app.core.errors import AppError, ModelPackError
from app.core.report import Message
from app.core.study import SeriesRef
from app.inference.gate import Suitability, judge_quality
from app.inference.gate_quality import guards, is_gate, not_checked, quality_rules
from app.inference.manifest import ModelPack, parse_manifest
from app.inference.result import InferenceResult

BUILT_IN = built_in_packs_folder()
SUITABLE = Suitability("other", "1.0.0", "suitable", 1.0, ())


def manifest(pack: str) -> dict:
    return json.loads((BUILT_IN / pack / "manifest.json").read_text("utf-8"))


def pack(name: str) -> ModelPack:
    return parse_manifest((BUILT_IN / name / "manifest.json").read_bytes())


def parsed(content: dict) -> ModelPack:
    return parse_manifest(json.dumps(content).encode())


def said(gate: ModelPack, suspected: set[int]) -> InferenceResult:
    scores = {label.name.en: float(label.index in suspected) for label in gate.output.labels}
    return InferenceResult(
        gate.id, gate.version, "", "", "cpu", (), SeriesRef("", "", 0), False, {}, 1, (), scores, ()
    )


@pytest.fixture(scope="module")
def gate() -> ModelPack:
    return pack("cxr-film-check")


def test_it_speaks_of_images_of_its_own_kind(gate: ModelPack) -> None:
    asked = {path.parent.name: guards(gate, pack(path.parent.name))
             for path in BUILT_IN.glob("*/manifest.json")}  # fmt: skip
    assert {name for name, is_asked in asked.items() if is_asked} == {
        "cxr-lung-fields", "cxr-pneumonia-children",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value", "is_asked"),
    [
        ("body_part", ["HAND"], False), ("body_part", [], False), ("body_part", ["chest"], True),
        ("view_position", ["LL"], False), ("view_position", ["PA", "LL"], False),
        ("view_position", [], False), ("view_position", ["PA"], True),
        ("modality", ["MG"], False), ("modality", ["CR", "RG"], True),
    ],
)  # fmt: skip
def test_packs_for_other_images_are_left_alone(
    gate: ModelPack, key: str, value: list[str], is_asked: bool
) -> None:
    content = manifest("cxr-lung-fields")
    content["input"]["series"][0][key] = value
    assert guards(gate, parsed(content)) is is_asked


def test_a_quality_pack_that_says_nothing_of_others_gates_nothing() -> None:
    content = manifest("cxr-film-check")
    for label in content["output"]["labels"]:
        del label["gates"]
    silent = parsed(content)
    assert not is_gate(silent)
    assert not guards(silent, pack("cxr-lung-fields"))


@pytest.mark.parametrize(
    ("suspected", "verdict", "count"),
    [(set(), "suitable", 1), ({6}, "limited", 1), ({4}, "refused", 1), ({1, 5, 6}, "refused", 3)],
)
def test_suspicions_become_reasons(
    gate: ModelPack, suspected: set[int], verdict: str, count: int
) -> None:
    fit = judge_quality(SUITABLE, quality_rules(gate, said(gate, suspected)))
    assert (fit.verdict, len(fit.reasons)) == (verdict, count)
    assert all(r.text.en and r.text.ru and r.rule == "quality" for r in fit.reasons)
    for label in gate.output.labels:
        told = any(label.name.en[1:] in reason.text.en for reason in fit.reasons)
        assert told is (label.index in suspected)


def test_a_label_that_gates_nothing_is_passed_over() -> None:
    content = manifest("cxr-film-check")
    del content["output"]["labels"][3]["gates"]
    gate = parsed(content)
    assert judge_quality(SUITABLE, quality_rules(gate, said(gate, {4}))).verdict == "suitable"


def test_a_check_that_fails_limits_and_refuses_nothing(gate: ModelPack) -> None:
    fault = AppError("It broke.", ru="Сломалось.")
    fit = judge_quality(SUITABLE, [not_checked(gate, Message(fault.message, fault.ru))])
    assert fit.verdict == "limited"
    assert "It broke." in fit.reasons[0].text.en


def test_manifests_that_contradict_themselves() -> None:
    content = manifest("cxr-pneumonia-children")
    content["output"]["labels"][0]["gates"] = "refuses"
    with pytest.raises(ModelPackError, match="goes with the task quality"):
        parsed(content)
    content = manifest("cxr-film-check")
    content["operating_points"] = content["operating_points"][1:]
    with pytest.raises(ModelPackError, match="has no operating point"):
        parsed(content)
    content["output"]["labels"][0]["gates"] = "warns"
    with pytest.raises(ModelPackError):
        parsed(content)
