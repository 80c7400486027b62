import numpy as np
import pytest

from app.imaging.labelmap import (
    bounding_box,
    connected_components,
    content_sha256,
    fill_holes,
    largest_component,
    remove_small,
)


def two_blobs():
    mask = np.zeros((6, 8, 10), np.uint8)
    mask[1:3, 1:4, 1:5] = 1
    mask[4, 6, 7:9] = 1
    return mask


def test_box_is_ijk_and_half_open():
    box = bounding_box(two_blobs())
    assert box is not None
    assert box.lower_ijk == (1, 1, 1)
    assert box.upper_ijk == (9, 7, 5)
    assert bounding_box(np.zeros((2, 2, 2), np.uint8)) is None


def test_components_largest_first():
    numbers, counts = connected_components(two_blobs())
    assert counts == (24, 2)
    assert numbers[4, 6, 7] == 2


def test_largest_and_small():
    mask = two_blobs()
    assert largest_component(mask).sum() == 24
    assert largest_component(mask, keep=2).sum() == 26
    np.testing.assert_array_equal(remove_small(mask, 3), largest_component(mask))
    assert remove_small(mask, 2).sum() == 26
    assert largest_component(np.zeros((2, 2, 2), np.uint8)).sum() == 0
    with pytest.raises(ValueError, match="at least one"):
        largest_component(mask, keep=0)


def test_diagonal_neighbours_are_apart_unless_asked():
    mask = np.zeros((1, 2, 2), np.uint8)
    mask[0, 0, 0] = mask[0, 1, 1] = 1
    assert connected_components(mask)[1] == (1, 1)
    assert connected_components(mask, fully_connected=True)[1] == (2,)


def test_fill_holes():
    mask = np.zeros((5, 7, 7), np.uint8)
    mask[:, 1:6, 1:6] = 1
    mask[1:4, 3, 3] = 0
    assert fill_holes(mask)[2, 3, 3] == 1
    mask[:, 3, 3] = 0  # a tunnel: open in space, closed in each slice
    assert fill_holes(mask, per_slice=True)[0, 3, 3] == 1


def test_hash_is_of_content_and_shape():
    mask = two_blobs()
    assert content_sha256(mask) == content_sha256(np.asfortranarray(mask))
    assert content_sha256(mask) != content_sha256(mask.reshape(8, 6, 10))
    changed = mask.copy()
    changed[0, 0, 0] = 1
    assert content_sha256(mask) != content_sha256(changed)
