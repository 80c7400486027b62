"""nnU-Net's placement and weights, and that patches make no seams."""

from __future__ import annotations

import numpy as np
import pytest

from app.inference.manifest_parts import Infer, Window
from app.inference.patch_grid import gaussian, pad_to, patch_grid, starts
from app.inference.sliding_window import mirrored, predict


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
