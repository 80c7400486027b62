"""From modality values to grey levels: VOI windows, presets and automatic windows.

The three window functions are those of PS3.3 C.11.2.1.2 and C.11.2.1.3. A window is always stated
in modality values; the polarity of MONOCHROME1 is applied here, once, at the end (I01).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.core.finding import Label
from app.core.volume import Rescale, Window

UInt8Array = npt.NDArray[np.uint8]

# Below this a window shows nothing but noise of the rounding, and LINEAR divides by width - 1.
MINIMUM_WIDTH: Final = 1.0


@dataclass(frozen=True, slots=True)
class WindowPreset:
    """A named window for one modality, centre and width in modality values (HU for CT)."""

    id: str
    label: Label
    center: float
    width: float
    modality: str = "CT"

    @property
    def window(self) -> Window:
        """The window of this preset."""
        return Window(self.center, self.width, self.label.en)


PRESETS: Final[tuple[WindowPreset, ...]] = (
    WindowPreset("ct-lung", Label("Lung", "Лёгкие"), -600, 1500),
    WindowPreset("ct-abdomen", Label("Abdomen", "Живот"), 40, 400),
    WindowPreset("ct-mediastinum", Label("Mediastinum", "Средостение"), 50, 350),
    WindowPreset("ct-bone", Label("Bone", "Кости"), 350, 2000),
    WindowPreset("ct-brain", Label("Brain", "Головной мозг"), 40, 80),
    WindowPreset("ct-stroke", Label("Stroke", "Инсульт"), 35, 40),
    WindowPreset("ct-subdural", Label("Subdural", "Субдуральное окно"), 75, 215),
    WindowPreset("ct-liver", Label("Liver", "Печень"), 90, 150),
    WindowPreset("ct-angio", Label("Angiography", "Ангиография"), 300, 600),
)


def find_preset(preset_id: str) -> WindowPreset | None:
    """The preset with this id, or None."""
    return next((preset for preset in PRESETS if preset.id == preset_id), None)


def presets_for(modality: str) -> tuple[WindowPreset, ...]:
    """The presets that make sense for images of ``modality``."""
    return tuple(preset for preset in PRESETS if preset.modality == modality)


def guarded_width(width: float, function: str = "LINEAR") -> float:
    """A width that the window function can work with: never NaN, zero or negative (I10)."""
    least = MINIMUM_WIDTH if function == "LINEAR" else 1e-6
    return max(float(width), least) if np.isfinite(width) else least


def apply_window(
    modality: npt.NDArray[Any],
    center: float,
    width: float,
    *,
    function: str = "LINEAR",
    inverted: bool = False,
) -> UInt8Array:
    """Grey levels 0..255 of modality values, same shape (PS3.3 C.11.2.1.2, C.11.2.1.3).

    ``function`` is LINEAR, LINEAR_EXACT or SIGMOID; an unknown name is treated as LINEAR, as the
    standard says for an absent VOILUTFunction. ``inverted`` is the polarity of MONOCHROME1.
    """
    w = guarded_width(width, function)
    x = np.asarray(modality, dtype=np.float64)
    if function == "SIGMOID":
        # The exponent is limited so that it cannot overflow; beyond it the result is 0 or 1.
        y = 1.0 / (1.0 + np.exp(np.clip(-4.0 * (x - center) / w, -500.0, 500.0)))
    elif function == "LINEAR_EXACT":
        y = (x - center) / w + 0.5
    elif w <= 1.0:
        # With width 1 LINEAR is a threshold: both limits of the standard lie at center - 0.5.
        y = (x > center - 0.5).astype(np.float64)
    else:
        y = (x - (center - 0.5)) / (w - 1.0) + 0.5
    levels = np.rint(np.clip(y, 0.0, 1.0) * 255.0)
    levels[np.isnan(x)] = 0.0
    if inverted:
        levels = 255.0 - levels
    return np.asarray(levels, dtype=np.uint8)


def window_lut(
    window: Window, rescale: Rescale | None = None, *, signed: bool = True, inverted: bool = False
) -> UInt8Array:
    """The grey level of each of the 65,536 stored values of a 16-bit image.

    Indexed by the stored value's bit pattern, so ``apply_lut`` takes int16 (``signed``) and uint16
    arrays without adding an offset. Rebuilding it costs about a millisecond.
    """
    scale = rescale or Rescale()
    stored = np.arange(65536, dtype=np.uint16)
    values = (stored.view(np.int16) if signed else stored).astype(np.float64)
    return apply_window(
        values * scale.slope + scale.intercept,
        window.center,
        window.width,
        function=window.function,
        inverted=inverted,
    )


def apply_lut(stored: npt.NDArray[Any], lut: UInt8Array) -> UInt8Array:
    """Grey levels of int16 or uint16 stored values through a table of ``window_lut``."""
    if stored.dtype not in (np.int16, np.uint16):
        raise TypeError(f"a 16-bit image is needed, not {stored.dtype}")
    pattern = np.ascontiguousarray(stored).view(np.uint16)
    return np.asarray(np.take(lut, pattern), dtype=np.uint8)


def auto_window(
    values: npt.NDArray[Any],
    padding_mask: npt.NDArray[np.bool_] | None = None,
    *,
    percentiles: tuple[float, float] = (0.5, 99.5),
) -> Window:
    """A window over the bulk of the values; padding does not count (I09), nor do NaN and inf.

    A constant image gives a window of width 1 around its value (I10).
    """
    data = np.asarray(values)
    chosen = data.reshape(-1) if padding_mask is None else data[~padding_mask].reshape(-1)
    # A stride keeps the percentile of a large volume quick; the bulk of the values stays the same.
    if chosen.size > 2_000_000:
        chosen = chosen[:: chosen.size // 1_000_000]
    if chosen.dtype.kind == "f":
        chosen = chosen[np.isfinite(chosen)]
    if chosen.size == 0:
        return Window(0.0, MINIMUM_WIDTH, "auto")
    low, high = np.percentile(chosen, percentiles)
    if high - low < MINIMUM_WIDTH:
        low, high = float(chosen.min()), float(chosen.max())
    width = float(high) - float(low)
    # Values between 0 and 1 (maps, scores) need a narrow window; LINEAR's -0.5 is for integers.
    function = "LINEAR" if width >= 2.0 else "LINEAR_EXACT"
    if width <= 0.0:
        return Window(float(low), MINIMUM_WIDTH, "auto", "LINEAR_EXACT")
    return Window((float(low) + float(high)) / 2.0, width, "auto", function)
