import threading

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLSLossless

from app.core.errors import Cancelled, DicomReadError
from app.core.volume import Rescale
from app.dicom.stacks.assemble import assemble, assemble_volume, middle_out
from app.dicom.stacks.stack_reader import StackReader
from app.jobs.cancel import CancelToken
from tests.support.opened import codes, open_series, open_stack, open_volume
from tests.support.synthetic_dicom import (
    CORONAL,
    SAGITTAL,
    SeriesSpec,
    linear_hu,
    put_pixels,
    write_enhanced_mr,
    write_projection,
    write_secondary_capture,
    write_series,
    write_ultrasound,
)


def expected_values(geometry):
    i, j, k = geometry.size_ijk
    index = np.stack(np.meshgrid(np.arange(i), np.arange(j), np.arange(k), indexing="ij"), -1)
    return linear_hu(geometry.ijk_to_lps(index)).transpose(2, 1, 0)


@pytest.mark.parametrize("orientation", [SAGITTAL, CORONAL, (0.6, 0.8, 0, -0.8, 0.6, 0)])
def test_g16_every_voxel_has_the_value_of_its_place(tmp_path, orientation):
    spec = SeriesSpec(orientation=orientation)
    stack, volume = open_volume(tmp_path, write_series(tmp_path / "ct", spec))
    assert volume.voxels.dtype == np.int16
    assert not volume.voxels.flags.writeable
    assert volume.rescale == Rescale(1.0, -1024.0)
    assert np.abs(volume.modality_values() - expected_values(stack.geometry)).max() <= 0.51


def test_g06_tilted_slices_are_put_in_their_place(tmp_path):
    stack, volume = open_volume(tmp_path, write_series(tmp_path / "ct", SeriesSpec(tilt_deg=15)))
    image = ~volume.padding_mask()
    # Linear values survive linear interpolation; at the rim half a pixel row is repeated.
    error = np.abs(volume.modality_values() - expected_values(stack.geometry))[image]
    assert error.max() <= 1.71
    assert image.sum() >= 8 * 19 * 23
    assert (~image).any()


def test_g06_padding_does_not_bleed_into_the_image(tmp_path):
    def padded(ds, n):
        pixels = np.frombuffer(ds.PixelData, np.int16).reshape(24, 20).copy()
        pixels[:, :4] = -2000
        ds.PixelPaddingValue = -2000
        put_pixels(ds, pixels)

    paths = write_series(tmp_path / "ct", SeriesSpec(tilt_deg=15, change=padded))
    stack, volume = open_volume(tmp_path, paths)
    image = ~volume.padding_mask()
    error = np.abs(volume.modality_values() - expected_values(stack.geometry))[image]
    assert error.max() <= 1.71
    assert volume.padding == (-2000, -2000)


def test_g05_uneven_slices_are_interpolated_at_their_true_place(tmp_path):
    spec = SeriesSpec(positions_mm=[0, 2, 4, 6, 9, 12, 15, 18])
    stack, volume = open_volume(tmp_path, write_series(tmp_path / "ct", spec))
    image = ~volume.padding_mask()
    assert image.all()
    assert np.abs(volume.modality_values() - expected_values(stack.geometry)).max() <= 1.01


def test_g04_missing_slices_stay_empty(tmp_path):
    spec = SeriesSpec(positions_mm=[0, 2, 4, 8, 10, 12, 14, 16])
    stack, volume = open_volume(tmp_path, write_series(tmp_path / "ct", spec))
    assert codes(stack) == ["G04"]
    empty = volume.padding_mask()
    assert empty[3].all()
    assert not empty[[0, 1, 2, 4, 5, 6, 7, 8]].any()
    error = np.abs(volume.modality_values() - expected_values(stack.geometry))[~empty]
    assert error.max() <= 0.51


def test_i07_slopes_that_differ_are_applied_slice_by_slice(tmp_path):
    def own_slope(ds, n):
        stored = np.frombuffer(ds.PixelData, np.int16).reshape(24, 20)
        values = stored * 1.0 - 1024
        ds.RescaleSlope, ds.RescaleIntercept = 0.5 + n / 4, -100 * n
        put_pixels(ds, np.round((values + 100 * n) / (0.5 + n / 4)).astype(np.int16))

    stack, volume = open_volume(
        tmp_path, write_series(tmp_path / "mr", SeriesSpec(change=own_slope))
    )
    assert volume.rescale == Rescale()
    assert volume.voxels.dtype == np.float32
    assert np.abs(volume.voxels - expected_values(stack.geometry)).max() <= 0.5 + 2.25 / 2 + 0.01


def test_g12_enhanced_frames_carry_their_own_place_and_rescale(tmp_path):
    path = write_enhanced_mr(tmp_path / "e", SeriesSpec(modality="MR", slope=0.5, intercept=-3.0))
    stack, volume = open_volume(tmp_path, [path])
    assert volume.rescale == Rescale(0.5, -3.0)
    assert np.abs(volume.modality_values() - expected_values(stack.geometry)).max() <= 0.51
    assert [(w.center, w.width) for w in volume.windows] == [(100.0, 200.0)]


def test_reader_and_volume_hold_the_same_values(tmp_path):
    write_series(tmp_path / "ct")
    study, series, stack = open_stack(tmp_path, tmp_path / "ct")
    reader = StackReader(study, series, stack)
    volume = assemble_volume(study, series, stack)
    assert reader.frame_count == 8
    for n in range(8):
        np.testing.assert_array_equal(reader.read_frame(n), volume.voxels[n])
    assert reader.windows(3)[0].width == 400
    assert reader.facts.rescale == volume.rescale


def test_frames_come_from_the_middle_outwards(tmp_path):
    write_series(tmp_path / "ct", SeriesSpec(count=5))
    study, series, stack = open_stack(tmp_path, tmp_path / "ct")
    met, fractions = [], []
    volume = assemble_volume(
        study, series, stack,
        on_frame=lambda k, plane: met.append((k, plane.copy())),
        progress=lambda fraction, text: fractions.append(fraction),
    )  # fmt: skip
    assert [k for k, _ in met] == [2, 1, 3, 0, 4] == list(middle_out(5))
    assert fractions[-1] == 1.0
    for k, plane in met:
        np.testing.assert_array_equal(plane, volume.voxels[k])


def test_cancel_stops_between_slices(tmp_path):
    write_series(tmp_path / "ct")
    study, series, stack = open_stack(tmp_path, tmp_path / "ct")
    token = CancelToken()
    with pytest.raises(Cancelled):
        assemble_volume(
            study, series, stack, cancel=token, on_frame=lambda k, plane: token.cancel()
        )


def test_volumes_can_be_read_in_several_threads_at_once(tmp_path):
    write_series(tmp_path / "ct")
    study, series, stack = open_stack(tmp_path, tmp_path / "ct")
    expected = assemble_volume(study, series, stack).voxels
    results = []

    def work():
        results.append(np.array_equal(assemble_volume(study, series, stack).voxels, expected))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 4


def test_i01_monochrome1_inverts_at_display_only(tmp_path):
    path = write_projection(tmp_path / "film", photometric="MONOCHROME1")
    stack, volume = open_volume(tmp_path, [path])
    assert volume.polarity_inverted
    assert volume.voxels[0, 0, 1] == 2
    assert volume.geometry is None
    assert stack.why == "projection images: no volume"


def test_i09_padding_range_is_kept_in_stored_values(tmp_path):
    def padded(ds):
        ds.PixelPaddingValue = 0
        ds.PixelPaddingRangeLimit = 5

    _, volume = open_volume(tmp_path, [write_projection(tmp_path / "film", change=padded)])
    assert volume.padding == (0, 5)
    assert volume.padding_mask().sum() == 3


@pytest.mark.parametrize(
    ("change", "spacing", "source"),
    [
        ({}, (0.2, 0.2), "mm at detector"),
        ({"PixelSpacing": [0.2, 0.2]}, (0.2, 0.2), "mm at detector"),
        ({"PixelSpacing": [0.15, 0.15]}, (0.15, 0.15), "mm (calibrated)"),
        (
            {"PixelSpacing": [0.2, 0.2], "PixelSpacingCalibrationType": "FIDUCIAL"},
            (0.2, 0.2),
            "mm (calibrated)",
        ),
        ({"EstimatedRadiographicMagnificationFactor": 1.25}, (0.16, 0.16), "mm est."),
        ({"DistanceSourceToDetector": 1800, "DistanceSourceToPatient": 1500},
         (0.2 / 1.2, 0.2 / 1.2), "mm est."),
        ({"ImagerPixelSpacing": None}, None, "px"),
        ({"ImagerPixelSpacing": None, "PixelSpacing": [0.3, 0.2]}, (0.3, 0.2), "mm est."),
    ],
)  # fmt: skip
def test_m01_where_the_millimetres_come_from(tmp_path, change, spacing, source):
    def apply(ds):
        for keyword, value in change.items():
            setattr(ds, keyword, value)

    _, volume = open_volume(tmp_path, [write_projection(tmp_path / "film", change=apply)])
    assert volume.spacing_source == source
    if spacing is None:
        assert volume.pixel_spacing_mm is None
    else:
        assert volume.pixel_spacing_mm == pytest.approx(spacing)


def test_g17_row_spacing_comes_first(tmp_path):
    _, volume = open_volume(tmp_path, write_series(tmp_path / "ct"))
    assert volume.pixel_spacing_mm == (0.8, 0.7)
    assert volume.spacing_source == "mm"
    assert volume.geometry.spacing_ijk[:2] == pytest.approx((0.7, 0.8))


def test_color_frames_are_rgb(tmp_path):
    _, volume = open_volume(tmp_path, [write_ultrasound(tmp_path / "us")])
    assert volume.voxels.shape == (5, 16, 18, 3)
    assert tuple(volume.voxels[3, 0, 0]) == (30, 60, 200)
    assert volume.is_color
    _, capture = open_volume(tmp_path, [write_secondary_capture(tmp_path / "sc")])
    assert capture.voxels.shape == (1, 12, 14, 3)
    assert capture.pixel_spacing_mm is None


def test_a_frame_that_cannot_be_decoded_is_one_sentence(tmp_path):
    paths = write_series(
        tmp_path / "ct", SeriesSpec(count=3, transfer_syntax_uid="1.2.840.10008.1.2.5")
    )
    whole = paths[1].read_bytes()
    at = whole.index(b"\xfe\xff\x00\xe0", whole.index(b"\xe0\x7f\x10\x00") + 20)
    paths[1].write_bytes(whole[: at + 8] + b"\xff" * 40 + whole[at + 48 :])
    study, series = open_series(tmp_path, tmp_path / "ct")
    with pytest.raises(DicomReadError, match="Image 2 cannot be shown"):
        assemble_volume(study, series, series.stacks[0])


def broken(path):
    """The same object with a codestream that nobody can decode."""
    ds = dcmread(path)
    ds.PixelData = encapsulate([b"\xff\xd8\xff\xd9" * 9])
    ds.file_meta.TransferSyntaxUID = JPEGLSLossless
    ds["PixelData"].VR = "OB"
    ds.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("tilt_deg", [0.0, 12.0])
def test_d12_an_image_that_cannot_be_decoded_is_left_empty_and_named(tmp_path, tilt_deg):
    paths = write_series(tmp_path / "ct", SeriesSpec(tilt_deg=tilt_deg))
    study, series, stack = open_stack(tmp_path, *paths)
    broken(stack.frames[2].instance.path)
    with pytest.raises(DicomReadError):
        assemble_volume(study, series, stack)
    volume = assemble(StackReader(study, series, stack), leaves_holes=True)
    assert volume.unreadable == (2,)
    (warning,) = [warning for warning in volume.warnings if warning.code == "D12"]
    assert "1 of 8" in warning.text
    assert warning.text_ru != warning.text
    if tilt_deg == 0.0:
        assert volume.padding_mask(2).all()
        for k in (0, 1, 3, 7):
            assert not volume.padding_mask(k).any()
    for path in paths:
        broken(path)
    with pytest.raises(DicomReadError):
        assemble(StackReader(study, series, stack), leaves_holes=True)
