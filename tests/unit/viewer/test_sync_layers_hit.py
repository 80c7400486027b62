"""What viewports share, what lies over the image, what lies under the pointer, dragging."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.core.finding import FindingContent, Label, Region
from app.core.segmentation import Mask
from app.core.study import SeriesRef
from app.core.volume import Window
from app.viewer.hit_test import hit
from app.viewer.layers import box_on_image, center_lps, finding_layers
from app.viewer.planes import plane_grid
from app.viewer.sync import LinkEnd, crosshair_at, followed
from app.viewer.tools.drag import Drag
from app.viewer.viewport import ViewportState
from tests.support.panel_sessions import proposed
from tests.support.phantoms import REF, linear_volume

SPACE = linear_volume().geometry


def test_g19_the_crosshair_stays_inside_its_frame_of_reference():
    other = replace(SPACE, frame_of_reference_uid="8.8")
    states = [ViewportState(REF), ViewportState(SeriesRef("1", "2"))]
    cross = crosshair_at(SPACE.ijk_to_lps((3, 3, 9)), SPACE, "")
    moved = followed(states, [SPACE, other], cross)
    assert [state.index for state in moved] == [9, 0]


def test_images_without_place_follow_themselves_only():
    private = replace(SPACE, frame_of_reference_uid="")
    cross = crosshair_at(private.ijk_to_lps((1, 1, 4)), private, "1.2.3.4")
    assert cross.applies_to(private, "1.2.3.4")
    assert not cross.applies_to(private, "another")


def test_studies_matched_by_hand_scroll_by_millimetres():
    thick = replace(SPACE, spacing_ijk=(1.0, 1.0, 5.0), frame_of_reference_uid="8.8")
    reversed_ = replace(thick, direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0))
    leader = LinkEnd(SPACE, 4)
    assert LinkEnd(thick, 6).linked_index(leader, 8) == 8
    assert LinkEnd(thick, 6).linked_index(leader, 0) == 4
    assert LinkEnd(reversed_, 6).linked_index(leader, 8) == 4
    assert LinkEnd(thick, 11).linked_index(leader, 11) == 11


def _layers(finding, mask=None, **more):
    options = {"language": "en", "selected_uid": None, "show_rejected": False} | more
    return finding_layers([finding], numbers={finding.uid: 1}, mask_of=lambda uid: mask, **options)


def test_attention_is_shaded_and_has_a_key_of_its_own():
    region = Region("image", attention_sha256="ab")
    finding = proposed("1.1", FindingContent(None, Label("x", "y"), region=region))
    area = Mask(np.ones((1, 4, 4), np.uint8), SeriesRef("1", "2", 0))
    (layer,) = _layers(finding, attention_of=lambda uid: area)
    assert (layer.mask, layer.mask_key, layer.is_attention) == (area, "ab", True)
    (plain,) = _layers(finding)
    assert (plain.mask, plain.is_attention) == (None, False)


def test_state_is_told_by_the_line_and_rejected_is_hidden():
    finding = proposed("1.1", FindingContent(None, Label("x", "y")))
    (layer,) = _layers(finding)
    assert layer.style.line == "dashed"
    assert layer.is_unverified_ai
    rejected = replace(
        finding, state="rejected", decision=_decision("reject"), history=(_decision("reject"),)
    )
    assert _layers(rejected) == ()
    assert _layers(rejected, show_rejected=True)[0].style.line == "dotted"
    edited = replace(finding, state="edited", decision=_decision("edit"))
    assert _layers(edited)[0].style.corner_mark
    assert not _layers(edited)[0].is_unverified_ai


def test_a_box_is_cut_by_its_images_only():
    low, high = SPACE.ijk_to_lps((2, 3, 4)), SPACE.ijk_to_lps((6, 7, 8))
    region = Region("box", box_lps=(tuple(low), tuple(high)))
    (layer,) = _layers(proposed("1.1", FindingContent(None, Label("x", "y"), region=region)))
    corners = box_on_image(layer, SPACE, 6)
    inside = SPACE.lps_to_ijk(corners)
    np.testing.assert_allclose(inside.min(axis=0), (2, 3, 6), atol=1e-9)
    np.testing.assert_allclose(inside.max(axis=0), (6, 7, 6), atol=1e-9)
    assert box_on_image(layer, SPACE, 10) is None
    np.testing.assert_allclose(SPACE.lps_to_ijk(center_lps(layer, SPACE)), (4, 5, 6))


def test_a_mask_is_shown_at_its_largest_image():
    voxels = np.zeros(SPACE.shape_kji, np.uint8)
    voxels[3, 5, 5] = 1
    voxels[7, 4:7, 8:11] = 1
    region = Region("segment", mask_sha256="m")
    finding = proposed("1.1", FindingContent(None, Label("x", "y"), region=region))
    (layer,) = _layers(finding, Mask(voxels, REF))
    np.testing.assert_allclose(SPACE.lps_to_ijk(center_lps(layer, SPACE)), (9, 5, 7))


def test_the_nearest_outline_within_reach_is_hit():
    square = np.array([(0, 0), (10, 0), (10, 10), (0, 10), (0, 0)], float)
    lines = [("a", square), ("b", square + 20)]
    assert hit((5, 1), lines) == "a"
    assert hit((20, 25), lines) == "b"
    assert hit((5, 5), [("a", square * 10)]) == "a"
    assert hit((50, 50), [("a", square * 10)]) is None


@pytest.mark.parametrize("plane", ["stack", "coronal"])
def test_dragging_right_widens_down_brightens_nothing_else(plane):
    grid = plane_grid(SPACE, plane)
    state = ViewportState(REF, plane, 3)
    camera = state.camera(grid, (400, 300))
    drag = Drag("window", state, camera, (100, 100), (40.0, 400.0), 2000.0)
    wide = drag.moved((140, 100))
    assert wide.window == Window(40.0, wide.window.width)
    assert wide.window.width > 400
    raised = drag.moved((100, 140))
    assert raised.window.center > 40
    assert raised.window.width == 400
    assert replace(wide, window=None) == state


def test_dragging_scrolls_and_stays_inside():
    camera = ViewportState(REF).camera(SPACE, (400, 300))
    drag = Drag("scroll", ViewportState(REF, index=5), camera, (0, 0))
    assert drag.moved((0, 14)).index == 7
    assert drag.moved((0, 9000)).index == 11
    assert drag.moved((0, -9000)).index == 0


def _decision(kind):
    from app.core.finding import Decision

    return Decision(kind, "me", "2026-01-01T00:00:00+00:00")
