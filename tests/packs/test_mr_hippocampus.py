"""mr-hippocampus on drawn crops, in the reader's box, on what is no brain, and on shared data."""

from __future__ import annotations

import csv
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from app.config.folders import built_in_packs_folder
from app.core.errors import InputError, ResultRefused
from app.core.geometry import Geometry
from app.core.reader_input import NamedBox, ReaderInput
from app.core.study import SeriesRef
from app.core.volume import Rescale, Volume
from app.imaging.nifti import read_nifti
from app.inference.golden import overlap
from app.inference.pack_store import PackStore
from app.inference.run_context import RunContext
from app.inference.worker import InferenceProcess
from tests.support.shared_data import shared

LEFT, RIGHT, UNSIDED = (1, 2), (3, 4), (5, 6)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return PackStore(built_in_packs_folder(), tmp_path_factory.mktemp("user")).get("mr-hippocampus")


@pytest.fixture(scope="module")
def process():
    process = InferenceProcess(device="cpu", threads=2)
    yield process
    process.close()


@pytest.fixture(scope="module")
def drawn(installed):
    """The golden crop and the labels that it gives."""
    folder = installed.folder / "golden"
    values, geometry = read_nifti(folder / "input.nii.gz")
    return values, geometry, read_nifti(folder / "expected.nii.gz")[0]


def _volume(values: np.ndarray, geometry: Geometry) -> Volume:
    return Volume(values, geometry, Rescale(), "arbitrary", SeriesRef("1", "2", 0))


def _in_a_larger_image(drawn) -> tuple[np.ndarray, Geometry]:
    """The drawn crop in the middle of 100 mm of white matter."""
    values, geometry, _ = drawn
    low = [(100 - n) // 2 for n in values.shape]
    large = np.full((100, 100, 100), int(np.median(values)), values.dtype)
    inner = tuple(slice(a, a + n) for a, n in zip(low, values.shape, strict=True))
    large[inner] = values
    first = geometry.ijk_to_lps([-n for n in reversed(low)])
    return large, Geometry.from_arrays((100,) * 3, (1, 1, 1), first, geometry.direction, "")


def _box(name: str, drawn) -> ReaderInput:
    _, geometry, _ = drawn
    corners = geometry.corners_lps()
    low, high = (tuple(float(n) for n in c) for c in (corners.min(axis=0), corners.max(axis=0)))
    return ReaderInput(boxes=(NamedBox(name, (low, high)),))


def test_a_crop_is_read_whole_and_carries_no_side(installed, process, drawn):
    values, geometry, expected = drawn
    result = process.run(installed, _volume(values, geometry))
    filled = {index for index, mask in result.masks if mask.any()}
    assert filled == set(UNSIDED)
    assert overlap(result.mask(5), expected == 5) > 0.98
    assert "side is not known" in result.notes[-1].en


@pytest.mark.parametrize(("side", "labels"), [("left", LEFT), ("right", RIGHT)])
def test_the_readers_box_is_used_and_names_the_side(installed, process, drawn, side, labels):
    large, geometry = _in_a_larger_image(drawn)
    reader = _box(f"{side} hippocampus", drawn)
    result = process.run(installed, _volume(large, geometry), context=RunContext(reader=reader))
    assert {index for index, mask in result.masks if mask.any()} == set(labels)
    expected = np.zeros(large.shape, np.uint8)
    low = [(100 - n) // 2 for n in drawn[2].shape]
    expected[tuple(slice(a, a + n) for a, n in zip(low, drawn[2].shape, strict=True))] = drawn[2]
    assert overlap(result.mask(labels[0]), expected == UNSIDED[0]) > 0.85
    assert overlap(result.mask(labels[1]), expected == UNSIDED[1]) > 0.85
    (box,) = result.boxes
    given = geometry.lps_to_ijk(np.array(reader.boxes[0].lps))
    assert np.allclose([box.lower_ijk, box.upper_ijk], [given.min(0), given.max(0)], atol=0.01)
    assert result.landmarks[0].name == f"{side} hippocampus"
    assert result.reader_input_sha256


def test_a_box_of_the_wrong_size_is_named(installed, process, drawn):
    large, geometry = _in_a_larger_image(drawn)
    reader = ReaderInput(boxes=(NamedBox("left hippocampus", ((0, 0, 0), (9, 30, 30))),))
    with pytest.raises(InputError, match="edges of 9 x 30 x 30 mm"):
        process.run(installed, _volume(large, geometry), context=RunContext(reader=reader))


def test_what_is_no_brain_is_refused_and_the_box_is_asked_for(installed, process):
    z, y, x = np.mgrid[-40:40, -40:40, -40:40] * 2.0
    ball = (np.sqrt(x**2 + (y / 1.2) ** 2 + z**2) < 65) * 100.0
    ball[np.sqrt((np.abs(x) - 28) ** 2 + y**2 + z**2) < 14] = 50
    grid = Geometry.from_arrays((80,) * 3, (2, 2, 2), (0, 0, 0), np.eye(3), "")
    with pytest.raises(ResultRefused, match="not found for certain") as refused:
        process.run(installed, _volume(ball.astype(np.int16), grid))
    assert '"left hippocampus", "right hippocampus"' in refused.value.hint
    assert refused.value.ru


def test_a_crop_that_lies_upside_down_is_refused(installed, process, drawn):
    values, geometry, _ = drawn
    with pytest.raises(ResultRefused):
        process.run(installed, _volume(values[:, ::-1].copy(), geometry))


def test_crops_of_the_shared_data(installed, process):
    folder = shared("data/mr-hippocampus")
    with (folder / "hippocampus.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "val"][:3]
    with zipfile.ZipFile(folder / "hippocampus.zip") as archive:
        for row in rows:
            image, labels = (_read(archive, row[name]) for name in ("image", "label"))
            result = process.run(installed, _volume(*image))
            found = (result.mask(5) > 0) | (result.mask(6) > 0)
            assert overlap(found, labels[0] > 0) > 0.85, row["id"]


def _read(archive: zipfile.ZipFile, name: str) -> tuple[np.ndarray, Geometry]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / Path(name).name
        path.write_bytes(archive.read(name))
        return read_nifti(path)


def test_body_mr_of_the_shared_data_is_refused(installed, process):
    values, geometry = read_nifti(shared("data/studies/organ-masks") / "example_mr_sm.nii.gz")
    with pytest.raises(ResultRefused):
        process.run(installed, _volume(values, geometry))
