from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from app.core.errors import DicomReadError, FrameOfReferenceMismatch, GeometryError
from app.core.geometry import Geometry
from app.core.study import SeriesRef, Study
from app.dicom.objects.seg_reader import ReadSegmentation, read_segmentation
from tests.support.opened import open_all
from tests.support.synthetic_dicom import (
    AXIAL,
    CORONAL,
    SAGITTAL,
    SeriesSpec,
    uid,
    write_projection,
    write_series,
)
from tests.support.synthetic_seg import (
    SegFrame,
    SegSpec,
    grid_of,
    headers_of,
    write_segmentation,
)

OBLIQUE = (0.8, 0.6, 0.0, -0.36, 0.48, 0.8)


def asymmetric(shape_kji: tuple[int, int, int]) -> np.ndarray:
    """A mask without any symmetry: every flip, shift and swap shows."""
    k, j, i = np.indices(shape_kji)
    mask = (i >= 2) & (i < 4 + k) & (j >= 3) & (j < 6 + 2 * k) & (k >= 1)
    mask[0, 0, 1] = True
    return mask.astype(np.uint8)


def images(folder: Path, **changes: object) -> tuple[list[Path], Geometry]:
    paths = write_series(folder / "images", SeriesSpec(count=5, **changes))
    return paths, grid_of(headers_of(paths))


def the_study(folder: Path, *paths: Path) -> Study:
    _, (study,) = open_all(folder, *paths)
    return study


def read(folder: Path, spec: SegSpec, images: list[Path]) -> ReadSegmentation:
    path = write_segmentation(folder / "seg.dcm", spec)
    return read_segmentation(path, the_study(folder, *images))


@pytest.mark.parametrize("orientation", [AXIAL, SAGITTAL, CORONAL, OBLIQUE])
def test_d01_frames_lie_where_they_say_whatever_their_order(
    tmp_path: Path, orientation: tuple[float, ...]
) -> None:
    paths, grid = images(tmp_path, orientation=orientation)
    mask = asymmetric(grid.shape_kji)
    for order in ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [3, 0, 4, 2, 1]):
        frames = [SegFrame(1, mask[k], k) for k in order]
        found = read(tmp_path, SegSpec(grid, frames), paths)
        assert not found.is_resampled
        assert found.geometry is not None
        assert found.geometry.same_grid(grid)
        assert np.array_equal(found.mask(1).voxels, mask)


def test_d01_empty_frames_may_be_left_out(tmp_path: Path) -> None:
    paths, grid = images(tmp_path)
    mask = asymmetric(grid.shape_kji)
    mask[2] = 0
    frames = [SegFrame(1, mask[k], k) for k in range(5) if mask[k].any()]
    assert len(frames) == 4
    found = read(tmp_path, SegSpec(grid, frames), paths)
    assert np.array_equal(found.mask(1).voxels, mask)


def test_d01_a_single_frame_fills_one_slice_even_if_no_spacing_is_stated(tmp_path: Path) -> None:
    paths, grid = images(tmp_path)
    mask = np.zeros(grid.shape_kji, np.uint8)
    mask[3, 4:9, 2:7] = 1

    def change(ds: Dataset) -> None:
        measures = ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        del measures.SpacingBetweenSlices
        measures.SliceThickness = 10.0

    found = read(tmp_path, SegSpec(grid, [SegFrame(1, mask[3], 3)], change=change), paths)
    assert np.array_equal(found.mask(1).voxels, mask)


def test_d01_mirrored_and_turned_rasters_come_out_in_place(tmp_path: Path) -> None:
    paths, grid = images(tmp_path)
    mask = asymmetric(grid.shape_kji)
    di, dj, dk = grid.size_ijk
    # columns run the other way, slices too: the same patient, another raster
    flipped = Geometry.from_arrays(
        grid.size_ijk,
        grid.spacing_ijk,
        grid.ijk_to_lps((di - 1, 0, dk - 1)),
        grid.direction_matrix * np.array([-1.0, 1.0, -1.0]),
        grid.frame_of_reference_uid,
    )
    own = mask[::-1, :, ::-1]
    found = read(tmp_path, SegSpec(flipped, [SegFrame(1, own[k], k) for k in range(dk)]), paths)
    assert not found.is_resampled
    assert np.array_equal(found.mask(1).voxels, mask)
    # rows and columns exchanged
    axes = grid.direction_matrix
    turned = Geometry.from_arrays(
        (dj, di, dk),
        (grid.spacing_ijk[1], grid.spacing_ijk[0], grid.spacing_ijk[2]),
        grid.ijk_to_lps((0, 0, dk - 1)),
        np.stack([axes[:, 1], axes[:, 0], -axes[:, 2]], axis=1),
        grid.frame_of_reference_uid,
    )
    own = mask[::-1].transpose(0, 2, 1)
    found = read(tmp_path, SegSpec(turned, [SegFrame(1, own[k], k) for k in range(dk)]), paths)
    assert not found.is_resampled
    assert np.array_equal(found.mask(1).voxels, mask)


def test_d01_a_cropped_segmentation_lies_in_its_part(tmp_path: Path) -> None:
    paths, grid = images(tmp_path)
    mask = np.zeros(grid.shape_kji, np.uint8)
    mask[1:4, 5:15, 4:12] = asymmetric((3, 10, 8))
    part = Geometry.from_arrays(
        (8, 10, 3),
        grid.spacing_ijk,
        grid.ijk_to_lps((4, 5, 1)),
        grid.direction,
        grid.frame_of_reference_uid,
    )
    frames = [SegFrame(1, mask[k + 1, 5:15, 4:12], k) for k in range(3)]
    found = read(tmp_path, SegSpec(part, frames), paths)
    assert not found.is_resampled
    assert np.array_equal(found.mask(1).voxels, mask)


def test_d01_what_lies_outside_the_images_is_told(tmp_path: Path) -> None:
    paths, grid = images(tmp_path)
    wide = replace(grid, origin_lps=tuple(grid.ijk_to_lps((-3, 0, 0))))  # type: ignore[arg-type]
    full = np.ones(grid.shape_kji[1:], np.uint8)
    found = read(tmp_path, SegSpec(wide, [SegFrame(1, full, 2)]), paths)
    rows, columns = full.shape
    assert found.segment(1).voxel_count == rows * (columns - 3)
    (warning,) = found.warnings
    assert warning.code == "D01"
    assert f"{rows * 3} voxels" in warning.text


def test_d01_a_coarser_grid_is_resampled_and_says_so(tmp_path: Path) -> None:
    paths, grid = images(tmp_path)
    coarse = Geometry.from_arrays(
        (10, 12, 3),
        (grid.spacing_ijk[0] * 2, grid.spacing_ijk[1] * 2, grid.spacing_ijk[2] * 2),
        grid.ijk_to_lps((0.5, 0.5, 0.5)),
        grid.direction,
        grid.frame_of_reference_uid,
    )
    own = asymmetric(coarse.shape_kji)
    found = read(tmp_path, SegSpec(coarse, [SegFrame(1, own[k], k) for k in range(3)]), paths)
    assert found.is_resampled
    assert any(warning.code == "D01" for warning in found.warnings)
    expected = own.repeat(2, 0).repeat(2, 1).repeat(2, 2)[:5]
    assert np.array_equal(found.mask(1).voxels, expected)


def test_d01_thick_slabs_on_thin_slices_leave_no_holes(tmp_path: Path) -> None:
    paths, grid = images(tmp_path)
    thick = replace(
        grid, size_ijk=(*grid.size_ijk[:2], 2), spacing_ijk=(*grid.spacing_ijk[:2], 6.0)
    )
    plane = asymmetric(grid.shape_kji)[2]
    found = read(tmp_path, SegSpec(thick, [SegFrame(1, plane, 0), SegFrame(1, plane, 1)]), paths)
    assert found.is_resampled
    assert all(np.array_equal(slice_, plane) for slice_ in found.mask(1).voxels)


def test_d01_a_segmentation_across_the_slices_is_resampled(tmp_path: Path) -> None:
    paths, grid = images(tmp_path, pixel_spacing=(1.0, 1.0), step_mm=1.0)
    columns, rows, slices = grid.size_ijk
    # sagittal frames of the same volume: column = j, row = k, slice = i
    axes = grid.direction_matrix
    sagittal = Geometry.from_arrays(
        (rows, slices, columns),
        (1.0, 1.0, 1.0),
        grid.origin_lps,
        np.stack([axes[:, 1], axes[:, 2], axes[:, 0]], axis=1),
        grid.frame_of_reference_uid,
    )
    mask = asymmetric(grid.shape_kji)
    frames = [SegFrame(1, mask[:, :, i], i) for i in range(columns)]
    found = read(tmp_path, SegSpec(sagittal, frames), paths)
    assert np.array_equal(found.mask(1).voxels, mask)


def test_d01_uneven_slices_take_the_frames_that_lie_on_them(tmp_path: Path) -> None:
    places = [0.0, 2.0, 4.0, 7.0, 9.0]
    paths, grid = images(tmp_path, positions_mm=places)
    headers = headers_of(paths)
    unit = replace(grid, spacing_ijk=(*grid.spacing_ijk[:2], 1.0))
    mask = asymmetric((5, *grid.shape_kji[1:]))
    frames = [
        SegFrame(1, mask[n], place, source=headers[n].SOPInstanceUID)
        for n, place in enumerate(places)
    ]

    def change(ds: Dataset) -> None:
        del ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices

    found = read(tmp_path, SegSpec(unit, frames[::-1], change=change), paths)
    assert found.geometry is not None
    for k, voxels in enumerate(found.mask(1).voxels):
        z = found.geometry.ijk_to_lps((0, 0, k))[2] - unit.origin_lps[2]
        nearest = 4 - int(np.argmin(np.abs(np.array(places[::-1]) - z)))  # the later of two
        assert np.array_equal(voxels, mask[nearest])


def test_d01_repeated_places_take_the_frames_by_the_images_they_name(tmp_path: Path) -> None:
    """Two passes over the same places and nothing to tell them apart: no volume, still no mix."""
    first = write_series(tmp_path / "images", SeriesSpec(count=3))
    again = write_series(tmp_path / "again", SeriesSpec(count=3))
    for path in again:
        import pydicom

        ds = pydicom.dcmread(path)
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = uid("again", path.name)
        ds.save_as(path)
    headers = headers_of(again)
    grid = grid_of(headers)
    mask = asymmetric(grid.shape_kji)
    frames = [SegFrame(1, mask[k], k, source=headers[k].SOPInstanceUID) for k in range(3)]
    path = write_segmentation(tmp_path / "seg.dcm", SegSpec(grid, frames))
    study = the_study(tmp_path, *first, *again)
    found = read_segmentation(path, study)
    stack = next(
        stack
        for series in study.series
        for stack in series.stacks
        if (series.series_instance_uid, stack.index)
        == (found.source.series_instance_uid, found.source.stack)
    )
    voxels = found.mask(1).voxels
    for n, frame in enumerate(stack.frames):
        k = next(
            (k for k in range(3) if headers[k].SOPInstanceUID == frame.instance.sop_instance_uid),
            None,
        )
        assert np.array_equal(voxels[n], mask[k] if k is not None else np.zeros_like(mask[0]))


def test_d01_place_counts_more_than_the_image_a_frame_names_and_that_is_told(
    tmp_path: Path,
) -> None:
    paths, grid = images(tmp_path)
    uids = [header.SOPInstanceUID for header in headers_of(paths)]
    mask = asymmetric(grid.shape_kji)
    frames = [SegFrame(1, mask[k], k, source=uids[4 - k]) for k in range(5)]
    found = read(tmp_path, SegSpec(grid, frames), paths)
    assert np.array_equal(found.mask(1).voxels, mask)
    (warning,) = found.warnings
    assert "4 frames" in warning.text


def test_frames_at_one_place_are_shown_as_one_and_that_is_told(tmp_path: Path) -> None:
    paths, grid = images(tmp_path)
    first, second = asymmetric(grid.shape_kji)[2], asymmetric(grid.shape_kji)[4]
    found = read(tmp_path, SegSpec(grid, [SegFrame(1, first, 2), SegFrame(1, second, 2)]), paths)
    assert np.array_equal(found.mask(1).voxels[2], first | second)
    assert "time points" in found.warnings[0].text


def test_d01_masks_on_a_grid_made_of_tilted_slices(tmp_path: Path) -> None:
    paths, grid = images(tmp_path, tilt_deg=15.0, rows=40, columns=30)
    study = the_study(tmp_path, *paths)
    stack = study.series[0].stacks[0]
    assert stack.verdict == "resampled"
    assert stack.geometry is not None
    made = stack.geometry
    mask = asymmetric(made.shape_kji)
    frames = [SegFrame(1, mask[k], k) for k in range(made.size_ijk[2])]
    found = read(tmp_path, SegSpec(made, frames), paths)
    assert not found.is_resampled
    assert np.array_equal(found.mask(1).voxels, mask)
    # frames on the slices as they were taken: shifted against the grid, nearest voxels
    headers = headers_of(paths)
    own = asymmetric((5, 40, 30))

    def change(ds: Dataset) -> None:
        for item, header in zip(ds.PerFrameFunctionalGroupsSequence, headers, strict=True):
            item.PlanePositionSequence[0].ImagePositionPatient = header.ImagePositionPatient

    found = read(
        tmp_path, SegSpec(grid, [SegFrame(1, own[k], k) for k in range(5)], change=change), paths
    )
    assert found.is_resampled
    assert abs(found.segment(1).voxel_count - int(own.sum())) <= 0.1 * own.sum()


def test_d02_d03_overlaps_and_empty_segments_are_kept(tmp_path: Path) -> None:
    paths, grid = images(tmp_path)
    first = asymmetric(grid.shape_kji)
    second = np.zeros_like(first)
    second[2:4, 4:9, 3:12] = 1
    frames = [SegFrame(2, second[k], k) for k in (3, 2)] + [
        SegFrame(1, first[k], k) for k in range(5)
    ]
    found = read(tmp_path, SegSpec(grid, frames, labels=("one", "two", "none")), paths)
    assert np.array_equal(found.mask(1).voxels, first)
    assert np.array_equal(found.mask(2).voxels, second)
    assert found.mask(3).is_empty
    assert found.overlaps == ((1, 2),)
    assert [segment.facts.label for segment in found.segments] == ["one", "two", "none"]


def test_d04_bits_run_on_over_rows_and_frames(tmp_path: Path) -> None:
    """5 x 7 x 3: 105 bits, no row and no frame begins at a byte."""
    paths = write_series(tmp_path / "images", SeriesSpec(count=3, rows=5, columns=7))
    grid = grid_of(headers_of(paths))
    mask = (np.arange(105) % 4 == 1).astype(np.uint8).reshape(3, 5, 7)
    found = read(tmp_path, SegSpec(grid, [SegFrame(1, mask[k], k) for k in range(3)]), paths)
    assert np.array_equal(found.mask(1).voxels, mask)


def test_d05_fractions_keep_their_values_and_the_threshold_is_stated(tmp_path: Path) -> None:
    paths, grid = images(tmp_path)
    stored = (np.arange(np.prod(grid.shape_kji)) % 201).astype(np.uint8).reshape(grid.shape_kji)
    frames = [SegFrame(1, stored[k], k) for k in range(5)]
    found = read(tmp_path, SegSpec(grid, frames, kind="FRACTIONAL"), paths)
    segment = found.segment(1)
    assert found.threshold == 0.5
    assert "50%" in next(w.text for w in found.warnings if w.code == "D05")
    assert segment.box is not None
    assert segment.fractions is not None
    fractions = np.zeros(grid.shape_kji, np.float32)
    fractions[segment.box.slices_kji] = segment.fractions
    assert np.allclose(fractions, stored / 200.0)
    assert np.array_equal(found.mask(1).voxels, stored >= 100)


def test_d05_label_maps_give_one_mask_per_label(tmp_path: Path) -> None:
    paths, grid = images(tmp_path)
    labels = np.zeros(grid.shape_kji, np.uint8)
    labels[1:3, 2:6, 3:8] = 1
    labels[2:4, 8:12, 3:15] = 2
    labels[4, 0, 0] = 9
    frames = [SegFrame(0, labels[k], k) for k in (4, 1, 2, 3)]
    spec = SegSpec(grid, frames, labels=("one", "two", "three"), kind="LABELMAP")
    found = read(tmp_path, spec, paths)
    assert found.kind == "LABELMAP"
    for number in (1, 2, 3, 9):
        assert np.array_equal(found.mask(number).voxels, labels == number)
    assert not found.segment(9).facts.is_described
    assert found.overlaps == ()


def test_d05_a_label_map_may_have_another_background_than_zero(tmp_path: Path) -> None:
    paths, grid = images(tmp_path)
    labels = np.full(grid.shape_kji, 7, np.uint8)
    labels[1:3, 2:6, 3:8] = 1

    def change(ds: Dataset) -> None:
        ds.PixelPaddingValue = 7

    frames = [SegFrame(0, labels[k], k) for k in range(5)]
    found = read(tmp_path, SegSpec(grid, frames, kind="LABELMAP", change=change), paths)
    assert [segment.facts.number for segment in found.segments] == [1]
    assert np.array_equal(found.mask(1).voxels, labels == 1)


def test_facts_of_segments_with_old_codes_in_today_s_words(tmp_path: Path) -> None:
    paths, grid = images(tmp_path)
    found = read(tmp_path, SegSpec(grid, [SegFrame(1, asymmetric(grid.shape_kji)[2], 2)]), paths)
    facts = found.segment(1).facts
    assert facts.property_type is not None
    assert (facts.property_type.value, facts.property_type.scheme) == ("10200004", "SCT")
    assert facts.color_rgb == (90, 200, 250)
    assert (facts.algorithm_type, facts.algorithm_name) == ("AUTOMATIC", "LiverNet")
    assert found.made_by == "Other Maker Segmenter 2.1"
    assert found.at == "2026-01-03T11:12:13"


def test_another_frame_of_reference_is_refused_in_words(tmp_path: Path) -> None:
    paths, grid = images(tmp_path)
    headers = headers_of(paths)
    elsewhere = replace(grid, frame_of_reference_uid=uid("elsewhere"))
    frames = [SegFrame(1, asymmetric(grid.shape_kji)[2], 2, source=headers[2].SOPInstanceUID)]
    with pytest.raises(FrameOfReferenceMismatch, match="another frame of reference"):
        read(tmp_path, SegSpec(elsewhere, frames), paths)
    path = write_segmentation(
        tmp_path / "seg.dcm", SegSpec(elsewhere, [replace(frames[0], source="")])
    )
    study = the_study(tmp_path, *paths)
    ref = SeriesRef(study.study_instance_uid, study.series[0].series_instance_uid, 0)
    with pytest.raises(FrameOfReferenceMismatch):
        read_segmentation(path, study, onto=ref)


def test_images_with_a_frame_of_reference_each_take_the_segmentation_that_names_them(
    tmp_path: Path,
) -> None:
    def change(ds: Dataset, n: int) -> None:
        ds.FrameOfReferenceUID = uid("frame", n)

    paths, grid = images(tmp_path, change=change)
    headers = headers_of(paths)
    mask = asymmetric(grid.shape_kji)
    own = replace(grid, frame_of_reference_uid=headers[3].FrameOfReferenceUID)
    frames = [SegFrame(1, mask[k], k, source=headers[k].SOPInstanceUID) for k in range(5)]
    found = read(tmp_path, SegSpec(own, frames), paths)
    assert np.array_equal(found.mask(1).voxels, mask)


def test_without_its_images_it_keeps_its_own_grid_and_says_so(tmp_path: Path) -> None:
    _, grid = images(tmp_path)
    other = write_series(tmp_path / "other", SeriesSpec(name="other", count=3))
    mask = asymmetric(grid.shape_kji)
    frames = [SegFrame(1, mask[k], k) for k in (4, 1, 3)]
    path = write_segmentation(tmp_path / "seg.dcm", SegSpec(grid, frames))
    found = read_segmentation(path, the_study(tmp_path, *other, path))
    assert any("own grid" in warning.text for warning in found.warnings)
    assert found.geometry is not None
    points = found.geometry.ijk_to_lps(np.argwhere(found.mask(1).voxels)[:, ::-1])
    expected = mask.copy()
    expected[[0, 2]] = 0
    truth = grid.ijk_to_lps(np.argwhere(expected)[:, ::-1])
    assert np.allclose(sorted(map(tuple, points)), sorted(map(tuple, truth)), atol=1e-3)


def test_a_film_takes_the_mask_by_the_image_it_names(tmp_path: Path) -> None:
    film = write_projection(tmp_path / "film" / "a", np.zeros((30, 20), np.uint16))
    header = __import__("pydicom").dcmread(film)
    grid = Geometry.from_arrays((20, 30, 1), (1, 1, 1), (0, 0, 0), np.eye(3), "1.2.3")
    mask = np.zeros((30, 20), np.uint8)
    mask[3:9, 2:5] = 1
    spec = SegSpec(
        grid, [SegFrame(1, mask, 0, source=header.SOPInstanceUID)], study="film", in_space=False
    )
    found = read(tmp_path, spec, [film])
    assert found.geometry is None
    assert np.array_equal(found.mask(1).voxels[0], mask)


def _too_many_frames(ds: Dataset) -> None:
    ds.NumberOfFrames = 2_000_000_000


def _no_type(ds: Dataset) -> None:
    del ds.SegmentationType


def _unknown_segment(ds: Dataset) -> None:
    for item in ds.PerFrameFunctionalGroupsSequence:
        item.SegmentIdentificationSequence[0].ReferencedSegmentNumber = 5


def _cut_short(ds: Dataset) -> None:
    ds.PixelData = ds.PixelData[:8]


def _absurd(ds: Dataset) -> None:
    ds.Rows = ds.Columns = 65535


@pytest.mark.parametrize(
    "change", [_no_type, _unknown_segment, _cut_short, _absurd, _too_many_frames]
)
def test_malformed_objects_are_refused_in_both_languages(tmp_path: Path, change: object) -> None:
    paths, grid = images(tmp_path)
    frames = [SegFrame(1, asymmetric(grid.shape_kji)[k], k) for k in range(5)]
    with pytest.raises(DicomReadError) as caught:
        read(tmp_path, SegSpec(grid, frames, change=change), paths)  # type: ignore[arg-type]
    assert caught.value.text("ru") != caught.value.text("en")


def test_frames_without_a_place_are_refused_in_words(tmp_path: Path) -> None:
    paths, grid = images(tmp_path)
    spec = SegSpec(grid, [SegFrame(1, asymmetric(grid.shape_kji)[2], 2)], in_space=False)
    with pytest.raises(GeometryError, match="neither a place in space"):
        read(tmp_path, spec, paths)
