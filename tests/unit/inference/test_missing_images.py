"""A hole in the series: which labels reach it, and what is no hole."""

from __future__ import annotations

import numpy as np

from app.core.geometry import Geometry
from app.inference.label_field import LabelField
from app.inference.missing_images import MISSING, missing_flags, missing_planes
from app.inference.preprocess import ModelInput

GEOMETRY = Geometry((4, 4, 8), (1, 1, 5), (0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0, 1), "1.2")


def image(empty: tuple[int, ...], padding: tuple[int, int] | None = (-2000, -2000)) -> ModelInput:
    voxels = np.full((8, 4, 4), 40, np.int16)
    voxels[list(empty)] = -2000
    return ModelInput(voxels, padding=padding, geometry=GEOMETRY)


def test_a_plane_of_padding_between_images_is_a_hole():
    assert missing_planes(image((3, 4))) == (3, 4)
    assert missing_planes(image(())) == ()


def test_empty_planes_at_the_ends_are_none():
    assert missing_planes(image((0, 1, 7))) == ()
    assert missing_planes(image(tuple(range(8)))) == ()


def test_without_a_padding_value_nothing_is_a_hole():
    assert missing_planes(image((3,), padding=None)) == ()


def test_labels_that_end_at_the_hole_are_doubted_and_others_not():
    at, away = np.zeros((2, 8, 4, 4), np.bool_)
    at[2, 1:3, 1:3] = True
    away[6, 1:3, 1:3] = True
    (flag,) = missing_flags(image((3,)), {1: at, 2: away})
    assert (flag.id, flag.labels, flag.status) == (MISSING, (1,), "low_quality")
    assert missing_flags(image(()), {1: at}) == ()
    field = LabelField.empty((8, 4, 4))
    field.only((1, 2))
    field.labels[at], field.labels[away] = 1, 2
    (flag,) = missing_flags(image((3,)), field)
    assert flag.labels == (1,)
