"""A structured report as indented text, in the order of the document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from app.core.report import Message
from app.dicom.objects.object_reading import ObjectReference
from app.dicom.objects.sr_tree import SrDocument, SrNode

_UNKNOWN: Final = Message("item of unknown type", "элемент неизвестного типа")
_FRAMES: Final = Message("frame", "кадр")
_SEGMENTS: Final = Message("segment", "сегмент")
_POINTS: Final = Message("points", "точек")
_SEE: Final = Message("see item", "см. элемент")
_NO_VALUE: Final = Message("no value", "нет значения")
_COMPLETE: Final = Message("complete", "завершён")
_PARTIAL: Final = Message("partial", "не завершён")
_VERIFIED: Final = Message("verified by", "подтвердил(а)")
_UNVERIFIED: Final = Message("not verified", "не подтверждён")


def document_text(document: SrDocument, language: str) -> str:
    """State of the document and its outline, in ``en`` or ``ru``."""
    state = _COMPLETE if document.is_complete else _PARTIAL
    head = [document.at.replace("T", " "), document.made_by, state.text(language)]
    for one in document.verified_by:
        who = ", ".join(text for text in (one.by, one.organization) if text)
        head.append(f"{_VERIFIED.text(language)} {who} {one.at.replace('T', ' ')}".strip())
    if not document.is_verified:
        head.append(_UNVERIFIED.text(language))
    first = "; ".join(text for text in head if text)
    return f"{first}\n\n{outline(document.root, language)}"


def outline(root: SrNode, language: str) -> str:
    """One line per content item, indented by two spaces per level."""
    return "\n".join(_lines(root, 0, language))


def _lines(node: SrNode, depth: int, language: str) -> Iterator[str]:
    # Line breaks of a text stay, set under its beginning.
    indent = "  " * depth
    first, *rest = item_text(node, language).splitlines() or [""]
    yield indent + first
    for line in rest:
        yield f"{indent}    {line}"
    for child in node.children:
        yield from _lines(child, depth + 1, language)


def item_text(node: SrNode, language: str) -> str:
    """Concept and value of one item."""
    if node.target:
        name = node.name or node.relationship.lower()
        return f"{name}: {_SEE.text(language)} {node.target}"
    name = node.name or _plain_type(node, language)
    value = value_text(node, language)
    return f"{name}: {value}" if value else name


def value_text(node: SrNode, language: str) -> str:
    """The value of one item with its unit, points and references; empty for a container."""
    parts = [node.text]
    if node.value_type == "NUM":
        parts = [node.text or _NO_VALUE.text(language)]
        if node.unit is not None and node.unit.value not in ("1", "{no units}"):
            parts.append(node.unit.value)
    if node.points:
        count = f"{len(node.points)} {_POINTS.text(language)}"
        parts.append(f"{node.graphic_type} ({count})" if len(node.points) > 4 else _shape(node))
    parts += [_reference(one, language) for one in node.references]
    return " ".join(part for part in parts if part)


def _shape(node: SrNode) -> str:
    points = "; ".join(", ".join(f"{n:g}" for n in point) for point in node.points)
    return f"{node.graphic_type} ({points})"


def _reference(reference: ObjectReference, language: str) -> str:
    parts = [reference.sop_instance_uid]
    if reference.frames:
        parts.append(f"{_FRAMES.text(language)} {', '.join(map(str, reference.frames))}")
    if reference.segments:
        parts.append(f"{_SEGMENTS.text(language)} {', '.join(map(str, reference.segments))}")
    return ", ".join(parts)


def _plain_type(node: SrNode, language: str) -> str:
    known = {
        "IMAGE": Message("image", "снимок"),
        "COMPOSITE": Message("object", "объект"),
        "WAVEFORM": Message("waveform", "кривая"),
        "CONTAINER": Message("section", "раздел"),
        "SCOORD": Message("region", "область"),
        "SCOORD3D": Message("region", "область"),
        "TEXT": Message("text", "текст"),
    }
    name = known.get(node.value_type)
    if name is not None:
        return name.text(language)
    return f"{_UNKNOWN.text(language)} {node.value_type}".strip()
