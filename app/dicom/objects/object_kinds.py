"""Kinds of objects other than images, with their names in both languages, by SOP class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from app.core.report import Message
from app.dicom.tolerant import uid_name

Family = Literal[
    "segmentation", "parametric-map", "report", "key-objects", "presentation-state",
    "structure-set", "document", "real-world-values", "unsupported",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class ObjectKind:
    """A kind of object: which reader it has (``family``), and its name."""

    family: Family
    name: Message


_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."

SEGMENTATION: Final = Message("segmentation", "сегментация")
PARAMETRIC_MAP: Final = Message("parametric map", "параметрическая карта")
REPORT: Final = Message("structured report", "структурированный отчёт")
KEY_OBJECTS: Final = Message("key object selection", "выбор ключевых объектов")
PRESENTATION: Final = Message("presentation state", "состояние отображения")
STRUCTURE_SET: Final = Message("RT structure set", "набор структур RT")
DOCUMENT: Final = Message("encapsulated document", "вложенный документ")
REAL_WORLD: Final = Message("real world value mapping", "таблица физических величин")

_SHOWN: Final[tuple[tuple[str, Family, Message], ...]] = (
    ("66.4", "segmentation", SEGMENTATION),
    ("66.7", "segmentation", Message("label map segmentation", "сегментация картой меток")),
    ("30", "parametric-map", PARAMETRIC_MAP),
    ("67", "real-world-values", REAL_WORLD),
    ("88.11", "report", Message("text report", "текстовый отчёт")),
    ("88.22", "report", Message("enhanced report", "расширенный отчёт")),
    ("88.33", "report", Message("comprehensive report", "полный структурированный отчёт")),
    ("88.34", "report", Message("comprehensive 3D report", "полный трёхмерный отчёт")),
    ("88.35", "report", Message("extensible report", "расширяемый отчёт")),
    ("88.40", "report", Message("procedure log", "журнал процедуры")),
    ("88.50", "report", Message("mammography CAD report", "отчёт CAD маммографии")),
    ("88.65", "report", Message("chest CAD report", "отчёт CAD грудной клетки")),
    ("88.67", "report", Message("X-ray dose report", "отчёт о дозе рентгена")),
    ("88.68", "report", Message("radiopharmaceutical dose report", "отчёт о дозе РФП")),
    ("88.69", "report", Message("colon CAD report", "отчёт CAD толстой кишки")),
    ("88.70", "report", Message("implantation plan report", "план имплантации")),
    ("88.71", "report", Message("acquisition context report", "отчёт об условиях съёмки")),
    ("88.72", "report", Message("simplified echo report", "краткий отчёт ЭхоКГ")),
    ("88.73", "report", Message("patient dose report", "отчёт о дозе пациента")),
    ("88.74", "report", Message("planned imaging report", "отчёт о плане исследования")),
    ("88.75", "report", Message("performed imaging report", "отчёт о ходе исследования")),
    ("88.1", "report", Message("trial text report", "пробный текстовый отчёт")),
    ("88.2", "report", Message("trial audio report", "пробный звуковой отчёт")),
    ("88.3", "report", Message("trial detail report", "пробный подробный отчёт")),
    ("88.4", "report", Message("trial comprehensive report", "пробный полный отчёт")),
    ("88.59", "key-objects", KEY_OBJECTS),
    ("11.1", "presentation-state", PRESENTATION),
    ("11.2", "presentation-state", Message("colour presentation state",
                                               "цветное состояние отображения")),
    ("11.3", "presentation-state", Message("pseudo-colour presentation state",
                                               "псевдоцветное состояние отображения")),
    ("11.4", "presentation-state", Message("blending presentation state",
                                               "состояние совмещения")),
    ("11.5", "presentation-state", Message("X-ray presentation state",
                                           "состояние отображения рентгена")),
    ("11.12", "presentation-state", Message("variable presentation state",
                                            "состояние отображения с переменной шкалой")),
    ("481.3", "structure-set", STRUCTURE_SET),
    ("104.1", "document", Message("PDF document", "документ PDF")),
    ("104.2", "document", Message("clinical document (CDA)", "клинический документ (CDA)")),
    ("104.3", "document", Message("3D model (STL)", "трёхмерная модель (STL)")),
    ("104.4", "document", Message("3D model (OBJ)", "трёхмерная модель (OBJ)")),
    ("104.5", "document", Message("material of a 3D model (MTL)",
                                      "материал трёхмерной модели (MTL)")),
)  # fmt: skip
_KINDS: Final = {_STORAGE + suffix: ObjectKind(family, name) for suffix, family, name in _SHOWN}

_FAMILIES: Final = (
    (_STORAGE + "88.", ObjectKind("report", REPORT)),
    (_STORAGE + "104.", ObjectKind("document", DOCUMENT)),
)

# Known by name only: listed with their kind and a sentence, never hidden (D16).
_UNSUPPORTED: Final[dict[str, Message]] = {
    _STORAGE + suffix: name
    for suffix, name in (
        ("481.5", Message("RT plan", "план облучения")),
        ("481.8", Message("RT ion plan", "план ионного облучения")),
        ("481.4", Message("RT treatment record", "запись сеанса облучения")),
        ("66", Message("raw data", "необработанные данные")),
        ("66.1", Message("spatial registration", "пространственное совмещение")),
        ("66.2", Message("spatial fiducials", "пространственные метки")),
        ("66.3", Message("deformable registration", "нелинейное совмещение")),
        ("66.5", Message("surface segmentation", "сегментация поверхностью")),
        ("66.6", Message("tractography", "трактография")),
        ("9.1.1", Message("12-lead ECG", "ЭКГ в 12 отведениях")),
        ("9.1.2", Message("ECG", "ЭКГ")),
        ("9.1.3", Message("ambulatory ECG", "суточная ЭКГ")),
        ("9.2.1", Message("haemodynamic waveform", "кривая гемодинамики")),
        ("9.4.1", Message("voice recording", "звукозапись")),
        ("91.1", Message("microscopy annotations", "аннотации микроскопии")),
        ("200.2", Message("CT procedure protocol", "протокол КТ")),
    )
} | {"1.2.840.10008.5.1.4.39.1": Message("colour palette", "цветовая палитра")}


def kind_of(sop_class_uid: str, *, has_pixels: bool) -> ObjectKind | None:
    """The kind of an object, or None for an image (an object that is shown by its pixels)."""
    known = _KINDS.get(sop_class_uid)
    if known is not None:
        return known
    for beginning, kind in _FAMILIES:
        if sop_class_uid.startswith(beginning):
            return kind  # newer than this table, but built like the others
    if has_pixels:
        return None
    name = _UNSUPPORTED.get(sop_class_uid)
    if name is None:
        plain = uid_name(sop_class_uid).removesuffix(" Storage") if sop_class_uid else ""
        name = Message(plain or "object of an unknown kind", plain or "объект неизвестного вида")
    return ObjectKind("unsupported", name)
