"""What a guideline recommends for the accepted findings, or what it would have to be told.

Never a guess: a table is applied where it is meant for the study and every input that changes its
answer is known. The tables themselves are in ``app.measure``. Standard library only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.finding import Finding
from app.core.report import Message, StudyFacts


@dataclass(frozen=True, slots=True)
class Advice:
    """A recommendation for ``findings``, or None and what is ``missing``.

    ``category`` is a sentence for the impression, where the guideline has categories.
    """

    text: Message | None = None
    category: Message | None = None
    missing: tuple[Message, ...] = ()
    findings: tuple[Finding, ...] = ()


def advice_of(findings: Sequence[Finding], facts: StudyFacts, guideline: str) -> Advice | None:
    """The advice of the named guideline; None where it does not speak of these findings.

    Without nodules there is none: "nothing found" says that somebody has looked.
    """
    from app.reporting.guidelines import fleischner, lung_rads

    match guideline:
        case "fleischner-2017":
            return fleischner.advice(findings, facts)
        case "lung-rads-2022":
            return lung_rads.advice(findings, facts)
    return None


def not_applied(guideline: str, needed: Sequence[Message]) -> tuple[Message, ...]:
    """The note that a table was not applied for want of its inputs."""
    if not needed:
        return ()
    return (
        Message(
            f"No recommendation by {guideline}; not known: {_list(needed, 'en')}.",
            f"Рекомендация по {guideline} не дана; неизвестно: {_list(needed, 'ru')}.",
        ),
    )


def not_meant(guideline: str, why: Message) -> tuple[Message, ...]:
    """The note that a table is not meant for this study."""
    return (
        Message(f"{guideline} does not apply: {why.en}.", f"{guideline} неприменим: {why.ru}."),
    )


def _list(messages: Sequence[Message], language: str) -> str:
    return "; ".join(dict.fromkeys(message.text(language) for message in messages))
