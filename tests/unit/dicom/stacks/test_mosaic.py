import subprocess

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from app.dicom.stacks.assemble import assemble_volume
from app.dicom.stacks.mosaic import mosaic_of, slice_position
from tests.support.opened import codes, open_series, open_stack
from tests.support.synthetic_dicom import AXIAL, CORONAL, SAGITTAL, SeriesSpec, linear_hu
from tests.support.synthetic_mosaic import csa_header, write_mosaic

OBLIQUE = (0.6, 0.64, -0.48, -0.8, 0.48, -0.36)


def spec_of(plane=AXIAL, count=7, **options):
    options = {"rows": 12, "columns": 10, "step_mm": 4.0, "modality": "MR"} | options
    return SeriesSpec(orientation=plane, count=count, **options)


def values_of_places(geometry):
    i, j, k = geometry.size_ijk
    index = np.stack(np.meshgrid(np.arange(i), np.arange(j), np.arange(k), indexing="ij"), -1)
    return linear_hu(geometry.ijk_to_lps(index)).transpose(2, 1, 0)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("plane", [AXIAL, SAGITTAL, CORONAL, OBLIQUE])
def test_a_mosaic_is_unfolded_to_its_slices_in_their_places(tmp_path, plane, backwards):
    write_mosaic(tmp_path / "m", spec_of(plane), reversed_slices=backwards)
    study, _, stack = open_stack(tmp_path, tmp_path / "m")
    assert (stack.verdict, codes(stack)) == ("ok", [])
    assert stack.geometry.size_ijk == (10, 12, 7)
    assert stack.geometry.spacing_ijk == pytest.approx((0.7, 0.8, 4.0))
    volume = assemble_volume(study, study.series[0], stack)
    # One is the mark of the time point, half is rounding.
    error = np.abs(volume.modality_values() - 1 - values_of_places(stack.geometry))
    assert error.max() <= 0.51


def test_mosaics_of_a_time_series_are_one_volume_each(tmp_path):
    for n in (1, 2, 3):
        write_mosaic(tmp_path / "m" / str(n), spec_of(count=5), time_point=n)
    study, series = open_series(tmp_path, tmp_path / "m")
    assert [(s.verdict, len(s.frames)) for s in series.stacks] == [("ok", 5)] * 3
    assert series.frames == 15
    first, _, third = (assemble_volume(study, series, stack).voxels for stack in series.stacks)
    np.testing.assert_array_equal(third - first, 2)


@pytest.mark.parametrize("backwards", [False, True])
def test_the_place_is_that_of_dcm2niix(tmp_path, backwards, dcm2niix):
    write_mosaic(tmp_path / "m" / "1", spec_of(OBLIQUE), reversed_slices=backwards)
    _, _, stack = open_stack(tmp_path, tmp_path / "m")
    (tmp_path / "out").mkdir()
    subprocess.run([dcm2niix, "-o", tmp_path / "out", tmp_path / "m"], check=True, timeout=60)
    image = sitk.ReadImage(next((tmp_path / "out").glob("*.nii")))
    corners = [(a, b, c) for a in (0, 9) for b in (0, 11) for c in (0, 6)]
    theirs = np.asarray([image.TransformIndexToPhysicalPoint(corner) for corner in corners])
    ours = stack.geometry.corners_lps()
    distance = np.linalg.norm(theirs[:, None] - ours[None], axis=2).min(axis=1)
    assert distance.max() < 0.01


def test_without_a_direction_the_usual_one_is_taken_and_told(tmp_path):
    write_mosaic(tmp_path / "m", spec_of(AXIAL), states=("number",))
    _, _, stack = open_stack(tmp_path, tmp_path / "m")
    assert (stack.verdict, codes(stack)) == ("ok", ["G01"])
    assert stack.geometry.origin_lps == pytest.approx((-10.0, -20.0, 30.0))
    assert "direction" in stack.warnings[0].text
    assert stack.warnings[0].text_ru


def test_without_the_number_of_slices_it_is_one_picture_with_the_reason(tmp_path):
    write_mosaic(tmp_path / "m", spec_of(), states=("direction",))
    study, series, stack = open_stack(tmp_path, tmp_path / "m")
    assert (stack.verdict, stack.geometry, len(stack.frames)) == ("stack", None, 1)
    assert "mosaic whose number of slices" in stack.why
    assert "мозаика" in stack.why_in("ru")
    assert assemble_volume(study, series, stack).voxels.shape == (1, 36, 30)


def test_a_number_that_does_not_divide_the_picture_is_not_believed(tmp_path):
    write_mosaic(tmp_path / "m", spec_of(count=5, rows=11, columns=11))
    whole = (tmp_path / "m").read_bytes()
    # 5 slices lie 3 by 3; 50 would lie 8 by 8, and 33 pixels are not divided by 8.
    changed = whole.replace(
        b"\x19\x00\x0a\x10US\x02\x00\x05\x00", b"\x19\x00\x0a\x10US\x02\x00\x32\x00"
    )
    assert changed != whole
    (tmp_path / "m").write_bytes(changed)
    _, _, stack = open_stack(tmp_path, tmp_path / "m")
    assert (len(stack.frames), stack.rows, stack.verdict) == (1, 33, "stack")


@given(
    flips=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=12),
    cut=st.integers(0, 400),
)
def test_d12_no_csa_header_breaks_the_reader(flips, cut):
    raw = bytearray(
        csa_header({"NumberOfImagesInMosaic": ["7"], "SliceNormalVector": ["0.0", "0.6", "0.8"]})
    )
    for at, value in flips:
        raw[at % len(raw)] = value
    ds = Dataset()
    ds.ImageType, ds.Modality = ["ORIGINAL", "PRIMARY", "M", "MOSAIC"], "MR"
    ds.Rows, ds.Columns, ds.SpacingBetweenSlices = 36, 30, 4.0
    ds.PixelSpacing = [0.8, 0.7]
    ds.ImagePositionPatient, ds.ImageOrientationPatient = [0, 0, 0], list(AXIAL)
    ds.add_new(0x00291010, "OB", bytes(raw[: len(raw) - cut % len(raw)]))
    mosaic = mosaic_of(ds)
    assert mosaic is not None
    assert mosaic.fault is not None or mosaic.slices <= mosaic.per_row**2
    if mosaic.slices:
        place = slice_position(ds, mosaic, mosaic.slices - 1)
        assert place is None or np.isfinite(place).all()
