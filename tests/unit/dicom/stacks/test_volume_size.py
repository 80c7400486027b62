"""A size is known before memory is allocated; a volume too large is refused with choices (D19)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.core.errors import TooLarge
from app.dicom.stacks import assemble as assembly
from app.dicom.stacks.assemble import assemble_volume
from app.dicom.stacks.stack_reader import StackReader
from app.dicom.stacks.volume_size import can_be_thinned, thinned, too_large, volume_bytes
from tests.support.opened import open_stack
from tests.support.synthetic_dicom import SeriesSpec, linear_hu, write_series, write_ultrasound


def test_the_size_is_that_of_the_voxels(tmp_path: Path) -> None:
    write_series(tmp_path / "plain", SeriesSpec(count=4))
    gap = [0.0, 2.0, 4.0, 8.0, 10.0]
    write_series(tmp_path / "gap", SeriesSpec(positions_mm=gap, study="gap", name="gap"))
    write_ultrasound(tmp_path / "echo" / "clip")
    for folder in ("plain", "gap", "echo"):
        study, series, stack = open_stack(tmp_path, tmp_path / folder)
        size = volume_bytes(StackReader(study, series, stack))
        assert size == assemble_volume(study, series, stack).voxels.nbytes


def test_each_nth_slice_is_a_volume_with_wider_steps(tmp_path: Path) -> None:
    write_series(tmp_path / "series", SeriesSpec(count=9))
    study, series, stack = open_stack(tmp_path, tmp_path / "series")
    thin = thinned(stack, 4)
    volume = assemble_volume(study, series, thin)
    whole = assemble_volume(study, series, stack)
    assert np.array_equal(volume.voxels, whole.voxels[::4])
    assert volume.geometry is not None
    point = volume.geometry.ijk_to_lps((3, 5, 2))
    assert volume.modality_values(2)[5, 3] == pytest.approx(linear_hu(point), abs=1)
    assert "only one slice in 4" in volume.warnings[-1].text


def test_d19_a_series_too_large_is_refused_before_allocation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_series(tmp_path / "series", SeriesSpec(count=8))
    study, series, stack = open_stack(tmp_path, tmp_path / "series")
    size = volume_bytes(StackReader(study, series, stack))
    monkeypatch.setattr(assembly, "memory_bytes", lambda: size)
    monkeypatch.setattr(assembly, "assemble", lambda *_, **__: pytest.fail("it was read"))
    with pytest.raises(TooLarge, match="one slice in 2, look at it image by image") as refused:
        assemble_volume(study, series, stack)
    assert refused.value.every == 2
    assert "каждый 2-й срез" in refused.value.text("ru")


def test_what_is_no_even_volume_is_not_thinned(tmp_path: Path) -> None:
    write_ultrasound(tmp_path / "clip")
    study, series, stack = open_stack(tmp_path, tmp_path / "clip")
    assert not can_be_thinned(stack)
    refusal = too_large(StackReader(study, series, stack), 10)
    assert refusal.every == 0
    assert "Look at it image by image" in str(refusal)
    with pytest.raises(ValueError, match="equal steps"):
        thinned(stack, 2)
