"""Arrays between processes: the same bytes on both sides, nothing left behind."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import numpy as np
import pytest

from app.core.errors import DiskFull, EnvironmentFault
from app.inference import shared_array
from app.inference.shared_array import SharedArray


def test_both_sides_see_the_same():
    one = SharedArray.create((2, 3, 4), np.int16)
    one.array[...] = np.arange(24).reshape(2, 3, 4)
    two = SharedArray.open(one.place)
    assert np.array_equal(two.array, np.arange(24).reshape(2, 3, 4))
    two.array[0, 0, 0] = -5
    assert one.array[0, 0, 0] == -5
    two.close()
    one.close()


@pytest.mark.skipif(sys.platform == "win32", reason="open files keep their names there")
def test_without_its_name_the_array_lives_on():
    one = SharedArray.create((10,), np.uint8)
    one.unlink()
    one.array[3] = 7
    assert one.array.sum() == 7
    one.close()


@pytest.fixture(params=["memory", "file"])
def kind_of_place(request, monkeypatch, tmp_path):
    """Both ways to share, where the system has both."""
    monkeypatch.setattr(shared_array.tempfile, "tempdir", str(tmp_path))
    if request.param == "file":
        monkeypatch.setattr(shared_array, "_OWN_FILES", tmp_path / "absent")
    return request.param


def test_nothing_is_left_behind(kind_of_place, tmp_path):
    one = SharedArray.create((5, 6), np.float32)
    two = SharedArray.open(one.place)
    one.array[2, 3] = 1.5
    assert two.array[2, 3] == 1.5
    two.close()
    one.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="rights of POSIX")
def test_only_the_user_may_read_the_file(monkeypatch, tmp_path):
    monkeypatch.setattr(shared_array, "_OWN_FILES", tmp_path / "absent")
    one = SharedArray.create((10,), np.uint8)
    assert Path(one.place.path).stat().st_mode & 0o077 == 0
    one.close()


@pytest.mark.parametrize(
    ("code", "kind"), [(errno.ENOSPC, DiskFull), (errno.EACCES, EnvironmentFault)]
)
def test_no_space_is_an_error_in_words(monkeypatch, tmp_path, code, kind):
    def refuse(handle, size):
        raise OSError(code, "no")

    monkeypatch.setattr(shared_array.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(shared_array, "_OWN_FILES", tmp_path / "absent")
    monkeypatch.setattr(shared_array, "_reserve", refuse)
    with pytest.raises(kind):
        SharedArray.create((1000,), np.uint8)
    assert list(tmp_path.iterdir()) == []
