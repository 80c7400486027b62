"""When two models mean one lesion, by codes, sides and places."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.core.codes import Code
from app.core.finding import Finding, FindingContent, Label, Proposal, Region, SliceRef
from app.core.geometry import Geometry
from app.core.provenance import Provenance
from app.core.segmentation import Mask
from app.core.study import SeriesRef
from app.inference.same_lesion import Places, is_same_lesion, merge_proposals

NODULE = Code("27925004", "SCT", "Nodule")
MASS = Code("4147007", "SCT", "Mass")
GEOMETRY = Geometry.from_arrays((40, 40, 40), (1.0, 1.0, 2.0), (0, 0, 0), np.eye(3), "1.2.9")
PLACES = Places({}, {("S1", 0): GEOMETRY, ("S2", 0): GEOMETRY})


def box(center, half):
    c = np.asarray(center, dtype=float)
    return Region("box", box_lps=(tuple(c - half), tuple(c + half)))


def finding(pack, region, *, code=NODULE, series="S1", **content):
    made = FindingContent(code, Label("x", "x"), region=region, significance="significant")
    made = replace(made, **content)
    return Finding(
        f"uid-{pack}", f"track-{pack}", "1.2", series, 0, Proposal(made, 0.9), made, "proposed",
        Provenance("model", "2026-01-01T00:00:00+00:00", pack=pack),
    )  # fmt: skip


FIRST = finding("a", box((10, 10, 10), 5))


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (finding("b", box((11, 10, 10), 5)), True),
        (finding("b", box((11, 10, 10), 5), code=MASS), True),
        (finding("b", box((11, 10, 10), 5), series="S2"), True),  # same frame of reference
        (finding("b", box((10, 10, 10), 2)), True),  # inside: the centres agree
        (finding("b", box((19, 10, 10), 5)), False),
        (finding("b", box((11, 10, 10), 5), code=Code("367643001", "SCT", "Cyst")), False),
        (finding("b", box((11, 10, 10), 5), significance="descriptive"), False),
        (finding("b", box((11, 10, 10), 5), series="S3"), False),  # nobody knows where S3 lies
        (finding("b", Region("image")), False),
        (finding("b", None), False),
        (finding("a", box((11, 10, 10), 5)), False),  # the same model saw two
    ],
)
def test_the_same_or_not(other, same):
    assert is_same_lesion(FIRST, other, PLACES) is same


def test_sides_must_not_contradict():
    left = finding("a", box((10, 10, 10), 5), laterality="left")
    assert is_same_lesion(left, finding("b", box((10, 10, 10), 5)), PLACES)
    right = finding("b", box((10, 10, 10), 5), laterality="right")
    assert not is_same_lesion(left, right, PLACES)


def masked(pack, start, stop, sha256):
    voxels = np.zeros((40, 40, 40), np.uint8)
    voxels[start:stop, 10:20, 10:20] = 1
    region = Region("segment", mask_sha256=sha256)
    return finding(pack, region), Mask(voxels, SeriesRef("1.2", "S1", 0))


def test_masks_by_their_overlap_and_against_boxes():
    one, first = masked("a", 10, 20, "1")
    near, second = masked("b", 13, 23, "2")
    far, third = masked("b", 18, 28, "3")
    places = Places({"1": first, "2": second, "3": third}, PLACES.grids)
    assert is_same_lesion(one, near, places)  # 7 of 13 slices
    assert not is_same_lesion(one, far, places)  # 2 of 18
    around = finding("b", box((14.5, 14.5, 29), (5, 5, 10)))  # the mask's box in millimetres
    assert is_same_lesion(one, around, places)
    assert not is_same_lesion(one, finding("b", box((14.5, 14.5, 60), (5, 5, 10))), places)


def test_films_need_the_same_image():
    def on_film(pack, instance, x):
        corners = ((x, 10.0, 0.0), (x + 20.0, 30.0, 0.0))
        return finding(pack, Region("box", "", corners, SliceRef(instance), True), series="F")

    films = Places({}, {("F", 0): None})
    assert is_same_lesion(on_film("a", "1.1", 10), on_film("b", "1.1", 14), films)
    assert not is_same_lesion(on_film("a", "1.1", 10), on_film("b", "1.2", 14), films)
    assert not is_same_lesion(on_film("a", "1.1", 10), on_film("b", "1.1", 40), films)


def test_two_lesions_of_one_model_never_become_one():
    """Both new boxes overlap the one that is there; only the first of them joins it."""
    new = [replace(finding("b", box((10 + n, 10, 10), 5)), uid=f"n{n}") for n in (0, 1)]
    changed, added = merge_proposals([FIRST], new, PLACES)
    assert [f.uid for f in changed] == ["uid-a"]
    assert [o.uid for o in changed[0].others] == ["n0"]
    assert [f.uid for f in added] == ["n1"]
    third = finding("c", box((10, 10, 10), 5))
    (both,), rest = merge_proposals(changed, [third], PLACES)
    assert both.model_count == 3
    assert rest == ()
    assert both.proposal == FIRST.proposal
