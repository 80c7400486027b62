"""What an opened object says, as plain text in either language: for the window and for scripts."""

from __future__ import annotations

from collections.abc import Iterator

from app.core.message import decimal
from app.core.report import Message
from app.dicom.objects.encapsulated import EncapsulatedDocument
from app.dicom.objects.key_objects import KeyObjects
from app.dicom.objects.object_reading import ObjectReference
from app.dicom.objects.parametric_map import ParametricMap
from app.dicom.objects.presentation_state import PresentationState
from app.dicom.objects.real_world_values import RealWorldMap
from app.dicom.objects.seg_reader import ReadSegment, ReadSegmentation
from app.dicom.objects.sr_text import document_text
from app.dicom.objects.sr_tree import SrDocument
from app.dicom.objects.structure_set import Roi, StructureSet
from app.workflow.other_objects import OpenedObject

_LONGEST_TEXT = 200_000
_ALGORITHM_TYPES = {
    "AUTOMATIC": Message("automatic", "автоматически"),
    "SEMIAUTOMATIC": Message("semi-automatic", "полуавтоматически"),
    "MANUAL": Message("by hand", "вручную"),
}


def object_text(value: OpenedObject, language: str) -> str:
    """The text of what ``open_object`` gave, in ``en`` or ``ru``."""
    if isinstance(value, SrDocument):
        return document_text(value, language)
    if isinstance(value, KeyObjects):
        return "\n".join(_key_objects(value, language))
    if isinstance(value, ReadSegmentation):
        return "\n".join(_segmentation(value, language))
    if isinstance(value, PresentationState):
        return "\n".join(_presentation(value, language))
    if isinstance(value, StructureSet):
        return "\n".join(_structures(value, language))
    if isinstance(value, EncapsulatedDocument):
        return "\n".join(_document(value, language))
    if isinstance(value, ParametricMap):
        return "\n".join(_parametric_map(value, language))
    return "\n".join(line for one in value for line in _real_world(one, language))


def _key_objects(value: KeyObjects, language: str) -> Iterator[str]:
    yield _line(value.title, *value.reasons)
    if value.description:
        yield value.description
    yield _line(", ".join(value.observers), value.at.replace("T", " "), value.made_by)
    yield _say(language, "Marked: {n}", "Отмечено: {n}", n=len(value.references))
    yield from _references(value.references, language)


def _segmentation(value: ReadSegmentation, language: str) -> Iterator[str]:
    kinds = {
        "BINARY": Message("binary", "двоичная"),
        "FRACTIONAL": Message("fractional", "дробная"),
        "LABELMAP": Message("label map", "карта меток"),
    }
    kind = kinds[value.kind].text(language)
    grid = " × ".join(str(n) for n in reversed(value.shape_kji))
    yield _line(value.label, value.description, value.creator)
    yield _line(value.at.replace("T", " "), value.made_by)
    yield _say(language, "Segmentation: {kind}, grid {grid}", "Сегментация: {kind}, сетка {grid}",
               kind=kind, grid=grid)  # fmt: skip
    for warning in value.warnings:
        yield f"{warning.code}: {warning.text_in(language)}"
    for segment in value.segments:
        yield _segment(segment, value, language)
    if value.overlaps:
        pairs = ", ".join(f"{a} + {b}" for a, b in value.overlaps)
        yield _say(language, "Overlapping segments: {p}", "Перекрываются сегменты: {p}", p=pairs)


def _segment(segment: ReadSegment, value: ReadSegmentation, language: str) -> str:
    facts = segment.facts
    if segment.box is None:
        size = _say(language, "empty", "пустой")
    elif value.geometry is not None:
        volume = segment.voxel_count * value.geometry.voxel_volume_mm3 / 1000.0
        size = _say(language, "{v} mL", "{v} мл", v=decimal(f"{volume:.2f}", language))
    else:
        size = _say(language, "{n} px", "{n} пикс.", n=segment.voxel_count)
    concept = facts.property_type.meaning if facts.property_type else ""
    origin = _ALGORITHM_TYPES.get(facts.algorithm_type)
    return f"  {facts.number}. " + _line(
        facts.label,
        concept if concept != facts.label else "",
        facts.region.meaning if facts.region else "",
        size,
        origin.text(language) if origin else "",
        facts.algorithm_name,
    )


def _presentation(value: PresentationState, language: str) -> Iterator[str]:
    yield _line(value.label, value.description, value.creator)
    yield _line(value.at.replace("T", " "), value.made_by)
    for choice in value.voi:
        for window in choice.windows:
            if window.table is not None:
                yield _line(_say(language, "VOI table", "Таблица VOI"), window.explanation)
                continue
            yield _line(
                _say(
                    language,
                    "Window: centre {c}, width {w}",
                    "Окно: центр {c}, ширина {w}",
                    c=decimal(f"{window.center:g}", language),
                    w=decimal(f"{window.width:g}", language),
                ),
                window.explanation,
            )
    if value.is_inverted:
        yield _say(language, "Inverted", "Инвертировано")
    if value.rotation_deg or value.is_flipped:
        flip = _say(language, ", mirrored", ", зеркально") if value.is_flipped else ""
        yield _say(language, "Turned by {d}°{f}", "Повёрнуто на {d}°{f}",
                   d=value.rotation_deg, f=flip)  # fmt: skip
    for area in value.areas:
        yield _say(language, "Shown area: columns {a}-{b}, rows {c}-{d}",
                   "Показанная область: столбцы {a}–{b}, строки {c}–{d}",
                   a=area.top_left[0], b=area.bottom_right[0],
                   c=area.top_left[1], d=area.bottom_right[1])  # fmt: skip
    for annotation in value.annotations:
        for text in annotation.texts:
            yield _line(annotation.layer, text.text)
        for shape in annotation.shapes:
            yield _line(annotation.layer, f"{shape.kind} ({len(shape.points)})")
    if value.not_shown:
        yield _say(
            language, "Not applied: {p}", "Не применяется: {p}", p=", ".join(value.not_shown)
        )
    yield _say(language, "Images: {n}", "Снимки: {n}", n=len(value.references))
    yield from _references(value.references, language)


def _structures(value: StructureSet, language: str) -> Iterator[str]:
    yield _line(value.label, value.name if value.name != value.label else "")
    yield _line(value.at.replace("T", " "), value.made_by)
    yield _say(language, "Structures: {n}", "Структуры: {n}", n=len(value.rois))
    for roi in value.rois:
        yield f"  {roi.number}. " + _line(roi.name, roi.kind, _contours(roi, language))


def _contours(roi: Roi, language: str) -> str:
    if not roi.contours:
        return _say(language, "no contours", "контуров нет")
    return _say(language, "{n} contours", "контуров: {n}", n=len(roi.contours))


def _document(value: EncapsulatedDocument, language: str) -> Iterator[str]:
    yield _line(value.title, value.concept if value.concept != value.title else "")
    yield _line(value.at.replace("T", " "), value.made_by)
    yield _say(language, "{t}, {n} bytes", "{t}, байт: {n}", t=value.mime_type, n=len(value.data))
    if value.doubt is not None:
        yield value.doubt.text(language)
    if value.mime_type in ("text/xml", "text/plain", "model/mtl"):
        yield value.data[:_LONGEST_TEXT].decode("utf-8", errors="replace")


def _parametric_map(value: ParametricMap, language: str) -> Iterator[str]:
    yield _line(value.label, value.description)
    yield _line(value.at.replace("T", " "), value.made_by)
    for volume in value.volumes:
        grid = " × ".join(str(n) for n in reversed(volume.voxels.shape))
        yield _say(language, "Volume {grid}, unit {unit}", "Объём {grid}, единица {unit}",
                   grid=grid, unit=value.unit.value if value.unit else "?")  # fmt: skip
    for one in value.maps:
        yield from _real_world(one, language)


def _real_world(value: RealWorldMap, language: str) -> Iterator[str]:
    quantity = ", ".join(code.meaning for code in value.quantity)
    unit = value.unit.value if value.unit else ""
    yield _line(
        value.label, value.explanation if value.explanation != value.label else "", quantity
    )
    if value.slope is not None:
        formula = f"{value.slope:g} × x + {value.intercept:g} {unit}".strip()
        yield "  " + formula
    else:
        yield "  " + _say(language, "table of {n} values {u}", "таблица, значений: {n} {u}",
                          n=len(value.table), u=unit).strip()  # fmt: skip
    if value.references:
        yield "  " + _say(language, "Images: {n}", "Снимки: {n}", n=len(value.references))


def _references(references: tuple[ObjectReference, ...], language: str) -> Iterator[str]:
    for one in references:
        frames = ", ".join(map(str, one.frames))
        named = _say(language, ", frame {f}", ", кадр {f}", f=frames) if frames else ""
        yield f"  {one.sop_instance_uid}{named}"


def _say(language: str, en: str, ru: str, **values: object) -> str:
    return (ru if language == "ru" else en).format(**values)


def _line(*parts: str) -> str:
    return "; ".join(part for part in dict.fromkeys(parts) if part)
