import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from app.core.volume import Rescale
from tests.support.opened import open_volume
from tests.support.synthetic_dicom import SeriesSpec, put_pixels, write_projection, write_series


@pytest.mark.parametrize(
    "syntax",
    [
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        DeflatedExplicitVRLittleEndian,
        RLELossless,
        JPEGLSLossless,
        JPEG2000Lossless,
    ],
)
def test_lossless_syntaxes_give_the_same_values(tmp_path, syntax):
    _, plain = open_volume(
        tmp_path, write_series(tmp_path / "plain", SeriesSpec(count=3, rows=64, columns=64))
    )
    spec = SeriesSpec(count=3, rows=64, columns=64, transfer_syntax_uid=syntax)
    _, volume = open_volume(tmp_path, write_series(tmp_path / "other", spec))
    np.testing.assert_array_equal(volume.voxels, plain.voxels)


@pytest.mark.parametrize(("high_bit", "shift"), [(11, 0), (15, 4), (13, 2)])
@pytest.mark.parametrize("signed", [True, False])
def test_i08_bits_below_high_bit_only_sign_extended(tmp_path, high_bit, shift, signed):
    rng = np.random.default_rng(5)
    low, high = (-2048, 2048) if signed else (0, 4096)
    true = rng.integers(low, high, (16, 12))
    noise = rng.integers(0, 2**16, (16, 12))
    mask = 0xFFF << shift
    raw = ((true << shift) & mask) | (noise & ~mask & 0xFFFF)

    def overlay(ds):
        put_pixels(ds, raw.astype(np.uint16).view(np.int16 if signed else np.uint16))
        ds.BitsStored, ds.HighBit = 12, high_bit

    _, volume = open_volume(tmp_path, [write_projection(tmp_path / "film", change=overlay)])
    np.testing.assert_array_equal(volume.voxels[0], true)
    assert volume.voxels.dtype == np.int16


def test_i08_sixteen_bits_unsigned_keep_their_values(tmp_path):
    pixels = np.array([[0, 1, 32768, 65535]] * 4, np.uint16)

    def change(ds):
        ds.BitsStored, ds.HighBit = 16, 15

    _, volume = open_volume(tmp_path, [write_projection(tmp_path / "f", pixels, change=change)])
    np.testing.assert_array_equal(volume.voxels[0], pixels)


def test_i09_padding_written_unsigned_into_a_signed_image(tmp_path):
    def change(ds, n):
        ds.add_new(0x00280120, "US", 63536)

    _, volume = open_volume(tmp_path, write_series(tmp_path / "ct", SeriesSpec(change=change)))
    assert volume.padding == (-2000, -2000)


def test_i04_modality_table_takes_the_place_of_the_rescale(tmp_path):
    def table(ds):
        item = Dataset()
        item.LUTDescriptor = [4096, 0, 16]
        item.ModalityLUTType = "OD"
        item.LUTData = [(n * 3) % 65536 for n in range(4096)]
        item["LUTData"].VR = "US"
        item["LUTDescriptor"].VR = "US"
        ds.ModalityLUTSequence = Sequence([item])
        ds.RescaleSlope, ds.RescaleIntercept = 2, 100

    _, volume = open_volume(tmp_path, [write_projection(tmp_path / "film", change=table)])
    assert volume.rescale == Rescale()
    np.testing.assert_array_equal(volume.voxels[0, 0, :4], [0, 6, 12, 18])


def test_i05_modality_table_of_angiography_is_not_applied(tmp_path):
    def xa(ds):
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.12.1")
        ds.Modality = "XA"
        ds.RescaleSlope, ds.RescaleIntercept = 2, 100

    _, volume = open_volume(tmp_path, [write_projection(tmp_path / "xa", change=xa)])
    assert volume.rescale == Rescale()


def test_i06_slopes_below_one_keep_their_fractions(tmp_path):
    spec = SeriesSpec(modality="MR", slope=0.001, intercept=0.0, values=lambda p: p[..., 0] / 50)
    _, volume = open_volume(tmp_path, write_series(tmp_path / "adc", spec))
    values = volume.modality_values()
    assert values.dtype == np.float32
    assert 0 < np.ptp(values) < 1


def test_i11_all_windows_of_the_header(tmp_path):
    def windows(ds):
        ds.WindowCenter, ds.WindowWidth = [100, 50, 7], [200, 0, 300]
        ds.WindowCenterWidthExplanation = ["WIDE", "BROKEN", "SOFT"]
        ds.VOILUTFunction = "SIGMOID"

    _, volume = open_volume(tmp_path, [write_projection(tmp_path / "film", change=windows)])
    assert [(w.center, w.width, w.explanation, w.function) for w in volume.windows] == [
        (100, 200, "WIDE", "SIGMOID"),
        (7, 300, "SOFT", "SIGMOID"),
    ]


def test_i02_voi_table_gives_its_range_as_window(tmp_path):
    def table(ds):
        del ds.WindowCenter, ds.WindowWidth
        item = Dataset()
        item.LUTDescriptor = [1024, 512, 8]
        item["LUTDescriptor"].VR = "US"
        item.LUTExplanation = "BONE"
        item.LUTData = b"\0" * 1024
        item["LUTData"].VR = "OW"
        ds.VOILUTSequence = Sequence([item])

    _, volume = open_volume(tmp_path, [write_projection(tmp_path / "film", change=table)])
    (window,) = volume.windows
    assert (window.center, window.width, window.explanation) == (1024, 1024, "BONE")


def test_i12_palette_color_becomes_rgb(tmp_path):
    def palette(ds):
        put_pixels(ds, np.arange(256, dtype=np.uint8).reshape(16, 16))
        ds.PhotometricInterpretation = "PALETTE COLOR"
        ds.BitsStored, ds.HighBit = 8, 7
        for name, table in (
            ("Red", range(256)),
            ("Green", range(255, -1, -1)),
            ("Blue", [9] * 256),
        ):
            setattr(ds, f"{name}PaletteColorLookupTableDescriptor", [256, 0, 16])
            ds[f"{name}PaletteColorLookupTableDescriptor"].VR = "US"
            data = np.array(list(table), "<u2") * 257
            setattr(ds, f"{name}PaletteColorLookupTableData", data.astype("<u2").tobytes())

    _, volume = open_volume(tmp_path, [write_projection(tmp_path / "film", change=palette)])
    assert volume.voxels.shape == (1, 16, 16, 3)
    assert tuple(volume.voxels[0, 0, 5]) == (5, 250, 9)


def test_d12_image_attributes_that_cannot_be_parsed_do_not_crash(tmp_path):
    path = write_projection(tmp_path / "film")
    whole = path.read_bytes()
    at = whole.index(b"\x28\x00\x04\x00CS")
    path.write_bytes(whole[: at + 4] + b"Cd" + whole[at + 6 :])
    stack, volume = open_volume(tmp_path, [path])
    assert volume.voxels.shape == (1, 48, 40)
    assert stack.photometric == "MONOCHROME2"
