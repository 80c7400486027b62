"""What an importer makes of a bundle before it is written: a manifest, weights, what is unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from app.core.report import Message
from app.inference.importing import label_names
from app.inference.importing.facts import Facts, LabelFacts, require_known_labels
from app.inference.importing.graph_file import GraphHeader

NO_LICENCE: Final = "NOASSERTION"  # what SPDX calls "nothing is said about the licence"
NOT_STATED: Final = {"en": "Not stated by the source of this model.",
                     "ru": "Источник модели этого не указывает."}  # fmt: skip
NOT_FOR: Final = {
    "en": "Any use before a person has stated what this model is for.",
    "ru": "Любое применение, пока человек не указал, для чего эта модель.",
}
LIMIT: Final = {
    "en": "Imported; nothing about its quality is known here.",
    "ru": "Импортирована; о её качестве здесь ничего не известно.",
}
CARD: Final = "card.md"


@dataclass(frozen=True, slots=True)
class KnownClass:
    """A class whose code, side, colour and names stand in a table of ours."""

    code: Mapping[str, str]
    name_en: str
    name_ru: str
    laterality: str | None = None
    rgb: tuple[int, int, int] | None = None
    category: Mapping[str, str] | None = None
    site: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ModelClass:
    """One class of a model: its label index in the pack and its name in the bundle."""

    index: int
    name: str


@dataclass(frozen=True, slots=True)
class PackDraft:
    """A pack to be written. ``weights`` are (path in the pack, file). ``notes`` tell what was
    decided where the bundle left a choice; they go into the card and to the caller.
    """

    manifest: dict[str, Any]
    weights: tuple[tuple[str, Path], ...]
    facts: Facts
    classes: tuple[ModelClass, ...]
    notes: tuple[Message, ...] = ()
    licence_text: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a model came from: ``kind`` of bundle, ``details`` for provenance, default name."""

    kind: str
    name: str
    details: str
    fallback_id: str
    known: Mapping[str, KnownClass] = field(default_factory=dict)
    licence: str = ""
    attribution: tuple[str, ...] = ()
    version: str = ""


def label_rows(
    classes: Sequence[ModelClass], facts: Facts, known: Mapping[str, KnownClass]
) -> tuple[list[dict[str, Any]], bool]:
    """``output.labels``, and whether every class has a real code.

    A side is what the facts say, else the table, else the name. Without a code from a person or a
    table a class gets a code of ours that means its name, never that of something else.
    """
    names = [entry.name for entry in classes]
    require_known_labels(facts, names)
    rows, all_coded = [], True
    for entry in classes:
        told = facts.labels.get(entry.name, LabelFacts())
        row = _row(entry, told, known.get(entry.name), names)
        all_coded = all_coded and not label_names.is_local(row["code"])
        rows.append(row)
    return rows, all_coded


def _row(
    entry: ModelClass, told: LabelFacts, table: KnownClass | None, names: Sequence[str]
) -> dict[str, Any]:
    shown = label_names.display_name(entry.name)
    name = {"en": table.name_en, "ru": table.name_ru} if table else {"en": shown, "ru": shown}
    row: dict[str, Any] = {
        "index": entry.index,
        "name": told.name.model_dump() if told.name else name,
        "code": dict(table.code) if table else label_names.local_code(entry.name),
        "laterality": table.laterality if table else label_names.side_of(entry.name, names),
        "rgb": list(table.rgb) if table and table.rgb else label_names.color(entry.index - 1),
        "significance": told.significance or "descriptive",
        "finding": True if told.finding is None else told.finding,
    }
    if table and table.category:
        row["category"] = dict(table.category)
    if table and table.site:
        row["site"] = dict(table.site)
    for key in ("code", "category", "site", "site_name"):
        value = getattr(told, key)
        if value is not None:
            row[key] = value.model_dump()
    if told.laterality is not None:
        row["laterality"] = told.laterality
    if told.rgb is not None:
        row["rgb"] = list(told.rgb)
    return row


def manifest_head(source: Source, facts: Facts, task: str) -> dict[str, Any]:
    """The parts of a manifest that say what the pack is, with ``imported`` and its unknowns."""
    name = facts.name.model_dump() if facts.name else {"en": source.name, "ru": source.name}
    licence = facts.licence or source.licence
    unknown = [
        word
        for word, told in (
            ("intended_use", facts.intended_use),
            ("not_for", facts.not_for),
            ("licence", licence),
            ("population", facts.series),
            ("training_data", facts.training_data),
            ("limits", facts.limits),
        )
        if not told
    ]
    return {
        "schema": "overread.pack/1",
        "id": facts.id or label_names.pack_id(source.name, source.fallback_id),
        "name": name,
        "version": facts.version or source.version or "1.0.0",
        "task": task,
        "licence": licence or NO_LICENCE,
        "attribution": [*source.attribution, *facts.attribution],
        "intended_use": facts.intended_use.model_dump() if facts.intended_use else NOT_STATED,
        "not_for": [text.model_dump() for text in facts.not_for] or [NOT_FOR],
        "contact": facts.contact,
        "imported": {"source": source.kind, "details": source.details, "unknown": unknown},
        "model_card": {
            "file": CARD,
            "training_data": facts.training_data or NOT_STATED["en"],
            "limits": [text.model_dump() for text in facts.limits] or [LIMIT],
        },
    }


def onnx_part(
    graph: GraphHeader, weights: Sequence[str], in_axes: Sequence[str], out_axes: Sequence[str]
) -> dict[str, Any]:
    """``onnx`` of a graph with one input and one output."""
    first, last = graph.given, graph.answer
    return {
        "file": weights[0],
        "folds": list(weights[1:]),
        "opset": graph.opset,
        "precision": "float16" if first.dtype == "float16" else "float32",
        "inputs": [{"name": first.name, "dtype": first.dtype, "axes": list(in_axes),
                    "shape": list(first.shape)}],
        "outputs": [{"name": last.name, "dtype": last.dtype, "axes": list(out_axes),
                     "shape": list(last.shape)}],
    }  # fmt: skip


def add_unknown(manifest: dict[str, Any], word: str) -> None:
    """Mark something as unknown."""
    unknown: list[str] = manifest["imported"]["unknown"]
    if word not in unknown:
        unknown.append(word)
