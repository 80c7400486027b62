"""``ct-lung-density``: volumes and densities of the lungs on CT (labels 1 right, 2 left, 3 both).

Label 4 is the lumen and wall of trachea and main bronchi, which are left out. Densities are read
at full resolution, unsmoothed; they are only valid on thin, soft, unenhanced scans in inspiration
(copilot-practice 3.2), else the number keeps its value and gets ``wrong_protocol`` with the reason.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from app.core.measurement import Measurement, MeasurementStatus
from app.core.report import Message
from app.imaging.labelmap import bounding_box
from app.inference.analyses.coarse import Coarse, coarse_copy
from app.inference.analyses.contract import AnalysisInput, AnalysisOutput
from app.inference.analyses.ct_image import CtImage, read_ct, refusal
from app.inference.analyses.lungs import (
    LEFT,
    RIGHT,
    Lungs,
    find_lungs,
    looks_enhanced,
    lungs_at_full_resolution,
)
from app.inference.analyses.protocol import enhanced, joined, sharp_kernel, thick_slices
from app.inference.result import QualityFlag
from app.measure.anatomy import is_near_border
from app.measure.methods import METHODS
from app.measure.volume_stats import low_attenuation_percent

BOTH: Final = 3
AIRWAY: Final = 4
_SIDES: Final = {RIGHT: ("right", "правого"), LEFT: ("left", "левого")}
_THIN_MM: Final = 1.5
_HAA_HU: Final = (-600.0, -250.0)
_INSPIRED_HU: Final = -730.0
_HU: Final = "[hnsf'U]"


def run(given: AnalysisInput) -> AnalysisOutput:
    """Find the lungs and measure them. Raises ``ResultRefused`` where there are none."""
    ct = read_ct(given)
    given.progress(0.1, "Looking for the lungs")
    coarse = coarse_copy(ct.hu, ct.spacing_ijk)
    lungs = find_lungs(coarse)
    if lungs is None:
        raise refusal(
            "No aerated lung was found in the images.",
            "Воздушная лёгочная ткань на изображениях не найдена.",
        )
    given.progress(0.6, "Drawing the surface")
    labels = lungs_at_full_resolution(lungs, coarse, ct.hu)
    if ct.padding is not None:
        labels[ct.padding] = 0
    doubts = _protocol(given, ct, coarse, lungs, labels)
    given.progress(0.8, "Densities")
    masks = {RIGHT: labels == RIGHT, LEFT: labels == LEFT, BOTH: labels > 0}
    numbers = [
        number
        for index, mask in masks.items()
        if mask.any()
        for number in _densities(index, ct.hu[mask], doubts)
    ]
    flags, notes = _flags(lungs, masks, doubts)
    masks[AIRWAY] = np.asarray(coarse.full(lungs.airway), dtype=np.bool_)
    return AnalysisOutput(
        masks={index: ct.to_image(mask) for index, mask in masks.items()},
        flags=flags,
        notes=notes,
        numbers=tuple(numbers),
    )


def _densities(
    index: int, values: npt.NDArray[np.float32], doubts: list[Message]
) -> list[tuple[int, Measurement]]:
    dense = np.count_nonzero((values >= _HAA_HU[0]) & (values <= _HAA_HU[1]))
    figures = (
        ("lung_laa950", low_attenuation_percent(values), "%"),
        ("lung_perc15", float(np.percentile(values, 15.0)), _HU),
        ("lung_haa", 100.0 * dense / values.size, "%"),
        ("mean", float(values.mean(dtype=np.float64)), _HU),
    )
    text = joined(doubts)
    status: MeasurementStatus = "wrong_protocol" if doubts else "valid"
    return [
        (index, Measurement(kind, value, unit, METHODS[kind], status, text.en, note_ru=text.ru))
        for kind, value, unit in figures
    ]


def _protocol(
    given: AnalysisInput, ct: CtImage, coarse: Coarse, lungs: Lungs, labels: npt.NDArray[np.uint8]
) -> list[Message]:
    """Why the densities are not those of the definition; empty where they are."""
    made = given.acquisition
    found = [
        thick_slices(made, max(ct.spacing_ijk), _THIN_MM),
        sharp_kernel(made),
        enhanced(made, looks_enhanced=looks_enhanced(coarse, lungs)),
    ]
    mean = float(ct.hu[labels > 0].mean(dtype=np.float64))
    if mean > _INSPIRED_HU:
        found.append(
            Message(
                f"Full inspiration is not plausible (mean {mean:.0f} HU).",
                f"Полный вдох неправдоподобен (в среднем {mean:.0f} HU).",
            )
        )
    if not made.kernel:
        found.append(Message("The kernel is not stated.", "Ядро реконструкции не указано."))
    return [doubt for doubt in found if doubt is not None]


def _flags(
    lungs: Lungs, masks: dict[int, npt.NDArray[np.bool_]], doubts: list[Message]
) -> tuple[tuple[QualityFlag, ...], tuple[Message, ...]]:
    flags = []
    notes = []
    cut = [side for side in (RIGHT, LEFT) if _is_cut(masks[side])]
    if cut:
        text = Message(
            "The lungs are not whole in the images; volumes are lower bounds.",
            "Лёгкие вошли в изображения не полностью; объёмы — нижняя граница.",
        )
        flags.append(QualityFlag("lungs-cut-off", (*cut, BOTH), text, "truncated_fov"))
    for side, (en, ru) in _SIDES.items():
        if not masks[side].any():
            notes.append(
                Message(
                    f"No aerated {en} lung was found.", f"Воздушной ткани {ru} лёгкого не найдено."
                )
            )
    if not lungs.has_airway:
        text = Message(
            "No trachea was found; if it is in the images, its air may be counted as lung.",
            "Трахея не найдена; если она есть на изображениях, её воздух может войти в лёгкие.",
        )
        flags.append(QualityFlag("no-airway", (RIGHT, LEFT, BOTH), text, "low_quality"))
    if lungs.was_split:
        notes.append(
            Message(
                "The lungs touch; right and left are parted at the narrowest place.",
                "Лёгкие соприкасаются; правое и левое разделены по самому узкому месту.",
            )
        )
    if doubts:
        text = joined(doubts)
        notes.append(Message(f"Lung densities: {text.en}", f"Плотность лёгких: {text.ru}"))
    return tuple(flags), tuple(notes)


def _is_cut(mask: npt.NDArray[np.bool_]) -> bool:
    box = bounding_box(mask)
    return box is not None and is_near_border(box, mask.shape)
