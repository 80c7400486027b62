"""Opening a CT side by side with ITK's reader of the same files, in one run."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from app.dicom.assemble import assemble_volume
from app.dicom.stack_reader import StackReader
from tests.support.opened import open_stack
from tests.support.synthetic_dicom import SeriesSpec, write_series

SLICES = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("ct")
    write_series(target / "series", SeriesSpec(count=SLICES, rows=512, columns=512))
    return target


def _best(work: Callable[[], object], repeats: int = 3) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def test_a_volume_is_assembled_about_as_fast_as_by_itk(folder: Path) -> None:
    study, series, stack = open_stack(folder, folder / "series")
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder / "series"))
    theirs_volume = sitk.GetArrayFromImage(sitk.ReadImage(names))
    ours_volume = assemble_volume(study, series, stack)
    assert np.array_equal(ours_volume.modality_values(), theirs_volume)
    ours = _best(lambda: assemble_volume(study, series, stack))
    theirs = _best(lambda: sitk.ReadImage(names))
    assert ours < 3 * theirs, (ours, theirs)


def test_the_first_image_does_not_wait_for_the_series(folder: Path) -> None:
    study, series, stack = open_stack(folder, folder / "series")
    whole = _best(lambda: assemble_volume(study, series, stack))
    first = _best(lambda: StackReader(study, series, stack).read_frame(SLICES // 2))
    assert first < whole / 2, (first, whole)
