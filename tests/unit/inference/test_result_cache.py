"""Kept results: the same again, damaged ones never, within a limit, no space is no failure."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.core.reader_input import NamedPoint, ReaderInput
from app.core.study import SeriesRef
from app.core.volume import Rescale
from app.inference.label_masks import LabelMasks, MaskRows
from app.inference.pack_store import PackStore
from app.inference.result import DetectedBox, InferenceResult, Landmark, QualityFlag
from app.inference.result_cache import ResultCache, result_key
from app.inference.run_context import RunContext
from tests.support import tiny_pack

SOURCE = SeriesRef("1.2.3", "1.2.3.4", 0)
OTHER = SeriesRef("9.9", "9.9.1", 2)


def result(seed: int = 0, **changes) -> InferenceResult:
    labels = np.random.default_rng(seed).integers(0, 3, (4, 30, 40)).astype(np.uint8)
    made = InferenceResult(
        pack_id="tiny", version="1.0.0", weights_sha256="a", manifest_sha256="b", device="cpu",
        providers=("CPUExecutionProvider",), source=SOURCE, forced=False,
        seconds={"load": 0.1, "model": 1.5}, patches=7,
        masks=MaskRows(LabelMasks(labels, (1, 2))), scores={"lung": 0.75},
        quality_flags=("cut",),
        flags=(QualityFlag("cut", (1,), tiny_message(), "truncated_fov"),),
        boxes=(DetectedBox(1, 0.5, (0.0, 1.0, 2.0), (3.0, 4.0, 5.0)),),
        landmarks=(Landmark("apex", (1.0, 2.0, 3.0), 2, 0.25),),
        attention=((1, np.random.default_rng(seed).random((1, 5, 6), dtype=np.float32)),),
    )  # fmt: skip
    return replace(made, **changes)


def tiny_message():
    from app.core.report import Message

    return Message("Cut off.", "Обрезано.")


def test_what_was_kept_comes_back_whole_and_as_of_the_study_that_asks(tmp_path):
    cache = ResultCache(tmp_path / "results", 10_000_000)
    assert cache.get("k", SOURCE, forced=False) is None
    kept = result()
    assert cache.put("k", kept) is None
    found = cache.get("k", OTHER, forced=True)
    assert (found.source, found.forced, found.is_kept) == (OTHER, True, True)
    for index, mask in kept.masks:
        assert np.array_equal(found.mask(index), mask)
    assert np.array_equal(found.attention[0][1], kept.attention[0][1])
    same = replace(
        found, source=SOURCE, forced=False, is_kept=False, masks=kept.masks,
        attention=kept.attention,
    )  # fmt: skip
    assert same == kept


def test_masks_that_overlap_are_kept_too(tmp_path):
    cache = ResultCache(tmp_path, 10_000_000)
    masks = tuple((n, np.full((2, 3, 4), n % 2, np.uint8)) for n in (1, 2, 5))
    cache.put("k", result(masks=masks))
    found = cache.get("k", SOURCE, forced=False)
    assert [index for index, _ in found.masks] == [1, 2, 5]
    assert all(np.array_equal(found.mask(n), mask) for n, mask in masks)


@pytest.mark.parametrize("where", [3, 20, 60, -1])
def test_a_damaged_file_is_none_and_goes(tmp_path, where):
    cache = ResultCache(tmp_path, 10_000_000)
    cache.put("k", result())
    (path,) = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    content[where] ^= 1
    path.write_bytes(content)
    assert cache.get("k", SOURCE, forced=False) is None
    assert not path.exists()


@pytest.mark.parametrize("length", [0, 10, 47, 200])
def test_a_file_cut_off_is_none(tmp_path, length):
    cache = ResultCache(tmp_path, 10_000_000)
    cache.put("k", result())
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:length])
    assert cache.get("k", SOURCE, forced=False) is None


def test_the_result_used_longest_ago_makes_room(tmp_path):
    cache = ResultCache(tmp_path, 10_000_000)
    cache.put("a", result(1))
    size = cache.size_bytes
    cache = ResultCache(tmp_path, int(size * 2.5))
    for n, key in enumerate(("a", "b")):
        cache.put(key, result(n))
        os.utime(tmp_path / f"{key}.run", (1000 + n, 1000 + n))
    assert cache.get("a", SOURCE, forced=False) is not None  # used now
    cache.put("c", result(2))
    assert cache.get("b", SOURCE, forced=False) is None
    assert cache.get("a", SOURCE, forced=False) is not None
    assert cache.size_bytes <= size * 2.5


def test_nothing_is_kept_where_nothing_may_be(tmp_path):
    cache = ResultCache(tmp_path / "none", 0)
    assert cache.put("k", result()) is None
    assert not (tmp_path / "none").exists()


def test_no_space_is_a_note_and_leaves_nothing_behind(tmp_path, monkeypatch):
    cache = ResultCache(tmp_path, 10_000_000)

    def full(self, content):
        with self.open("wb") as file:
            file.write(content[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    note = cache.put("k", result())
    assert "no space" in note.en
    assert "нет места" in note.ru
    assert list(tmp_path.iterdir()) == []


def test_the_key_changes_with_everything_that_changes_the_result(tmp_path):
    tiny_pack.write_film_pack(tmp_path / "models")
    tiny_pack.write_film_pack(tmp_path / "models", pack_id="other")
    store = PackStore(tmp_path / "models", tmp_path / "user")
    pack, volume, given = store.get("tiny-lungs"), tiny_pack.film(), RunContext()
    key = result_key(pack, volume, given)
    assert key == result_key(pack, tiny_pack.film(), RunContext())
    assert key == result_key(pack, replace(volume, source=OTHER), given), "not whose images"
    reader = ReaderInput(points=(NamedPoint("here", (1.0, 2.0, 3.0)),))
    shifted = volume.voxels.copy()
    shifted[0, 5, 5] += 1
    changed = {
        result_key(store.get("other"), volume, given),
        result_key(pack, replace(volume, voxels=shifted), given),
        result_key(pack, replace(volume, rescale=Rescale(1.0, -1024.0)), given),
        result_key(pack, replace(volume, polarity_inverted=True), given),
        result_key(pack, replace(volume, pixel_spacing_mm=(0.4, 0.5)), given),
        result_key(pack, volume, RunContext(reader)),
    }
    assert len(changed | {key}) == 7
