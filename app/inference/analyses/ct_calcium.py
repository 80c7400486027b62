"""``ct-calcium``: coronary calcium inside the boxes that the reader draws per vessel.

Boxes are named LM, LAD, LCX, RCA (labels 1 to 4; label 5 is all of them together); a name may have
several boxes. Without boxes nothing is scored: which dense spot is a coronary artery, only the
reader knows. Calcium is what reaches 130 HU with at least 1 mm2 in an axial slice.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from app.core.measurement import Measurement, MeasurementStatus
from app.core.message import number_ru
from app.core.report import Message
from app.imaging.labelmap import connected_components
from app.inference.analyses.contract import AnalysisInput, AnalysisOutput
from app.inference.analyses.ct_image import CtImage, read_ct, refusal
from app.inference.analyses.protocol import joined, slice_mm
from app.measure.calcium import MIN_AREA_MM2, THRESHOLD_HU, agatston_score, fits_protocol
from app.measure.methods import METHODS

VESSELS: Final = {"LM": 1, "LAD": 2, "LCX": 3, "RCA": 4}
ALL: Final = 5
_METHODS: Final = {"agatston": METHODS["agatston"], "coronary_calcium_volume": "calcium-volume@1"}
_ENHANCED_HU: Final = 100.0
_BONE_MM3: Final = 3000.0
_KV: Final = (119.0, 121.0)
_GRADES: Final = ((0.0, "none", "нет"), (100.0, "mild", "лёгкая"), (300.0, "moderate", "умеренная"))


def run(given: AnalysisInput) -> AnalysisOutput:
    """Score what lies in the boxes. Raises ``ResultRefused`` without boxes or with contrast."""
    named = [box for box in given.reader.boxes if box.name in VESSELS]
    if not named:
        raise refusal(
            "No box of a coronary artery was given; nothing is scored without one.",
            "Не указана рамка коронарной артерии; без неё ничего не считается.",
            "Draw boxes named LM, LAD, LCX or RCA around the calcium of each vessel.",
            "Обведите кальций каждого сосуда рамкой LM, LAD, LCX или RCA.",
        )
    ct = read_ct(given)
    regions = {label: np.zeros(ct.hu.shape, np.bool_) for label in VESSELS.values()}
    for box in named:
        regions[VESSELS[box.name]][_slices(ct, box.lps)] = True
    whole = np.logical_or.reduce(list(regions.values()))
    _require_native(given, ct, whole)
    given.progress(0.5, "Calcium")
    calcium = _lesions(ct, whole)
    _require_no_bone(ct, calcium)
    masks = {}
    free = calcium.copy()
    for label, region in regions.items():  # a lesion in two boxes counts once
        masks[label] = free & region
        free &= ~region
    masks[ALL] = calcium
    doubts = _protocol(given, ct)
    numbers = [
        (label, number)
        for label, mask in masks.items()
        if mask.any()
        for number in _numbers(ct, mask, doubts)
    ]
    return AnalysisOutput(
        masks={label: ct.to_image(mask) for label, mask in masks.items()},
        numbers=tuple(numbers),
        notes=_notes(ct, masks, doubts),
    )


def _slices(
    ct: CtImage, corners: tuple[tuple[float, float, float], tuple[float, float, float]]
) -> tuple[slice, ...]:
    """The voxels whose centres lie in a box of the reader."""
    ends = np.stack([ct.index_of(corner) for corner in corners])
    low = np.maximum(np.ceil(ends.min(axis=0) - 1e-6), 0).astype(int)
    high = np.minimum(np.floor(ends.max(axis=0) + 1e-6) + 1, ct.hu.shape).astype(int)
    if np.any(high <= low):
        raise refusal(
            "A box lies outside the images or holds no voxel.",
            "Рамка лежит вне изображений или не содержит ни одного вокселя.",
        )
    return tuple(slice(a, b) for a, b in zip(low, high, strict=True))


def _require_native(given: AnalysisInput, ct: CtImage, whole: npt.NDArray[np.bool_]) -> None:
    """Enhanced blood reaches 130 HU: everything in the vessel would count as calcium."""
    inside = ct.hu[whole]
    blood = inside[(inside > 0) & (inside < 400)]
    looks = blood.size > 0 and float(np.median(blood)) > _ENHANCED_HU
    if given.acquisition.contrast or looks:
        raise refusal(
            "The images are enhanced with contrast agent; calcium cannot be scored.",
            "Исследование с контрастированием; кальций не подсчитывается.",
        )


def _require_no_bone(ct: CtImage, calcium: npt.NDArray[np.bool_]) -> None:
    numbers, counts = connected_components(calcium)
    del numbers
    if counts and counts[0] * ct.voxel_mm3 > _BONE_MM3:
        raise refusal(
            "A box holds bone or something else that is too large for coronary calcium.",
            "В рамке кость или что-то слишком большое для коронарного кальция.",
            "Draw the boxes around the vessels alone.",
            "Обведите только сосуды.",
        )


def _lesions(ct: CtImage, whole: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Per slice the connected pixels over the threshold with at least 1 mm2."""
    dense = whole & (ct.hu >= THRESHOLD_HU)
    kept = np.zeros(dense.shape, np.bool_)
    pixel = ct.spacing_ijk[0] * ct.spacing_ijk[1]
    for k in np.flatnonzero(dense.any(axis=(1, 2))):
        numbers, counts = connected_components(dense[k][None])
        large = [n for n, count in enumerate(counts, 1) if count * pixel >= MIN_AREA_MM2]
        kept[k] = np.isin(numbers[0], large)
    return kept


def _protocol(given: AnalysisInput, ct: CtImage) -> list[Message]:
    """Why the score is only ordinal; empty where the reader says that it was gated and all fits."""
    made, found = given.acquisition, []
    if given.reader.choice("gated") != "yes":
        found.append(Message("Not stated to be ECG-gated.", "ЭКГ-синхронизация не подтверждена."))
    increment = ct.spacing_ijk[2]
    thick = slice_mm(made, increment)
    if not (fits_protocol(increment) and fits_protocol(thick)):
        found.append(
            Message(
                f"Slices of {thick:g} mm every {increment:g} mm; defined for 2.5 to 3 mm.",
                f"Срезы {number_ru(thick)} мм с шагом {number_ru(increment)} мм;"
                " определено для 2,5–3 мм.",
            )
        )
    if made.kvp is not None and not _KV[0] <= made.kvp <= _KV[1]:
        found.append(
            Message(
                f"{made.kvp:g} kV; defined at 120 kV.", f"{number_ru(made.kvp)} кВ вместо 120 кВ."
            )
        )
    return found


def _numbers(ct: CtImage, mask: npt.NDArray[np.bool_], doubts: list[Message]) -> list[Measurement]:
    status: MeasurementStatus = "wrong_protocol" if doubts else "valid"
    ordinal = Message("Only ordinal.", "Только порядковая оценка.")
    text = joined([ordinal, *doubts]) if doubts else Message("", "")
    rows = (
        ("agatston", agatston_score(mask, ct.hu, ct.spacing_ijk), "1"),
        ("coronary_calcium_volume", float(mask.sum()) * ct.voxel_mm3, "mm3"),
    )
    return [
        Measurement(kind, value, unit, _METHODS[kind], status, text.en, note_ru=text.ru)
        for kind, value, unit in rows
    ]


def _notes(
    ct: CtImage, masks: dict[int, npt.NDArray[np.bool_]], doubts: list[Message]
) -> tuple[Message, ...]:
    notes = []
    score = agatston_score(masks[ALL], ct.hu, ct.spacing_ijk)
    grade = next(
        ((en, ru) for limit, en, ru in _GRADES if score <= limit), ("severe", "выраженная")
    )
    if not masks[ALL].any():
        notes.append(Message("No calcium in the boxes.", "В рамках кальция нет."))
    elif doubts:
        text = joined(doubts)
        notes.append(
            Message(
                f"Ordinal grade of the calcium in the boxes: {grade[0]}. {text.en}",
                f"Порядковая оценка кальция в рамках: {grade[1]}. {text.ru}",
            )
        )
    return tuple(notes)
