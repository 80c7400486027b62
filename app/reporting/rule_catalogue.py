"""The rules in words, with an example that fires and one that does not: ``resources/check``.

The rule pages are made from it, tests run every example, and what a window shows about a rule
comes from here too.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.config.folders import resources_folder
from app.core.finding import Finding
from app.core.findings_json import finding_from_json
from app.core.message import decimal
from app.core.report import Language, Message, SentenceLink, StudyFacts
from app.reporting.compose import content_sha256
from app.reporting.facts_json import study_facts_from_json

_Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Example:
    """A report in one language with the findings and facts that it is held against."""

    text: str
    findings: tuple[Finding, ...]
    facts: StudyFacts
    links: tuple[SentenceLink, ...]
    names: tuple[str, ...]
    given: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RuleText:
    """One rule in words. ``severity`` names what it may be; ``fix`` is None where none is safe."""

    rule: str
    severity: str
    what: Message
    why: Message
    guard: Message
    fix: Message | None
    row: _Row

    def fires(self, language: Language) -> Example:
        """An example on which the rule speaks."""
        return _example(self.row["fires"], language)

    def keeps_quiet(self, language: Language) -> Example:
        """One that looks alike, on which it does not."""
        return _example(self.row["quiet"], language)


@functools.cache
def rule_texts() -> tuple[RuleText, ...]:
    """All rules, in the order of the page."""
    return tuple(
        RuleText(
            row["rule"], row["severity"], _message(row["what"]), _message(row["why"]),
            _message(row["guard"]), _message(row["fix"]) if row["fix"] else None, row,
        )
        for row in _catalogue()["rules"]
    )  # fmt: skip


def rule_text(rule: str) -> RuleText | None:
    """The rule of that id, or None."""
    return next((item for item in rule_texts() if item.rule == rule), None)


@functools.cache
def _catalogue() -> dict[str, Any]:
    path = resources_folder() / "check" / "rules.json"
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


def _message(row: _Row) -> Message:
    return Message(row["en"], row["ru"])


def _example(row: _Row, language: Language) -> Example:
    findings = tuple(
        _finding(given, f"1.2.{number}") for number, given in enumerate(row["findings"])
    )  # fmt: skip
    study = {
        key: value[language] if isinstance(value, dict) and set(value) == {"en", "ru"} else value
        for key, value in row["study"].items()
    }
    links: tuple[SentenceLink, ...] = ()
    if "link" in row:
        link = row["link"]
        digest = content_sha256(findings[0]) if link["fresh"] else "of another content"
        links = (SentenceLink(link["text"][language], findings[0].uid, digest),)
    return Example(
        row["report"][language],
        findings,
        study_facts_from_json(study),
        links,
        tuple(_named(item, language) for item in findings),
        study,
    )


def _finding(given: _Row, uid: str) -> Finding:
    row = {"uid": uid, "tracking_uid": uid, "state": "accepted"}
    row |= _catalogue()["findings"][given["finding"]]
    return finding_from_json(row | {key: value for key, value in given.items() if key != "finding"})


_STATES: Final = {
    "accepted": Message("accepted", "принята"), "edited": Message("accepted", "принята"),
    "rejected": Message("rejected", "отклонена"), "proposed": Message("undecided", "не решена"),
}  # fmt: skip
_SIDES: Final = {"left": Message("left", "слева"), "right": Message("right", "справа")}


def _named(finding: Finding, language: Language) -> str:
    """A finding in the words of the page: what, side, place, size, state."""
    content = finding.current
    parts = [content.label.text(language)]
    side = _SIDES.get(content.laterality or "")
    if side is not None:
        parts.append(side.text(language))
    if content.site is not None:
        parts.append(content.site.text(language))
    for item in content.measurements:
        value = decimal(f"{item.value:g}", language)
        unit = {"mm": "мм", "cm2": "см²"}.get(item.unit, "") if language == "ru" else item.unit
        parts.append(f"{value} {unit or item.unit}".replace("cm2", "cm²"))
        if item.previous is not None:
            before = f"{item.previous.value:g}"
            parts.append(f"ранее {before} мм" if language == "ru" else f"before {before} mm")
    return f"{', '.join(parts)} ({_STATES[finding.state].text(language)})"
