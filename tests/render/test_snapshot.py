"""Pictures without a display: exact values, true aspect, outlines in their place."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from app.core.geometry import Geometry
from app.core.segmentation import Mask
from app.core.study import SeriesRef
from app.core.volume import Rescale, Volume, Window
from app.imaging.voi import apply_window
from app.rendering.snapshot import FindingSnapshots, SnapshotRequest, render, render_slice_png
from tests.support.phantoms import linear_volume

REF = SeriesRef("1.2", "1.2.3")


def test_native_picture_is_the_window_formula_pixel_by_pixel():
    rng = np.random.default_rng(5)
    voxels = rng.integers(-1000, 2000, (3, 40, 50)).astype(np.int16)
    volume = Volume(voxels, None, Rescale(1, -24), "HU", REF)
    picture = render(volume, SnapshotRequest(1, window=Window(40, 400)))
    np.testing.assert_array_equal(
        np.asarray(picture), apply_window(volume.modality_values(1), 40, 400)
    )


def test_g17_nonsquare_pixels_are_shown_at_their_true_aspect():
    volume = Volume(np.zeros((1, 40, 50), np.int16), None, Rescale(), "arbitrary", REF,
                    pixel_spacing_mm=(2.0, 1.0))  # fmt: skip
    assert render(volume, SnapshotRequest(0)).size == (50, 80)


def test_planes_have_their_own_size_and_aspect():
    volume = linear_volume(size_ijk=(40, 30, 20), spacing_ijk=(1, 1, 3))
    assert render(volume, SnapshotRequest(10, "coronal")).size == (40, 60)
    assert render(volume, SnapshotRequest(10, "sagittal")).size == (30, 60)
    assert render(volume, SnapshotRequest(10, "axial")).size == (40, 30)


def test_a_size_is_kept_and_the_image_fitted_into_it():
    volume = Volume(np.full((1, 40, 50), 900, np.int16), None, Rescale(), "arbitrary", REF,
                    windows=(Window(500, 100),))  # fmt: skip
    values = np.asarray(render(volume, SnapshotRequest(0, size=(200, 200))))
    assert values.shape == (200, 200)
    assert (values[:20] == 0).all()
    assert (values[25:175] == 255).all()


def test_the_outline_of_a_finding_lies_around_its_mask():
    geometry = Geometry.from_arrays((600, 600, 3), (1, 1, 1), (0, 0, 0), np.eye(3), "1.9")
    voxels = np.zeros((3, 600, 600), np.int16)
    mask = np.zeros(voxels.shape, np.uint8)
    mask[1, 200:300, 100:250] = 1
    volume = Volume(voxels, geometry, Rescale(), "HU", REF)
    png = FindingSnapshots().render_finding(volume, 1, Mask(mask, REF), Window(40, 400))
    picture = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    colored = np.abs(picture[..., 2] - picture[..., 0]) > 40
    rows, columns = np.nonzero(colored)
    assert (rows.min(), rows.max()) == (200, 300)
    assert (columns.min(), columns.max()) == (100, 250)
    assert not colored[210:290, 110:240].any()


def test_small_key_images_are_enlarged_and_a_slice_is_a_png():
    volume = linear_volume()
    png = FindingSnapshots().render_finding(volume, 2, None)
    assert Image.open(io.BytesIO(png)).size == (512, 512)
    assert render_slice_png(volume, 0).startswith(b"\x89PNG")
