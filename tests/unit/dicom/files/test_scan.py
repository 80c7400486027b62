import contextlib
import errno
import io
import os
import tempfile
import zipfile
from pathlib import Path

import pytest

from app.core.errors import Cancelled, EnvironmentFault, InputError
from app.dicom.files import archive
from app.dicom.files.scan import scan, scan_files
from app.jobs.cancel import CancelToken
from tests.support.opened import open_all
from tests.support.synthetic_dicom import SeriesSpec, write_projection, write_series


def zip_of(path, files, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as opened:
        for name, content in files.items():
            opened.writestr(name, content)
    return path


@pytest.fixture
def slices(tmp_path):
    return write_series(tmp_path / "slices", SeriesSpec(count=3))


def test_files_by_content_never_by_name(tmp_path, slices):
    folder = tmp_path / "мои снимки"
    folder.mkdir()
    slices[0].rename(folder / "photo.jpg")
    slices[1].rename(folder / "no ending")
    whole = slices[2].read_bytes()
    (folder / "without preamble").write_bytes(whole[132:])
    (folder / "note.dcm").write_text("not an image at all, only a text that is long enough")
    (folder / "empty.dcm").write_bytes(b"")
    found, (study,) = open_all(tmp_path, folder)
    assert len(found.records) == 3
    assert found.seen == 5
    reasons = {file.path.name: file.reason for file in found.skipped}
    assert reasons["note.dcm"].en == "It is not a DICOM file."
    assert reasons["note.dcm"].ru == "Это не файл DICOM."
    assert reasons["empty.dcm"].en == "The file is empty."
    assert study.series[0].stacks[0].verdict == "ok"


@pytest.mark.parametrize(
    "compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_zip_in_a_zip_of_any_compression(tmp_path, slices, compression):
    inner = zip_of(tmp_path / "inner.zip", {"a": slices[0].read_bytes()}, compression)
    outer = zip_of(
        tmp_path / "outer.bin",
        {
            "deep/inner": inner.read_bytes(),
            "b": slices[1].read_bytes(),
            "../../c": slices[2].read_bytes(),
            "photo.png": b"\x89PNG....................",
        },
        compression,
    )
    found, (study,) = open_all(tmp_path, outer)
    assert study.series[0].frames == 3
    assert [str(file.path.name) for file in found.skipped] == ["photo.png"]
    written = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert all((tmp_path / "workspace") in p.parents for p in written if "archive-" in str(p))


def test_d19_members_cannot_leave_the_workspace(tmp_path, slices):
    outer = zip_of(tmp_path / "o.zip", {"/../../escaped": slices[0].read_bytes()})
    before = set(tmp_path.iterdir())
    scan([outer], workspace=tmp_path / "workspace")
    assert set(tmp_path.iterdir()) - before == {tmp_path / "workspace"}


def test_d19_bomb_by_ratio(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "RATIO_COUNTS_FROM_BYTES", 1 << 20)
    bomb = zip_of(tmp_path / "b.zip", {"zeros": bytes(64 << 20)})
    with pytest.raises(InputError, match="times its size") as caught:
        scan([bomb], workspace=tmp_path / "workspace")
    assert caught.value.ru
    assert sum(p.stat().st_size for p in (tmp_path / "workspace").rglob("*")) == 0


def test_d19_bomb_that_lies_about_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "RATIO_COUNTS_FROM_BYTES", 1 << 20)
    bomb = zip_of(tmp_path / "b.zip", {"zeros": bytes(64 << 20)})
    with zipfile.ZipFile(bomb) as opened:
        true_size = opened.infolist()[0].file_size.to_bytes(4, "little")
    bomb.write_bytes(bomb.read_bytes().replace(true_size, (1000).to_bytes(4, "little")))
    with pytest.raises(InputError):
        scan([bomb], workspace=tmp_path / "workspace")
    written = sum(p.stat().st_size for p in (tmp_path / "workspace").rglob("*") if p.is_file())
    assert written < 8 << 20


def test_d19_bomb_by_count_and_by_depth(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAXIMUM_MEMBERS", 50)
    many = zip_of(tmp_path / "many.zip", {str(n): b"x" for n in range(51)})
    with pytest.raises(InputError, match="more than 50 files"):
        scan([many], workspace=tmp_path / "workspace")
    nested = b"end"
    for _ in range(6):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as opened:
            opened.writestr("next", nested)
        nested = stream.getvalue()
    (tmp_path / "nested.zip").write_bytes(nested)
    with pytest.raises(InputError, match="deep in each other"):
        scan([tmp_path / "nested.zip"], workspace=tmp_path / "workspace")


def test_damaged_archive_is_listed_and_the_rest_opens(tmp_path, slices):
    broken = zip_of(tmp_path / "slices" / "broken.zip", {"a": b"x" * 5000})
    broken.write_bytes(broken.read_bytes()[:-30])
    found, _ = open_all(tmp_path, tmp_path / "slices")
    assert [(f.path.name, f.reason.en) for f in found.unreadable] == [
        ("broken.zip", "The archive is damaged.")
    ]
    assert len(found.records) == 3


def test_d12_truncated_files_are_named_and_the_rest_opens(tmp_path, slices):
    whole = slices[1].read_bytes()
    slices[1].write_bytes(whole[:-300])
    slices[2].write_bytes(whole[:200])
    found, _ = open_all(tmp_path, tmp_path / "slices")
    assert len(found.records) == 1
    assert len(found.unreadable) == 2
    reasons = {file.reason.en for file in found.unreadable}
    assert "The pixel data ends early: the file is cut short." in reasons
    assert all(file.reason.ru != file.reason.en for file in found.unreadable)


@pytest.mark.parametrize("length", range(0, 2200, 37))
def test_d12_no_cut_crashes_the_scan(tmp_path, slices, length):
    cut = tmp_path / "cut"
    cut.write_bytes(slices[0].read_bytes()[:length])
    found = scan_files([cut], workspace=tmp_path / "workspace")
    # Cut just between two elements it is the header of an image, stored alone.
    assert not any(record.frames for record in found.records)
    named = [*found.records, *found.skipped, *found.unreadable]
    assert len(named) == 1
    if not found.records:
        with pytest.raises(InputError, match="no readable DICOM object in cut") as caught:
            scan([cut], workspace=tmp_path / "workspace")
        assert caught.value.hint_ru


def test_the_same_object_twice_is_read_once(tmp_path, slices):
    copy = tmp_path / "slices" / "copy"
    copy.write_bytes(slices[0].read_bytes())
    found, _ = open_all(tmp_path, tmp_path / "slices")
    assert len(found.records) == 3
    assert "already read" in found.skipped[0].reason.en


def test_one_uid_on_different_images_loses_none(tmp_path):
    def same(ds, n):
        ds.SOPInstanceUID = "1.2.3"

    write_series(tmp_path / "ct", SeriesSpec(change=same))
    found, (study,) = open_all(tmp_path, tmp_path / "ct")
    assert len(found.records) == 8
    assert study.series[0].stacks[0].verdict == "ok"


def test_missing_uids_are_made_up_and_stay_the_same(tmp_path):
    def bare(ds, n):
        ds.StudyInstanceUID = ""
        del ds.SeriesInstanceUID
        ds.SOPInstanceUID = ""

    write_series(tmp_path / "ct", SeriesSpec(change=bare))
    _, (study,) = open_all(tmp_path, tmp_path / "ct")
    _, (again,) = open_all(tmp_path / "again", tmp_path / "ct")
    assert again == study
    stack = study.series[0].stacks[0]
    assert stack.verdict == "ok"
    assert {w.code for w in stack.warnings} == {"D12"}


def test_nothing_readable_is_one_sentence(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="It holds no file"):
        scan([tmp_path / "folder"], workspace=tmp_path / "w")
    (tmp_path / "folder" / "a.txt").write_text("hello")
    with pytest.raises(InputError, match="It is not a DICOM file"):
        scan([tmp_path / "folder"], workspace=tmp_path / "w")
    with pytest.raises(InputError, match="does not exist"):
        scan([tmp_path / "nowhere"], workspace=tmp_path / "w")


def test_cancel(tmp_path, slices):
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        scan(slices, workspace=tmp_path / "w", cancel=token)


def test_d10_names_in_many_scripts(tmp_path):
    def russian(ds):
        ds.SpecificCharacterSet = "ISO_IR 144"
        ds.PatientName = "Иванов^Иван"

    def japanese(ds):
        ds.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
        ds.PatientName = "Yamada^Tarou=山田^太郎=やまだ^たろう"

    def undeclared(ds):
        ds.SpecificCharacterSet = "ISO_IR 192"
        ds.PatientName = "Müller^Jörg"

    expected = {"russian": "Иванов^Иван", "japanese": "Yamada^Tarou=山田^太郎=やまだ^たろう"}
    for change in (russian, japanese, undeclared):
        path = write_projection(tmp_path / change.__name__, change=change)
        if change is undeclared:
            path.write_bytes(path.read_bytes().replace(b"ISO_IR 192", b"ISO_IR 6  "))
        (record,) = scan([path], workspace=tmp_path / "w").records
        assert record.patient.name == expected.get(change.__name__, "Müller^Jörg")
        assert "Müller" not in repr(record.patient)


def write_index(folder):
    def index(ds):
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"

    return write_projection(folder / "DICOMDIR", change=index)


def test_an_index_is_no_object_but_opens_its_medium(tmp_path, slices):
    index = write_index(tmp_path / "slices")
    found, _ = open_all(tmp_path, tmp_path / "slices")
    assert len(found.records) == 3
    assert "DICOMDIR" in found.skipped[0].reason.en
    by_index, _ = open_all(tmp_path, index)
    assert by_index == found


def test_a_full_disk_is_a_fault_of_the_machine(tmp_path, slices, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archive.Unpacker, "_extract", full)
    outer = zip_of(tmp_path / "o.zip", {"a": slices[0].read_bytes()})
    with pytest.raises(EnvironmentFault, match="not enough space") as caught:
        scan([outer], workspace=tmp_path / "w")
    assert caught.value.exit_code == 4


def test_d19_a_bomb_in_a_folder_is_named_and_the_rest_opens(tmp_path, slices, monkeypatch):
    monkeypatch.setattr(archive, "RATIO_COUNTS_FROM_BYTES", 1 << 20)
    bomb = zip_of(slices[0].parent / "b.zip", {"zeros": bytes(64 << 20)})
    found = scan([bomb.parent], workspace=tmp_path / "workspace")
    assert len(found.records) == 3
    (named,) = found.unreadable
    assert named.path == bomb
    assert "was not unpacked" in named.reason.en


@pytest.fixture
def unprivileged():
    """A folder that an ordinary user can enter, and the rights of such a user."""
    if os.name != "posix":
        pytest.skip("rights of POSIX files")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        for path in folder.rglob("*"):
            path.chmod(0o755)


@contextlib.contextmanager
def ordinary_user():
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(was)


def test_what_may_not_be_opened_is_named_and_the_rest_opens(tmp_path, unprivileged):
    closed = unprivileged / "closed"
    write_series(closed, SeriesSpec(count=2))
    open_one, closed_one, *_ = write_series(unprivileged / "open", SeriesSpec(count=2))
    open_one.parent.chmod(0o755)
    open_one.chmod(0o644)
    closed_one.chmod(0)
    closed.chmod(0)
    with ordinary_user():
        found = scan([unprivileged], workspace=tmp_path / "workspace")
    assert [record.instance.path for record in found.records] == [open_one]
    assert {file.path for file in found.unreadable} == {closed, closed_one}
    assert all("cannot be opened" in file.reason.en for file in found.unreadable)
