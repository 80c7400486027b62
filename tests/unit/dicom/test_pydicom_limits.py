"""What pydicom does without a limit ends within one (D19)."""

from __future__ import annotations

import time
import zlib
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from app.core.errors import AppError
from app.dicom import pydicom_limits
from app.dicom.files.headers import read_dataset
from app.dicom.files.scan import scan
from app.dicom.pydicom_limits import inflated
from tests.support.synthetic_dicom import SeriesSpec, write_series


@pytest.fixture
def deflated(tmp_path: Path) -> Path:
    (path,) = write_series(tmp_path, SeriesSpec(count=1, rows=512, columns=512))
    ds = pydicom.dcmread(path)
    ds.PixelData = bytes(len(ds.PixelData))
    ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    ds.save_as(path, enforce_file_format=True)
    return path


def test_what_is_within_the_limit_is_as_by_zlib(deflated: Path) -> None:
    raw = zlib.compress(b"abc" * 1000)
    assert inflated(raw) == zlib.decompress(raw)
    assert len(read_dataset(deflated).PixelData) == 512 * 512 * 2
    with pytest.raises(zlib.error, match="truncated"):
        inflated(raw[:-5])


def test_d19_what_unpacks_beyond_the_limit_is_refused(
    deflated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_ALWAYS_ALLOWED", "_USUALLY_ALLOWED"):
        monkeypatch.setattr(pydicom_limits, name, 100_000)
    with pytest.raises(AppError, match="cannot be read"):
        read_dataset(deflated)
    with pytest.raises(AppError, match="damaged"):
        scan([deflated], workspace=tmp_path / "workspace")


@pytest.mark.parametrize("tag", [b"\x02\0\0\0", b"\x08\0\x60\0"], ids=["meta", "modality"])
def test_d19_deep_sequences_are_not_printed(tmp_path: Path, tag: bytes) -> None:
    (path,) = write_series(tmp_path / "in", SeriesSpec(count=1))
    data = path.read_bytes()
    depth = 300
    opening = tag + b"SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    closing = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    at = 132 if tag[0] == 2 else data.index(tag + b"CS")
    crafted = tmp_path / "crafted"
    crafted.write_bytes(data[:at] + opening * depth + closing * depth + data[at:])
    begin = time.process_time()
    try:
        found = scan([crafted], workspace=tmp_path / "workspace")
    except AppError:
        found = None
    assert found is None or found.records
    assert time.process_time() - begin < 20
    assert str(pydicom.Sequence([pydicom.Dataset()])) == "<sequence of 1>"
