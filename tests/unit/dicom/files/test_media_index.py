"""A medium with an index: what the index names and what is not there is told (D18)."""

import zipfile

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from app.core.errors import InputError
from app.dicom.files.scan import scan, scan_files
from tests.support.opened import open_all
from tests.support.synthetic_dicom import SeriesSpec, uid, write_series

MISSING = "It is missing: the index of the medium (DICOMDIR) names it."


@pytest.fixture
def medium(tmp_path):
    """A folder with an index and three files with names as on a disc."""
    folder = tmp_path / "disc" / "DICOM"
    folder.mkdir(parents=True)
    entries = []
    for n, path in enumerate(write_series(tmp_path / "series", SeriesSpec(count=3))):
        path.rename(folder / f"IM{n:06d}")
        entry = Dataset()
        entry.OffsetOfTheNextDirectoryRecord = 0
        entry.RecordInUseFlag = 0xFFFF
        entry.DirectoryRecordType = "IMAGE"
        entry.ReferencedFileID = ["DICOM", f"IM{n:06d}"]
        entries.append(entry)
    index = Dataset()
    index.file_meta = FileMetaDataset()
    index.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    index.file_meta.MediaStorageSOPInstanceUID = uid("index")
    index.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    index.FileSetID = "TEST"
    index.DirectoryRecordSequence = Sequence(entries)
    index.save_as(tmp_path / "disc" / "DICOMDIR", enforce_file_format=True)
    return tmp_path / "disc"


def images(medium):
    return sorted(path for path in medium.rglob("*") if path.is_file() and path.name != "DICOMDIR")


def test_a_whole_medium_is_read_without_a_word(tmp_path, medium):
    for given in (medium, medium / "DICOMDIR"):
        found, (study,) = open_all(tmp_path, given)
        assert (len(found.records), found.unreadable) == (3, ())
        assert study.series[0].stacks[0].verdict == "ok"


def test_d18_missing_files_are_named_and_the_rest_opens(tmp_path, medium):
    gone = images(medium)[1]
    gone.unlink()
    for given in (medium, medium / "DICOMDIR"):
        found, _ = open_all(tmp_path, given)
        assert len(found.records) == 2
        assert [(one.path, one.reason.en) for one in found.unreadable] == [(gone, MISSING)]
        assert found.unreadable[0].reason.ru != MISSING


def test_d18_a_batch_of_files_looks_on_the_disk(tmp_path, medium):
    found = scan_files([medium / "DICOMDIR"], workspace=tmp_path / "w")
    assert (found.records, found.unreadable) == ((), ())
    images(medium)[0].unlink()
    found = scan_files([medium / "DICOMDIR"], workspace=tmp_path / "w")
    assert [one.reason.en for one in found.unreadable] == [MISSING]


def test_the_case_of_names_does_not_matter(tmp_path, medium):
    for path in images(medium):
        path.rename(path.with_name(path.name.lower()))
    found, _ = open_all(tmp_path, medium)
    assert (len(found.records), found.unreadable) == (3, ())


def test_d18_a_medium_in_an_archive(tmp_path, medium):
    gone = images(medium)[2]
    with zipfile.ZipFile(tmp_path / "disc.zip", "w") as archive:
        for path in (medium / "DICOMDIR", *images(medium)[:2]):
            archive.write(path, path.relative_to(medium.parent))
    found, _ = open_all(tmp_path, tmp_path / "disc.zip")
    assert len(found.records) == 2
    (missing,) = found.unreadable
    assert missing.reason.en == MISSING
    assert missing.path == tmp_path / "disc.zip" / gone.relative_to(medium.parent)


def test_d19_an_index_that_points_elsewhere_reaches_nothing(tmp_path, medium):
    whole = (medium / "DICOMDIR").read_bytes()
    name = "\\".join(images(medium)[0].relative_to(medium).parts).encode()
    assert name in whole
    (medium / "DICOMDIR").write_bytes(
        whole.replace(name, b"..\\" * (len(name) // 3) + b"X" * (len(name) % 3))
    )
    found, _ = open_all(tmp_path, medium)
    assert (len(found.records), found.unreadable) == (3, ())


def test_an_index_whose_every_file_is_missing_says_so(tmp_path, medium):
    for path in images(medium):
        path.unlink()
    with pytest.raises(InputError, match=r"It is missing: the index of the medium \(DICOMDIR\)"):
        scan([medium], workspace=tmp_path / "w")


def test_a_damaged_index_hides_nothing(tmp_path, medium):
    whole = (medium / "DICOMDIR").read_bytes()
    (medium / "DICOMDIR").write_bytes(whole[: len(whole) // 2])
    found, _ = open_all(tmp_path, medium)
    assert len(found.records) == 3
