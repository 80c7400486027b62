"""Display pixels to LPS and back, and orientation from the current camera."""

from __future__ import annotations

import numpy as np
import pytest

from app.imaging.orient import orientation_letters
from app.viewer.camera import fit_zoom
from app.viewer.planes import plane_grid
from app.viewer.viewport import ViewportState, zoomed_at
from tests.support.phantoms import double_oblique, linear_volume

SIZE = (640, 480)
SPACE = linear_volume().geometry
SYMMETRIES = [(turns, flip) for turns in range(4) for flip in (False, True)]


@pytest.mark.parametrize(("turns", "flipped"), SYMMETRIES)
@pytest.mark.parametrize("plane", ["stack", "axial", "coronal", "sagittal"])
def test_display_and_patient_space_are_inverse(turns, flipped, plane):
    space = linear_volume(double_oblique()).geometry
    grid = plane_grid(space, plane)
    state = ViewportState(plane=plane, index=3, zoom=1.7, quarter_turns=turns, flipped=flipped)
    camera = state.camera(grid, SIZE)
    points = np.array([(0.0, 0.0), (320.0, 240.0), (611.0, 17.0)])
    np.testing.assert_allclose(
        camera.lps_to_display(camera.display_to_lps(points)), points, atol=1e-6
    )


@pytest.mark.parametrize(
    ("turns", "flipped", "right", "down"),
    [
        (0, False, "L", "P"), (1, False, "A", "L"), (2, False, "R", "A"), (3, False, "P", "R"),
        (0, True, "R", "P"), (1, True, "A", "R"), (2, True, "L", "A"), (3, True, "P", "L"),
    ],
)  # fmt: skip
def test_g15_letters_follow_all_eight_symmetries(turns, flipped, right, down):
    grid = plane_grid(SPACE, "axial")
    camera = ViewportState(quarter_turns=turns, flipped=flipped).camera(grid, SIZE)
    right_lps, down_lps = camera.screen_axes_lps()
    assert orientation_letters(right_lps) == right
    assert orientation_letters(down_lps) == down
    # The letters must agree with where patient points really land on the screen.
    middle = camera.display_to_lps((320.0, 240.0))
    moved = camera.lps_to_display(middle + right_lps) - camera.lps_to_display(middle)
    assert moved[0] > 0
    assert moved[1] == pytest.approx(0.0, abs=1e-9)


def test_radiological_convention_patient_right_is_screen_left():
    for plane in ("axial", "coronal"):
        camera = ViewportState(plane=plane).camera(plane_grid(SPACE, plane), SIZE)
        middle = camera.display_to_lps((320.0, 240.0))
        left_of_patient = camera.lps_to_display(middle + np.array([5.0, 0.0, 0.0]))
        assert left_of_patient[0] > 320.0
    coronal = ViewportState(plane="coronal").camera(plane_grid(SPACE, "coronal"), SIZE)
    middle = coronal.display_to_lps((320.0, 240.0))
    assert coronal.lps_to_display(middle + np.array([0.0, 0.0, 5.0]))[1] < 240.0


def test_g17_fit_keeps_the_true_aspect():
    grid = SPACE
    camera = ViewportState().camera(grid, SIZE)
    assert camera.zoom == fit_zoom(grid, SIZE)
    m11, m12, m21, m22, _, _ = camera.pixel_matrix()
    assert m22 / m11 == pytest.approx(grid.spacing_ijk[1] / grid.spacing_ijk[0])
    assert (m12, m21) == (0.0, 0.0)


def test_zoom_keeps_the_place_under_the_pointer():
    grid = plane_grid(SPACE, "axial")
    state = ViewportState()
    camera = state.camera(grid, SIZE)
    at = (500.0, 100.0)
    before = camera.display_to_lps(at)
    after = zoomed_at(state, camera, 2.5, at).camera(grid, SIZE).display_to_lps(at)
    np.testing.assert_allclose(after, before)


def test_mirror_is_left_to_right_on_the_screen_even_when_turned():
    grid = plane_grid(SPACE, "axial")
    state = ViewportState(quarter_turns=1)
    right, down = state.camera(grid, SIZE).screen_axes_lps()
    mirrored_right, mirrored_down = state.mirrored().camera(grid, SIZE).screen_axes_lps()
    np.testing.assert_allclose(mirrored_right, -right, atol=1e-12)
    np.testing.assert_allclose(mirrored_down, down, atol=1e-12)


def test_state_survives_the_journal():
    state = ViewportState(plane="coronal", index=7, zoom=2.0, center_mm=(1.0, 2.0)).windowed(40, 9)
    assert ViewportState.from_json(state.to_json()) == state
    assert ViewportState.from_json({"plane": "odd", "index": 2}) == ViewportState(index=2)


def test_i10_window_width_never_falls_below_one():
    assert ViewportState().windowed(40, -30).window.width == 1.0


@pytest.mark.parametrize(
    ("wall", "flipped", "edge"),
    [("left", False, 0.0), ("right", False, 640.0), ("left", True, 640.0), ("right", True, 0.0)],
)
def test_d15_the_chest_wall_touches_the_edge_and_follows_a_mirror(wall, flipped, edge):
    grid = plane_grid(SPACE, "axial")
    camera = ViewportState(plane="axial", flipped=flipped).camera(grid, (640, 200), wall)
    width, height = grid.size_ijk[:2]
    place = -0.5 if wall == "left" else width - 0.5
    spacing = np.asarray(grid.spacing_ijk[:2])
    shown = camera.plane_to_display(np.array((place, (height - 1) / 2)) * spacing)
    np.testing.assert_allclose(shown, (edge, 100.0), atol=1e-6)


def test_d15_who_zooms_or_pans_has_the_image_where_it_was_put():
    grid = plane_grid(SPACE, "axial")
    zoomed = ViewportState(plane="axial", zoom=2.0)
    assert zoomed.camera(grid, (640, 200), "left") == zoomed.camera(grid, (640, 200))
