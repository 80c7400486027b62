"""``ct-body``: muscle and fat on the one axial slice of the abdomen at which the reader points.

Labels: 1 skeletal muscle, 2 visceral fat, 3 subcutaneous fat, 4 bone, 5 body. Numbers have the
definitions of ``muscle-at-level@1`` and ``fat-at-level@1``. Which vertebra it is, the reader knows.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from app.core.measurement import Measurement, MeasurementStatus
from app.core.message import number_ru
from app.core.report import Message
from app.imaging.labelmap import connected_components
from app.imaging.morphology import closed, filled_per_slice, opened
from app.inference.analyses.body import find_body
from app.inference.analyses.body_slice import BodySlice, muscle_ring, read_slice, spine_of
from app.inference.analyses.coarse import Coarse
from app.inference.analyses.contract import AnalysisInput, AnalysisOutput
from app.inference.analyses.ct_image import CtImage, read_ct, refusal
from app.inference.analyses.protocol import joined
from app.inference.result import QualityFlag
from app.measure.methods import METHODS

MUSCLE, VISCERAL, SUBCUTANEOUS, BONE, BODY = 1, 2, 3, 4, 5
_MEASURED: Final = (MUSCLE, VISCERAL, SUBCUTANEOUS)
_HU: Final = "[hnsf'U]"
_KV: Final = (119.0, 121.0)
_LUNG_HU: Final = (-920.0, -500.0)
_MOST_LUNG: Final = 0.01
_BONE_HU: Final = 180.0
_ALONE_MM: Final = 1000.0  # planes this far apart: nothing reaches from one slice to the next
_PIECE_CM2: Final = 5.0
_MOST_COVERED: Final = 0.5
_THICKEST_MM: Final = 27.0  # psoas and erectors stay below; liver, spleen do not
_MOST_PIECE_CM2: Final = 9.0  # ribs stay below; iliac bones, femora, shoulder blades do not
_MOST_SPINE_CM2: Final = 45.0
_MOST_DEEP_CM2: Final = 4.0
_CHEST: Final = 0.15  # lung over body on a slice of the chest
_STRIDE_MM: Final = 10.0

BoolArray = npt.NDArray[np.bool_]
Triple = tuple[float, float, float]


def run(given: AnalysisInput) -> AnalysisOutput:
    """Measure the slice of the point "level". Raises ``ResultRefused`` where it cannot be read."""
    level = given.reader.point("level")
    if level is None:
        raise refusal(
            "No level was given; the slice is not guessed.",
            "Уровень не указан; срез не угадывается.",
            "Point at the middle of the third lumbar vertebra, or at another level.",
            "Укажите середину третьего поясничного позвонка или другой уровень.",
        )
    ct = read_ct(given)
    k = round(float(ct.index_of(level)[0]))
    if not 0 <= k < len(ct.hu):
        raise refusal("The level lies outside the images.", "Уровень лежит вне изображений.")
    _require_axial(ct)
    _require_no_chest_below(ct, k)
    plane = np.ascontiguousarray(ct.hu[k : k + 1])
    spacing = (ct.spacing_ijk[0], ct.spacing_ijk[1], _ALONE_MM)
    given.progress(0.3, "Looking for the body")
    body, apart = _body(plane, spacing)
    given.progress(0.5, "Muscle and fat")
    tissue = _tissue(plane, body, spacing)
    flags = _flags(ct, k, body, tissue)
    masks = {
        MUSCLE: tissue.muscle, VISCERAL: tissue.visceral, SUBCUTANEOUS: tissue.subcutaneous,
        BONE: tissue.bone, BODY: body,
    }  # fmt: skip
    numbers, doubts = _numbers(given, ct, plane, masks)
    status: MeasurementStatus = flags[0].status if flags else "valid"
    if status != "valid":
        numbers = [(label, _doubted(number, flags)) for label, number in numbers]
    return AnalysisOutput(
        masks={label: ct.to_image(_placed(mask, ct, k)) for label, mask in masks.items()},
        numbers=tuple(numbers),
        flags=flags,
        notes=_notes(apart, doubts),
    )


def _require_axial(ct: CtImage) -> None:
    """A slice that is tilted by more than a few degrees is no axial slice."""
    turn = np.abs(np.asarray(ct.geometry.direction, dtype=np.float64).reshape(3, 3))
    if turn.max(axis=0).min() < 0.95:
        raise refusal("The slices are not axial.", "Срезы не аксиальные.")


def _require_no_chest_below(ct: CtImage, k: int) -> None:
    """A slice with the chest below it is one of the chest, the neck or the head."""
    step = max(1, round(_STRIDE_MM / ct.spacing_ijk[2]))
    few = np.ascontiguousarray(ct.hu[k % step : k + 1 : step])
    spacing = (ct.spacing_ijk[0], ct.spacing_ijk[1], _ALONE_MM)
    body = find_body(Coarse(few, spacing, (1, 1, 1), (len(few), *few.shape[1:])))
    if body is None:
        return
    lung = body.trunk & (few > _LUNG_HU[0]) & (few < _LUNG_HU[1])
    share = lung.sum(axis=(1, 2)) / np.maximum(body.trunk.sum(axis=(1, 2)), 1)
    if share.max() > _CHEST:
        raise refusal(
            "There is lung on this slice or below it; muscle and fat are read in the abdomen.",
            "На этом срезе или ниже него есть лёгкие; мышцы и жир считаются в области живота.",
        )


def _body(plane: npt.NDArray[np.float32], spacing: Triple) -> tuple[BoolArray, bool]:
    """The trunk on the slice, and whether something else of size lies beside it."""
    shape = (1, plane.shape[1], plane.shape[2])
    body = find_body(Coarse(plane, spacing, (1, 1, 1), shape))
    if body is None:
        raise refusal("No body was found on this slice.", "Тело на этом срезе не найдено.")
    rest = opened((plane > -300.0) & ~body.trunk, 4.0, spacing)
    _, counts = connected_components(rest)
    pixel_cm2 = spacing[0] * spacing[1] / 100.0
    return body.trunk, bool(counts and counts[0] * pixel_cm2 > _PIECE_CM2)


def _tissue(plane: npt.NDArray[np.float32], body: BoolArray, spacing: Triple) -> BodySlice:
    airy = opened(body & (plane > _LUNG_HU[0]) & (plane < _LUNG_HU[1]), 3.0, spacing)
    if airy.sum() > _MOST_LUNG * body.sum():
        raise refusal(
            "There is lung on this slice; muscle and fat are read below the lungs.",
            "На этом срезе есть лёгкие; мышцы и жир считаются ниже лёгких.",
        )
    bone = filled_per_slice(closed(body & (plane >= _BONE_HU), 2.0, spacing))
    spine = spine_of(bone, body, spacing)
    if spine is None:
        raise refusal("No vertebra was found on this slice.", "Позвонок на этом срезе не найден.")
    _require_no_large_bone(bone, spine, spacing)
    ring = muscle_ring(plane, body, spine, spacing)
    if ring is None:
        raise refusal(
            "The ring of muscle is not closed on this slice; inside and outside cannot be told "
            "apart.",
            "Мышечное кольцо на этом срезе не замкнуто; внутри и снаружи не различить.",
            "Choose a level a little higher or lower.",
            "Выберите уровень немного выше или ниже.",
        )
    tissue = read_slice(plane, body, ring, spine & ring, spacing)
    if tissue.depth_mm > _THICKEST_MM or tissue.deep_cm2 > _MOST_DEEP_CM2:
        raise refusal(
            "An organ lies against the muscles of the back and cannot be told from them here.",
            "Орган прилежит к мышцам спины, и здесь его от них не отличить.",
            "Choose a lower level.",
            "Выберите уровень ниже.",
        )
    return tissue


def _require_no_large_bone(bone: BoolArray, spine: BoolArray, spacing: Triple) -> None:
    """Beside the lumbar spine there are ribs at most."""
    _, counts = connected_components(bone & ~spine, fully_connected=True)
    pixel_cm2 = spacing[0] * spacing[1] / 100.0
    if spine.sum() * pixel_cm2 > _MOST_SPINE_CM2:
        raise refusal(
            "The vertebra cannot be told from something dense beside it on this slice.",
            "На этом срезе позвонок не отделить от чего-то плотного рядом.",
            "Choose a level a little higher or lower.",
            "Выберите уровень немного выше или ниже.",
        )
    if counts and counts[0] * pixel_cm2 > _MOST_PIECE_CM2:
        raise refusal(
            "Bones of the pelvis or the shoulder lie on this slice; muscle and fat are read "
            "between ribs and pelvis.",
            "На этом срезе кости таза или плечевого пояса; мышцы и жир считаются между рёбрами и "
            "тазом.",
            "Choose a level between them.",
            "Выберите уровень между ними.",
        )


def _placed(mask: BoolArray, ct: CtImage, k: int) -> BoolArray:
    placed = np.zeros(ct.hu.shape, np.bool_)
    placed[k] = mask[0]
    return placed


def _numbers(
    given: AnalysisInput, ct: CtImage, plane: npt.NDArray[np.float32], masks: dict[int, BoolArray]
) -> tuple[list[tuple[int, Measurement]], list[Message]]:
    pixel_cm2 = ct.spacing_ijk[0] * ct.spacing_ijk[1] / 100.0
    areas = {label: float(masks[label].sum()) * pixel_cm2 for label in _MEASURED}
    rows = []
    for label, kind in ((MUSCLE, "muscle_area"), (VISCERAL, "visceral_fat_area"),
                        (SUBCUTANEOUS, "subcutaneous_fat_area")):  # fmt: skip
        rows.append((label, _number(kind, areas[label] or None, "cm2", [])))
    doubts = _protocol(given)
    inside = plane[masks[MUSCLE]]
    mean = float(inside.mean(dtype=np.float64)) if inside.size else None
    rows.append((MUSCLE, _number("muscle_hu", mean, _HU, doubts)))
    both = areas[VISCERAL] > 0 and areas[SUBCUTANEOUS] > 0
    ratio = areas[VISCERAL] / areas[SUBCUTANEOUS] if both else None
    rows.append((VISCERAL, _number("visceral_subcutaneous_ratio", ratio, "1", [])))
    return rows, doubts


def _number(kind: str, value: float | None, unit: str, doubts: list[Message]) -> Measurement:
    if value is None:
        return Measurement(kind, None, unit, METHODS[kind], "absent", "None on this slice.",
                           note_ru="На этом срезе нет.")  # fmt: skip
    status: MeasurementStatus = "wrong_protocol" if doubts else "valid"
    text = joined(doubts)
    return Measurement(kind, value, unit, METHODS[kind], status, text.en, note_ru=text.ru)


def _doubted(number: Measurement, flags: tuple[QualityFlag, ...]) -> Measurement:
    """The number with the doubts about the whole slice."""
    if number.value is None:
        return number
    text = joined([Message(number.note, number.note_ru), *(flag.text for flag in flags)])
    return Measurement(
        number.kind, number.value, number.unit, number.method, flags[0].status, text.en.strip(),
        note_ru=text.ru.strip(),
    )  # fmt: skip


def _protocol(given: AnalysisInput) -> list[Message]:
    """Why the density of muscle is not that of its definition: unenhanced, 120 kV."""
    made, found = given.acquisition, []
    if made.contrast:
        found.append(Message("With contrast agent.", "С контрастным веществом."))
    elif made.contrast is None:
        found.append(Message("Contrast agent: not known.", "Контрастирование: неизвестно."))
    if made.kvp is None:
        found.append(Message("Tube voltage: not known.", "Напряжение на трубке: неизвестно."))
    elif not _KV[0] <= made.kvp <= _KV[1]:
        found.append(
            Message(
                f"{made.kvp:g} kV; defined at 120 kV.", f"{number_ru(made.kvp)} кВ вместо 120 кВ."
            )
        )
    return found


def _flags(ct: CtImage, k: int, body: BoolArray, tissue: BodySlice) -> tuple[QualityFlag, ...]:
    flags = []
    plane = body[0]
    outside = np.zeros(plane.shape, np.bool_) if ct.padding is None else ct.padding[k].copy()
    outside[[0, -1]] = outside[:, [0, -1]] = True
    spacing = (*ct.spacing_ijk[:2], _ALONE_MM)
    near = opened(body, 4.0, spacing)[0]
    beside = np.zeros(plane.shape, np.bool_)
    for axis in (0, 1):
        for step in (-1, 0, 1):
            beside |= np.roll(near, step, axis)
    if (beside & outside).any():
        text = Message(
            "The patient is not in the image in full width; areas are lower bounds.",
            "Пациент не весь по ширине в изображении; площади — нижняя граница.",
        )
        flags.append(QualityFlag("cut-at-the-sides", (*_MEASURED, BODY), text, "truncated_fov"))
    if tissue.covered > _MOST_COVERED:
        text = Message(
            "Organs lie against most of the wall; its thickness is taken from the neighbourhood.",
            "Органы прилежат к большей части стенки; её толщина взята по соседним местам.",
        )
        flags.append(QualityFlag("covered-wall", (MUSCLE, VISCERAL), text, "low_quality"))
    return tuple(flags)


def _notes(apart: bool, doubts: list[Message]) -> tuple[Message, ...]:
    notes = [
        Message(
            "Areas belong to the level that the reader gave; reference values are those of L3.",
            "Площади относятся к уровню, указанному врачом; справочные значения — для L3.",
        )
    ]
    if apart:
        notes.append(
            Message(
                "Arms or other things beside the trunk are left out.",
                "Руки или другие предметы рядом с туловищем не учтены.",
            )
        )
    if doubts:
        text = joined(doubts)
        notes.append(Message(f"Density of muscle: {text.en}", f"Плотность мышц: {text.ru}"))
    return tuple(notes)
