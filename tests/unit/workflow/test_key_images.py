"""Which slice shows a finding best."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.core.finding import Region, SliceRef
from app.core.geometry import Geometry
from app.core.segmentation import Mask
from app.core.study import FrameRef, Instance, Stack
from app.core.volume import Rescale, Volume
from app.workflow.key_images import best_slice, box_on_slice
from tests.support.domain import effusion, header_study, model_finding
from tests.unit.workflow.conftest import REF

GEOMETRY = Geometry((4, 4, 6), (1, 1, 2), (0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0, 1), "1")
VOLUME = Volume(np.zeros((6, 4, 4), np.int16), GEOMETRY, Rescale(), "HU", REF)


@pytest.fixture
def stack() -> Stack:
    film = header_study().series[0].stacks[0]
    one: Instance = film.frames[0].instance
    frames = tuple(FrameRef(replace(one, sop_instance_uid=f"1.{n}")) for n in range(6))
    return replace(film, frames=frames, geometry=GEOMETRY, verdict="ok")


def _finding(region: Region | None):
    return model_finding(content=effusion(region=region))


def test_the_slice_with_most_of_the_mask(stack: Stack) -> None:
    voxels = np.zeros((6, 4, 4), np.uint8)
    voxels[2, 0, 0] = voxels[4, :2] = 1
    assert best_slice(_finding(None), Mask(voxels, REF), stack, VOLUME) == 4


def test_the_slice_that_the_region_names(stack: Stack) -> None:
    region = Region("point", slice=SliceRef("1.3"))
    assert best_slice(_finding(region), None, stack, VOLUME) == 3
    empty = Mask(np.zeros((6, 4, 4), np.uint8), REF)
    assert best_slice(_finding(region), empty, stack, VOLUME) == 3


def test_the_middle_of_a_box_in_the_patient(stack: Stack) -> None:
    region = Region("box", box_lps=((0, 0, 8.1), (2, 2, 11.7)))
    assert best_slice(_finding(region), None, stack, VOLUME) == 5
    outside = Region("box", box_lps=((0, 0, 80), (2, 2, 90)))
    assert best_slice(_finding(outside), None, stack, VOLUME) is None


def test_a_box_is_outlined_on_its_slice() -> None:
    region = Region("box", box_lps=((2, 1, 8.1), (0, 2, 11.7)))
    shown = box_on_slice(_finding(region), VOLUME, 5)
    assert shown is not None
    expected = np.zeros((6, 4, 4), np.uint8)
    expected[5, 1:3, 0:3] = 1
    np.testing.assert_array_equal(shown.voxels, expected)
    film = Volume(np.zeros((1, 4, 4), np.int16), None, Rescale(), "OD", REF)
    pixels = Region("box", box_lps=((1, 1, 0), (9, 2, 0)), box_is_pixels=True)
    on_film = box_on_slice(_finding(pixels), film, 0)
    assert on_film is not None
    assert on_film.voxels[0].tolist() == [[0] * 4, [0, 1, 1, 1], [0, 1, 1, 1], [0] * 4]


@pytest.mark.parametrize(
    "region",
    [None, Region("image"), Region("point", box_lps=((1, 1, 1),)),
     Region("box", box_lps=((50, 50, 1), (60, 60, 2)))],
)  # fmt: skip
def test_no_box_no_outline(region: Region | None) -> None:
    assert box_on_slice(_finding(region), VOLUME, 1) is None


def test_a_finding_without_a_place_is_shown_where_there_is_one_image_only(stack: Stack) -> None:
    assert best_slice(_finding(None), None, stack, VOLUME) is None
    film = Volume(np.zeros((1, 4, 4), np.int16), None, Rescale(), "OD", REF)
    assert best_slice(_finding(None), None, replace(stack, frames=stack.frames[:1]), film) == 0
