"""What we write comes back through our own readers as it was: masks, numbers, codes, UIDs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from app.core.errors import GeometryError
from app.core.finding import Finding
from app.dicom.objects.encapsulated import encapsulated_document
from app.dicom.objects.seg_reader import read_segmentation
from app.dicom.objects.sr_measurements import measurement_groups
from app.dicom.objects.sr_tree import read_sr
from app.dicom.writing.authoring import SourceImages, write_dataset
from app.dicom.writing.pdf_writer import PdfRequest, write_encapsulated_pdf
from app.dicom.writing.seg_writer import SegmentSource, SegRequest, write_seg
from app.dicom.writing.sr_writer import SegmentPlace, SrRequest, write_sr
from tests.dicom_out import results
from tests.support.opened import open_all
from tests.support.synthetic_dicom import (
    AXIAL,
    CORONAL,
    SAGITTAL,
    SeriesSpec,
    uid,
    write_projection,
    write_series,
    write_ultrasound,
)
from tests.support.synthetic_mosaic import write_mosaic

OBLIQUE = (0.8, 0.6, 0.0, -0.36, 0.48, 0.8)


def _source(folder: Path, paths: list[Path]) -> SourceImages:
    """The only stack, as the program opens it."""
    _, (study,) = open_all(folder, *paths)
    (series,) = study.series
    return SourceImages(
        study.study_instance_uid, series.series_instance_uid, series.stacks[0].frames
    )


def _both(source: SourceImages) -> tuple[Finding, Finding]:
    return results.proposed(source, "right"), results.proposed(source, "left")


@pytest.mark.parametrize("orientation", [AXIAL, SAGITTAL, CORONAL, OBLIQUE])
def test_d01_d02_masks_come_back_voxel_by_voxel(
    tmp_path: Path, orientation: tuple[float, ...]
) -> None:
    spec = SeriesSpec(count=6, rows=23, columns=19, orientation=orientation)
    paths = write_series(tmp_path / "ct", spec)
    source = _source(tmp_path, paths)
    masks = results.asymmetric_masks((6, 23, 19))
    findings = _both(source)
    segments = tuple(SegmentSource(f, m) for f, m in zip(findings, masks, strict=True))
    request = SegRequest(source, segments, results.identity("seg"), "Лёгкие", results.AT_UTC)
    path = write_dataset(write_seg(request), tmp_path / "seg.dcm")
    _, (study,) = open_all(tmp_path, *paths, path)
    found = read_segmentation(path, study)
    assert not found.is_resampled
    assert found.warnings == ()
    assert found.overlaps == ((1, 2),)
    assert pydicom.dcmread(path, stop_before_pixels=True).SegmentsOverlap == "YES"
    for number, mask in enumerate(masks, 1):
        assert np.array_equal(found.mask(number).voxels, mask)
    facts = found.segment(1).facts
    assert facts.laterality == "right"
    assert facts.tracking_uid == findings[0].tracking_uid
    assert (facts.algorithm_name, facts.algorithm_version) == ("cxr-lung-fields", "1.0.0")


def test_a_mask_of_a_film_comes_back(tmp_path: Path) -> None:
    film = write_projection(tmp_path / "dx" / "film", np.zeros((37, 29), np.uint16))
    source = _source(tmp_path, [film])
    mask = np.zeros((1, 37, 29), np.uint8)
    mask[0, 3:30, 2:11] = 1
    request = SegRequest(
        source,
        (SegmentSource(results.proposed(source, "right"), mask),),
        results.identity("film"),
        "film",
        results.AT_UTC,
    )
    path = write_dataset(write_seg(request), tmp_path / "seg.dcm")
    _, (study,) = open_all(tmp_path, film, path)
    assert np.array_equal(read_segmentation(path, study).mask(1).voxels, mask)


def test_d06_numbers_units_and_tracking_uids_come_back(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "ct", SeriesSpec(count=5))
    source = _source(tmp_path, paths)
    findings = _both(source)
    masks = results.asymmetric_masks((5, 24, 20))
    segments = tuple(SegmentSource(f, m) for f, m in zip(findings, masks, strict=True))
    seg = write_seg(SegRequest(source, segments, results.identity("s"), "masks", results.AT_UTC))
    request = SrRequest(
        source,
        findings,
        {f.uid: SegmentPlace(seg, n) for n, f in enumerate(findings, 1)},
        results.identity("sr"),
        uid("device"),
        "Результат",
        results.AT_UTC,
        language="ru",
    )
    document = read_sr(write_dataset(write_sr(request), tmp_path / "sr.dcm"))
    assert document.is_complete
    assert not document.is_verified
    groups = measurement_groups(document.root)
    assert [group.tracking_uid for group in groups] == [f.tracking_uid for f in findings]
    for number, (group, finding) in enumerate(zip(groups, findings, strict=True), 1):
        expected = [m for m in finding.current.measurements if m.value is not None]
        assert [(m.kind, m.value, m.unit, m.method) for m in group.measurements] == [
            (m.kind, m.value, m.unit, m.method) for m in expected
        ]
        assert group.laterality == finding.current.laterality
        (segment,) = group.segments
        assert (segment.sop_instance_uid, segment.segments) == (seg.SOPInstanceUID, (number,))
        assert group.algorithm == "cxr-lung-fields"


def test_a_report_comes_back_byte_by_byte(tmp_path: Path) -> None:
    film = write_projection(tmp_path / "dx" / "film", np.zeros((16, 16), np.uint16))
    pdf = b"%PDF-1.7 not much"
    request = PdfRequest(
        _source(tmp_path, [film]), pdf, "Заключение", results.identity("pdf"), results.AT_UTC
    )
    path = write_dataset(write_encapsulated_pdf(request), tmp_path / "pdf.dcm")
    found = encapsulated_document(path)
    assert (found.data, found.title, found.doubt) == (pdf, "Заключение", None)


def test_d01_a_mask_of_a_mosaic_lies_on_the_grid_of_its_slices(tmp_path: Path) -> None:
    path = write_mosaic(tmp_path / "m", SeriesSpec(count=7, rows=12, columns=10, step_mm=4.0))
    _, (study,) = open_all(tmp_path, path)
    (series,) = study.series
    (stack,) = series.stacks
    source = SourceImages(study.study_instance_uid, series.series_instance_uid, stack.frames)
    mask = np.zeros((7, 12, 10), dtype=np.bool_)
    mask[2, 3:6, 2:5] = True
    segment = SegmentSource(results.proposed(source, "right"), mask)
    request = SegRequest(
        source, (segment,), results.identity("seg"), "mosaic", results.AT_UTC,
        resampled_grid=stack.own_grid,
    )  # fmt: skip
    written = write_dataset(write_seg(request), tmp_path / "seg.dcm")
    _, (study,) = open_all(tmp_path, path, written)
    assert np.array_equal(read_segmentation(written, study).mask(1).voxels, mask)


def test_d01_objects_without_planes_carry_no_segmentation(tmp_path: Path) -> None:
    loop = write_ultrasound(tmp_path / "us")
    source = _source(tmp_path, [loop])
    mask = np.ones((5, 16, 18), dtype=np.bool_)
    segment = SegmentSource(results.proposed(source, "right"), mask)
    request = SegRequest(source, (segment,), results.identity("s"), "loop", results.AT_UTC)
    with pytest.raises(GeometryError, match="cannot carry a DICOM segmentation"):
        write_seg(request)
