"""Sums in half precision: as numpy would round them, and never what is no number."""

from __future__ import annotations

import numpy as np
import pytest

from app.inference.half_sums import HalfSums


def every_half() -> np.ndarray:
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    return halves[np.isfinite(halves)]


@pytest.mark.parametrize("scale", [0.0, 1e-7, 1e-4, 0.3, 40.0, 1000.0])
def test_as_numpy_rounds(scale):
    sums = every_half()
    sums = sums[np.abs(sums) < 60000.0]
    values = (np.random.default_rng(1).normal(0, 1, sums.shape) * scale).astype(np.float32)
    expected = (sums.astype(np.float32) + values).astype(np.float16)
    assert HalfSums(sums.size).add(sums, values)
    assert np.array_equal(sums, expected)


def test_ties_go_to_even():
    sums = np.asarray([2048.0, 2050.0, -2048.0], np.float16)
    assert HalfSums(3).add(sums, np.asarray([1.0, 1.0, -1.0], np.float32))
    assert sums.tolist() == [2048.0, 2052.0, -2048.0]


def test_a_part_of_an_array():
    ring = np.zeros((3, 4, 6, 8), np.float16)
    values = np.random.default_rng(2).random((2, 2, 3, 5), dtype=np.float32)
    assert HalfSums(100).add(ring[1:, 1:3, 2:5, 3:], values.copy())
    assert np.array_equal(ring[1:, 1:3, 2:5, 3:], values.astype(np.float16))
    assert np.count_nonzero(ring) == values.size


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 65520.0, -1e30])
def test_what_is_no_half_is_refused(bad):
    sums = np.ones(4, np.float16)
    assert not HalfSums(4).add(sums, np.asarray([0, 1, bad, 2], np.float32))
    assert sums.tolist() == [1, 1, 1, 1]
