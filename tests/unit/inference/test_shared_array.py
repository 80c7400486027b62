"""Arrays between processes: the same bytes on both sides, nothing left behind."""

from __future__ import annotations

import errno
import os
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
    assert not Path(one.place.path).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="open files keep their names there")
def test_without_its_name_the_array_lives_on():
    one = SharedArray.create((10,), np.uint8)
    one.unlink()
    one.array[3] = 7
    assert one.array.sum() == 7
    one.close()


@pytest.mark.skipif(sys.platform == "win32", reason="rights of POSIX")
def test_only_the_user_may_read_it():
    one = SharedArray.create((10,), np.uint8)
    assert os.stat(one.place.path).st_mode & 0o077 == 0  # noqa: PTH116
    one.close()


@pytest.mark.parametrize(
    ("code", "kind"), [(errno.ENOSPC, DiskFull), (errno.EACCES, EnvironmentFault)]
)
def test_no_space_is_an_error_in_words(monkeypatch, code, kind):
    before = SharedArray.create((1,), np.uint8)
    folder = Path(before.place.path).parent
    before.close()
    names = set(folder.glob("overread-*.raw"))

    def refuse(handle, size):
        raise OSError(code, "no")

    monkeypatch.setattr(shared_array, "_reserve", refuse)
    with pytest.raises(kind):
        SharedArray.create((1000,), np.uint8)
    assert set(folder.glob("overread-*.raw")) <= names
