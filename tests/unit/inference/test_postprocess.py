"""Masks from probabilities, and the checks that doubt them."""

from __future__ import annotations

import numpy as np
import pytest

from app.inference import manifest_steps as steps
from app.inference.postprocess import check_quality, to_masks

TEXT = steps.Text(en="x", ru="х")


def maps(*shapes, size=(40, 40), value=0.9):
    """Probabilities of labels 1, 2...: ``value`` in their boxes."""
    found = {}
    for index, boxes in enumerate(shapes, start=1):
        found[index] = np.full(size, 0.01, np.float32)
        for box in boxes:
            found[index][box] = value
    return found


def box(r0, r1, c0, c1):
    return slice(r0, r1), slice(c0, c1)


def masks_of(probability, *plan):
    return to_masks(probability, plan, exclusive=True, voxel_ml=None)


def test_argmax_counts_the_background():
    made = masks_of({1: np.array([[0.4, 0.6]], np.float32), 2: np.array([[0.35, 0.1]], np.float32)})
    assert made.masks[1].tolist() == [[True, True]]
    made = masks_of({1: np.array([[0.3]], np.float32), 2: np.array([[0.3]], np.float32)})
    assert not made.masks[1].any()


def test_largest_component_and_holes():
    probability = maps([box(2, 20, 2, 20), box(30, 33, 30, 33)])
    probability[1][8:10, 8:10] = 0.0
    made = masks_of(
        probability,
        steps.KeepLargest(step="keep_largest", labels=(1,)),
        steps.FillHoles(step="fill_holes", labels=(1,)),
    )
    assert made.masks[1].sum() == 18 * 18
    assert not made.masks[1][30:].any()


def test_a_hole_that_is_another_label_stays():
    probability = maps([box(2, 20, 2, 20)], [box(8, 10, 8, 10)])
    probability[1][8:10, 8:10] = 0.0
    made = masks_of(probability, steps.FillHoles(step="fill_holes", labels=(1,)))
    assert made.masks[1].sum() == 18 * 18 - 4
    assert not (made.masks[1] & made.masks[2]).any()


def test_small_components_go():
    probability = maps([box(2, 20, 2, 20), box(30, 33, 30, 33)])
    made = masks_of(
        probability, steps.MinComponent(step="min_component", labels=(1,), fraction=0.02)
    )
    assert made.masks[1].sum() == 18 * 18


def flagged(probability, check):
    return check_quality(masks_of(probability), (check,))


def test_order():
    check = steps.Order(check="order", id="sides", text=TEXT, first=1, second=2)
    right = maps([box(5, 30, 2, 15)], [box(5, 30, 22, 38)])
    assert flagged(right, check) == ()
    flag = flagged({1: right[2], 2: right[1]}, check)[0]
    assert flag.refuses
    assert flag.labels == (1, 2)


@pytest.mark.parametrize(
    ("where", "hit"),
    [(box(0, 20, 5, 15), True), (box(2, 20, 5, 15), False), (box(2, 20, 38, 40), True)],
)
def test_edge(where, hit):
    check = steps.TouchesEdge(
        check="touches_edge", id="cut", text=TEXT, labels=(1,), margin=0.02, min_length=0.1
    )
    assert bool(flagged(maps([where]), check)) == hit


def test_missing_ratio_and_confidence():
    missing = steps.Missing(check="missing", id="gone", text=TEXT, labels=(1, 2), below=0.01)
    assert flagged(maps([box(2, 20, 2, 15)], []), missing)[0].labels == (2,)
    ratio = steps.AreaRatio(
        check="area_ratio", id="ratio", text=TEXT, numerator=2, denominator=1, low=0.5, high=2.0
    )
    assert flagged(maps([box(2, 20, 2, 15)], [box(2, 4, 20, 24)]), ratio)[0].labels == (2, 1)
    assert flagged(maps([box(2, 20, 2, 15)], []), ratio) == ()
    unsure = steps.LowConfidence(check="low_confidence", id="c", text=TEXT, labels=(1,), below=0.7)
    assert flagged(maps([box(2, 20, 2, 15)], value=0.6), unsure)[0].labels == (1,)
    assert flagged(maps([box(2, 20, 2, 15)], value=0.8), unsure) == ()


def test_an_island_inside_the_other_label_joins_it():
    probability = maps([box(5, 35, 2, 18)], [box(5, 35, 22, 38), box(12, 20, 8, 14)])
    probability[1][box(12, 20, 8, 14)] = 0.05
    plan = (steps.Argmax(step="argmax"), steps.JoinIslands(step="join_islands", labels=(1, 2)))
    result = masks_of(probability, *plan)
    assert result.masks[1][5:35, 2:18].all()
    assert not result.masks[2][:, :20].any()


def test_an_island_on_its_own_joins_nothing():
    probability = maps([box(20, 35, 2, 18), box(2, 6, 24, 28)], [box(20, 35, 22, 38)])
    plan = (steps.Argmax(step="argmax"), steps.JoinIslands(step="join_islands", labels=(1, 2)))
    result = masks_of(probability, *plan)
    assert result.masks[1][2:6, 24:28].all()
    assert not result.masks[2][2:6].any()
