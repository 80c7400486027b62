"""Volumes in memory stay within their budget."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from app.core.errors import InputError
from app.core.study import SeriesRef
from app.core.volume import Rescale, Volume
from app.workflow.volume_cache import VolumeCache, find_stack, volume_key
from tests.support.domain import STUDY_UID, header_study
from tests.unit.workflow.conftest import REF


def _volume(n: int) -> Volume:
    return Volume(np.zeros((n, 10, 10), np.int16), None, Rescale(), "HU", REF)


def test_the_one_used_longest_ago_goes() -> None:
    cache = VolumeCache(budget_bytes=450)
    a, b, c = ((SeriesRef("1", str(n)), "") for n in range(3))
    cache.put(a, _volume(1))
    cache.put(b, _volume(1))
    assert cache.get(a) is not None
    cache.put(c, _volume(1))
    assert cache.get(b) is None
    assert cache.get(a) is not None
    assert cache.size_bytes == 400
    cache.clear()
    assert cache.get(a) is None


def test_the_newest_stays_however_large() -> None:
    cache = VolumeCache(budget_bytes=10)
    key = (REF, "")
    cache.put(key, _volume(5))
    assert cache.get(key) is not None


def test_what_somebody_holds_counts_and_comes_back() -> None:
    cache = VolumeCache(budget_bytes=450)
    keys = [(SeriesRef("1", str(n)), "") for n in range(3)]
    shown = _volume(1)
    cache.put(keys[0], shown)
    cache.put(keys[1], _volume(1))
    with cache.reserved(250) as fits:
        assert fits
        assert cache.size_bytes == 450
        assert cache.get(keys[1]) is None
    assert cache.get(keys[0]) is shown
    assert cache.free_bytes == 250


def test_what_is_visible_is_not_taken_away_for_more() -> None:
    cache = VolumeCache(budget_bytes=450)
    shown = _volume(2)
    cache.put((SeriesRef("1", "0"), ""), shown)
    with cache.reserved(100) as fits:
        assert not fits
    assert cache.get((SeriesRef("1", "0"), "")) is shown
    del shown
    cache.clear()
    assert cache.size_bytes == 0


def test_a_promise_ends_with_its_reading() -> None:
    cache = VolumeCache(budget_bytes=450)
    with cache.reserved(300) as first, cache.reserved(300) as second:
        assert (first, second) == (True, False)
    with cache.reserved(300) as again:
        assert again
    with pytest.raises(MemoryError), cache.reserved(300):
        raise MemoryError
    assert cache.size_bytes == 0


def test_a_stack_is_found_by_its_reference_only() -> None:
    study = header_study()
    _series, stack = find_stack(study, REF)
    assert volume_key(REF, stack)[0] == REF
    assert str(stack.frames[0].instance.path) in volume_key(REF, stack)[1]
    for wrong in (
        SeriesRef("9", f"{STUDY_UID}.1"),
        SeriesRef(STUDY_UID, "9"),
        SeriesRef(STUDY_UID, f"{STUDY_UID}.1", 7),
    ):
        with pytest.raises(InputError):
            find_stack(study, wrong)


def test_d18_a_stack_that_grows_while_it_comes_is_another_volume() -> None:
    study = header_study()
    _series, stack = find_stack(study, REF)
    grown = replace(stack, frames=(*stack.frames, *stack.frames))
    assert volume_key(REF, grown) != volume_key(REF, stack)


def test_what_is_read_anew_is_not_taken_from_memory() -> None:
    cache = VolumeCache(budget_bytes=1000)
    mine, other = (SeriesRef("1", "1"), ""), (SeriesRef("2", "1"), "")
    held = _volume(1)
    cache.put(mine, held)
    cache.put(other, _volume(1))
    cache.forget("1")
    assert cache.get(mine) is None
    assert cache.get(other) is not None
