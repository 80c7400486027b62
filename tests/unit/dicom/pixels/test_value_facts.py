"""I01 to I16 on synthetic objects of known truth: what the header says of the values."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from app.core.volume import Rescale, Window
from app.dicom.files.headers import quantity_of
from app.dicom.pixels.acquisition_facts import acquisition_facts, loss_of
from app.dicom.pixels.value_facts import is_polarity_inverted, padding_of
from app.imaging.voi import auto_window, display_levels
from tests.support.opened import codes, open_volume
from tests.support.synthetic_dicom import (
    SeriesSpec,
    put_pixels,
    write_enhanced_mr,
    write_projection,
    write_series,
)

WHOLE = Window(2048, 4096)


def header(**attributes):
    ds = Dataset()
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted"),
    [
        ("MONOCHROME2", None, False),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME1", None, True),
        ("MONOCHROME1", "INVERSE", True),  # the same inversion said twice
        ("MONOCHROME1", "IDENTITY", True),
        (None, "INVERSE", True),
    ],
)
def test_i01_polarity_is_inverted_once(photometric, shape, inverted):
    ds = Dataset()
    if photometric:
        ds.PhotometricInterpretation = photometric
    if shape:
        ds.PresentationLUTShape = shape
    assert is_polarity_inverted(ds) is inverted


def test_i01_monochrome1_with_inverse_is_the_mirror_of_monochrome2(tmp_path):
    pixels = (np.arange(48 * 40, dtype=np.uint16) * 2).reshape(48, 40)

    def inverse(ds):
        ds.PresentationLUTShape = "INVERSE"

    _, one = open_volume(
        tmp_path / "1",
        [write_projection(tmp_path / "a", pixels, photometric="MONOCHROME1", change=inverse)],
    )
    _, two = open_volume(tmp_path / "2", [write_projection(tmp_path / "b", pixels)])
    np.testing.assert_array_equal(one.voxels, two.voxels)  # values never change
    np.testing.assert_array_equal(
        display_levels(one, one.voxels, WHOLE), 255 - display_levels(two, two.voxels, WHOLE)
    )


@pytest.mark.parametrize("sop_class", ["12.1", "12.2", "12.1.1", "12.2.1"])
def test_i05_modality_tables_of_angiography_are_not_applied(sop_class, tmp_path):
    def xa(ds):
        ds.SOPClassUID = UID(f"1.2.840.10008.5.1.4.1.1.{sop_class}")
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
        ds.Modality = "XA"
        item = Dataset()
        item.add_new("LUTDescriptor", "US", [4096, 0, 16])
        item.add_new("LUTData", "US", [0] * 4096)
        item.ModalityLUTType = "US"
        ds.ModalityLUTSequence = Sequence([item])

    _, volume = open_volume(tmp_path, [write_projection(tmp_path / "xa", change=xa)])
    assert volume.rescale == Rescale()
    assert volume.modality_values().max() > 0
    assert "I03" not in [warning.code for warning in volume.warnings]


def test_i07_each_slice_is_rescaled_with_its_own_slope(tmp_path):
    def change(ds, n):
        slope = 0.5 + 0.25 * n
        true = np.full((24, 20), 100.0 * (n + 1))
        ds.RescaleSlope, ds.RescaleIntercept = slope, 0
        put_pixels(ds, np.round(true / slope).astype(np.int16))

    paths = write_series(tmp_path / "pt", SeriesSpec(count=4, modality="MR", change=change))
    _, volume = open_volume(tmp_path, paths)
    assert volume.rescale == Rescale()
    means = volume.modality_values().mean(axis=(1, 2))
    np.testing.assert_allclose(means, [100, 200, 300, 400], atol=1)


def test_i07_per_frame_slopes_of_an_enhanced_object(tmp_path):
    def change(ds, _):
        for n, group in enumerate(ds.PerFrameFunctionalGroupsSequence):
            group.PixelValueTransformationSequence[0].RescaleSlope = 1.0 + n
        put_pixels(ds, np.full((8, 24, 20), 10, np.int16))

    spec = SeriesSpec(modality="MR", intercept=0.0, change=change)
    path = write_enhanced_mr(tmp_path / "e", spec, order=range(8))
    _, volume = open_volume(tmp_path, [path])
    np.testing.assert_allclose(volume.modality_values().mean(axis=(1, 2)), 10.0 * np.arange(1, 9))


@pytest.mark.parametrize(
    ("value", "limit", "signed", "expected"),
    [
        (63536, None, 1, (-2000, -2000)),
        (-2000, None, 1, (-2000, -2000)),
        (-2000, -1900, 1, (-2000, -1900)),
        (0, 10, 0, (0, 10)),
        (4095, 4000, 0, (4000, 4095)),
        (None, 10, 0, None),
    ],
)
def test_i09_padding_is_a_range_of_stored_values(value, limit, signed, expected):
    ds = header(PixelRepresentation=signed)
    if value is not None:
        ds.add_new("PixelPaddingValue", "SS" if value < 0 else "US", value)
    if limit is not None:
        ds.add_new("PixelPaddingRangeLimit", "SS" if limit < 0 else "US", limit)
    assert padding_of(ds) == expected


def test_i09_padding_is_left_out_of_window_and_shown_black(tmp_path):
    def change(ds, n):
        ds.add_new("PixelPaddingValue", "SS", -2000)
        pixels = np.full((24, 20), 1064, np.int16)
        pixels[:, 10:] = 1100
        pixels[:4] = -2000
        put_pixels(ds, pixels)
        del ds.WindowCenter, ds.WindowWidth

    _, volume = open_volume(tmp_path, write_series(tmp_path / "ct", SeriesSpec(change=change)))
    mask = volume.padding_mask(0)
    assert mask[:4].all()
    assert not mask[4:].any()
    window = auto_window(volume.modality_values(0), mask)
    assert 30 <= window.center - window.width / 2 <= 45
    for inverted in (False, True):
        shown = display_levels(volume, volume.voxels[0], window, inverted=inverted)
        assert (shown[:4] == 0).all()


def test_i09_padding_wider_than_the_stored_bits(tmp_path):
    """12 bits stored, padding of -32768: cleared to 12 bits it would look like water."""

    def change(ds, n):
        ds.add_new("PixelPaddingValue", "SS", -32768)
        pixels = np.full((24, 20), -1000, np.int16)
        pixels[:4] = -32768
        put_pixels(ds, pixels)
        ds.BitsStored, ds.HighBit = 12, 11

    _, volume = open_volume(tmp_path, write_series(tmp_path / "ct", SeriesSpec(change=change)))
    assert (volume.voxels[:, :4] == -32768).all()
    assert (volume.voxels[:, 4:] == -1000).all()
    assert volume.padding_mask(0)[:4].all()


def test_i10_constant_image_is_shown_without_a_fault(tmp_path):
    def change(ds):
        del ds.WindowCenter, ds.WindowWidth

    flat = np.full((48, 40), 77, np.uint16)
    _, volume = open_volume(tmp_path, [write_projection(tmp_path / "f", flat, change=change)])
    window = auto_window(volume.modality_values(0))
    assert np.isfinite([window.center, window.width]).all()
    assert len(np.unique(display_levels(volume, volume.voxels, window))) == 1


def test_i11_windows_that_differ_from_slice_to_slice_are_kept(tmp_path):
    def change(ds, n):
        ds.WindowCenter, ds.WindowWidth = 100 + n, 400

    paths = write_series(tmp_path / "mr", SeriesSpec(modality="MR", change=change))
    _, volume = open_volume(tmp_path, paths)
    assert sorted(volume.windows_of(k)[0].center for k in range(8)) == list(range(100, 108))
    assert volume.windows == volume.windows_of(4)


def test_i11_windows_of_functional_groups_and_equal_ones_once(tmp_path):
    path = write_enhanced_mr(tmp_path / "e")
    _, volume = open_volume(tmp_path, [path])
    assert [(w.center, w.width) for w in volume.windows] == [(100.0, 200.0)]
    assert volume.frame_windows == ()
    assert volume.windows_of(3) == volume.windows


def test_i11_widths_below_one_are_refused_for_linear_only(tmp_path):
    def change(ds):
        ds.WindowCenter, ds.WindowWidth = [0.5, 0.5], [0.2, 0]
        ds.VOILUTFunction = "LINEAR_EXACT"

    _, volume = open_volume(tmp_path, [write_projection(tmp_path / "f", change=change)])
    assert [(w.center, w.width, w.function) for w in volume.windows] == [(0.5, 0.2, "LINEAR_EXACT")]

    def linear(ds):
        ds.WindowCenter, ds.WindowWidth = 0.5, 0.2

    _, volume = open_volume(tmp_path / "w", [write_projection(tmp_path / "g", change=linear)])
    assert volume.windows == ()


@pytest.mark.parametrize(
    ("attributes", "quantity"),
    [
        ({"RescaleType": "HU"}, "HU"),
        ({"RescaleType": "OD"}, "OD"),
        ({"Modality": "CT", "ImageType": ["ORIGINAL", "PRIMARY"], "RescaleSlope": 1}, "HU"),
        ({"Modality": "CT", "ImageType": ["DERIVED", "SECONDARY"], "RescaleSlope": 1}, "arbitrary"),
        ({"Modality": "CT", "ImageType": ["ORIGINAL", "PRIMARY"]}, "arbitrary"),
        ({"Modality": "MR", "RescaleType": "US"}, "arbitrary"),
        ({"Modality": "PT", "Units": "BQML"}, "BQML"),
        ({"Modality": "OT"}, "arbitrary"),
        ({"Modality": "RTDOSE", "DoseUnits": "GY"}, "GY"),
        ({"Modality": "RTDOSE", "DoseUnits": "RELATIVE"}, "arbitrary"),
    ],
)
def test_i14_units_only_where_they_are_true(attributes, quantity):
    assert quantity_of(header(**attributes)) == quantity


@pytest.mark.parametrize(
    ("slope", "unit", "quantity"),
    [
        (0.001, "mm2/s", "mm2/s"),
        (0.001, "[hnsf'U]", "HU"),
        (0.001, "1", "arbitrary"),
        (0.5, "mm2/s", "arbitrary"),  # a mapping to other values than those shown
    ],
)
def test_i06_unit_of_a_real_world_mapping_that_is_the_rescale(slope, unit, quantity):
    code = header(CodeValue=unit)
    mapping = header(RealWorldValueSlope=slope, RealWorldValueIntercept=0.0)
    mapping.MeasurementUnitsCodeSequence = Sequence([code])
    ds = header(Modality="MR", RescaleSlope=0.001, RescaleIntercept=0)
    ds.RealWorldValueMappingSequence = Sequence([mapping])
    assert quantity_of(ds) == quantity


def test_i14_unit_of_a_modality_table_is_that_of_the_table():
    table = header(ModalityLUTType="OD")
    ds = header(Modality="CR", RescaleType="HU", ModalityLUTSequence=Sequence([table]))
    assert quantity_of(ds) == "OD"


@pytest.mark.parametrize(
    ("flag", "ratio", "syntax", "expected"),
    [
        ("00", None, "1.2.840.10008.1.2.1", ""),
        (None, None, "1.2.840.10008.1.2.4.90", ""),
        ("01", 12.5, "1.2.840.10008.1.2.1", "12.5:1"),
        ("01", [10, 4], "1.2.840.10008.1.2.4.91", "40:1"),
        ("01", None, "1.2.840.10008.1.2.4.91", "?"),
        (None, None, "1.2.840.10008.1.2.4.50", "?"),
        ("00", None, "1.2.840.10008.1.2.4.51", "?"),
    ],
)
def test_i16_loss_is_known_with_its_ratio(flag, ratio, syntax, expected):
    ds = Dataset()
    if flag:
        ds.LossyImageCompression = flag
    if ratio:
        ds.LossyImageCompressionRatio = ratio
    assert acquisition_facts(ds, (), losses=[0.0, loss_of(ds, syntax)]).lossy == expected


def test_i16_loss_is_carried_by_the_volume(tmp_path):
    def change(ds):
        ds.LossyImageCompression = "01"
        ds.LossyImageCompressionRatio = 8

    stack, volume = open_volume(tmp_path, [write_projection(tmp_path / "f", change=change)])
    assert volume.lossy == "8:1"
    assert "I16" in codes(stack)


def test_dose_values_are_scaled_to_gray(tmp_path):
    def dose(ds):
        ds.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.481.2")
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
        ds.Modality = "RTDOSE"
        put_pixels(ds, np.full((4, 5), 2_000_000_000, np.uint32))
        ds.DoseGridScaling = 1e-9
        ds.BitsStored, ds.HighBit = 32, 31

    _, volume = open_volume(tmp_path, [write_projection(tmp_path / "dose", change=dose)])
    np.testing.assert_allclose(volume.modality_values(), 2.0, rtol=1e-6)


@pytest.mark.parametrize("kind", ["Float", "DoubleFloat"])
def test_parametric_maps_of_floats(kind, tmp_path):
    values = np.linspace(-0.5, 1.5, 48 * 40).reshape(48, 40)

    def parametric(ds):
        ds.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.30")
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
        ds.Modality = "MR"
        size = 4 if kind == "Float" else 8
        for keyword in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
            delattr(ds, keyword)
        ds.BitsAllocated = 8 * size
        setattr(ds, f"{kind}PixelData", values.astype(f"<f{size}").tobytes())
        mapping = Dataset()
        mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = 1000.0, 5.0
        shared_groups = Dataset()
        shared_groups.RealWorldValueMappingSequence = Sequence([mapping])
        ds.SharedFunctionalGroupsSequence = Sequence([shared_groups])

    _, volume = open_volume(tmp_path, [write_projection(tmp_path / "map", change=parametric)])
    assert volume.voxels.dtype == np.float32
    np.testing.assert_allclose(volume.modality_values()[0], values * 1000 + 5, atol=1e-3)
    assert [window.function for window in volume.windows] == ["LINEAR_EXACT"]
