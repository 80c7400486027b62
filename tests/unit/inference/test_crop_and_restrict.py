"""The crop to what is bright, with its way back for maps and points; one label inside another."""

from __future__ import annotations

import numpy as np
import pytest

from app.core.geometry import Geometry
from app.inference import manifest_steps as steps
from app.inference.postprocess import to_masks
from app.inference.preprocess import ModelInput, prepare


@pytest.mark.parametrize(("margin", "shape"), [(0.0, (3, 6, 8)), (4.0, (5, 10, 16)), (900.0, None)])
def test_crop_with_a_margin_in_millimetres_and_back(margin, shape):
    voxels = np.full((12, 20, 30), -1000, np.int16)
    voxels[4:7, 5:11, 10:18] = 50
    geometry = Geometry.from_arrays((30, 20, 12), (1.0, 2.0, 4.0), (0, 0, 0), np.eye(3), "1.2")
    plan = (steps.CropForeground(step="crop_foreground", above=-500.0, margin_mm=margin),)
    state = prepare(ModelInput(voxels, geometry=geometry), 3, plan)
    assert state.values.shape == (shape or voxels.shape)
    back = state.to_native(np.asarray(state.values > 0, dtype=np.float32))
    assert np.array_equal(back > 0, voxels > 0)
    first = np.argwhere(state.values > 0)[0].astype(np.float64)
    assert state.points_to_input(first[None])[0].tolist() == [4.0, 5.0, 10.0]


def test_an_image_without_foreground_stays_whole():
    voxels = np.zeros((1, 8, 9), np.int16)
    plan = (steps.CropForeground(step="crop_foreground", above=10.0, margin_mm=0.0),)
    assert prepare(ModelInput(voxels), 2, plan).values.shape == (8, 9)


def test_a_label_is_kept_inside_another_only():
    organ, lesion = np.zeros((6, 6), np.float32), np.zeros((6, 6), np.float32)
    organ[:3], lesion[2:5] = 0.9, 0.9
    plan = (
        steps.Threshold(step="threshold"),
        steps.RestrictTo(step="restrict_to", labels=(2,), inside=1),
    )
    masks = to_masks({1: organ, 2: lesion}, plan, exclusive=False, voxel_ml=None).masks
    assert np.flatnonzero(masks[2].any(axis=1)).tolist() == [2]
    assert np.flatnonzero(masks[1].any(axis=1)).tolist() == [0, 1, 2]
