"""Deflated datasets are read within a limit (D19)."""

from __future__ import annotations

import zlib
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from app.core.errors import AppError
from app.dicom import inflation
from app.dicom.headers import read_dataset
from app.dicom.inflation import inflated
from app.dicom.scan import scan
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
        monkeypatch.setattr(inflation, name, 100_000)
    with pytest.raises(AppError, match="cannot be read"):
        read_dataset(deflated)
    with pytest.raises(AppError, match="damaged"):
        scan([deflated], workspace=tmp_path / "workspace")
