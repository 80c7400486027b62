"""A hundred labels: their outputs never exist whole, nor do their masks."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from app.core.geometry import Geometry
from app.inference import segmenting
from app.inference.label_field import LabelField
from app.inference.label_masks import LabelMasks, MaskRows
from app.inference.ort_session import ModelSession, SessionPlan
from app.inference.pack_store import PackStore
from app.inference.pipeline import run_pipeline
from app.inference.preprocess import ModelInput
from benchmarks.many_labels import write_pack

CLASSES, PATCH = 117, 16
SHAPE = (64, 48, 48)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    write_pack(folder, CLASSES, PATCH, 0.5)
    installed = PackStore(folder, folder / "user").get("many")
    return installed.pack, ModelSession(installed.read_weights(), SessionPlan("cpu", 1))


def run(loaded):
    voxels = np.random.default_rng(3).integers(-1000, 1000, SHAPE, dtype=np.int16)
    geometry = Geometry.from_arrays(SHAPE[::-1], (1, 1, 1), (0, 0, 0), np.eye(3), "1.2")
    return run_pipeline(*loaded, ModelInput(voxels, geometry=geometry)), voxels


def test_outputs_of_all_labels_never_exist_whole(loaded, monkeypatch):
    whole = CLASSES * int(np.prod(SHAPE)) * 4
    monkeypatch.setattr(segmenting, "memory_budget", lambda: whole // 12)
    tracemalloc.start()
    made, voxels = run(loaded)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.6 * whole, "the sums of one level, in half precision and in bands"
    assert any("bands" in note.en for note in made.notes)
    session = loaded[1]
    values = (voxels.astype(np.float32) / 500)[None, None]
    expected = session.run("logits", {"image": values})[0].argmax(0)
    assert isinstance(made.masks, LabelField)
    assert np.mean(made.masks.labels == expected) > 0.995  # half precision moves near ties


def test_masks_are_made_when_they_are_asked_for():
    labels = np.random.default_rng(0).integers(0, CLASSES, (20, 40, 40)).astype(np.uint8)
    rows = MaskRows(LabelMasks(labels, tuple(range(1, CLASSES))))
    tracemalloc.start()
    total = sum(int(mask.sum()) for _, mask in rows)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total == np.count_nonzero(labels)
    assert peak < 5 * labels.nbytes
    assert rows[3][0] == 4
    assert len(rows) == CLASSES - 1
    with pytest.raises(KeyError):
        rows.by_label[CLASSES]
