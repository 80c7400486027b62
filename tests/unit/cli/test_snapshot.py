"""The verb ``snapshot``: exact pixels of the frame asked for, or one sentence why not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.cli.main import run
from app.imaging.voi import apply_window
from tests.support.synthetic_dicom import SeriesSpec, linear_hu, write_projection, write_series


@pytest.fixture
def ct(tmp_path: Path) -> Path:
    write_series(tmp_path / "ct", SeriesSpec(count=6, rows=24, columns=20))
    return tmp_path / "ct"


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture).astype(int)


def test_native_size_of_square_pixels_is_exact(tmp_path: Path) -> None:
    spec = SeriesSpec(count=6, rows=24, columns=20, pixel_spacing=(0.7, 0.7))
    write_series(tmp_path / "ct", spec)
    out = tmp_path / "frame.png"
    assert run(["snapshot", str(tmp_path / "ct"), "--frame", "3", "--window", "400", "40",
                "--out", str(out)]) == 0  # fmt: skip
    shown = _pixels(out)
    jj, ii = np.meshgrid(np.arange(24), np.arange(20), indexing="ij")
    x, y, z = spec.origin_lps
    points = np.stack((x + ii * 0.7, y + jj * 0.7, np.full(ii.shape, z + 2 * 2.0)), axis=-1)
    expected = apply_window(linear_hu(points), 40, 400).astype(int)
    assert np.abs(shown - expected).max() <= 1  # the file holds whole numbers


@pytest.mark.parametrize(("plane", "size"), [("coronal", (20, 17)), ("sagittal", (24, 15))])
def test_planes_have_true_aspect(ct: Path, tmp_path: Path, plane: str, size: tuple) -> None:
    out = tmp_path / "plane.png"
    assert run(["snapshot", str(ct), "--plane", plane, "--out", str(out)]) == 0
    assert _pixels(out).shape == size[::-1]


@pytest.mark.parametrize(
    "more", [["--frame", "0"], ["--frame", "7"], ["--series", "1.2.3"], ["--stack", "4"]]
)
def test_what_is_not_there_is_said(ct: Path, tmp_path: Path, more: list, capsys) -> None:
    assert run(["snapshot", str(ct), *more, "--out", str(tmp_path / "x.png")]) == 3
    assert capsys.readouterr().err.startswith("overread: ")
    assert not (tmp_path / "x.png").exists()


def test_a_film_has_no_planes(tmp_path: Path, capsys) -> None:
    write_projection(tmp_path / "film.dcm")
    arguments = ["snapshot", str(tmp_path / "film.dcm"), "--out", str(tmp_path / "x.png")]
    assert run(arguments) == 0
    assert run([*arguments, "--plane", "axial"]) == 3
    assert "no planes" in capsys.readouterr().err


@pytest.mark.parametrize(
    "more",
    [["--window", "0", "40"], ["--window", "-5", "40"], ["--window", "nan", "3"],
     ["--size", "0", "9"], ["--size", "999999", "9"]],
)  # fmt: skip
def test_i02_a_window_without_width_is_refused(
    ct: Path, tmp_path: Path, more: list, capsys
) -> None:
    assert run(["snapshot", str(ct), *more, "--out", str(tmp_path / "x.png")]) == 2
    assert more[0] in capsys.readouterr().err
    assert not (tmp_path / "x.png").exists()


def test_i02_a_window_below_one_is_exact(ct: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.png"
    assert run(["snapshot", str(ct), "--window", "0.5", "40.25", "--out", str(out)]) == 0
    assert set(np.unique(_pixels(out))) <= {0, 128, 255}
