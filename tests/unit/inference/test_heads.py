"""Boxes, points and scores out of raw outputs, held against plain definitions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import InferenceError, ModelPackError
from app.inference.boxes import Boxes, non_maximum, overlaps, read_boxes
from app.inference.head_scores import calibrated, ood_value
from app.inference.manifest_heads import BoxHead, PointHead
from app.inference.manifest_parts import Calibration
from app.inference.points import read_points

SHAPE = (40, 60)  # rows, columns


def read(head, **outputs):
    return read_boxes(BoxHead(**head), {k: np.asarray(v, np.float32) for k, v in outputs.items()},
                      SHAPE)  # fmt: skip


# columns 10..30, rows 4..12, as edges of pixels
EDGES = [[10, 4, 30, 12]]
IN_INDEX = [[[3.5, 9.5], [11.5, 29.5]]]


@pytest.mark.parametrize(
    ("head", "box"),
    [
        ({"axes": "xy"}, EDGES),
        ({"axes": "yx"}, [[4, 10, 12, 30]]),
        ({"axes": "xy", "unit": "centers"}, [[9.5, 3.5, 29.5, 11.5]]),
        ({"axes": "xy", "unit": "fraction"}, [[10 / 60, 4 / 40, 30 / 60, 12 / 40]]),
        ({"axes": "xy", "form": "center_size"}, [[20, 8, 20, 8]]),
        ({"axes": "xy", "layout": "columns"}, [[10], [4], [30], [12]]),
        ({"axes": "xy"}, [EDGES]),
    ],
    ids=["xy", "yx", "centers", "fraction", "center_size", "columns", "batch"],
)
def test_every_form_gives_the_same_box(head, box):
    found = read({"boxes": "b", "scores": "s", **head}, b=box, s=[0.9])
    assert np.allclose(found.corners, IN_INDEX, atol=1e-4)
    assert found.scores == pytest.approx([0.9])
    assert found.labels.tolist() == [1]


def test_scores_behind_the_box_background_left_out_and_activated():
    row = [*EDGES[0], 2.0, 1.0, 0.0]
    found = read({"boxes": "b", "axes": "xy", "skip_classes": 1, "activation": "softmax"}, b=[row])
    total = math.exp(2) + math.exp(1) + 1
    assert found.labels.tolist() == [1, 2]
    assert found.scores == pytest.approx([math.exp(1) / total, 1 / total], rel=1e-5)


@pytest.mark.parametrize(("first", "labels"), [(0, [4, 1]), (1, [3, 0])])
def test_labels_from_an_output_of_their_own(first, labels):
    head = {"boxes": "b", "scores": "s", "labels": "c", "axes": "xy", "first_class": first}
    found = read(head, b=EDGES * 2, s=[0.5, 0.4], c=[3, 0])
    assert found.labels.tolist() == labels


@pytest.mark.parametrize(
    ("outputs", "error", "words"),
    [
        ({"b": [[1, 2, 3]], "s": [1]}, ModelPackError, "form"),
        ({"b": EDGES, "s": [1, 2]}, ModelPackError, "form"),
        ({"b": [[30, 4, 10, 12]], "s": [1]}, InferenceError, "end lies before"),
        ({"b": [[10, 4, np.nan, 12]], "s": [1]}, InferenceError, "not numbers"),
        ({"b": EDGES, "s": [np.inf]}, InferenceError, "not numbers"),
    ],
)
def test_outputs_of_another_form_end_in_a_sentence(outputs, error, words):
    with pytest.raises(error, match=words):
        read({"boxes": "b", "scores": "s", "axes": "xy"}, **outputs)


def test_one_box_with_several_classes():
    found = read({"boxes": "b", "scores": "s", "axes": "xy"}, b=EDGES, s=[[0.1, 0.7]])
    assert found.labels.tolist() == [1, 2]
    assert found.scores == pytest.approx([0.1, 0.7])


def test_no_boxes_at_all():
    found = read({"boxes": "b", "scores": "s", "axes": "xy"}, b=np.zeros((0, 4)), s=np.zeros(0))
    assert len(non_maximum(found, 0.5, 10).scores) == 0


def slow_iou(one, other):
    """By counting cells of a fine grid; the corners are whole numbers."""

    def cells_of(box):
        return set(itertools.product(*(range(int(a), int(b)) for a, b in box.T)))

    cells = [cells_of(np.asarray(box)) for box in (one, other)]
    union = len(cells[0] | cells[1])
    return len(cells[0] & cells[1]) / union if union else 0.0


corner = st.tuples(*[st.integers(0, 6)] * 3)
size = st.tuples(*[st.integers(1, 4)] * 3)
boxes_3d = st.lists(st.tuples(corner, size, st.integers(1, 2)), min_size=1, max_size=6)


@given(boxes_3d, st.sampled_from([0.1, 0.3, 0.5]))
def test_suppression_keeps_no_two_that_overlap_and_loses_none_that_does_not(rows, limit):
    corners = np.asarray([[c, np.add(c, s)] for c, s, _ in rows], dtype=np.float64)
    labels = np.asarray([label for *_, label in rows])
    scores = np.linspace(1, 0.5, len(rows))
    kept = non_maximum(Boxes(corners, scores, labels), limit, 100)
    for n, m in itertools.combinations(range(len(kept.scores)), 2):
        if kept.labels[n] == kept.labels[m]:
            assert slow_iou(kept.corners[n], kept.corners[m]) <= limit + 1e-9
    for box, score, label in zip(corners, scores, labels, strict=True):
        better = kept.scores >= score
        same = [k for k, b, c in zip(kept.corners, better, kept.labels, strict=True)
                if b and c == label]  # fmt: skip
        assert any(slow_iou(box, one) > limit or np.array_equal(box, one) for one in same)
    assert (np.diff(kept.scores) <= 0).all()


@given(corner, size, corner, size)
def test_overlap_is_that_of_counted_cells(c1, s1, c2, s2):
    one = np.asarray([c1, np.add(c1, s1)], dtype=np.float64)
    other = np.asarray([c2, np.add(c2, s2)], dtype=np.float64)
    assert overlaps(one, other[None])[0] == pytest.approx(slow_iou(one, other))


def test_at_most_so_many():
    corners = np.asarray([[[n, 0], [n + 1, 1]] for n in range(50)], dtype=np.float64)
    many = Boxes(corners, np.linspace(0, 1, 50), np.ones(50, np.int64))
    kept = non_maximum(many, 0.5, 7)
    assert kept.scores.tolist() == many.scores[::-1][:7].tolist()


def test_a_peak_between_pixels_and_on_a_coarser_map():
    maps = np.zeros((1, 2, 20, 30), np.float32)
    maps[0, 0, 5, 10], maps[0, 0, 5, 11] = 1.0, 1.0
    maps[0, 1, 19, 0] = 0.4
    found = read_points(PointHead(form="heatmap", points="m"), {"m": maps}, SHAPE)
    # the map is half as fine as the tensor; the peak lies between its columns 10 and 11
    assert found.index[0] == pytest.approx([5.5 * 2 - 0.5, 11.0 * 2 - 0.5])
    assert found.scores.tolist() == pytest.approx([1.0, 0.4])


def test_calibrations_by_their_formulas():
    logits = np.asarray([-2.0, 0.5, 3.0], np.float32)

    def made(method, *params):
        calibration = Calibration(method=method, params=params, weights_sha256="0" * 64)
        return calibrated(logits, "sigmoid", calibration).astype(float)

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    assert made("none") == pytest.approx(sigmoid(logits), rel=1e-5)
    assert made("temperature", 2.0) == pytest.approx(sigmoid(logits / 2), rel=1e-5)
    per_head = np.asarray([1.0, 2.0, 4.0])
    assert made("temperature", *per_head) == pytest.approx(sigmoid(logits / per_head), rel=1e-5)
    assert made("platt", 0.5, -1.0) == pytest.approx(sigmoid(0.5 * logits - 1), rel=1e-5)
    line = made("isotonic", 0.0, 0.1, 0.5, 0.2, 1.0, 0.9)
    assert line == pytest.approx(np.interp(sigmoid(logits), [0, 0.5, 1], [0.1, 0.2, 0.9]), rel=1e-4)


def test_what_says_that_an_image_is_unknown_by_its_definition():
    flat, sure = np.zeros((4, 3)), np.zeros((4, 3))
    sure[1] = 50.0
    assert ood_value("max_softmax", flat) == pytest.approx(0.25)
    assert ood_value("max_softmax", sure) == pytest.approx(1.0)
    assert ood_value("entropy", flat) == pytest.approx(1.0)
    assert ood_value("entropy", sure) == pytest.approx(0.0, abs=1e-6)
    assert ood_value("energy", flat) == pytest.approx(math.log(4))
    assert ood_value("energy", sure) == pytest.approx(50.0)
    assert ood_value("margin", np.zeros(3)) == 0.0
    assert ood_value("margin", np.asarray([2.0])) == pytest.approx(2 / (1 + math.exp(-2)) - 1)
    with pytest.raises(ModelPackError, match="two output channels"):
        ood_value("entropy", np.zeros((1, 3)))
