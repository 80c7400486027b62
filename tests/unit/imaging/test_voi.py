import time

import numpy as np
import pytest

from app.core.volume import Rescale, Window
from app.imaging.voi import (
    PRESETS,
    apply_lut,
    apply_window,
    auto_window,
    find_preset,
    presets_for,
    window_lut,
)


def reference_linear(x, c, w):
    """PS3.3 C.11.2.1.2.1, written as in the standard."""
    if x <= c - 0.5 - (w - 1) / 2:
        return 0.0
    if x > c - 0.5 + (w - 1) / 2:
        return 255.0
    return ((x - (c - 0.5)) / (w - 1) + 0.5) * 255.0


@pytest.mark.parametrize(("c", "w"), [(2048, 4096), (0, 100), (40, 400), (0, 1), (-600, 1500)])
def test_linear_is_the_standards_formula(c, w):
    x = np.arange(-3000, 5000, 7.0)
    expected = np.rint([reference_linear(v, c, w) for v in x])
    np.testing.assert_array_equal(apply_window(x, c, w), expected)


def test_linear_exact_and_sigmoid():
    x = np.array([-51.0, -50.0, 0.0, 25.0, 50.0, 51.0])
    exact = apply_window(x, 0, 100, function="LINEAR_EXACT")
    np.testing.assert_array_equal(exact, [0, 0, 128, 191, 255, 255])
    sigmoid = apply_window(x, 0, 100, function="SIGMOID")
    expected = np.rint(255 / (1 + np.exp(-4 * x / 100)))
    np.testing.assert_array_equal(sigmoid, expected)


@pytest.mark.parametrize("width", [0, -5, float("nan"), 0.5, 1e-12])
@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_i10_no_width_breaks_the_window(width, function):
    levels = apply_window(np.array([0.0, 5.0, 1e6, -1e6]), 5, width, function=function)
    assert levels[2] == 255
    assert levels[3] == 0


def test_i10_constant_image_gets_a_window():
    window = auto_window(np.full((4, 4), 7))
    assert window.width == 1.0
    assert window.center == 7.0


def test_i01_polarity_is_applied_once_and_last():
    x = np.arange(-100, 500, 3.0)
    plain = apply_window(x, 40, 400)
    np.testing.assert_array_equal(apply_window(x, 40, 400, inverted=True), 255 - plain)


def test_lut_equals_the_formula_for_both_signs():
    window, rescale = Window(40, 400), Rescale(1.0, -1024.0)
    rng = np.random.default_rng(1)
    for dtype, signed in ((np.int16, True), (np.uint16, False)):
        info = np.iinfo(dtype)
        stored = rng.integers(info.min, info.max, (64, 64), dtype=dtype)
        by_table = apply_lut(stored, window_lut(window, rescale, signed=signed))
        np.testing.assert_array_equal(by_table, apply_window(stored * 1.0 - 1024, 40, 400))


def test_table_is_quick_enough_for_scrolling():
    stored = np.random.default_rng(2).integers(-1000, 2000, (512, 512)).astype(np.int16)
    lut = window_lut(Window(40, 400))
    best = min(_seconds(lambda: apply_lut(stored, lut)) for _ in range(9))
    assert best < 0.01  # 2 ms is the aim; the margin is for a busy machine


def _seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def test_i09_padding_does_not_drive_the_automatic_window():
    values = np.full((32, 32), 100.0)
    values[:, 16:] = 300.0
    padded = values.copy()
    padded[:8] = -2000
    window = auto_window(padded, padded == -2000)
    assert window == auto_window(values)
    assert window.center - window.width / 2 >= 100 - 1


def test_auto_window_of_maps_between_zero_and_one():
    window = auto_window(np.linspace(0, 1, 1001))
    assert window.function == "LINEAR_EXACT"
    assert 0.9 < window.width <= 1.0


def test_auto_window_ignores_nan_and_everything_padded():
    assert auto_window(np.array([np.nan, 1.0, 2.0, np.inf])).center == pytest.approx(1.5)
    assert auto_window(np.zeros(4), np.ones(4, bool)).width == 1.0


def test_presets_by_id_and_modality():
    assert len({preset.id for preset in PRESETS}) == len(PRESETS)
    lung = find_preset("ct-lung")
    assert lung is not None
    assert (lung.width, lung.center) == (1500, -600)
    assert lung.label.ru == "Лёгкие"
    assert presets_for("DX") == ()
    assert find_preset("none") is None
