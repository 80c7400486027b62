"""The quick reader of headers never disagrees with pydicom: it says the same or declines."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

import pydicom
import pytest

from app.core.errors import AppError
from app.dicom.files import headers
from app.dicom.files.header_memory import forget, remembered
from app.dicom.files.quick_header import QuickHeader, quick_header
from app.dicom.tolerant import MALFORMED, quiet
from tests.support.shared_data import shared
from tests.support.synthetic_dicom import (
    SeriesSpec,
    write_enhanced_mr,
    write_projection,
    write_series,
    write_ultrasound,
)

CORPUS = ("pydicom.zip", "highdicom.zip")


def outcome(data: bytes, path: Path) -> object:
    """The record, or the error in words."""
    try:
        return headers.read_header(io.BytesIO(data), path, len(data))
    except AppError as error:
        return str(error)


def assert_same(data: bytes, path: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the quick reader took the file; what it says is what pydicom says."""
    with quiet():
        quick = quick_header(data, len(data))
    ours = outcome(data, path)
    with monkeypatch.context() as patch:
        patch.setattr(headers, "quick_header", lambda *_: None)
        theirs = outcome(data, path)
    assert ours == theirs, path
    if quick is not None:
        with quiet():
            assert_same_elements(data, quick)
    return quick is not None


def assert_same_elements(data: bytes, quick: QuickHeader) -> None:
    full = pydicom.dcmread(io.BytesIO(data), force=True, stop_before_pixels=True)
    assert list(quick.dataset.keys()) == list(full.keys())
    for ours, theirs in ((quick.dataset, full), (quick.dataset.file_meta, full.file_meta)):
        for tag, _ in theirs.items():
            try:
                expected = theirs[tag].value
            except MALFORMED:
                continue
            assert ours[tag].value == expected, tag
            keyword = theirs[tag].keyword
            if keyword:
                assert ours.get(keyword) == expected, keyword


@pytest.fixture
def seeds(tmp_path: Path) -> list[Path]:
    write_series(tmp_path / "ct", SeriesSpec(count=3))
    write_series(tmp_path / "mr", SeriesSpec(count=2, modality="MR", name="mr"))
    write_projection(tmp_path / "film")
    write_ultrasound(tmp_path / "echo")
    write_enhanced_mr(tmp_path / "enhanced")
    return [path for path in tmp_path.rglob("*") if path.is_file()]


def test_ordinary_files_are_read_quickly_and_alike(
    seeds: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in seeds:
        taken = assert_same(path.read_bytes(), path, monkeypatch)
        assert taken or path.name == "enhanced"


def test_damaged_headers_are_read_alike(seeds: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(5)
    for path in seeds:
        data = path.read_bytes()
        for _ in range(40):
            changed = bytearray(data)
            for _ in range(chance.choice((1, 1, 2, 5))):
                at = chance.randrange(132, min(len(data), 1200))
                changed[at] = chance.choice((0, 0xFF, changed[at] ^ 1 << chance.randrange(8)))
            assert_same(bytes(changed), path, monkeypatch)


@pytest.mark.parametrize("archive", CORPUS)
def test_the_corpus_is_read_alike(archive: str, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = 0
    with zipfile.ZipFile(shared(f"data/dicom-corpus/{archive}")) as opened:
        for entry in opened.infolist():
            if entry.file_size and entry.file_size < 2**20:
                taken += assert_same(opened.read(entry), Path(entry.filename), monkeypatch)
    assert taken > 10


def test_a_part_of_a_header_is_declined(seeds: list[Path]) -> None:
    data = seeds[0].read_bytes()
    assert quick_header(data[:400], len(data)) is None
    assert quick_header(b"", 0) is None


def quick(path: Path) -> QuickHeader:
    data = path.read_bytes()
    found = quick_header(data, len(data))
    assert found is not None
    return found


def test_a_remembered_result_follows_what_was_looked_at(tmp_path: Path) -> None:
    forget()
    calls: list[str] = []

    @remembered
    def place_and_name(ds: pydicom.Dataset) -> tuple[str, ...]:
        calls.append(str(ds.get("InstanceNumber")))
        if ds.get("InstanceNumber") == 2:
            return (str(ds.get("ImagePositionPatient")),)
        return (str(ds.Modality), str(0x00200013 in ds), str(ds.get("KVP")))

    first, second, third = sorted(
        write_series(tmp_path, SeriesSpec(count=3)), key=lambda path: path.name[-1]
    )
    one, two, three = quick(first).dataset, quick(second).dataset, quick(third).dataset
    assert place_and_name(one) == place_and_name(quick(first).dataset) == ("CT", "True", "120.0")
    assert calls == ["1"]
    assert place_and_name(two) == (str(two.ImagePositionPatient),)
    assert place_and_name(three) == ("CT", "True", "120.0")
    assert calls == ["1", "2", "3"]


def test_a_remembered_result_counts_for_the_one_that_uses_it(tmp_path: Path) -> None:
    forget()

    @remembered
    def inner(ds: pydicom.Dataset) -> str:
        return str(ds.get("InstanceNumber"))

    @remembered
    def outer(ds: pydicom.Dataset) -> str:
        return inner(ds) + str(ds.get("Modality"))

    paths = write_series(tmp_path, SeriesSpec(count=3))
    found = [quick(path).dataset for path in paths]
    assert [inner(ds) for ds in found] == ["1", "2", "3"]
    assert [outer(ds) for ds in found] == ["1CT", "2CT", "3CT"]
    assert [outer(ds) for ds in found] == ["1CT", "2CT", "3CT"]
