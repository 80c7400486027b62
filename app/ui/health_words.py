"""The health of the images on screen in words: expected, received, shown, resampled, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.core.study import Completeness, Stack
from app.ui.corner_texts import warning_sentences
from app.ui.series_image import SeriesImage
from app.ui.texts import language, tr

Degree = Literal["good", "note", "doubt", "stop"]


@dataclass(frozen=True, slots=True)
class HealthLine:
    """One fact about the images: what it is about, the fact, and how much it matters."""

    about: str
    text: str
    degree: Degree = "good"


@dataclass(frozen=True, slots=True)
class Health:
    """The verdict in a word, and the facts behind it."""

    verdict: str
    degree: Degree
    lines: tuple[HealthLine, ...]


def health_of(image: SeriesImage) -> Health:
    """The health of the stack of ``image``, in the language in force."""
    stack, completeness = image.stack, image.study.completeness
    doubts = [HealthLine("", text, "doubt") for text in _sentences(image)]
    lines = [
        _counts(image),
        *_study_counts(completeness),
        *_grid(image),
        *_millimetres(image),
        *_values(image),
        *doubts,
    ]
    degree = _degree(stack, completeness, has_doubts=bool(doubts))
    return Health(tr(f"health.verdict.{_verdict(stack)}"), degree, tuple(lines))


def _verdict(stack: Stack) -> str:
    if stack.verdict == "stack" and len(stack.frames) == 1:
        return "single"
    return stack.verdict


def _degree(stack: Stack, completeness: Completeness, *, has_doubts: bool) -> Degree:
    if stack.verdict == "blocked":
        return "stop"
    is_whole = stack.health.is_whole and completeness.is_complete
    if has_doubts or not is_whole or stack.verdict == "resampled":
        return "doubt"
    return "good" if stack.verdict == "ok" else "note"


def _counts(image: SeriesImage) -> HealthLine:
    health = image.stack.health
    unreadable = len(image.volume.unreadable) if image.volume is not None else 0
    parts = [
        tr("health.received", n=health.received_frames),
        tr("health.shown", n=health.shown_frames - unreadable),
    ]
    if health.expected_frames is not None:
        parts.insert(0, tr("health.expected", n=health.expected_frames))
    return HealthLine(
        tr("health.images"),
        "  ·  ".join(parts),
        "good" if health.is_whole and not unreadable else "doubt",
    )


def _study_counts(completeness: Completeness) -> tuple[HealthLine, ...]:
    if completeness.is_complete or completeness.expected is None:
        return ()
    key = "health.gaps" if completeness.source == "gaps" else "health.incomplete"
    text = tr(key, n=completeness.received, of=completeness.expected)
    return (HealthLine(tr("health.study"), text, "doubt"),)


def _grid(image: SeriesImage) -> tuple[HealthLine, ...]:
    stack, geometry = image.stack, image.stack.geometry
    if geometry is None:
        size = f"{stack.columns} × {stack.rows}"
        return (HealthLine(tr("health.grid"), size),)
    size = " × ".join(str(n) for n in geometry.size_ijk)
    step = " × ".join(f"{mm:.2f}" for mm in geometry.spacing_ijk)
    return (HealthLine(tr("health.grid"), f"{size}\n{step} {tr('unit.mm')}"),)


def _millimetres(image: SeriesImage) -> tuple[HealthLine, ...]:
    """What a millimetre is worth on a projection; in a volume the geometry has said it (M01)."""
    facts = image.facts
    if facts is None or image.stack.geometry is not None:
        return ()
    source = facts.spacing_source
    known = {
        "mm": "patient",
        "mm (calibrated)": "calibrated",
        "mm at detector": "detector",
        "mm est.": "estimated",
    }
    kind = known.get(source, "none") if facts.pixel_spacing_mm else "none"
    text = tr(f"health.mm.{kind}")
    if facts.pixel_spacing_mm:
        row, column = facts.pixel_spacing_mm
        text = f"{column:.3f} × {row:.3f} {tr('unit.mm')}, {text}"
    return (HealthLine(tr("health.mm"), text, "good" if kind != "none" else "note"),)


def _values(image: SeriesImage) -> tuple[HealthLine, ...]:
    facts = image.facts
    if facts is None or facts.is_color:
        return ()
    text = tr("health.values.none") if facts.quantity in ("", "arbitrary") else facts.quantity
    return (HealthLine(tr("health.values"), text),)


def _sentences(image: SeriesImage) -> list[str]:
    stack = image.stack
    why = [stack.why_in(language())] if stack.verdict in ("resampled", "blocked") else []
    if stack.verdict == "stack" and len(stack.frames) > 1:
        why.append(stack.why_in(language()))
    notes = [note.text(language()) for note in stack.health.notes]
    return [text for text in dict.fromkeys((*why, *notes, *warning_sentences(image))) if text]
