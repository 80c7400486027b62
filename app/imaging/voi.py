"""From modality values to grey levels: VOI windows, presets and automatic windows.

The three window functions are those of PS3.3 C.11.2.1.2 and C.11.2.1.3, tables those of C.11.2.1.1.
A window is always stated in modality values; the polarity of MONOCHROME1 is applied here, once, at
the end (I01). ``display_levels`` is what every picture of grey values goes through.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.core.finding import Label
from app.core.volume import VoiTable, Volume, Window

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


def apply_table(
    modality: npt.NDArray[Any], table: VoiTable, *, inverted: bool = False
) -> UInt8Array:
    """Grey levels 0..255 of modality values through a VOI LUT, same shape (PS3.3 C.11.2.1.1).

    Values below the first or above the last input take its first or last output.
    """
    entries = table.entries
    x = np.nan_to_num(np.asarray(modality, dtype=np.float64), nan=float(table.first))
    index = np.clip(np.rint(x) - table.first, 0, len(entries) - 1).astype(np.int64)
    levels = np.rint(np.minimum(entries * (255.0 / ((1 << table.bits) - 1)), 255.0))
    shown = levels[index]
    return np.asarray(255.0 - shown if inverted else shown, dtype=np.uint8)


def display_levels(
    volume: Volume, stored: npt.NDArray[Any], window: Window, *, inverted: bool = False
) -> UInt8Array:
    """From stored values of ``volume`` to what is shown, 0..255, same shape: the only way there.

    Padding mask on stored values, modality values by the function that statistics use too, VOI by
    window or table, polarity once (I01). Padding is black in either polarity (I09): it is no image,
    and a white frame around one would dazzle. ``inverted`` is the reader's own wish.
    """
    dark_is_high = inverted != volume.polarity_inverted
    values = volume.to_modality(stored)
    if window.table is not None:
        shown = apply_table(values, window.table, inverted=dark_is_high)
    else:
        shown = apply_window(
            values, window.center, window.width, function=window.function, inverted=dark_is_high
        )
    if volume.padding is not None:
        low, high = volume.padding
        shown[(stored >= low) & (stored <= high)] = 0
    return shown


def level_table(volume: Volume, window: Window, *, inverted: bool = False) -> UInt8Array:
    """What is shown for each stored value of an 8- or 16-bit volume, by its bits as a number.

    Indexed by the bit pattern, so ``np.take(table, voxels.view(unsigned))`` needs no offset.
    Making it costs about a millisecond, using it a tenth of computing an image.
    """
    kind = volume.voxels.dtype
    patterns = np.arange(1 << (8 * kind.itemsize), dtype=f"u{kind.itemsize}")
    return display_levels(volume, patterns.view(kind), window, inverted=inverted)


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
