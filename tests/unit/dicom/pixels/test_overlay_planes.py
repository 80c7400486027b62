"""Graphics of groups 60xx: bits in a row over all frames, with their own origin."""

import numpy as np
import pytest

from app.rendering.slice_renderer import with_graphics
from tests.support.opened import open_volume
from tests.support.synthetic_dicom import write_projection, write_ultrasound


def put_plane(ds, bits, group=0x6000, *, origin=(1, 1), first=None):
    frames, rows, columns = bits.shape
    ds.add_new((group, 0x0010), "US", rows)
    ds.add_new((group, 0x0011), "US", columns)
    if frames > 1:
        ds.add_new((group, 0x0015), "IS", frames)
    if first is not None:
        ds.add_new((group, 0x0051), "US", first)
    ds.add_new((group, 0x0040), "CS", "G")
    ds.add_new((group, 0x0050), "SS", list(origin))
    ds.add_new((group, 0x0100), "US", 1)
    ds.add_new((group, 0x0102), "US", 0)
    raw = np.packbits(bits.reshape(-1), bitorder="little").tobytes()
    ds.add_new((group, 0x3000), "OW", raw + b"\0" * (len(raw) % 2))


def random_bits(*shape):
    return np.random.default_rng(9).integers(0, 2, shape).astype(np.uint8)


def test_two_planes_of_one_image_are_drawn_together(tmp_path):
    one, two = random_bits(1, 48, 40), np.zeros((1, 48, 40), np.uint8)
    two[0, 3, 5] = 1

    def change(ds):
        put_plane(ds, one)
        put_plane(ds, two, 0x6002)

    _, volume = open_volume(tmp_path, [write_projection(tmp_path / "film", change=change)])
    np.testing.assert_array_equal(volume.graphics_mask(0), (one[0] | two[0]).astype(bool))
    shown = np.zeros((48, 40), np.uint8)
    drawn = with_graphics(shown, volume, 0)
    assert drawn[3, 5] == 255
    np.testing.assert_array_equal(drawn == 255, volume.graphics_mask(0))
    assert shown.max() == 0


@pytest.mark.parametrize("origin", [(1, 1), (10, 5), (-2, -3), (45, 38), (100, 100)])
def test_planes_lie_at_their_origin_and_are_cut_at_the_border(tmp_path, origin):
    bits = np.ones((1, 7, 9), np.uint8)

    def change(ds):
        put_plane(ds, bits, origin=origin)

    _, volume = open_volume(tmp_path, [write_projection(tmp_path / "film", change=change)])
    expected = np.zeros((48, 40), bool)
    top, left = origin[0] - 1, origin[1] - 1
    expected[max(top, 0) : max(top + 7, 0), max(left, 0) : max(left + 9, 0)] = True
    mask = volume.graphics_mask(0)
    np.testing.assert_array_equal(np.zeros_like(expected) if mask is None else mask, expected)


def test_planes_of_several_frames_begin_at_their_first_frame(tmp_path):
    bits = random_bits(2, 16, 18)  # 288 bits: the second frame begins at a byte
    odd = random_bits(2, 5, 7)  # 35 bits: it does not

    def change(ds, _):
        put_plane(ds, bits, first=3)
        put_plane(ds, odd, 0x6004, first=1)

    _, volume = open_volume(tmp_path, [write_ultrasound(tmp_path / "us", change=change)])
    masks = [volume.graphics_mask(k) for k in range(5)]
    np.testing.assert_array_equal(masks[0][:5, :7], odd[0])
    np.testing.assert_array_equal(masks[1][:5, :7], odd[1])
    np.testing.assert_array_equal(masks[2], bits[0])
    np.testing.assert_array_equal(masks[3], bits[1])
    assert masks[4] is None
    colored = with_graphics(volume.voxels[2], volume, 2)
    assert (colored[bits[0] == 1] == 255).all()


def test_a_plane_without_frames_belongs_to_every_frame(tmp_path):
    bits = random_bits(1, 16, 18)

    def change(ds, _):
        put_plane(ds, bits)

    _, volume = open_volume(tmp_path, [write_ultrasound(tmp_path / "us", change=change)])
    for k in range(5):
        np.testing.assert_array_equal(volume.graphics_mask(k), bits[0])


def test_broken_planes_are_left_out(tmp_path):
    def change(ds):
        put_plane(ds, np.ones((1, 48, 40), np.uint8))
        ds[0x6000, 0x3000].value = b"\1\2"

    _, volume = open_volume(tmp_path, [write_projection(tmp_path / "film", change=change)])
    assert volume.graphics == ()
    assert volume.graphics_mask(0) is None
