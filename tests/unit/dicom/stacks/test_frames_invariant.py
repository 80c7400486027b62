"""Nothing is lost: every file is told about, every frame is in exactly one stack."""

import zipfile
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.errors import InvalidDicomError

from app.dicom.files.scan import scan
from app.dicom.stacks.grouping import group
from app.dicom.tolerant import quiet
from tests.support.shared_data import shared
from tests.support.synthetic_dicom import (
    AXIAL,
    CORONAL,
    SAGITTAL,
    SeriesSpec,
    uid,
    write_enhanced_mr,
    write_series,
    write_ultrasound,
)
from tests.support.synthetic_mosaic import write_mosaic

ATTRIBUTES = {
    "AcquisitionNumber": [1, 2, 3],
    "EchoTime": [5.0, 10.0],
    "TemporalPositionIdentifier": [1, 2],
    "TriggerTime": [0.0, 40.0],
    "ContentTime": ["101500", "101501", "101502"],
    "ConvolutionKernel": ["B30f", "B60f"],
    "DiffusionBValue": [0.0, 1000.0],
    "PhotometricInterpretation": ["MONOCHROME1", "MONOCHROME2"],
    "PixelSpacing": [[0.5, 0.5], [0.8, 0.7], [-1.0, 1.0]],
    "ImageOrientationPatient": [list(AXIAL), list(CORONAL), list(SAGITTAL), [0] * 6],
    "ImagePositionPatient": [[0, 0, 0], [0, 0, 2.5], None],
    "FrameOfReferenceUID": ["1.2.3", "1.2.4", None],
    "ImageType": [["ORIGINAL", "PRIMARY", "LOCALIZER"], ["DERIVED", "SECONDARY"]],
    "InstanceNumber": [1, 7, None],
    "Modality": ["CT", "MR", "DX", "MG", ""],
    "SOPClassUID": ["1.2.840.10008.5.1.4.1.1.77.1.6", "1.2.840.10008.5.1.4.1.1.13.1.3"],
}  # fmt: skip

changes = st.lists(st.tuples(st.sampled_from(sorted(ATTRIBUTES)), st.integers(0, 3)), max_size=3)
slices = st.lists(
    st.tuples(st.integers(0, 8), st.sampled_from([0.0, 0.0, 0.005, 0.3]), changes),
    min_size=1,
    max_size=12,
)


def write_messy(folder: Path, plan, *, with_objects: bool) -> int:
    """One series of ``plan``; returns how many frames its files hold."""

    def change(ds, n):
        for keyword, which in plan[n][2]:
            choice = ATTRIBUTES[keyword][which % len(ATTRIBUTES[keyword])]
            setattr(ds, keyword, choice)

    positions = [2.0 * place + offset for place, offset, _ in plan]
    write_series(folder, SeriesSpec(positions_mm=positions, rows=4, columns=4, change=change))
    frames = len(plan)
    if with_objects:
        small = SeriesSpec(modality="MR", intercept=0.0, rows=4, columns=4, count=3)
        write_enhanced_mr(folder / "enhanced", small)
        write_mosaic(folder / "mosaic", small)
        write_ultrasound(folder / "cine", frames=2)
        frames += 3 + 3 + 2
    return frames


def assert_nothing_is_lost(studies, records):
    told = [ref for s in studies for e in s.series for stack in e.stacks for ref in stack.frames]
    assert len(told) == len(set(told))
    assert set(told) == {frame.ref for record in records for frame in record.frames}
    for study in studies:
        for series in study.series:
            assert sum(len(stack.frames) for stack in series.stacks) == series.frames
            for stack in series.stacks:
                assert stack.frames
                assert stack.why
                assert stack.why_ru
                assert stack.health.received_frames == len(stack.frames)
                hidden = stack.health.received_frames - stack.health.shown_frames
                assert hidden == 0 or stack.health.notes
                if stack.is_volume and stack.verdict == "ok":
                    assert stack.geometry.size_ijk[2] == len(stack.frames)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=slices, with_objects=st.booleans())
def test_g09_every_frame_of_a_messy_series_is_in_one_stack(tmp_path_factory, plan, with_objects):
    folder = tmp_path_factory.mktemp("messy")
    frames = write_messy(folder / "in", plan, with_objects=with_objects)
    found = scan([folder / "in"], workspace=folder / "workspace")
    assert (found.skipped, found.unreadable) == ((), ())
    assert sum(len(record.frames) for record in found.records) == frames
    studies = group(found.records)
    assert_nothing_is_lost(studies, found.records)
    assert group(reversed(found.records)) == studies


ZIPS = [
    *(f"data/dicom-corpus/{name}.zip" for name in (
        "cornerstone3D", "dcm_qa_enh", "highdicom", "pydicom-data", "pydicom"
    )),
    *(f"data/studies/{name}.zip" for name in (
        "ct-20-slices-j2k", "ct-abdomen-200", "ct-chest-single-slices-20", "ct-liver-seg-sr",
        "cxr-dx", "mr-brain-memprage", "mr-brain-multisequence",
    )),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", ZIPS)
def test_g09_nothing_of_the_real_files_is_lost(tmp_path, name):
    with zipfile.ZipFile(shared(name)) as opened:
        opened.extractall(tmp_path / "files")
    files = {path for path in (tmp_path / "files").rglob("*") if path.is_file()}
    found = scan([tmp_path / "files"], workspace=tmp_path / "workspace")
    told = [
        *(record.instance.path for record in found.records),
        *(one.path for one in (*found.skipped, *found.unreadable)),
    ]
    assert len(told) == len(set(told)) == found.seen
    # An index may name files that are not there: they are told about too.
    missing = {one.path for one in found.unreadable if one.reason.en.startswith("It is missing")}
    assert set(told) - missing == files
    assert not missing & files
    assert all(one.reason.en and one.reason.ru for one in (*found.skipped, *found.unreadable))
    assert_nothing_is_lost(group(found.records), found.records)
    for record in found.records:
        assert len(record.frames) == _frames_in(record.instance.path, record.instance)


def _frames_in(path, instance):
    """How many frames pydicom sees; a mosaic has as many as it has slices."""
    try:
        with quiet():
            ds = pydicom.dcmread(path, force=True, stop_before_pixels=True)
            stated = int(ds.get("NumberOfFrames") or 1)
    except (InvalidDicomError, ValueError, TypeError):
        stated = 1
    return stated if not instance.mosaic_per_row and instance.rows else instance.number_of_frames


def test_g09_a_duplicate_is_told_and_another_image_of_the_same_uid_is_kept(tmp_path):
    def same(ds, n):
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = uid("the same")

    paths = write_series(tmp_path / "ct", SeriesSpec(count=4, change=same))
    (tmp_path / "ct" / "copy").write_bytes(paths[0].read_bytes())
    found = scan([tmp_path / "ct"], workspace=tmp_path / "w")
    assert (found.seen, len(found.records), len(found.skipped)) == (5, 4, 1)
    assert "already read" in found.skipped[0].reason.en
    assert_nothing_is_lost(group(found.records), found.records)
