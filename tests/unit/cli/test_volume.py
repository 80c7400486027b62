"""``overread volume`` writes each slice, or one in so many where memory is short."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from app.cli.main import run
from app.imaging.nifti import read_nifti
from tests.support.synthetic_dicom import SeriesSpec, uid, write_series


def test_one_slice_in_so_many(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_series(tmp_path / "series", SeriesSpec(count=7))
    series = ["volume", str(tmp_path / "series"), "--series", uid("study", "series")]
    assert run([*series, "--out", str(tmp_path / "all.nii.gz")]) == 0
    assert run([*series, "--every", "3", "--out", str(tmp_path / "thin.nii.gz")]) == 0
    (every, wide), (some, thin) = (
        read_nifti(tmp_path / "all.nii.gz"),
        read_nifti(tmp_path / "thin.nii.gz"),
    )
    assert np.array_equal(some, every[::3])
    assert thin.spacing_ijk[2] == pytest.approx(3 * wide.spacing_ijk[2])
    assert run([*series, "--every", "9", "--out", str(tmp_path / "none.nii.gz")]) == 3
    assert "one slice in 9" in capsys.readouterr().err


def test_g11_images_that_are_no_volume_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_series(tmp_path / "series", SeriesSpec(positions_mm=[0, 0, 0]))
    series = ["volume", str(tmp_path / "series"), "--series", uid("study", "series")]
    assert run([*series, "--out", str(tmp_path / "all.nii.gz")]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert "no volume" in told.err


@pytest.mark.parametrize("verb", ["volume", "snapshot"])
def test_d16_what_is_not_shown_is_refused_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    def as_slide(ds: Dataset, _: int) -> None:
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.6"

    write_series(tmp_path / "slide", SeriesSpec(count=1, change=as_slide))
    out = tmp_path / ("x.png" if verb == "snapshot" else "x.nii.gz")
    series = ["--series", uid("study", "series"), "--out", str(out)]
    assert run([verb, str(tmp_path / "slide"), *series]) == 3
    assert "Whole-slide microscopy is not supported" in capsys.readouterr().err
    assert not out.exists()
