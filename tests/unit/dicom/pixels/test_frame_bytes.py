"""The bytes of one frame from disk: fragments with and without offset tables, changed files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import RLELossless

from app.core.errors import DicomReadError
from app.dicom.pixels.frame_bytes import image_header, quick_image_header
from app.dicom.stacks.assemble import assemble_volume
from app.dicom.stacks.stack_reader import StackReader
from tests.support.opened import open_stack
from tests.support.synthetic_dicom import SeriesSpec, write_series, write_ultrasound

FRAMES = 7


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_ultrasound(tmp_path / "plain" / "clip", frames=FRAMES)


def packed(clip: Path, name: str, *, has_bot: bool, fragments: int = 1) -> Path:
    ds = pydicom.dcmread(clip)
    ds.compress(RLELossless, generate_instance_uid=False)
    frames = list(generate_frames(ds.PixelData, number_of_frames=FRAMES))
    ds.PixelData = encapsulate(frames, has_bot=has_bot, fragments_per_frame=fragments)
    path = clip.parent.parent / name / "clip"
    path.parent.mkdir()
    ds.save_as(path)
    return path


@pytest.mark.parametrize(
    ("has_bot", "fragments"), [(True, 1), (False, 1), (True, 2)], ids=["table", "none", "pieces"]
)
def test_frames_of_one_or_several_fragments(
    clip: Path, tmp_path: Path, has_bot: bool, fragments: int
) -> None:
    path = packed(clip, "packed", has_bot=has_bot, fragments=fragments)
    expected = assemble_volume(*open_stack(tmp_path, clip))
    assert np.array_equal(assemble_volume(*open_stack(tmp_path, path)).voxels, expected.voxels)
    reader = StackReader(*open_stack(tmp_path, path))
    for n in (5, 0, 6):
        assert np.array_equal(reader.read_frame(n), expected.voxels[n])


def test_a_file_that_was_cut_after_it_was_listed_says_so(clip: Path, tmp_path: Path) -> None:
    path = packed(clip, "packed", has_bot=False)
    stack = open_stack(tmp_path, path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(DicomReadError, match="cannot be shown"):
        StackReader(*stack).read_frame(FRAMES - 1)


def test_another_file_at_the_same_place_is_read_anew(clip: Path, tmp_path: Path) -> None:
    path = packed(clip, "packed", has_bot=False)
    stack = open_stack(tmp_path, path)
    before = StackReader(*stack).read_frame(3)
    ds = pydicom.dcmread(path)
    frames = list(generate_frames(ds.PixelData, number_of_frames=FRAMES))
    ds.PixelData = encapsulate(frames[::-1], has_bot=False)
    ds.save_as(path)
    assert np.array_equal(StackReader(*stack).read_frame(3), before)
    assert not np.array_equal(StackReader(*stack).read_frame(0), before)


def test_both_readers_of_headers_find_the_pixels_at_one_place(tmp_path: Path) -> None:
    (path,) = write_series(tmp_path, SeriesSpec(count=1))
    quick = quick_image_header(path)
    assert quick is not None
    assert quick.place == image_header(path).place
    assert "PixelData" not in quick.dataset
