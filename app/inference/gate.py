"""Is this pack meant for this series? A verdict, and every rule's reason in both languages.

What the headers say wrongly is refused; what they do not say makes the series limited (many films
lack BodyPartExamined or ViewPosition). ``judge`` works on headers alone, ``judge_content`` goes on
with the voxels once they are there, ``judge_quality`` with what a pack of image quality said of
them. Needs no onnxruntime.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from app.core.report import Message
from app.core.study import Series, SeriesRef, Stack, Study
from app.core.volume import Volume
from app.inference.gate_rules import Checked, GateCase, all_rules, modality_rule
from app.inference.gate_sequence import sequence_rule
from app.inference.manifest import ModelPack

Fit = Literal["suitable", "limited", "refused"]
_LIMIT_FACTOR = 0.8


@dataclass(frozen=True, slots=True)
class GateReason:
    """What one rule found. ``refuses`` tells a refusal from a mere limit where ``ok`` is False."""

    rule: str
    ok: bool
    text: Message
    refuses: bool = False


@dataclass(frozen=True, slots=True)
class Suitability:
    """The verdict about one pack on one stack; ``score`` 0..1 orders packs, 0 when refused."""

    pack_id: str
    version: str
    verdict: Fit
    score: float
    reasons: tuple[GateReason, ...]


def judge(pack: ModelPack, study: Study, series: Series, stack: Stack) -> Suitability:
    """Judge one stack. Every rule that the manifest sets gives a reason, satisfied or not.

    A wrong modality is the only reason given: the other rules mean nothing then.
    """
    case = GateCase(pack, pack.input.series[0], study, series, stack)
    first = modality_rule(case)
    checked: list[Checked] = [first] if first.level == "refuses" else [first, *_others(case)]
    return _judged(Suitability(pack.id, pack.version, "suitable", 1.0, ()), _reasons(checked))


def judge_content(fit: Suitability, pack: ModelPack, volume: Volume) -> Suitability:
    """The verdict with what the voxels say as well; reasons of the headers come first."""
    from app.inference.content import content_rules  # loads SimpleITK: not for a listing of packs

    return _judged(fit, fit.reasons + _reasons(content_rules(pack, volume)))


def judge_quality(fit: Suitability, rules: Iterable[Checked]) -> Suitability:
    """The verdict with what packs of image quality say (``gate_quality``) as well."""
    return _judged(fit, fit.reasons + _reasons(rules))


def _reasons(checked: Iterable[Checked]) -> tuple[GateReason, ...]:
    return tuple(GateReason(c.rule, c.level == "ok", c.text, c.level == "refuses") for c in checked)


def _judged(fit: Suitability, reasons: tuple[GateReason, ...]) -> Suitability:
    """``fit`` with the verdict that these reasons give."""
    if any(reason.refuses for reason in reasons):
        return replace(fit, verdict="refused", score=0.0, reasons=reasons)
    limits = sum(not reason.ok for reason in reasons)
    score = round(_LIMIT_FACTOR**limits, 3)
    return replace(fit, verdict="limited" if limits else "suitable", score=score, reasons=reasons)


def _others(case: GateCase) -> Iterator[Checked]:
    yield from all_rules(case)
    yield from sequence_rule(case)


def route(
    packs: Iterable[ModelPack], study: Study
) -> tuple[tuple[SeriesRef, tuple[Suitability, ...]], ...]:
    """Every pack on every stack that has images, best pack first."""
    chosen = tuple(packs)
    routing = []
    for series in study.series:
        for stack in series.stacks:
            if not stack.frames:
                continue
            ref = SeriesRef(study.study_instance_uid, series.series_instance_uid, stack.index)
            found = [judge(pack, study, series, stack) for pack in chosen]
            found.sort(key=lambda fit: (-fit.score, fit.pack_id))
            routing.append((ref, tuple(found)))
    return tuple(routing)
