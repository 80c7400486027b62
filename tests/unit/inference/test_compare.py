"""What differs between two results, and that no side lends its thresholds to the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.core.errors import ModelPackError
from app.core.geometry import Geometry
from app.core.measurement import Measurement
from app.core.study import SeriesRef
from app.inference.compare import Side, compare
from app.inference.pack_store import PackStore
from app.inference.result import DetectedBox, InferenceResult, Landmark
from tests.support import task_packs, tiny_pack

GEOMETRY = Geometry.from_arrays((20, 20, 20), (1.0, 2.0, 5.0), (0, 0, 0), np.eye(3), "1.2.9")


def result(pack, **entries):
    empty = InferenceResult(
        pack.id, pack.version, pack.weights_sha256, "ab" * 32, "cpu", (), tiny_pack.SOURCE, False,
        {"model": 1.0}, 1, (), {}, (),
    )  # fmt: skip
    return replace(empty, **entries)


def pack_of(tmp_path, make, change=lambda m: None):
    folder = tiny_pack.change_manifest(make(tmp_path), change)
    return PackStore(tmp_path / "none", tmp_path).get(folder.name).pack


def test_masks_and_volumes(tmp_path):
    pack = pack_of(tmp_path, tiny_pack.write_film_pack)
    masks = [np.zeros((20, 20, 20), np.uint8) for _ in range(3)]
    masks[0][:10], masks[1][5:10] = 1, 1
    one = result(pack, masks=((1, masks[0]), (2, masks[2])))
    two = result(pack, masks=((1, masks[1]), (2, masks[2])))
    found = compare(Side(pack, one), Side(pack, two), GEOMETRY)
    right, left = found["labels"]
    assert right["dice"] == pytest.approx(2 * 2000 / 6000, abs=1e-6)
    assert right["volume_ml"] == pytest.approx([40.0, 20.0])
    assert right["difference_ml"] == pytest.approx(-20.0)
    assert right["difference_percent"] == -50.0
    assert (left["dice"], left["difference_percent"]) == (1.0, None)


def test_trap_15_each_side_keeps_its_own_threshold(tmp_path):
    """The newer model gives lower scores for the same film; at the old cut it would be worse."""
    old = pack_of(tmp_path / "old", tiny_pack.write_score_pack)

    def recalibrated(manifest):
        manifest["version"] = "2.0.0"
        manifest["operating_points"][1]["threshold"] = 0.35

    new = pack_of(tmp_path / "new", tiny_pack.write_score_pack, recalibrated)
    sides = (
        Side(old, result(old, scores={"head 1": 0.61, "head 2": 0.1})),
        Side(new, result(new, scores={"head 1": 0.4, "head 2": 0.1})),
    )
    head, other = compare(*sides, None)["scores"]
    assert head["thresholds"] == [0.5, 0.35]
    assert (head["above"], head["agree"]) == ([True, True], True)
    assert (other["above"], other["agree"]) == ([False, False], True)


def test_boxes_landmarks_and_numbers(tmp_path):
    pack = pack_of(tmp_path, task_packs.film_detector)
    a = DetectedBox(1, 0.9, (0, 0, 0), (10, 10, 10))
    near = DetectedBox(1, 0.7, (1, 0, 0), (11, 10, 10))
    far = DetectedBox(1, 0.5, (15, 15, 15), (18, 18, 18))
    number = Measurement("size", 5.0, "mm", "tiny@1")
    one = result(
        pack, boxes=(a,), landmarks=(Landmark("tip", (0, 0, 0)),),
        numbers=((0, number), (1, replace(number, method="tiny@2"))),
    )  # fmt: skip
    two = result(
        pack, boxes=(far, near), landmarks=(Landmark("tip", (3, 2, 0)),),
        numbers=((0, replace(number, value=6.0)), (1, number)),
    )  # fmt: skip
    found = compare(Side(pack, one), Side(pack, two), GEOMETRY)
    assert [row["scores"] for row in found["boxes"]] == [[0.9, 0.7], [None, 0.5]]
    assert found["boxes"][0]["iou"] == pytest.approx(900 / 1100, abs=1e-6)
    assert found["landmarks"] == [{"label": "tip", "distance": 5.0, "unit": "mm"}]
    # another version of a method is another measure (trap 17)
    assert [row["values"] for row in found["numbers"]] == [[5.0, 6.0]]


def test_different_images_are_not_compared(tmp_path):
    pack = pack_of(tmp_path, tiny_pack.write_film_pack)
    other = result(pack, source=SeriesRef("1.2.3", "9.9", 0))
    with pytest.raises(ModelPackError, match="different images"):
        compare(Side(pack, result(pack)), Side(pack, other), None)
