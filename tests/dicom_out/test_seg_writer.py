from __future__ import annotations

import tracemalloc
from functools import partial
from pathlib import Path

import numpy as np
import pydicom
import pytest

from app.core.errors import GeometryError
from app.dicom.writing.authoring import write_dataset
from app.dicom.writing.seg_writer import (
    SegmentSource,
    SegRequest,
    segment_algorithm_type,
    write_seg,
)
from tests.dicom_out import results
from tests.support.highdicom_reader import read_seg
from tests.support.synthetic_dicom import SeriesSpec, write_projection, write_series
from tests.support.validation import dciodvfy_errors


def _write_ct(folder: Path, **changes: object) -> tuple[Path, np.ndarray, np.ndarray]:
    paths = write_series(folder / "ct", SeriesSpec(rows=23, columns=19, count=7, **changes))
    source = results.source_of(paths)
    first, second = results.asymmetric_masks((7, 23, 19))
    right, left = results.proposed(source, "right"), results.proposed(source, "left")
    dataset = write_seg(
        SegRequest(
            source,
            (SegmentSource(right, first), SegmentSource(results.edited(left), second)),
            results.identity("seg"),
            "Лёгкие — Overread",
            results.AT_UTC,
            content_creator="Петров^Иван",
        )
    )
    return write_dataset(dataset, folder / "seg.dcm"), first, second


def test_d01_d02_a_written_seg_reads_back_voxel_by_voxel(tmp_path: Path) -> None:
    path, first, second = _write_ct(tmp_path)
    seg = read_seg(path)
    volume = seg.get_volume(combine_segments=False)
    # The reader decides its own slice order: compare at positions, not at indices.
    affine = volume.affine
    assert volume.array.shape[-1] == 2
    for number, expected in enumerate((first, second)):
        written = np.argwhere(volume.array[..., number])
        points = {tuple(np.round(affine[:3, :3] @ row + affine[:3, 3], 2)) for row in written}
        truth = set()
        for k, j, i in np.argwhere(expected):
            truth.add(
                (round(-10.0 + i * 0.7, 2), round(-20.0 + j * 0.8, 2), round(30 + k * 2.0, 2))
            )
        assert points == truth


def test_segments_carry_label_codes_side_and_origin(tmp_path: Path) -> None:
    path, _, _ = _write_ct(tmp_path)
    seg = read_seg(path)
    right, left = seg.SegmentSequence
    assert right.SegmentLabel == "right lung"
    assert right.SegmentedPropertyTypeCodeSequence[0].CodeValue == "39607008"
    modifier = right.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence
    assert modifier[0].CodeValue == "24028007"
    assert right.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "91723000"
    assert right.SegmentAlgorithmType == "AUTOMATIC"
    assert left.SegmentAlgorithmType == "SEMIAUTOMATIC"
    assert right.SegmentationAlgorithmIdentificationSequence[0].AlgorithmName == "cxr-lung-fields"
    assert "b" * 64 in right.SegmentationAlgorithmIdentificationSequence[0].AlgorithmParameters
    assert seg.SpecificCharacterSet == "ISO_IR 192"
    assert seg.SeriesDescription == "Лёгкие — Overread"
    assert str(seg.ContentCreatorName) == "Петров^Иван"


def test_seg_of_ct_is_valid(tmp_path: Path) -> None:
    path, _, _ = _write_ct(tmp_path)
    assert dciodvfy_errors(path) == []


@pytest.mark.parametrize("spacing", [None, [0.2, 0.2]])
def test_seg_of_a_film_is_valid_and_reads_back(tmp_path: Path, spacing: list[float] | None) -> None:
    def calibrate(ds: pydicom.Dataset) -> None:
        if spacing is not None:
            ds.PixelSpacing = spacing

    film = write_projection(tmp_path / "dx", np.zeros((37, 29), np.uint16), change=calibrate)
    source = results.source_of([film])
    mask = np.zeros((1, 37, 29), np.uint8)
    mask[0, 3:30, 2:11] = 1
    finding = results.proposed(source, "right")
    request = SegRequest(
        source, (SegmentSource(finding, mask),), results.identity("film"), "film", results.AT_UTC
    )
    path = write_dataset(write_seg(request), tmp_path / "seg.dcm")
    assert dciodvfy_errors(path) == []
    seg = read_seg(path)
    again = seg.get_pixels_by_source_instance([source.frames[0].instance.sop_instance_uid])
    assert np.array_equal(again[0, ..., 0], mask[0])


@pytest.mark.parametrize("overlap", [False, True])
def test_many_masks_are_made_one_at_a_time(tmp_path: Path, *, overlap: bool) -> None:
    paths = write_series(tmp_path / "ct", SeriesSpec(rows=256, columns=192, count=4))
    source = results.source_of(paths)
    count = 3 if overlap else 24
    labels = np.zeros((4, 256, 192), np.uint8)
    labels[1:, 5:, :144] = 1 + np.arange(144) // (144 // count)
    asked: list[int] = []

    def make(number: int) -> np.ndarray:
        asked.append(number)
        mask = np.asarray(labels == number, np.uint8)
        if overlap and number == 3:
            mask[2, 30:40, 2:20] = 1
        return mask

    finding = results.proposed(source, "right")
    segments = tuple(SegmentSource(finding, partial(make, n + 1)) for n in range(count))
    request = SegRequest(source, segments, results.identity("many"), "many", results.AT_UTC)
    tracemalloc.start()
    dataset = write_seg(request)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    path = write_dataset(dataset, tmp_path / "seg.dcm")
    assert dataset.SegmentsOverlap == ("YES" if overlap else "NO")
    if not overlap:
        assert asked == list(range(1, count + 1))
        assert peak < 0.7 * count * labels.nbytes
    again = read_seg(path).get_pixels_by_source_instance(
        [frame.instance.sop_instance_uid for frame in source.frames]
    )
    for n in range(count):
        assert np.array_equal(again[..., n], make(n + 1))


def test_an_empty_mask_is_refused(tmp_path: Path) -> None:
    source = results.source_of([write_projection(tmp_path / "dx", np.zeros((16, 16), np.uint16))])
    request = SegRequest(
        source,
        (SegmentSource(results.proposed(source, "left"), np.zeros((1, 16, 16), np.uint8)),),
        results.identity("empty"),
        "empty",
        results.AT_UTC,
    )
    with pytest.raises(GeometryError, match="empty"):
        write_seg(request)


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    source = results.source_of([write_projection(tmp_path / "dx", np.zeros((16, 16), np.uint16))])
    request = SegRequest(
        source,
        (SegmentSource(results.proposed(source, "left"), np.ones((2, 16, 16), np.uint8)),),
        results.identity("size"),
        "size",
        results.AT_UTC,
    )
    with pytest.raises(GeometryError, match="does not fit"):
        write_seg(request)


@pytest.mark.parametrize(
    ("model", "was_edited", "expected"),
    [(True, False, "AUTOMATIC"), (True, True, "SEMIAUTOMATIC"), (False, True, "MANUAL")],
)
def test_algorithm_type(tmp_path: Path, model: bool, was_edited: bool, expected: str) -> None:
    from dataclasses import replace

    from app.core.provenance import Provenance

    source = results.source_of([write_projection(tmp_path / "dx", np.zeros((16, 16), np.uint16))])
    finding = results.proposed(source, "left")
    if not model:
        finding = replace(finding, provenance=Provenance("person", results.AT_UTC))
    assert segment_algorithm_type(finding, was_edited) == expected
