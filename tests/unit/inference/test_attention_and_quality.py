"""Classifiers of films: attention on the grid of the film, scores and thresholds, image quality."""

from __future__ import annotations

import json

import numpy as np
import pytest

from app.core.errors import ModelPackError
from app.inference.manifest import parse_manifest
from app.inference.ort_session import ModelSession, SessionPlan
from app.inference.pack_store import PackStore
from app.inference.pipeline import run_pipeline
from app.inference.preprocess import ModelInput
from app.inference.run_report import scores_json
from app.inference.to_findings import to_findings
from app.inference.worker import InferenceProcess
from tests.support import tiny_pack
from tests.support.attention_pack import write_attention_pack
from tests.unit.inference.test_to_findings import Clock, Uids, study


def load(folder):
    pack = parse_manifest((folder / "manifest.json").read_bytes())
    return pack, ModelSession((folder / "model.onnx").read_bytes(), SessionPlan("cpu", 1))


def film_input(**changes):
    volume = tiny_pack.film(**changes)
    return ModelInput(
        volume.voxels,
        pixel_spacing_mm=volume.pixel_spacing_mm,
        patient_orientation=volume.patient_orientation,
    )


def test_attention_lies_where_the_film_is_bright(tmp_path):
    pack, session = load(write_attention_pack(tmp_path))
    made = run_pipeline(pack, session, film_input())
    bright = dict(made.attention)[1]
    assert bright.shape == (1, 150, 200)
    assert bright.dtype == np.float32
    assert bright.min() >= 0
    assert bright.max() <= 1
    inside = tiny_pack.ellipse(150, 200, 0.3, 0.16)
    assert bright[0][inside].mean() > 0.7
    assert bright[0, :, 95:105].mean() < 0.3
    middle = np.indices((150, 200))[1] * (bright[0] > 0.5)
    assert abs(middle[:, :100][bright[0, :, :100] > 0.5].mean() - 60) < 3


def test_attention_of_a_mirrored_film_lies_on_its_own_pixels(tmp_path):
    pack, session = load(write_attention_pack(tmp_path))
    plain = dict(run_pipeline(pack, session, film_input()).attention)[1]
    mirrored = dict(run_pipeline(pack, session, film_input(mirrored=True)).attention)[1]
    np.testing.assert_allclose(mirrored, plain[..., ::-1], atol=1e-5)


def test_a_graph_without_a_map_for_every_head_is_refused(tmp_path):
    folder = write_attention_pack(tmp_path)
    data = json.loads((folder / "manifest.json").read_text("utf-8"))
    data["output"]["attention"] = "logits"
    pack = parse_manifest(json.dumps(data).encode())
    session = ModelSession((folder / "model.onnx").read_bytes(), SessionPlan("cpu", 1))
    with pytest.raises(ModelPackError, match="no attention map"):
        run_pipeline(pack, session, film_input())


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("attention", "heat", "no output of the graph"),
        ("mirror_axes", [1], "do not go together"),
        ("task", "regression", "for classifiers of films"),
    ],
)
def test_a_manifest_that_promises_attention_it_cannot_give_is_refused(tmp_path, key, value, said):
    folder = write_attention_pack(tmp_path)
    data = json.loads((folder / "manifest.json").read_text("utf-8"))
    part = {"attention": data["output"], "mirror_axes": data["infer"], "task": data}[key]
    part[key] = value
    if key == "task":
        data["operating_points"], data["default_operating_point"] = [], ""
    with pytest.raises(ModelPackError, match=said):
        parse_manifest(json.dumps(data).encode())


def run_in_worker(tmp_path, **changes):
    write_attention_pack(tmp_path, **changes)
    installed = PackStore(tmp_path, tmp_path / "user").get("tiny-attention")
    process = InferenceProcess(device="cpu", threads=1)
    try:
        return installed.pack, process.run(installed, tiny_pack.film())
    finally:
        process.close()


def test_scores_say_on_which_side_of_the_threshold_they_lie(tmp_path):
    pack, result = run_in_worker(tmp_path)
    assert {index for index, _ in result.attention} == {1, 2}
    written = scores_json(result, pack)
    first = written["heads"][0]
    assert first["label"] == "bright"
    assert first["score"] == pytest.approx(result.scores["bright"], abs=1e-6)
    assert first["probability"] is None  # not calibrated: a score is no chance of anything
    assert first["above"] is True
    assert [point["above"] for point in first["operating_points"]] == [True, False]
    assert first["attention"] == "attention/1-bright.nii.gz"
    assert written["scores"]["dark"] == written["heads"][1]["score"]
    proposed = to_findings(result, pack, study(), tiny_pack.film(), clock=Clock(), uids=Uids())
    region = proposed.findings[0].current.region
    area = proposed.masks[region.attention_sha256].voxels
    attention = dict(result.attention)[1]
    assert region.kind == "image"
    assert not region.mask_sha256  # never a segment
    np.testing.assert_array_equal(area != 0, attention >= 0.5 * attention.max())
    assert [finding.current.label.en for finding in proposed.findings] == ["bright"]


def test_quality_becomes_flags_and_one_finding_that_asks_to_check(tmp_path):
    pack, result = run_in_worker(tmp_path, task="quality")
    assert result.quality_flags == ("bright",)
    proposed = to_findings(result, pack, study(), tiny_pack.film(), clock=Clock(), uids=Uids())
    (finding,) = proposed.findings
    assert finding.current.label.en == "Image quality: Please check: bright?"
    assert finding.current.label.ru == "Качество снимка: Проверьте, пожалуйста: светлый?"
    assert finding.current.quality_flags == ("bright",)


def test_good_quality_is_no_finding(tmp_path):
    points = [{"name": "only", "finding": n, "threshold": 0.99} for n in (1, 2)]
    pack, result = run_in_worker(
        tmp_path, task="quality", operating_points=points, default_operating_point="only"
    )
    proposed = to_findings(result, pack, study(), tiny_pack.film(), clock=Clock(), uids=Uids())
    assert result.flags == ()
    assert proposed.findings == ()
