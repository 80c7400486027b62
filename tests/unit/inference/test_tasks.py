"""Every task through the real worker process: graph in, findings out, places to the millimetre."""

from __future__ import annotations

import math

import numpy as np
import pytest

from app.core.errors import InferenceError, ModelPackError, ResultRefused
from app.inference.golden import reproduce
from app.inference.pack_store import PackStore
from app.inference.to_findings import to_findings
from app.inference.worker import InferenceProcess
from tests.support import task_packs, tiny_pack
from tests.unit.inference.test_to_findings import Clock, Uids, study

ROWS, COLUMNS = 150, 200


@pytest.fixture(scope="module")
def process():
    process = InferenceProcess(device="cpu", threads=1)
    yield process
    process.close()


@pytest.fixture
def run(tmp_path, process):
    def run(make, volume, **options):
        folder = make(tmp_path, **options)
        installed = PackStore(tmp_path / "none", tmp_path).get(folder.name)
        result = process.run(installed, volume)
        made = to_findings(result, installed.pack, study(), volume, clock=Clock(), uids=Uids())
        return result, made.findings

    return run


def ellipse_box(center, half):
    x = [COLUMNS * (center - half), COLUMNS * (center + half)]
    y = [ROWS * 0.15, ROWS * 0.85]
    return np.asarray([[x[0], y[0]], [x[1], y[1]]]) - 0.5


def iou(one, other):
    shared = np.prod(np.maximum(np.minimum(one[1], other[1]) - np.maximum(one[0], other[0]), 0))
    return shared / (np.prod(one[1] - one[0]) + np.prod(other[1] - other[0]) - shared)


def test_detection_on_a_film(run):
    result, findings = run(task_packs.film_detector, tiny_pack.film())
    assert len(result.boxes) == 2
    assert [f.current.region.kind for f in findings] == ["box", "box"]
    for finding, center, half in zip(findings, (0.3, 0.7), (0.16, 0.12), strict=True):
        region = finding.current.region
        assert region.box_is_pixels
        corners = np.asarray(region.box_lps)[:, :2]
        assert iou(corners, ellipse_box(center, half)) > 0.6
        middle, true = corners.mean(axis=0), ellipse_box(center, half).mean(axis=0)
        assert np.abs(middle - true).max() < 7  # half a stride of the windows, in film pixels
        assert finding.current.concept.value == "27925004"
    scores = [f.proposal.score for f in findings]
    assert scores == sorted(scores, reverse=True)
    assert result.scores["bright spot"] == pytest.approx(scores[0])


def test_detection_on_a_mirrored_film_is_undone(run):
    _, findings = run(task_packs.film_detector, tiny_pack.film(mirrored=True))
    corners = np.asarray(findings[0].current.region.box_lps)[:, :2]
    assert (corners[0] < corners[1]).all()
    assert corners.mean(axis=0)[0] == pytest.approx(0.7 * COLUMNS, abs=7)


def test_detection_respects_the_operating_point(run):
    def change(manifest):
        manifest["operating_points"] = [{"name": "strict", "finding": 1, "threshold": 0.7}]

    result, findings = run(task_packs.film_detector, tiny_pack.film(), change=change)
    assert len(result.boxes) == 1
    assert findings[0].proposal.operating_point.threshold == 0.7


def test_detection_without_anything_proposes_nothing(run):
    blank = tiny_pack.film()
    voxels = np.full_like(blank.voxels, 200)
    voxels[0, 0, 0] = 3000
    result, findings = run(task_packs.film_detector, type(blank)(
        voxels, None, blank.rescale, "arbitrary", blank.source, pixel_spacing_mm=(0.5, 0.5),
        patient_orientation=("L", "F"),
    ))  # fmt: skip
    assert result.boxes == ()
    assert findings == ()


@pytest.mark.parametrize(
    "direction", [None, np.asarray([[0.0, 1, 0], [0, 0, -1], [-1, 0, 0]])], ids=["plain", "turned"]
)
def test_detection_in_a_volume_patch_by_patch(run, direction):
    volume = tiny_pack.ball_volume(direction)
    result, findings = run(task_packs.ball_detector, volume)
    assert result.patches > 8
    assert len(findings) == 1
    corners = np.asarray(findings[0].current.region.box_lps)
    low, high = corners.min(axis=0), corners.max(axis=0)
    center = volume.geometry.ijk_to_lps(np.asarray([25.0, 30 / 1.5, 12.0]))
    assert np.abs((low + high) / 2 - center).max() < 2.6  # half a stride, and half a voxel
    assert iou(np.stack([low, high]), np.stack([center - 12, center + 12])) > 0.6


def test_landmarks_from_heat_maps(run):
    result, findings = run(task_packs.film_landmarks, tiny_pack.film())
    assert [mark.name for mark in result.landmarks] == ["right middle", "left middle"]
    assert [f.current.region.kind for f in findings] == ["point", "point"]
    for finding, center in zip(findings, (0.3, 0.7), strict=True):
        ((x, y, _),) = finding.current.region.box_lps
        assert math.dist((x, y), (COLUMNS * center - 0.5, ROWS / 2 - 0.5)) < 4
        assert 0.2 < finding.proposal.score <= 1.0


def test_a_landmark_under_its_threshold_is_not_proposed(tmp_path, process):
    folder = task_packs.film_landmarks(tmp_path)
    store = PackStore(tmp_path / "none", tmp_path)
    both = process.run(store.get(folder.name), tiny_pack.film()).landmarks
    assert both[0].score > both[1].score
    least = (both[0].score + both[1].score) / 2
    tiny_pack.change_manifest(folder, lambda m: m["output"]["points"].update(min_score=least))
    kept = process.run(store.get(folder.name), tiny_pack.film()).landmarks
    assert kept == both[:1]


def test_landmarks_as_coordinates_in_space(run):
    volume = tiny_pack.ball_volume()
    _, findings = run(task_packs.ball_centroid, volume)
    (point,) = findings[0].current.region.box_lps
    assert math.dist(point, (25.0, 30.0, 36.0)) < 1.0


def test_a_regression_gives_a_measurement(run):
    result, findings = run(task_packs.film_value, tiny_pack.film())
    (number,) = findings[0].current.measurements
    assert (number.kind, number.unit, number.method) == (
        "mean_brightness", "%", "mean-brightness-tiny@1",
    )  # fmt: skip
    inside = math.pi / 4 * (0.32 * 0.7 + 0.24 * 0.7) * 48 / 64
    assert number.value == pytest.approx(100 * inside, abs=1.0)
    assert findings[0].proposal.score is None
    assert result.scores == {}


def test_a_number_outside_its_range_is_no_number(run):
    def change(manifest):
        manifest["output"]["values"][0]["high"] = 10.0

    _, findings = run(task_packs.film_value, tiny_pack.film(), change=change)
    (number,) = findings[0].current.measurements
    assert (number.value, number.status) == (None, "failed")


def test_regions_are_painted_in_their_order(run):
    result, findings = run(task_packs.film_regions, tiny_pack.film())
    masks = dict(result.masks)
    for index, center, half in ((1, 0.3, 0.16), (2, 0.7, 0.12)):
        true = tiny_pack.ellipse(ROWS, COLUMNS, center, half)
        assert np.mean((masks[index][0] != 0) == true) > 0.99
    assert not (masks[1] & masks[2]).any()
    assert len(findings) == 2


def test_regions_in_the_other_order_paint_over(run):
    def change(manifest):
        manifest["output"]["post"] = [{"step": "regions", "order": [2, 1]}]

    masks = dict(run(task_packs.film_regions, tiny_pack.film(), change=change)[0].masks)
    left = tiny_pack.ellipse(ROWS, COLUMNS, 0.3, 0.16)
    right = tiny_pack.ellipse(ROWS, COLUMNS, 0.7, 0.12)
    assert np.mean((masks[2][0] != 0) == left) > 0.99  # channel 0 is label 2 here
    assert np.mean((masks[1][0] != 0) == right) > 0.99


def test_several_channels_with_windows_of_their_own(run):
    image = np.full((1, ROWS, COLUMNS), 200, np.int16)
    image[0, 40:80, 40:80] = 1700  # above the first window, under the second
    image[0, 40:80, 120:160] = 3000  # above both
    film = tiny_pack.film()
    volume = type(film)(image, None, film.rescale, "arbitrary", film.source,
                        pixel_spacing_mm=(0.5, 0.5), patient_orientation=("L", "F"))  # fmt: skip
    (mask,) = [m for _, m in run(task_packs.film_channels, volume)[0].masks]
    assert mask[0, 45:75, 45:75].all()
    assert not mask[0, 40:80, 115:165].any()


def test_folds_give_the_mean_of_their_logits(tmp_path, process):
    def fold(gain):
        nodes = [
            task_packs.helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
            task_packs.helper.make_node("Flatten", ["pooled"], ["mean"]),
            task_packs.helper.make_node("Mul", ["mean", "gain"], ["logits"]),
        ]
        constants = {"gain": np.asarray([[gain, -gain, gain]], np.float32)}
        return task_packs.make_graph(nodes, constants, [1, 1, 64, 64], {"logits": [1, 3]})

    folder = tiny_pack.write_score_pack(tmp_path)
    (folder / "model.onnx").write_bytes(fold(4.0))
    (folder / "fold_1.onnx").write_bytes(fold(2.0))
    (folder / "fold_2.onnx").write_bytes(fold(-3.0))
    single = PackStore(tmp_path / "none", tmp_path)
    tiny_pack.change_manifest(folder, lambda m: None)
    one = process.run(single.get("tiny-score"), tiny_pack.film())
    names = ["fold_1.onnx", "fold_2.onnx"]
    tiny_pack.change_manifest(folder, lambda m: m["onnx"].update(folds=names))
    installed = single.get("tiny-score")
    assert installed.pack.model_files == ("model.onnx", *names)
    three = process.run(installed, tiny_pack.film())
    assert one.weights_sha256 != three.weights_sha256
    logit = {name: math.log(p / (1 - p)) for name, p in one.scores.items()}
    for name, score in three.scores.items():
        assert math.log(score / (1 - score)) == pytest.approx(logit[name] * 0.25, rel=1e-4)


def broken(kind):
    """A classifier whose output is not a number."""
    above = "mean" if kind == "inf" else "zero"
    nodes = [
        task_packs.helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        task_packs.helper.make_node("Flatten", ["pooled"], ["mean"]),
        task_packs.helper.make_node("Sub", ["mean", "mean"], ["zero"]),
        task_packs.helper.make_node("Div", [above, "zero"], ["x"]),
        task_packs.helper.make_node("Add", ["x", "three"], ["logits"]),
    ]
    constants = {"three": np.zeros((1, 3), np.float32)}
    return task_packs.make_graph(nodes, constants, [1, 1, 64, 64], {"logits": [1, 3]})


@pytest.mark.parametrize("kind", ["nan", "inf"])
def test_outputs_that_are_no_numbers_are_refused(tmp_path, process, kind):
    folder = tiny_pack.write_score_pack(tmp_path)
    (folder / "model.onnx").write_bytes(broken(kind))
    tiny_pack.change_manifest(folder, lambda m: None)
    installed = PackStore(tmp_path / "none", tmp_path).get("tiny-score")
    with pytest.raises(InferenceError, match="not numbers"):
        process.run(installed, tiny_pack.film())


def test_maps_that_are_no_numbers_are_refused(tmp_path, process):
    nodes = [
        task_packs.helper.make_node("Sub", ["image", "image"], ["zero"]),
        task_packs.helper.make_node("Div", ["zero", "zero"], ["x"]),
        task_packs.helper.make_node("Concat", ["x", "x", "x"], ["logits"], axis=1),
    ]
    folder = tiny_pack.write_film_pack(tmp_path)
    graph = task_packs.make_graph(nodes, {}, [1, 1, 64, 64], {"logits": [1, 3, 64, 64]})
    (folder / "model.onnx").write_bytes(graph)
    tiny_pack.change_manifest(folder, lambda m: None)
    installed = PackStore(tmp_path / "none", tmp_path).get("tiny-lungs")
    with pytest.raises(InferenceError):
        process.run(installed, tiny_pack.film())


def test_a_graph_with_other_outputs_than_stated_is_never_run(tmp_path, process):
    """Hashes are right and the manifest lies: said before the graph is loaded."""
    folder = tiny_pack.write_score_pack(tmp_path)
    (folder / "model.onnx").write_bytes(
        task_packs.make_graph(
            [task_packs.helper.make_node("GlobalAveragePool", ["image"], ["p"]),
             task_packs.helper.make_node("Flatten", ["p"], ["logits"])],
            {}, [1, 1, 64, 64], {"logits": [1, 1]},
        )
    )  # fmt: skip
    tiny_pack.change_manifest(folder, lambda m: None)
    installed = PackStore(tmp_path / "none", tmp_path).get("tiny-score")
    with pytest.raises(ModelPackError, match="has 1, and the manifest says 3"):
        process.run(installed, tiny_pack.film())


@pytest.mark.parametrize("action", ["flag", "fail"])
def test_an_image_unlike_the_training_is_said_or_refused(tmp_path, process, action):
    """The test of the pack is really evaluated: margin of the heads on a plain film."""
    folder = tiny_pack.write_score_pack(tmp_path)
    ood = {"method": "margin", "threshold": 0.99, "action": action}
    tiny_pack.change_manifest(folder, lambda m: m.update(ood=ood))
    installed = PackStore(tmp_path / "none", tmp_path).get("tiny-score")
    if action == "fail":
        with pytest.raises(ResultRefused, match="unlike those"):
            process.run(installed, tiny_pack.film())
        return
    result = process.run(installed, tiny_pack.film())
    assert result.quality_flags == ("unlike-training",)
    ood["threshold"] = 0.01
    tiny_pack.change_manifest(folder, lambda m: m.update(ood=ood))
    known = PackStore(tmp_path / "none", tmp_path).get("tiny-score")
    assert process.run(known, tiny_pack.film()).quality_flags == ()


def test_trap_08_untrained_heads_say_nothing(tmp_path, process):
    tiny_pack.write_score_pack(tmp_path)
    installed = PackStore(tmp_path / "none", tmp_path).get("tiny-score")
    result = process.run(installed, tiny_pack.film())
    assert set(result.scores) == {"head 1", "head 2"}


def test_trap_18_a_score_is_a_probability_only_when_calibrated(tmp_path, process):
    folder = tiny_pack.write_score_pack(tmp_path)
    store = PackStore(tmp_path / "none", tmp_path)
    plain = store.get("tiny-score")
    assert not plain.pack.is_calibrated
    before = process.run(plain, tiny_pack.film()).scores
    calibration = {
        "method": "platt", "params": [0.5, -1.0], "weights_sha256": plain.pack.weights_sha256,
    }  # fmt: skip
    tiny_pack.change_manifest(folder, lambda m: m.update(calibration=calibration))
    after = store.get("tiny-score")
    assert after.pack.is_calibrated
    for name, score in process.run(after, tiny_pack.film()).scores.items():
        logit = math.log(before[name] / (1 - before[name]))
        assert score == pytest.approx(1 / (1 + math.exp(-(0.5 * logit - 1.0))), rel=1e-4)


@pytest.mark.parametrize("make", ["film_detector", "film_landmarks", "film_value"])
def test_samples_of_boxes_points_and_numbers(tmp_path, process, make):
    """What came out is put down as the sample: reproduced; changed a little too far: not."""
    folder = tiny_pack.add_golden(getattr(task_packs, make)(tmp_path))
    store = PackStore(tmp_path / "none", tmp_path)
    result = process.run(store.get(folder.name), tiny_pack.film())
    said = {
        "film_detector": {"boxes": [
            {"label": b.label, "lower_ijk": list(b.lower_ijk), "upper_ijk": list(b.upper_ijk)}
            for b in result.boxes
        ]},
        "film_landmarks": {"points": [
            {"label": m.label, "ijk": list(m.ijk)} for m in result.landmarks
        ]},
        "film_value": {"values": {n.kind: n.value for _, n in result.numbers}},
    }[make]  # fmt: skip

    def judged(change):
        def write(manifest):
            golden = manifest["golden"] | said
            golden.pop("expected_ref", None)
            change(golden)
            manifest["golden"] = golden

        tiny_pack.change_manifest(folder, write)
        return reproduce(store.get(folder.name), process)

    assert judged(lambda golden: None).reproduced

    def worse(golden):
        if "boxes" in golden:
            golden["boxes"] = golden["boxes"][:1]
        elif "points" in golden:
            golden["points"][0]["ijk"][0] += 2.0
        else:
            golden["values"]["mean_brightness"] += 0.1

    assert not judged(worse).reproduced
