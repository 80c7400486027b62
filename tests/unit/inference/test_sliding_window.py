"""nnU-Net's placement and weights, and that patches make no seams."""

from __future__ import annotations

import sys
import tempfile
from concurrent.futures import Executor, Future
from dataclasses import replace

import numpy as np
import pytest

from app.core.errors import DiskFull, ModelPackError
from app.inference import sliding_window
from app.inference.accumulate import Accumulator
from app.inference.manifest_parts import Infer, Window
from app.inference.patch_grid import gaussian, pad_to, patch_grid, starts
from app.inference.sinks import WholeSink
from app.inference.sliding_window import mirrored, predict, sweep, whole_tensor, window_of


@pytest.mark.parametrize(
    ("length", "patch", "expected"),
    [
        (64, 64, [0]),
        (30, 64, [0]),
        (65, 64, [0, 1]),
        (96, 64, [0, 32]),
        (100, 64, [0, 18, 36]),
        (110, 40, [0, 18, 35, 52, 70]),
    ],
)
def test_starts_are_even_and_rounded(length, patch, expected):
    """n = ceil((length - patch) / (patch / 2)) + 1, each start rounded (numpy's half to even)."""
    assert starts(length, patch, 0.5) == expected


def test_gaussian_weight():
    weight = gaussian((16, 16, 16), 0.125, 10.0)
    assert weight.max() == pytest.approx(10.0)
    assert weight[8, 8, 8] == weight.max()
    assert weight.min() > 0
    assert weight[8, 8, 10] == pytest.approx(10 * np.exp(-0.5), rel=1e-3)


def test_padding_is_centred():
    grid = patch_grid((5, 10), (8, 8), 0.5, Window())
    padded = pad_to(np.ones((1, 5, 10), np.float32), grid.shape, 0.0)[0]
    assert padded.shape == (8, 10)
    assert padded[0].sum() == 0
    assert np.all(padded[grid.inner] == 1)


@pytest.mark.parametrize("kind", ["gaussian", "none"])
@pytest.mark.parametrize("patch", [(8, 8, 8), (32, 8, 16)])
def test_a_pointwise_model_shows_no_seams(kind, patch):
    rng = np.random.default_rng(3)
    values = rng.random((20, 23, 17), dtype=np.float32)
    infer = Infer(patch=patch, mirror_axes=(), window=Window(kind=kind))
    calls = []
    out = predict(
        values[None],
        lambda t: np.concatenate([t, 2 * t], axis=1),
        infer,
        lambda *p: calls.append(p),
    )
    assert out.shape == (2, 20, 23, 17)
    assert np.allclose(out[0], values, atol=1e-5)
    assert np.allclose(out[1], 2 * values, atol=1e-5)
    assert calls[-1] == (len(calls), len(calls))


def test_mirroring_is_the_mean_over_all_subsets():
    tensor = np.arange(8, dtype=np.float32).reshape(1, 1, 2, 4)
    seen = []

    def run(t):
        seen.append(t.copy())
        return t * np.arange(4, dtype=np.float32)

    out = mirrored(run, tensor, (0, 1))
    assert len(seen) == 4
    assert np.allclose(out, tensor * 1.5)


class Late(Executor):
    """Does what it is given as late as it can: when somebody asks for a result."""

    def __init__(self):
        self.queue = []

    def submit(self, work, /, *args, **more):
        executor, done = self, Future()

        class Asked(Future):
            def result(self, timeout=None):
                while not done.done():
                    executor.queue.pop(0)()
                return done.result(timeout)

        self.queue.append(lambda: done.set_result(work(*args, **more)))
        return Asked()


def test_the_tensor_may_come_back_as_the_output(monkeypatch):
    """The room of a batch is filled again while its outputs are still to be summed."""
    monkeypatch.setattr(sliding_window, "_beside", Late)
    values = np.random.default_rng(5).random((1, 8, 8, 56), dtype=np.float32)
    values[..., 8:16] = values[..., 24:32] = values[..., 40:48] = -20.0  # left out, every other
    infer = Infer(patch=(8, 8, 8), mirror_axes=(), overlap=0.0)
    window = window_of(values.shape[1:], infer)
    window = replace(window, empty_below=-1.0, channels=1, exclusive=False)
    sink = WholeSink(values.shape[1:])
    sums = Accumulator(window.grid, sink, 1 << 30)
    count = sweep(values, lambda tensor: tensor[:, :, :], window, sums, lambda *_: None)
    assert (count.patches, count.skipped) == (7, 3)
    assert np.allclose(sink.values, values, atol=1e-5)


@pytest.mark.skipif(sys.platform == "win32", reason="a limit of POSIX")
def test_no_room_for_the_sums_on_disk_ends_in_a_sentence(tmp_path, monkeypatch):
    """A real limit: no file may be larger than 64 KiB."""
    import resource

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    values = np.zeros((1, 40, 48, 48), np.float32)
    window = window_of(values.shape[1:], Infer(patch=(16, 16, 16), mirror_axes=()))
    sums = Accumulator(window.grid, WholeSink(values.shape[1:]), 0)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 10, before[1]))
    try:
        with pytest.raises(DiskFull, match="neither memory nor disk") as caught:
            sweep(values, lambda t: np.repeat(t, 3, axis=1), window, sums, lambda *_: None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "не хватает" in caught.value.ru
    assert caught.value.exit_code == 4
    assert not list(tmp_path.iterdir())


def test_outputs_of_another_size_are_refused():
    infer = Infer(patch=(8, 8), mirror_axes=())
    values = np.zeros((1, 20, 20), np.float32)
    for lie in (lambda t: t[:, :, ::2], lambda t: t[:, :, None]):
        with pytest.raises(ModelPackError, match="size"):
            predict(values, lie, infer, lambda *_: None)
    with pytest.raises(ModelPackError, match="size"):
        whole_tensor(values, lambda t: t[..., :7], ())
