"""I12: colours by what the codestream says, by the header only where it says nothing."""

import io
from dataclasses import replace

import jpeg_ls
import numpy as np
import pytest
from openjpeg.utils import encode_array
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless

from app.dicom.pixels.codestream import codestream_of, with_adobe_marker
from app.dicom.pixels.color import palette_of, rgb_to_8_bits, spread_422, ybr_to_rgb
from app.dicom.pixels.decoders import NotDecoded
from app.dicom.pixels.stored_frame import PixelLayout, frame_of, layout_of
from tests.support.opened import open_volume
from tests.support.synthetic_dicom import put_pixels, write_projection

RGB = PixelLayout(
    rows=48, columns=40, samples=3, bits_allocated=8, bits_stored=8, high_bit=7, is_signed=False,
    photometric="RGB", is_planar=False, transfer_syntax_uid="1.2.840.10008.1.2.1",
)  # fmt: skip
BASELINE = "1.2.840.10008.1.2.4.50"


def picture():
    """Smooth, with strong colours: a mistaken transform changes values by tens."""
    v, u = np.mgrid[0:48, 0:40]
    return np.stack([v * 5, 200 - u * 4, 60 + v + u], axis=-1).astype(np.uint8)


def jpeg(pixels, **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=100, **options)
    return buffer.getvalue()


def without_application_markers(data):
    """The same stream with neither JFIF nor Adobe marker."""
    marked = with_adobe_marker(data, is_transformed=True)
    return marked[:2] + marked[18:]


def far(a, b):
    return np.abs(a.astype(int) - b.astype(int)).max()


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "YBR_FULL_422"])
def test_i12_jfif_stream_is_ycbcr_whatever_the_header_says(photometric):
    stream = jpeg(picture(), subsampling=0)
    assert codestream_of(stream).is_transformed is True
    layout = replace(RGB, photometric=photometric, transfer_syntax_uid=BASELINE)
    assert far(frame_of(layout, stream), picture()) <= 4


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL_422"])
def test_i12_adobe_marker_zero_is_rgb_whatever_the_header_says(photometric):
    stream = jpeg(picture(), keep_rgb=True)
    assert codestream_of(stream).is_transformed is False
    layout = replace(RGB, photometric=photometric, transfer_syntax_uid=BASELINE)
    assert far(frame_of(layout, stream), picture()) <= 4


def test_i12_component_ids_rgb_without_marker():
    stream = without_application_markers(jpeg(picture(), keep_rgb=True))
    assert codestream_of(stream).is_transformed is False
    layout = replace(RGB, photometric="YBR_FULL", transfer_syntax_uid=BASELINE)
    assert far(frame_of(layout, stream), picture()) <= 4


def test_i12_subsampled_stream_without_marker_is_ycbcr():
    stream = without_application_markers(jpeg(picture(), subsampling=2))
    assert codestream_of(stream).is_transformed is True
    layout = replace(RGB, photometric="RGB", transfer_syntax_uid=BASELINE)
    assert far(frame_of(layout, stream), picture()) <= 12


def test_i12_header_decides_where_the_stream_is_silent():
    stream = without_application_markers(jpeg(picture(), subsampling=0))
    assert codestream_of(stream).is_transformed is None
    as_ybr = replace(RGB, photometric="YBR_FULL", transfer_syntax_uid=BASELINE)
    assert far(frame_of(as_ybr, stream), picture()) <= 4
    as_rgb = replace(RGB, transfer_syntax_uid=BASELINE)
    ycbcr = np.asarray(Image.fromarray(picture()).convert("YCbCr"))
    assert far(frame_of(as_rgb, stream), ycbcr) <= 4


@pytest.mark.parametrize("photometric", ["RGB", "YBR_RCT", "YBR_ICT", "YBR_FULL"])
def test_i12_jpeg_2000_transform_is_undone_once(photometric):
    stream = encode_array(picture(), photometric_interpretation=1, use_mct=True)
    assert codestream_of(stream).is_transformed is True
    layout = replace(RGB, photometric=photometric, transfer_syntax_uid="1.2.840.10008.1.2.4.90")
    np.testing.assert_array_equal(frame_of(layout, stream), picture())


def test_i12_lossy_jpeg_2000_with_ict():
    stream = encode_array(
        picture(), photometric_interpretation=1, use_mct=True, compression_ratios=[4]
    )
    layout = replace(RGB, photometric="YBR_ICT", transfer_syntax_uid="1.2.840.10008.1.2.4.91")
    assert far(frame_of(layout, stream), picture()) <= 6


def test_i12_jpeg_2000_without_transform_follows_the_header():
    ycbcr = np.asarray(Image.fromarray(picture()).convert("YCbCr"))
    stream = encode_array(np.ascontiguousarray(ycbcr), photometric_interpretation=3, use_mct=False)
    layout = replace(RGB, photometric="YBR_FULL", transfer_syntax_uid="1.2.840.10008.1.2.4.90")
    assert far(frame_of(layout, stream), picture()) <= 4
    stream = encode_array(picture(), photometric_interpretation=1, use_mct=False)
    for photometric in ("RGB", "YBR_RCT"):
        stale = replace(layout, photometric=photometric)
        np.testing.assert_array_equal(frame_of(stale, stream), picture())


@pytest.mark.parametrize("interleave", [0, 1, 2])
def test_i12_jpeg_ls_colours_in_every_interleave(interleave):
    pixels = picture()
    source = np.ascontiguousarray(pixels.transpose(2, 0, 1)) if interleave == 0 else pixels
    stream = bytes(jpeg_ls.encode_array(source, interleave_mode=interleave))
    layout = replace(RGB, transfer_syntax_uid="1.2.840.10008.1.2.4.80")
    np.testing.assert_array_equal(frame_of(layout, stream), pixels)


def test_i12_planar_configuration():
    pixels = picture()
    planar = np.ascontiguousarray(pixels.transpose(2, 0, 1)).tobytes()
    np.testing.assert_array_equal(frame_of(replace(RGB, is_planar=True), planar), pixels)
    np.testing.assert_array_equal(frame_of(RGB, pixels.tobytes()), pixels)


def test_i12_sixteen_bit_rgb_keeps_its_high_bits():
    pixels = picture().astype(np.uint16) * 257
    layout = replace(RGB, bits_allocated=16, bits_stored=16, high_bit=15)
    np.testing.assert_array_equal(frame_of(layout, pixels.astype("<u2").tobytes()), picture())
    twelve = replace(RGB, bits_allocated=16, bits_stored=12, high_bit=11)
    raw = (picture().astype("<u2") << 4).tobytes()
    np.testing.assert_array_equal(frame_of(twelve, raw), picture())


@pytest.mark.parametrize(
    ("ybr", "rgb"),
    [
        ((255, 128, 128), (255, 255, 255)),
        ((0, 128, 128), (0, 0, 0)),
        ((76, 85, 255), (254, 0, 0)),
        ((150, 44, 21), (0, 255, 1)),
        ((29, 255, 107), (0, 0, 254)),
    ],
)
def test_i12_full_range_is_the_formula_of_the_standard(ybr, rgb):
    converted = ybr_to_rgb(np.array([[ybr]], np.uint8), bits=8)
    assert far(converted[0, 0], np.array(rgb)) <= 1


def test_i12_partial_range_spreads_16_to_235():
    samples = np.array([[[16, 128, 128], [235, 128, 128], [81, 90, 240]]], np.uint8)
    converted = ybr_to_rgb(samples, bits=8, is_partial=True)
    assert far(converted[0], np.array([[0, 0, 0], [255, 255, 255], [254, 0, 0]])) <= 1


def test_i12_uncompressed_422_is_two_bytes_per_pixel():
    pixels = np.repeat(picture()[:, ::2], 2, axis=1)
    ycbcr = np.asarray(Image.fromarray(pixels).convert("YCbCr"))
    packed = np.empty((48, 20, 4), np.uint8)
    packed[..., 0], packed[..., 1] = ycbcr[:, 0::2, 0], ycbcr[:, 1::2, 0]
    packed[..., 2], packed[..., 3] = ycbcr[:, 0::2, 1], ycbcr[:, 0::2, 2]
    assert packed.nbytes == 48 * 40 * 2
    layout = replace(RGB, photometric="YBR_FULL_422")
    assert layout.frame_bits == 48 * 40 * 16
    assert far(frame_of(layout, packed.tobytes()), pixels) <= 4
    np.testing.assert_array_equal(spread_422(packed.reshape(-1), 48, 40), ycbcr)
    partial = replace(RGB, photometric="YBR_PARTIAL_422")
    assert frame_of(partial, packed.tobytes()).shape == (48, 40, 3)


def test_i12_422_that_is_stored_in_full_is_not_spread():
    ds = color_dataset("YBR_FULL_422", np.zeros((4, 6, 3), np.uint8).tobytes())
    assert layout_of(ds).photometric == "YBR_FULL"
    ds.PixelData = bytes(4 * 6 * 2)
    assert layout_of(ds).photometric == "YBR_FULL_422"


def test_i12_rle_colours_are_planes_one_after_another():
    from tests.unit.dicom.pixels.test_decoders import packed_rle

    pixels = picture()
    layout = replace(RGB, transfer_syntax_uid="1.2.840.10008.1.2.5")
    planes = [pixels[..., n].tobytes() for n in range(3)]
    np.testing.assert_array_equal(frame_of(layout, packed_rle(planes)), pixels)
    ycbcr = np.asarray(Image.fromarray(pixels).convert("YCbCr"))
    stream = packed_rle([ycbcr[..., n].tobytes() for n in range(3)])
    assert far(frame_of(replace(layout, photometric="YBR_FULL"), stream), pixels) <= 4


def color_dataset(photometric, data):
    ds = Dataset()
    ds.file_meta = Dataset()
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    ds.Rows, ds.Columns, ds.SamplesPerPixel = 4, 6, 3
    ds.BitsAllocated = ds.BitsStored = 8
    ds.PhotometricInterpretation = photometric
    ds.PixelData = data
    return ds


def palette_dataset(entries, bits, tables, *, first=0, segmented=False):
    ds = Dataset()
    ds.PhotometricInterpretation = "PALETTE COLOR"
    for name, table in zip(("Red", "Green", "Blue"), tables, strict=True):
        ds.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [entries, first, bits])
        kind = "Segmented" if segmented else ""
        ds.add_new(f"{kind}{name}PaletteColorLookupTableData", "OW", table)
    return ds


def test_i12_palette_with_16_bit_entries():
    tables = [(np.arange(256) * 257 * n // 2).astype("<u2").tobytes() for n in range(3)]
    palette = palette_of(palette_dataset(256, 16, tables), is_signed=False)
    assert palette.colors(np.array([[200]]))[0, 0].tolist() == [0, 100, 200]


def test_i12_palette_with_8_bit_entries_packed_in_words():
    tables = [bytes(range(256)), bytes(range(255, -1, -1)), bytes([7] * 256)]
    palette = palette_of(palette_dataset(256, 8, tables), is_signed=False)
    assert palette.colors(np.array([[3]]))[0, 0].tolist() == [3, 252, 7]


def test_i12_palette_of_8_bits_in_16_bit_entries_is_not_black():
    tables = [np.arange(256, dtype="<u2").tobytes()] * 3
    palette = palette_of(palette_dataset(256, 16, tables), is_signed=False)
    assert palette.colors(np.array([[3]]))[0, 0].tolist() == [3, 3, 3]


def test_i12_palette_first_value_signed_and_values_beyond_the_table():
    tables = [(np.arange(4, dtype="<u2") << 8).tobytes()] * 3
    palette = palette_of(palette_dataset(4, 16, tables, first=65534), is_signed=True)
    assert palette.first == -2
    colors = palette.colors(np.array([[-100, -2, -1, 0, 1, 9]]))[0, :, 0]
    assert colors.tolist() == [0, 0, 1, 2, 3, 3]


def test_i12_segmented_palette():
    def words(*numbers):
        return np.array(numbers, "<u2").tobytes()

    # Discrete 0 and 100, a line to 300 in 4 steps, the line's segment again (byte offset 8).
    table = words(0, 2, 0 << 8, 100 << 8, 1, 4, 200 << 8, 2, 1, 8, 0)
    palette = palette_of(palette_dataset(10, 16, [table] * 3, segmented=True), is_signed=False)
    red = palette.colors(np.arange(10)[None])[0, :, 0]
    assert red.tolist() == [0, 100, 125, 150, 175, 200, 200, 200, 200, 200]


def test_i12_segmented_palette_with_8_bit_entries():
    table = bytes([0, 1, 10, 1, 5, 60, 0, 2, 7, 8])
    palette = palette_of(palette_dataset(8, 8, [table] * 3, segmented=True), is_signed=False)
    assert palette.colors(np.arange(8)[None])[0, :, 0].tolist() == [10, 20, 30, 40, 50, 60, 7, 8]


def test_i12_a_missing_palette_is_said_in_words(tmp_path):
    def change(ds):
        ds.PhotometricInterpretation = "PALETTE COLOR"

    path = write_projection(tmp_path / "film", change=change)
    from app.core.errors import DicomReadError

    with pytest.raises(DicomReadError, match="palette"):
        open_volume(tmp_path, [path])
    layout = replace(RGB, samples=1, photometric="PALETTE COLOR")
    with pytest.raises(NotDecoded):
        frame_of(layout, bytes(48 * 40))


@pytest.mark.parametrize("photometric", ["ARGB", "CMYK", "HSV"])
def test_i12_retired_colours_are_refused_not_guessed(photometric):
    layout = replace(RGB, samples=4 if photometric != "HSV" else 3, photometric=photometric)
    with pytest.raises(NotDecoded, match="retired"):
        frame_of(layout, bytes(48 * 40 * 4))


def test_i12_alpha_is_left_out():
    samples = np.dstack([picture(), np.full((48, 40), 9, np.uint8)])
    np.testing.assert_array_equal(rgb_to_8_bits(samples, bits=8), picture())


@pytest.mark.parametrize("is_compressed", [False, True])
def test_i12_palette_image_plain_and_through_the_decoding_process(is_compressed, tmp_path):
    indices = np.arange(256, dtype=np.uint8).reshape(16, 16)

    def change(ds):
        put_pixels(ds, indices)
        ds.PhotometricInterpretation = "PALETTE COLOR"
        ds.BitsStored, ds.HighBit = 8, 7
        tables = [bytes(range(256)), bytes(range(255, -1, -1)), bytes([9] * 256)]
        ds.update(palette_dataset(256, 8, tables))
        if is_compressed:
            ds.file_meta.TransferSyntaxUID = RLELossless

    _, volume = open_volume(tmp_path, [write_projection(tmp_path / "film", change=change)])
    np.testing.assert_array_equal(volume.voxels[0, ..., 0], indices)
    np.testing.assert_array_equal(volume.voxels[0, ..., 1], 255 - indices)
