from __future__ import annotations

from pathlib import Path

import highdicom as hd
import pydicom
import pytest

from app.dicom.character_sets import DEFAULT_FALLBACK, use_fallback
from app.dicom.files.header_memory import forget
from app.dicom.objects.key_objects import key_object_refs
from app.dicom.writing.authoring import SourceImages, write_dataset
from app.dicom.writing.key_object_writer import KeyObjectRequest, write_key_objects
from tests.dicom_out import results
from tests.support.opened import open_all
from tests.support.synthetic_dicom import SeriesSpec, write_enhanced_mr, write_series
from tests.support.synthetic_mosaic import write_mosaic
from tests.support.validation import dciodvfy_errors


def _written(folder: Path, paths: list[Path], *chosen: int) -> tuple[Path, SourceImages]:
    _, (study,) = open_all(folder, *paths)
    (series,) = study.series
    frames = tuple(series.stacks[0].frames[n] for n in chosen)
    source = SourceImages(study.study_instance_uid, series.series_instance_uid, frames)
    request = KeyObjectRequest(
        source, results.identity("ko"), "Очаг справа", results.AT_UTC, "Петров^Иван"
    )
    return write_dataset(write_key_objects(request), folder / "ko.dcm"), source


def test_key_images_are_valid_and_read_back(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "ct", SeriesSpec(count=5))
    path, source = _written(tmp_path, paths, 1, 3)
    assert dciodvfy_errors(path) == []
    found = key_object_refs(path)
    assert (found.title, found.description) == ("Of Interest", "Очаг справа")
    assert found.observers == ("Петров, Иван",)
    assert [one.sop_instance_uid for one in found.references] == [
        frame.instance.sop_instance_uid for frame in source.frames
    ]
    again = hd.ko.KeyObjectSelectionDocument.from_dataset(pydicom.dcmread(path))
    assert len(again.content.get_references()) == 2


def test_d06_frames_of_a_multi_frame_object_are_named(tmp_path: Path) -> None:
    path, source = _written(tmp_path, [write_enhanced_mr(tmp_path / "mr" / "mf")], 2, 5)
    assert dciodvfy_errors(path) == []
    (reference,) = key_object_refs(path).references
    assert reference.frames == tuple(sorted(frame.frame for frame in source.frames))


def test_d06_the_slices_of_a_mosaic_are_no_frames(tmp_path: Path) -> None:
    mosaic = write_mosaic(tmp_path / "mr" / "m", SeriesSpec(count=7, modality="MR"))
    path, source = _written(tmp_path, [mosaic], 2, 5)
    assert dciodvfy_errors(path) == []
    (reference,) = key_object_refs(path).references
    assert reference.frames == ()
    assert reference.sop_instance_uid == source.frames[0].instance.sop_instance_uid


@pytest.mark.parametrize("declared", [None, "ISO_IR 100"])
def test_d10_a_name_that_was_guessed_is_written_as_it_was_read(
    tmp_path: Path, declared: str | None
) -> None:
    encoding = "cp1251" if declared is None else "utf-8"
    raw = "Иванов^Иван".encode(encoding)
    raw += b" " * (len(raw) % 2)

    def name(ds: pydicom.Dataset, n: int) -> None:
        ds.PatientName = "Q" * len(raw)
        ds.SpecificCharacterSet = declared or ""

    (image,) = write_series(tmp_path / "ct", SeriesSpec(count=1, change=name))
    image.write_bytes(image.read_bytes().replace(b"Q" * len(raw), raw))
    forget()
    use_fallback("cp1251")
    try:
        path, _ = _written(tmp_path, [image], 0)
    finally:
        use_fallback(DEFAULT_FALLBACK)
        forget()
    written = pydicom.dcmread(path)
    assert (written.SpecificCharacterSet, written.PatientName) == ("ISO_IR 192", "Иванов^Иван")
