import numpy as np
import pytest

from app.core.study import SeriesRef
from app.core.volume import Rescale, VoiTable, Volume, Window
from app.imaging.voi import (
    PRESETS,
    apply_table,
    apply_window,
    auto_window,
    display_levels,
    find_preset,
    level_table,
    presets_for,
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


def _volume(voxels, **facts):
    return Volume(
        voxels, None, facts.pop("rescale", Rescale()), "HU", SeriesRef("1.2", "1.3"), **facts
    )


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.int8, np.uint8])
def test_i15_table_of_all_stored_values_equals_the_one_function(dtype):
    info = np.iinfo(dtype)
    stored = np.random.default_rng(1).integers(info.min, info.max, (1, 64, 64), dtype=dtype)
    volume = _volume(stored, rescale=Rescale(0.5, -24.0), padding=(3, 9), polarity_inverted=True)
    shown = np.take(level_table(volume, Window(40, 400)), stored.view(f"u{stored.itemsize}"))
    np.testing.assert_array_equal(shown, display_levels(volume, stored, Window(40, 400)))


def test_i01_order_is_padding_modality_window_polarity():
    stored = np.array([[[-2000, 0, 1024, 1064, 3000]]], np.int16)
    facts = {"rescale": Rescale(1.0, -1024.0), "padding": (-2000, -2000)}
    window = Window(40, 400)
    plain = display_levels(_volume(stored, **facts), stored, window)[0, 0]
    inverted = display_levels(_volume(stored, polarity_inverted=True, **facts), stored, window)[
        0, 0
    ]
    expected = apply_window(stored[0, 0] - 1024.0, 40, 400)
    np.testing.assert_array_equal(plain[1:], expected[1:])
    np.testing.assert_array_equal(inverted[1:], 255 - expected[1:])
    assert plain[0] == inverted[0] == 0
    both = display_levels(
        _volume(stored, polarity_inverted=True, **facts), stored, window, inverted=True
    )
    np.testing.assert_array_equal(both[0, 0], plain)


def test_i02_table_maps_modality_values_and_clamps_outside():
    entries = np.array([0, 100, 4095, 2047], "<u2")
    table = VoiTable(-2, 12, entries.tobytes())
    values = np.array([-100.0, -2.0, -1.0, 0.0, 1.0, 50.0, np.nan])
    expected = np.rint(np.array([0, 0, 100, 4095, 2047, 2047, 0]) * 255 / 4095)
    np.testing.assert_array_equal(apply_table(values, table), expected)
    np.testing.assert_array_equal(apply_table(values, table, inverted=True), 255 - expected)
    volume = _volume(np.array([[[-2, -1, 0]]], np.int16))
    window = Window(0, 4, "curve", table=table)
    np.testing.assert_array_equal(
        display_levels(volume, volume.voxels, window)[0, 0], expected[1:4]
    )


def test_i06_small_slopes_keep_their_decimals():
    stored = np.array([[[0, 1, 2, 3]]], np.uint16)
    volume = _volume(stored, rescale=Rescale(0.001, 0.0005))
    np.testing.assert_allclose(volume.modality_values()[0, 0], [0.0005, 0.0015, 0.0025, 0.0035])
    exact = Window(0.002, 0.003, function="LINEAR_EXACT")
    np.testing.assert_array_equal(display_levels(volume, stored, exact)[0, 0], [0, 85, 170, 255])


def test_i06_wide_integers_are_exact_before_the_rescale():
    stored = np.array([[[2**31 - 1, 2**31 - 3]]], np.int32)
    volume = _volume(stored, rescale=Rescale(1.0, -(2.0**31 - 1)))
    assert volume.modality_values()[0, 0].tolist() == [0.0, -2.0]


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
