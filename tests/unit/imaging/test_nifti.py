import numpy as np
import pytest
import SimpleITK as sitk

from app.core.errors import EnvironmentFault, InputError
from app.core.geometry import Geometry
from app.imaging.nifti import read_nifti, write_like, write_nifti

GRID = Geometry.from_arrays(
    (5, 4, 3), (0.7, 0.8, 2.5), (-11, 22, -33), [[1, 0, 0], [0, 0, 1], [0, -1, 0]], "1.2"
)


@pytest.mark.parametrize("ending", [".nii.gz", ".nii", ".nrrd"])
@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float32, np.uint16])
def test_round_trip(tmp_path, ending, dtype):
    values = np.arange(60).reshape(GRID.shape_kji).astype(dtype)
    path = tmp_path / f"снимок{ending}"
    write_nifti(path, values, GRID)
    read, grid = read_nifti(path)
    np.testing.assert_array_equal(read, values)
    assert read.dtype == dtype
    np.testing.assert_allclose(grid.affine_lps, GRID.affine_lps, atol=1e-4)
    assert grid.frame_of_reference_uid == ""
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_projection_has_pixel_spacing_and_no_direction(tmp_path):
    path = tmp_path / "film.nii.gz"
    write_nifti(path, np.zeros((1, 4, 6), np.float32), None, (0.3, 0.2))
    _, grid = read_nifti(path)
    np.testing.assert_allclose(grid.spacing_ijk, (0.2, 0.3, 1.0), atol=1e-6)
    write_nifti(path, np.zeros((1, 4, 6), np.float32), None)
    np.testing.assert_allclose(read_nifti(path)[1].spacing_ijk, (1, 1, 1))


def test_unknown_ending_and_broken_file_are_input_errors(tmp_path):
    with pytest.raises(InputError, match="names no image format"):
        write_nifti(tmp_path / "a.txt", np.zeros((1, 2, 2)), None)
    broken = tmp_path / "b.nii.gz"
    broken.write_bytes(b"not an image")
    with pytest.raises(InputError, match="not a readable"):
        read_nifti(broken)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(EnvironmentFault, match="could not be written"):
        write_nifti(tmp_path / "file" / "v.nii.gz", np.zeros((1, 2, 2)), None)


@pytest.mark.parametrize("flat", [True, False])
def test_a_mask_like_an_image_lies_in_its_very_grid(tmp_path, flat):
    image = sitk.GetImageFromArray(np.zeros((4, 6) if flat else (1, 4, 6), np.float32))
    image.SetSpacing((0.2, 0.3) if flat else (0.2, 0.3, 1.0))
    image.SetDirection((-1, 0, 0, -1) if flat else (-1, 0, 0, 0, -1, 0, 0, 0, 1))
    image.SetOrigin((5, 7) if flat else (5, 7, 9))
    sitk.WriteImage(image, tmp_path / "film.nii.gz")
    mask = np.zeros((1, 4, 6), np.uint8)
    mask[0, 1, 5] = 1
    write_like(tmp_path / "mask.nii.gz", mask, tmp_path / "film.nii.gz")
    like, written = (sitk.ReadImage(tmp_path / f"{n}.nii.gz") for n in ("film", "mask"))
    assert written.GetDimension() == (2 if flat else 3)
    assert written.GetPixelID() == sitk.sitkUInt8
    for name in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
        np.testing.assert_allclose(getattr(written, name)(), getattr(like, name)(), atol=1e-6)
    np.testing.assert_array_equal(np.squeeze(sitk.GetArrayFromImage(written)), mask[0])
    with pytest.raises(InputError, match="not a readable"):
        write_like(tmp_path / "m.nii.gz", mask, tmp_path / "nothing.nii.gz")


@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd"])
@pytest.mark.parametrize("slices", [1, 3])
def test_i12_color_is_written_whole(tmp_path, ending, slices):
    values = np.arange(slices * 4 * 6 * 3, dtype=np.uint8).reshape(slices, 4, 6, 3)
    path = tmp_path / f"color{ending}"
    write_nifti(path, values, None)
    read = sitk.GetArrayFromImage(sitk.ReadImage(path))
    np.testing.assert_array_equal(read.reshape(values.shape), values)


def test_i06_values_that_are_none_are_written(tmp_path):
    values = np.arange(60, dtype=np.float32).reshape(GRID.shape_kji)
    values[1, 2, 3], values[2, 0, 0] = np.nan, np.inf
    for ending in (".nii", ".nrrd"):
        write_nifti(tmp_path / f"map{ending}", values, GRID)
    written = np.fromfile(tmp_path / "map.nii", "<f4", offset=352).reshape(values.shape)
    np.testing.assert_array_equal(written, values)
    np.testing.assert_array_equal(read_nifti(tmp_path / "map.nrrd")[0], values)
