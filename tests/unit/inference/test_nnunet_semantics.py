"""Voxel by voxel the same labels as nnU-Net's inference, written plainly and independently."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest

from app.core.geometry import Geometry
from app.inference import segmenting
from app.inference.fold_session import FoldSession
from app.inference.manifest import parse_manifest
from app.inference.ort_session import ModelSession, SessionPlan
from app.inference.pipeline import run_pipeline
from app.inference.preprocess import ModelInput
from tests.support import plain_nnunet, tiny_pack
from tests.support.plain_nnunet import CASES, CLIP, MEAN, STD, Case

EQUAL = 0.9999


@dataclass
class Stored:
    """One case of the fixture."""

    case: Case
    image: np.ndarray
    labels: np.ndarray
    graphs: list[bytes]


@pytest.fixture(scope="module")
def stored():
    found = []
    with np.load(plain_nnunet.FIXTURE) as data:
        cases = json.loads(data["cases"].tobytes())
        assert [case["name"] for case in cases] == [case.name for case in CASES]
        for n, case in enumerate(CASES):
            graphs = [data[f"graph{n}.{fold}"].tobytes() for fold in range(case.folds)]
            found.append(Stored(case, data[f"image{n}"], data[f"labels{n}"], graphs))
    return {entry.case.name: entry for entry in found}


def pack_of(case: Case, batch: int = 1):
    """The manifest that says what the plans say."""
    scheme = {
        "ct": [
            {"step": "clip", "low": CLIP[0], "high": CLIP[1]},
            {"step": "normalize", "mean": MEAN, "std": STD},
        ],
        "zscore": [{"step": "zscore"}],
        "zscore-mask": [{"step": "zscore", "nonzero_only": True}],
    }[case.scheme]
    manifest = tiny_pack.volume_manifest("plain", None)
    space = ["depth", "row", "column"][3 - len(case.patch) :]
    axes = ["batch", "channel", *space]
    free = [-1] * len(space)
    manifest["onnx"] |= {
        "inputs": [{"name": "image", "axes": axes, "shape": [-1, 1, *free]}],
        "outputs": [{"name": "logits", "axes": axes, "shape": [-1, case.classes, *free]}],
    }
    manifest["input"]["steps"] = [
        {"step": "crop_nonzero"},
        *scheme,
        {"step": "resample", "spacing_kji": list(case.target), "order": case.order},
    ]
    manifest["infer"] = {
        "patch": list(case.patch), "mirror_axes": list(case.mirror), "batch": batch,
    }  # fmt: skip
    label = manifest["output"]["labels"][0]
    manifest["output"] = {
        "labels": [
            label | {"index": n, "name": {"en": f"label {n}", "ru": f"метка {n}"}}
            for n in range(1, case.classes)
        ]
    }
    zeros = "0" * 64
    manifest["files"] = [
        {"path": name, "sha256": zeros, "bytes": 1} for name in ("model.onnx", "card.md")
    ]
    return parse_manifest(json.dumps(manifest).encode())


def run(entry: Stored, batch: int = 1) -> tuple[np.ndarray, dict[str, float]]:
    """The labels of the engine."""
    case = entry.case
    sessions = [ModelSession(graph, SessionPlan("cpu", 1)) for graph in entry.graphs]
    session = sessions[0] if len(sessions) == 1 else FoldSession(sessions)
    k, j, i = entry.image.shape
    geometry = Geometry.from_arrays((i, j, k), case.spacing[::-1], (0, 0, 0), np.eye(3), "1.2")
    made = run_pipeline(pack_of(case, batch), session, ModelInput(entry.image, geometry=geometry))
    labels = np.zeros(entry.image.shape, np.uint8)
    for index, mask in made.masks.items():
        labels[mask] = index
    return labels, made.scores


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("batch", [1, 3])
def test_equal_to_the_plain_reference(stored, case, batch):
    entry = stored[case.name]
    labels, scores = run(entry, batch)
    assert np.mean(labels == entry.labels) >= EQUAL
    assert len(np.unique(entry.labels)) >= 3, "a case that tells nothing"
    assert all(0 < score <= 1 for score in scores.values())


def test_outside_of_the_crop_there_is_background(stored):
    entry = stored["masked"]
    labels, _ = run(entry)
    assert not labels[:3].any()
    assert labels.any()


@pytest.mark.parametrize("name", ["isotropic", "anisotropic", "mirrored", "many classes"])
def test_bands_and_half_precision_give_the_same_labels(stored, name, monkeypatch):
    """Where memory is short the sums are halved and the image is made in bands of rows."""
    entry = stored[name]
    plenty, _ = run(entry)
    patch, classes = entry.case.patch, entry.case.classes
    seen = []
    sweep = segmenting.sweep

    def spy(values, model, window, accumulator, on_patch):
        count = sweep(values, model, window, accumulator, on_patch)
        seen.append((window.grid.rows, accumulator.storage))
        return count

    monkeypatch.setattr(segmenting, "sweep", spy)
    rows = entry.image.shape[1] * 0.75
    budget = int(classes * patch[0] * rows * entry.image.shape[2] * 2)
    monkeypatch.setattr(segmenting, "memory_budget", lambda: budget)
    short, _ = run(entry)
    assert len(seen) > 1 or seen[0][1] == "float16"
    assert np.mean(short == plenty) >= 0.999  # half precision moves a boundary here and there


def test_sums_on_disk_give_the_same_labels(stored, monkeypatch):
    entry = stored["mirrored"]
    plenty, _ = run(entry)
    monkeypatch.setattr(segmenting, "memory_budget", lambda: 1000)
    short, _ = run(entry)
    assert np.mean(short == plenty) >= 0.999


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_live_beside_the_plain_reference(stored, case):
    """With scipy at hand the reference itself runs, on the same session, and gives the fixture."""
    pytest.importorskip("scipy", reason="the plain reference resamples with scipy")
    entry = stored[case.name]
    sessions = [ModelSession(graph, SessionPlan("cpu", 1)) for graph in entry.graphs]
    runs = [lambda x, s=s: s.run("logits", {"image": x}) for s in sessions]
    _, labels = plain_nnunet.infer(case, entry.image, runs)
    assert np.mean(labels == entry.labels) >= EQUAL
    assert np.mean(labels == run(entry)[0]) >= EQUAL
