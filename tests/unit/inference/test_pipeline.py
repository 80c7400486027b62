"""One run in this process: scores, overlapping labels, doubts about the image, wrong graphs."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from app.core.errors import InferenceError, ModelPackError
from app.inference.manifest import parse_manifest
from app.inference.ort_session import ModelSession, SessionPlan
from app.inference.pack_store import PackStore
from app.inference.pipeline import run_pipeline
from app.inference.preprocess import ModelInput
from app.inference.sinks import activate
from app.inference.to_findings import to_findings
from app.inference.worker import InferenceProcess
from tests.support import tiny_pack
from tests.unit.inference.test_to_findings import Clock, Uids, study


def load(folder, **changes):
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    for key, value in changes.items():
        manifest[key] = manifest[key] | value
    pack = parse_manifest(json.dumps(manifest).encode())
    return pack, ModelSession((folder / "model.onnx").read_bytes(), SessionPlan("cpu", 1))


def film_input(**changes):
    volume = tiny_pack.film(**changes)
    return ModelInput(volume.voxels, pixel_spacing_mm=volume.pixel_spacing_mm)


def test_trap_heads_that_were_not_trained_give_no_score(tmp_path):
    pack, session = load(tiny_pack.write_score_pack(tmp_path))
    made = run_pipeline(pack, session, film_input())
    assert set(made.scores) == {"head 1", "head 2"}
    assert made.scores["head 1"] + made.scores["head 2"] == pytest.approx(1.0)
    assert made.masks == {}


def test_scores_become_findings_at_the_default_operating_point(tmp_path):
    tiny_pack.write_score_pack(tmp_path)
    installed = PackStore(tmp_path, tmp_path / "user").get("tiny-score")
    process = InferenceProcess(threads=1)
    try:
        volume = tiny_pack.film()
        result = process.run(installed, volume)
    finally:
        process.close()
    assert result.masks == ()
    made = to_findings(result, installed.pack, study(), volume, clock=Clock(), uids=Uids())
    above = max(result.scores, key=result.scores.get)
    (finding,) = made.findings
    assert finding.current.label.en == above
    assert finding.proposal.operating_point.name == "balanced"
    assert finding.proposal.score == result.scores[above]
    assert finding.current.region.kind == "image"
    assert finding.provenance.operating_point == "balanced"


def test_labels_may_overlap_where_they_are_independent(tmp_path):
    folder = tiny_pack.write_film_pack(tmp_path)
    pack, session = load(
        folder,
        infer={"activation": "sigmoid"},
        output={"post": [{"step": "threshold", "at": 0.5}], "quality": []},
    )
    made = run_pipeline(pack, session, film_input())
    assert not np.array_equal(made.masks[1], made.masks[2])


@pytest.mark.parametrize(
    ("method", "threshold", "unlike"),
    [("max_softmax", 0.99999, True), ("max_softmax", 0.5, False), ("entropy", 0.9, False)],
)
def test_images_unlike_the_training_are_flagged(tmp_path, method, threshold, unlike):
    folder = tiny_pack.write_film_pack(tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["ood"] = {"method": method, "threshold": threshold}
    pack = parse_manifest(json.dumps(manifest).encode())
    session = ModelSession((folder / "model.onnx").read_bytes(), SessionPlan("cpu", 1))
    flags = run_pipeline(pack, session, film_input()).flags
    assert ("unlike-training" in [flag.id for flag in flags]) == unlike


def test_the_graph_must_be_that_of_the_manifest(tmp_path):
    folder = tiny_pack.write_film_pack(tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["onnx"]["inputs"][0]["name"] = "picture"
    pack = parse_manifest(json.dumps(manifest).encode())
    session = ModelSession((folder / "model.onnx").read_bytes(), SessionPlan("cpu", 1))
    with pytest.raises(ModelPackError, match='no input "picture"'):
        run_pipeline(pack, session, film_input())


def test_a_failing_run_is_an_error_in_words(tmp_path):
    folder = tiny_pack.write_film_pack(tmp_path)
    _, session = load(folder)
    with pytest.raises(InferenceError, match="failed while it ran"):
        session.run("logits", {"image": np.zeros((1, 1, 3, 3), np.float32)})


def test_activations():
    raw = np.random.default_rng(0).normal(0, 5, (3, 4, 4)).astype(np.float32)
    assert np.allclose(activate(raw, "softmax").sum(axis=0), 1, atol=1e-6)
    assert activate(np.array([0.0], np.float32), "sigmoid")[0] == 0.5
    assert np.isfinite(activate(np.array([-1e9, 1e9], np.float32), "sigmoid")).all()
    assert activate(raw, "none") is raw


def test_progress_grows(tmp_path):
    pack, session = load(tiny_pack.write_film_pack(tmp_path))
    seen = []
    run_pipeline(pack, session, film_input(), lambda fraction, text: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert all(a <= b for a, b in itertools.pairwise(seen))
