"""``nodule``: one lung nodule at the reader's click (point "nodule"); label 1 the nodule, label 2
its solid part where it is part-solid. The inputs of Fleischner 2017 and Lung-RADS are listed, no
category is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from app.core.errors import ResultRefused
from app.core.measurement import Measurement
from app.core.message import number_ru
from app.core.report import Message
from app.inference.analyses.contract import AnalysisInput, AnalysisOutput
from app.inference.analyses.ct_image import CtImage, read_ct, refusal
from app.inference.analyses.nodule_region import (
    NoduleRegion,
    Refusal,
    find_nodule,
    neighbourhood,
    onto,
)
from app.inference.analyses.protocol import enhanced, sharp_kernel, slice_mm
from app.inference.result import QualityFlag
from app.measure.anatomy import Anatomy, Protocol
from app.measure.chest import nodule as measure_nodule
from app.measure.registry import measure_mask

NODULE: Final = 1
SOLID_PART: Final = 2
POINT: Final = "nodule"
_THICKEST_MM: Final = 3.0
_FLEISCHNER_AGE: Final = 35.0
_DRAWN_OUT: Final = 1.8  # long over short axis

_WHY: Final[dict[Refusal, tuple[str, str]]] = {
    "no-lung": (
        "There is hardly any lung around the click.",
        "Вокруг указанной точки почти нет лёгочной ткани.",
    ),
    "nothing-here": (
        "There is nothing denser than lung at the click or within 2.5 mm of it.",
        "В указанной точке и в 2,5 мм от неё нет ничего плотнее лёгкого.",
    ),
    "in-the-wall": (
        "The click lies in the chest wall, the mediastinum or a mass that is broadly joined to "
        "them.",
        "Точка лежит в грудной стенке, средостении или широко связанном с ними образовании.",
    ),
    "vessel": (
        "The thing at the click looks like a vessel: it goes on beyond every cut.",
        "Структура в точке похожа на сосуд: она продолжается за любым разрезом.",
    ),
    "leak": (
        "The thing at the click cannot be told apart from its surroundings.",
        "Структуру в точке не удаётся отделить от окружения.",
    ),
    "size": (
        "The thing at the click is smaller than 3 mm or larger than 32 mm.",
        "Структура в точке меньше 3 мм или больше 32 мм.",
    ),
}
_KINDS: Final = {
    "solid": ("solid", "солидный"),
    "part-solid": ("part-solid", "частично солидный"),
    "ground-glass": ("ground glass", "«матовое стекло»"),
}


def run(given: AnalysisInput) -> AnalysisOutput:
    """Segment and measure the nodule. Raises ``ResultRefused`` with the reason where it cannot."""
    point = given.reader.point(POINT)
    if point is None:
        raise _refused("No nodule was pointed at.", "Узелок не указан.")
    ct = read_ct(given)
    thick = slice_mm(given.acquisition, max(ct.spacing_ijk))
    if thick > _THICKEST_MM + 0.01:
        raise _refused(
            f"Slices of {thick:g} mm are too thick; nodules need {_THICKEST_MM:g} mm or less.",
            f"Срезы {number_ru(thick)} мм слишком толсты; для узелка нужно не более"
            f" {number_ru(_THICKEST_MM)} мм.",
        )
    click = ct.index_of(point)
    if np.any(click < -0.5) or np.any(click > np.asarray(ct.hu.shape) - 0.5):
        raise _refused("The click lies outside the images.", "Точка лежит вне изображений.")
    given.progress(0.2, "Looking at the nodule")
    near = neighbourhood(ct.hu, ct.spacing_ijk, click)
    found = find_nodule(near)
    if not isinstance(found, str):
        # Once more around its middle, so that the result does not depend on where it was clicked.
        middle = np.rint(near.index_kji(found.mask, ct.spacing_ijk))
        again = neighbourhood(ct.hu, ct.spacing_ijk, middle)
        centred = find_nodule(again)
        if not isinstance(centred, str):
            near, found = again, centred
    if isinstance(found, str):
        raise _refused(*_WHY[found])
    given.progress(0.8, "Measuring")
    target = sitk.Image([int(n) for n in reversed(ct.hu.shape)], sitk.sitkUInt8)
    target.SetSpacing([float(s) for s in ct.spacing_ijk])
    whole, solid = _placed(ct, near.image, target, found)
    masks = {NODULE: whole, SOLID_PART: solid}
    numbers = [
        (index, number)
        for index, mask in masks.items()
        if mask.any()
        for number in _measured(given, mask)
    ]
    flags = long_beside_a_vessel(numbers, is_parted=found.neck > 0)
    notes = _notes(given, found, numbers)
    return AnalysisOutput(masks=masks, numbers=tuple(numbers), notes=notes, flags=flags)


def long_beside_a_vessel(
    numbers: Sequence[tuple[int, Measurement]], *, is_parted: bool
) -> tuple[QualityFlag, ...]:
    """The doubt about an outline that was cut off from a vessel and is still drawn out."""
    axes = {n.kind: n.value for index, n in numbers if index == NODULE}
    long, short = axes.get("nodule_long_axis"), axes.get("nodule_short_axis")
    if not is_parted or not long or not short or long < _DRAWN_OUT * short:
        return ()
    text = Message(
        "The outline is drawn out beside a vessel and may hold a piece of it; look at the mask.",
        "Контур вытянут рядом с сосудом и может включать его часть; проверьте маску.",
    )
    return (QualityFlag("drawn-out", (NODULE, SOLID_PART), text),)


def _placed(
    ct: CtImage, near: sitk.Image, target: sitk.Image, found: NoduleRegion
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Nodule and solid part on the voxels of the image."""
    box = _box_around(near, target)
    made = []
    for mask in (found.mask, found.solid):
        whole = np.zeros(ct.hu.shape, np.bool_)
        if mask.any():
            part = sitk.RegionOfInterest(target, box[1], box[0])
            slices = tuple(
                slice(start, start + size)
                for start, size in zip(reversed(box[0]), reversed(box[1]), strict=True)
            )
            whole[slices] = onto(near, mask, part)
        made.append(ct.to_image(whole))
    if not made[0].any():
        raise _refused(*_WHY["size"])
    return made[0], made[1] & made[0]


def _box_around(near: sitk.Image, target: sitk.Image) -> tuple[list[int], list[int]]:
    """First index and size (i, j, k) of the voxels of ``target`` that the copy covers."""
    first = target.TransformPhysicalPointToIndex(near.GetOrigin())
    last = target.TransformPhysicalPointToIndex(
        near.TransformIndexToPhysicalPoint([n - 1 for n in near.GetSize()])
    )
    low = [max(0, n) for n in first]
    high = [min(size - 1, n) for n, size in zip(last, target.GetSize(), strict=True)]
    return low, [b - a + 1 for a, b in zip(low, high, strict=True)]


def _measured(given: AnalysisInput, mask: npt.NDArray[np.bool_]) -> list[Measurement]:
    anatomy = Anatomy(
        given.geometry,
        masks={"nodule": mask},
        values=given.values,
        protocol=Protocol("CT", slice_mm=given.acquisition.slice_thickness_mm),
    )
    rows = [row.measurement for row in measure_nodule(anatomy)]
    rows += measure_mask(
        mask.astype(np.uint8), geometry=given.geometry, values=given.values, what=("mean",)
    )
    return rows


def _notes(
    given: AnalysisInput, found: NoduleRegion, numbers: list[tuple[int, Measurement]]
) -> tuple[Message, ...]:
    """What was cut, what the guidelines need and what of it is not known here."""
    en, ru = _KINDS[found.kind]
    values = {(index, n.kind): n.value for index, n in numbers}
    mean = float(values[NODULE, "nodule_mean_diameter"] or 0.0)
    volume = float(values[NODULE, "nodule_volume"] or 0.0)
    core = values.get((SOLID_PART, "nodule_mean_diameter"))
    extra = "" if core is None else f", solid part {core:.1f} mm"
    extra_ru = "" if core is None else f", солидная часть {number_ru(core, '.1f')} мм"
    age = given.acquisition.age_years
    told_age = "" if age is None else f" Age {age:.0f}."
    told_age_ru = "" if age is None else f" Возраст {age:.0f}."
    young = age is not None and age < _FLEISCHNER_AGE
    notes = [
        Message(
            f"Density: {en} (cut at {found.threshold_hu:.0f} HU, lung around "
            f"{found.background_hu:.0f} HU){'; on the pleura' if found.on_pleura else ''}"
            f"{'; parted from a vessel' if found.neck > 0 else ''}.",
            f"Плотность: {ru} (граница {found.threshold_hu:.0f} HU, лёгкое вокруг "
            f"{found.background_hu:.0f} HU){'; прилежит к плевре' if found.on_pleura else ''}"
            f"{'; отделён от сосуда' if found.neck > 0 else ''}.",
        ),
        Message(
            f"For Fleischner 2017: {en}, mean diameter {round(mean)} mm, {volume:.0f} mm3{extra}."
            f"{told_age} Not known here: number of nodules, risk of the patient, known cancer or "
            "immunosuppression, earlier scans."
            f"{' Not for patients under 35 years.' if young else ''}",
            f"Для Fleischner 2017: {ru}, средний диаметр {round(mean)} мм, {volume:.0f} мм3"
            f"{extra_ru}.{told_age_ru} Здесь неизвестно: число узелков, риск пациента, известный "
            "рак или иммуносупрессия, прежние исследования."
            f"{' Не для пациентов моложе 35 лет.' if young else ''}",
        ),
        Message(
            f"For Lung-RADS: {en}, mean diameter {mean:.1f} mm{extra}. Not known here: whether "
            "this is screening, whether the nodule is new or grows, place (airway, fissure).",
            f"Для Lung-RADS: {ru}, средний диаметр {number_ru(mean, '.1f')} мм{extra_ru}."
            " Здесь неизвестно: "
            "скрининг ли это, новый ли узелок и растёт ли он, положение (бронх, щель).",
        ),
    ]
    doubts = [sharp_kernel(given.acquisition), enhanced(given.acquisition, looks_enhanced=False)]
    notes += [doubt for doubt in doubts if doubt is not None]
    return tuple(notes)


def _refused(en: str, ru: str) -> ResultRefused:
    return refusal(
        en, ru, "Click into the middle of the nodule, or draw it by hand.",
        "Укажите середину узелка или обведите его вручную.",
    )  # fmt: skip
