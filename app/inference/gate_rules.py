"""The rules of the gate, one function each; order is the order of the reasons."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from app.core.report import Message
from app.core.study import Series, Stack, Study
from app.inference.manifest import ModelPack
from app.inference.manifest_parts import Range, SeriesRule
from app.inference.manifest_steps import OrientFilm

Level = Literal["ok", "limits", "refuses"]

READER_RULE = "reader_input"
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_VIEW_WORDS = {
    "POSTEROANTERIOR": "PA", "ANTEROPOSTERIOR": "AP", "LATERAL": "LL", "LAT": "LL",
}  # fmt: skip
_LATERAL = re.compile(r"\b(lat|lateral|ll|rl|боков\w*|бок)\b", re.IGNORECASE)
_FRONTAL = re.compile(r"\b(pa|ap|frontal|прям\w*)\b", re.IGNORECASE)
_BODY_WORDS = {
    "CHEST": ("chest", "thorax", "thorac", "lung", "cxr", "грудн", "лёгк", "легк", "огк"),
    "HEAD": ("head", "brain", "skull", "голов", "мозг"),
    "ABDOMEN": ("abdomen", "abdom", "живот", "брюшн"),
}
_UNKNOWN_WORDS = {
    "intended_use": ("intended use", "назначение"),
    "not_for": ("what it is not for", "для чего не предназначен"),
    "licence": ("licence", "лицензия"),
    "population": ("population", "популяция"),
    "codes": ("codes of its labels", "коды меток"),
    "orientation": ("orientation of its training images", "ориентация обучающих изображений"),
    "training_data": ("training data", "обучающие данные"),
    "limits": ("known limits", "известные ограничения"),
}
_FRONTAL_LETTERS = {("L", "F"), ("R", "F"), ("L", "H"), ("R", "H")}
_AXIS_NAMES = ("sagittal", "coronal", "axial")
_OBLIQUE_COSINE = 0.85  # more than about 32 degrees off every patient plane is oblique


@dataclass(frozen=True, slots=True)
class GateCase:
    """One pack's rule and the stack it is held against."""

    pack: ModelPack
    wanted: SeriesRule
    study: Study
    series: Series
    stack: Stack


@dataclass(frozen=True, slots=True)
class Checked:
    """What one rule found."""

    rule: str
    level: Level
    text: Message


def modality_rule(case: GateCase) -> Checked:
    """The one attribute that must be there."""
    given, wanted = case.series.modality.upper(), _upper(case.wanted.modality)
    return _listed("modality", given, wanted, ("Modality", "Модальность"), absent="refuses")


def all_rules(case: GateCase) -> Iterator[Checked]:
    """Every other rule that applies to this pack."""
    for rule in (
        _identity, _sop_class, _photometric, _body_part, _view_position, _image_type,
        _frames, _geometry, _film_orientation, _plane, _thickness, _spacing, _quantity,
        _contrast, _phase, _kernel, _kvp, _age, _sex, _imported, _reader,
    ):  # fmt: skip
        found = rule(case)
        if found is not None:
            yield found


def _identity(case: GateCase) -> Checked | None:
    if not case.study.blocked and case.stack.verdict != "blocked":
        return None
    return refused("identity", "The images contradict each other about the patient",
                   "Снимки противоречат друг другу о пациенте")  # fmt: skip


def _sop_class(case: GateCase) -> Checked | None:
    wanted = case.wanted.sop_classes
    if not wanted:
        return None
    given = case.series.sop_class_uids
    if any(uid in wanted for uid in given):
        return passed("sop_class", "The kind of object fits", "Вид объекта подходит")
    if any(uid.startswith(_SECONDARY_CAPTURE) for uid in given):
        return limited("sop_class", "The object is a secondary capture",
                       "Объект — вторичный захват")  # fmt: skip
    return refused("sop_class", "The kind of object (SOP class) does not fit",
                   "Вид объекта (SOP-класс) не подходит")  # fmt: skip


def _photometric(case: GateCase) -> Checked | None:
    given = case.stack.photometric.upper()
    if given.startswith("MONOCHROME"):
        return None
    if not given:
        return limited("photometric", "The photometric interpretation is not stated",
                       "Фотометрическая интерпретация не указана")  # fmt: skip
    return refused(
        "photometric", f"The image is not gray ({given})", f"Изображение не серое ({given})"
    )


def _body_part(case: GateCase) -> Checked | None:
    wanted = _upper(case.wanted.body_part)
    if not wanted:
        return None
    given = case.series.body_part.upper()
    if any(_names_body_part(given, part) for part in wanted):
        return passed("body_part", f"Body part {given}", f"Область {given}")
    if given:
        return refused("body_part", f"Body part is {given}; the pack reads {_join(wanted)}",
                       f"Область {given}; пакет читает {_join(wanted)}")  # fmt: skip
    told = f"{case.series.description} {case.study.description}"
    if any(_names_body_part(told, part) for part in wanted):
        return passed("body_part", "Body part by the description", "Область по описанию")
    return limited("body_part", "The body part is not stated", "Область не указана")


def _names_body_part(text: str, part: str) -> bool:
    low = text.lower()
    words = next((w for key, w in _BODY_WORDS.items() if part.lower() in (key.lower(), *w)), ())
    return bool(low) and (part.lower() in low or any(word in low for word in words))


def _view_position(case: GateCase) -> Checked | None:
    wanted = _upper(case.wanted.view_position)
    if not wanted:
        return None
    stated = case.stack.view_position
    if not any(stack.view_position for stack in case.series.stacks):
        stated = case.series.view_position  # no film speaks for itself
    letters = re.sub(r"[^A-Z ]", "", stated.upper().replace("_", ""))
    given = _VIEW_WORDS.get(letters.replace(" ", ""), letters.split(" ")[0] if letters else "")
    told = f"{case.series.description} {case.study.description}"
    if not given and _LATERAL.search(told) and not _FRONTAL.search(told):
        return refused("view_position", "By its description the view is lateral",
                       "По описанию проекция боковая")  # fmt: skip
    return _listed("view_position", given, wanted, ("View", "Проекция"), absent="limits")


def _image_type(case: GateCase) -> Checked | None:
    rule, given = case.wanted.image_type, _upper(case.series.image_type)
    banned = [value for value in _upper(rule.must_not) if value in given]
    if banned:
        return refused("image_type", f"Image type is {banned[0]}", f"Тип изображения {banned[0]}")
    lacking = [value for value in _upper(rule.must) if value not in given]
    if not lacking:
        return None
    if not given:
        return limited("image_type", "The image type is not stated", "Тип изображения не указан")
    return refused("image_type", f"Image type is not {lacking[0]}",
                   f"Тип изображения не {lacking[0]}")  # fmt: skip


def _frames(case: GateCase) -> Checked | None:
    count = len(case.stack.frames)
    if case.pack.input.dimensions == 2:
        if count == 1:
            return None
        return refused("slices", f"The stack holds {count} images; the pack reads a single one",
                       f"В стопке изображений: {count}; пакет читает одно")  # fmt: skip
    least = case.wanted.min_slices
    if count >= least:
        return passed("slices", f"{count} slices", f"Срезов: {count}")
    return refused("slices", f"{count} slices; the pack needs {least}",
                   f"Срезов: {count}; пакету нужно {least}")  # fmt: skip


def _geometry(case: GateCase) -> Checked | None:
    if case.pack.input.dimensions == 2:
        return None
    stack = case.stack
    if stack.geometry is None or not stack.is_volume:
        return refused("geometry", f"The images are no volume ({stack.why})",
                       f"Изображения не образуют объём ({stack.why_in('ru')})")  # fmt: skip
    codes = _join(sorted({warning.code for warning in stack.warnings}))
    if stack.verdict == "resampled":
        return limited("geometry", f"The slices had to be resampled ({codes or stack.why})",
                       f"Срезы пришлось пересчитать ({codes or stack.why_in('ru')})")  # fmt: skip
    if codes:
        return limited("geometry", f"There are doubts about the geometry ({codes})",
                       f"Есть сомнения в геометрии ({codes})")  # fmt: skip
    return passed("geometry", "The volume is regular", "Объём регулярный")


def _film_orientation(case: GateCase) -> Checked | None:
    """A film seen from behind is mirrored for the model; other orientations are refused (G02)."""
    steps = [s for s in case.pack.input.steps if isinstance(s, OrientFilm)]
    if not steps:
        return None
    given = case.stack.patient_orientation
    if not any(stack.patient_orientation for stack in case.series.stacks):
        given = case.series.patient_orientation
    if given is None or not all(given):
        return passed("orientation", "Orientation not stated; taken as seen from the front",
                      "Ориентация не указана; принята как вид спереди")  # fmt: skip
    letters = (given[0][:1].upper(), given[1][:1].upper())
    if letters not in _FRONTAL_LETTERS:
        return refused("orientation", f"The film lies {given[0]}\\{given[1]}, not frontally",
                       f"Снимок лежит {given[0]}\\{given[1]}, это не прямая проекция")  # fmt: skip
    if letters == (steps[0].columns, steps[0].rows):
        return passed("orientation", "The film lies as the pack expects",
                      "Снимок лежит так, как ждёт пакет")  # fmt: skip
    return passed("orientation", f"The film lies {given[0]}\\{given[1]}; mirrored for the model",
                  f"Снимок лежит {given[0]}\\{given[1]}; для модели он отражается")  # fmt: skip


def _plane(case: GateCase) -> Checked | None:
    wanted = case.wanted.orientation
    if not wanted:
        return None
    geometry = case.stack.geometry
    given = "projection"
    if geometry is not None:
        normal = np.abs(geometry.direction_matrix[:, 2])
        given = _AXIS_NAMES[int(np.argmax(normal))]
        given = given if normal.max() >= _OBLIQUE_COSINE else "oblique"
    elif case.pack.input.dimensions == 3:
        return None
    return _listed("plane", given, wanted, ("Plane", "Плоскость"), absent="limits")


def _thickness(case: GateCase) -> Checked | None:
    geometry = case.stack.geometry
    value = case.series.slice_thickness_mm
    if value is None and geometry is not None:
        value = geometry.spacing_ijk[2]
    wanted = case.wanted.slice_thickness
    return _within("slice_thickness", value, wanted, ("Slice thickness", "Толщина среза"), "mm")


def _spacing(case: GateCase) -> Checked | None:
    geometry = case.stack.geometry
    if geometry is None and case.pack.input.dimensions == 2:
        return None  # a film's spacing is no reason: the model is given the whole film
    value = max(geometry.spacing_ijk) if geometry else None
    return _within("spacing", value, case.wanted.spacing, ("Largest voxel edge", "Шаг сетки"), "mm")


def _quantity(case: GateCase) -> Checked | None:
    wanted = case.pack.input.units
    if wanted == "arbitrary" or case.stack.quantity == wanted:
        return None
    return refused("units", f"The values are not {wanted}", f"Значения не в {wanted}")


def _reader(case: GateCase) -> Checked | None:
    """A pack that needs something from the reader never runs by itself."""
    for entry in case.pack.reader_inputs:
        if entry.required:
            return Checked(READER_RULE, "limits", Message(
                f"The reader has to give it first: {entry.text.en}",
                f"Сначала нужен ввод врача: {entry.text.ru}",
            ))  # fmt: skip
    return None


def _contrast(case: GateCase) -> Checked | None:
    wanted, given = case.wanted.contrast, case.series.contrast
    if wanted == "any":
        return None
    if given is None:
        return limited("contrast", "Contrast agent is not stated", "Контраст не указан")
    if given == (wanted == "required"):
        return passed("contrast", "Contrast agent as needed", "Контраст как нужно")
    if given:
        return refused("contrast", "The images are enhanced", "Изображения с контрастом")
    return refused("contrast", "The images are not enhanced", "Изображения без контраста")


def _phase(case: GateCase) -> Checked | None:
    wanted = case.wanted.phase
    if not wanted:
        return None
    if any(name.lower() in case.series.description.lower() for name in wanted):
        return passed("phase", "Phase by the description", "Фаза по описанию")
    return limited("phase", "The contrast phase is not stated", "Фаза контраста не указана")


def _kernel(case: GateCase) -> Checked | None:
    rule, given = case.wanted.kernel, case.series.kernel.lower()
    if not given or not (rule.prefer or rule.exclude):
        return None
    if any(name.lower() in given for name in rule.exclude):
        return refused("kernel", f"Kernel {case.series.kernel} is excluded",
                       f"Ядро {case.series.kernel} исключено")  # fmt: skip
    if rule.prefer and not any(name.lower() in given for name in rule.prefer):
        return limited("kernel", f"Kernel {case.series.kernel} is not a preferred one",
                       f"Ядро {case.series.kernel} не из предпочтительных")  # fmt: skip
    return passed("kernel", f"Kernel {case.series.kernel}", f"Ядро {case.series.kernel}")


def _kvp(case: GateCase) -> Checked | None:
    return _within("kvp", case.series.kvp, case.wanted.kvp, ("Tube voltage", "Напряжение"), "kV")


def _age(case: GateCase) -> Checked | None:
    return _within("age", age_years(case.study, case.series), case.wanted.age,
                   ("Age", "Возраст"), "years")  # fmt: skip


def age_years(study: Study, series: Series) -> float | None:
    """PatientAge, else from birth and study date; None where neither is usable."""
    if series.patient_age_years is not None:
        return series.patient_age_years
    try:
        born = dt.date.fromisoformat(str(study.patient.birth_date))
        seen = dt.date.fromisoformat(study.study_date)
    except ValueError:
        return None
    years = (seen - born).days / 365.25
    return years if years >= 0 else None


def _sex(case: GateCase) -> Checked | None:
    wanted = case.wanted.sex
    if not wanted:
        return None
    return _listed("sex", case.study.patient.sex, wanted, ("Sex", "Пол"), absent="limits")


def _listed(
    rule: str, given: str, wanted: tuple[str, ...], name: tuple[str, str], *, absent: Level
) -> Checked:
    if given and given in wanted:
        return passed(rule, f"{name[0]} {given}", f"{name[1]} {given}")
    if given:
        return refused(rule, f"{name[0]} is {given}; the pack reads {_join(wanted)}",
                       f"{name[1]} {given}; пакет читает {_join(wanted)}")  # fmt: skip
    return Checked(rule, absent, Message(f"{name[0]} is not stated.", f"{name[1]}: не указано."))


def _within(
    rule: str, value: float | None, wanted: Range, name: tuple[str, str], unit: str
) -> Checked | None:
    if wanted.min is None and wanted.max is None:
        return None
    if value is None:
        text = Message(f"{name[0]} is not stated.", f"{name[1]}: не указано.")
        return Checked(rule, "limits", text)
    unit_ru = {"mm": "мм", "kV": "кВ", "years": "лет"}[unit]
    shown = f"{value:g}" if abs(value) < 1000 else f"{value:.0f}"
    inside = (wanted.min is None or value >= wanted.min) and (
        wanted.max is None or value <= wanted.max
    )
    if inside:
        return passed(rule, f"{name[0]} {shown} {unit}", f"{name[1]} {shown} {unit_ru}")
    low, high = ("" if n is None else f"{n:g}" for n in (wanted.min, wanted.max))
    limit = f"{low}..{high}"
    return refused(rule, f"{name[0]} is {shown} {unit}; the pack reads {limit}",
                   f"{name[1]} {shown} {unit_ru}; пакет читает {limit}")  # fmt: skip


def _imported(case: GateCase) -> Checked | None:
    """A pack made by an importer: what nobody has stated keeps every series at *limited*."""
    imported = case.pack.imported
    if imported is None:
        return None
    if not imported.unknown:
        return passed("imported", "The pack was imported; a person has stated what it is for",
                      "Пакет импортирован; человек указал, для чего он")  # fmt: skip
    en = _join([_UNKNOWN_WORDS[word][0] for word in imported.unknown])
    ru = _join([_UNKNOWN_WORDS[word][1] for word in imported.unknown])
    return limited("imported", f"The pack was imported, and nobody has stated: {en}",
                   f"Пакет импортирован, и никто не указал: {ru}")  # fmt: skip


def passed(rule: str, en: str, ru: str) -> Checked:
    """The rule holds."""
    return Checked(rule, "ok", Message(f"{en}.", f"{ru}."))


def limited(rule: str, en: str, ru: str) -> Checked:
    """The rule cannot be decided, or holds in part."""
    return Checked(rule, "limits", Message(f"{en}.", f"{ru}."))


def refused(rule: str, en: str, ru: str) -> Checked:
    """The rule is broken."""
    return Checked(rule, "refuses", Message(f"{en}.", f"{ru}."))


def _upper(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value.upper() for value in values)


def _join(values: tuple[str, ...] | list[str]) -> str:
    return ", ".join(values)
