"""The search for a pair by a template: found where it was put, to a millimetre or two."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from app.core.geometry import Geometry
from app.imaging.nifti import geometry_of
from app.inference.template_level import Level, Template, rotation
from app.inference.template_search import find_pair, pattern_search

DISTANCES = (38.0, 70.0)


def _texture(shape: tuple[int, int, int], seed: int) -> np.ndarray:
    """Soft blobs of about a centimetre, 1 mm per voxel."""
    noise = np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)
    smooth = sitk.GetArrayFromImage(
        sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(noise), 4)
    )
    return 128 + 30 * smooth / smooth.std()


@pytest.fixture(scope="module")
def template() -> Template:
    return Template(np.clip(_texture((40, 56, 40), 1), 1, 255).astype(np.float32), is_left=True)


def _head(template: Template, degrees: float, middle: tuple[float, float, float]) -> sitk.Image:
    """Blobs of another kind, with the template and its mirror image 52 mm apart, at 2 mm."""
    image = sitk.GetImageFromArray(_texture((75, 80, 75), 2).astype(np.float32))
    image.SetSpacing((2, 2, 2))
    image.SetOrigin((-74, -79, -74))
    matrix = rotation(np.radians([degrees, 0, 0]))
    values = sitk.GetArrayFromImage(image)
    index = np.argwhere(np.ones(values.shape, bool))
    places = index[:, ::-1] * 2.0 + np.array([-74, -79, -74])
    for sign in (1, -1):
        own = (places - middle) @ matrix - np.array([sign * 26.0, 0, 0])
        own = own * np.array([sign, 1, 1]) + (np.array(template.values.shape[::-1]) - 1) / 2
        near = np.rint(own).astype(int)
        inside = np.all((near >= 0) & (near < np.array(template.values.shape[::-1])), axis=1)
        at, source = index[inside], near[inside]
        values[tuple(at.T)] = template.values[tuple(source[:, ::-1].T)]
    found = sitk.GetImageFromArray(values)
    found.CopyInformation(image)
    return found


def _places(image: sitk.Image, template: Template) -> tuple[np.ndarray, np.ndarray, float]:
    found = find_pair(
        sitk.GetArrayFromImage(image), geometry_of(image), template, DISTANCES, lambda share: None
    )
    assert found is not None
    assert found.distance_mm == pytest.approx(52, abs=2)
    assert found.runner_up < min(found.left.score, found.right.score) - 0.15
    return found.left.centre, found.right.centre, min(found.left.score, found.right.score)


def test_a_turned_pair_is_found_along_any_axes(template):
    middle = (4.0, -6.0, 3.0)
    image = _head(template, 17, middle)
    wanted = np.array([30.0, -6.0, 3.0]), np.array([-22.0, -6.0, 3.0])
    given = sitk.Flip(sitk.PermuteAxes(image, (2, 0, 1)), (False, True, True))
    left, right, score = _places(given, template)
    assert np.linalg.norm(left - wanted[0]) < 2
    assert np.linalg.norm(right - wanted[1]) < 2
    assert score > 0.8


def test_nothing_is_found_in_a_flat_image(template):
    grid = Geometry.from_arrays((60, 60, 60), (2, 2, 2), (0, 0, 0), np.eye(3), "")
    flat = np.full((60, 60, 60), 7, np.float32)
    assert find_pair(flat, grid, template, DISTANCES, lambda share: None) is None


def test_values_between_voxels_are_linear(template):
    ramp = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    level = Level(ramp, np.array([10.0, 20.0, 30.0]), template)
    points = np.array([[10.0, 20.0, 30.0], [11.5, 20.5, 30.5], [99.0, 99.0, 99.0]])
    assert level.at(points).tolist() == pytest.approx([0.0, 1.5 + 2.0 + 6.0, 23.0])


def test_turns_are_those_of_itk():
    angles = (0.3, -0.2, 0.5)
    expected = np.eye(3)
    for axis in range(3):
        one = sitk.VersorTransform([float(n == axis) for n in range(3)], angles[axis])
        expected = expected @ np.array(one.GetMatrix()).reshape(3, 3)
    assert np.allclose(rotation(np.array(angles)), expected)


def test_pattern_search_climbs():
    best, score = pattern_search(
        lambda v: -float((v - [3, -2]) @ (v - [3, -2])), np.zeros(2), np.ones(2), 6
    )
    assert np.allclose(best, [3, -2], atol=0.1)
    assert score == pytest.approx(0, abs=0.02)
