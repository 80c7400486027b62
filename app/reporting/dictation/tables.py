"""What is said for marks, commands, numbers and units: ``resources/dictation/spoken.json``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from app.config.folders import resources_folder
from app.reporting.dictation.port import Language


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one language. Phrases are tuples of words, the longest first."""

    language: Language
    marks: dict[tuple[str, ...], str]
    commands: dict[tuple[str, ...], str]
    alone: dict[tuple[str, ...], str]
    not_after: dict[str, frozenset[str]]
    not_before: dict[str, frozenset[str]]
    numbers: dict[str, int]
    units: dict[str, str]
    unit_heads: frozenset[str]
    unit_tails: frozenset[str]
    labelled: frozenset[str]
    letters: dict[tuple[str, ...], str]
    decimal: str
    by: str
    point: str
    times: str


@cache
def tables(language: Language) -> Tables:
    """The tables of ``language``."""
    text = (resources_folder() / "dictation" / "spoken.json").read_text("utf-8")
    data: dict[str, Any] = json.loads(text)[language]
    commands = _phrases(data["commands"])
    for form in data["section_forms"]:
        for name, section in data["sections"].items():
            commands[tuple(form.format(name=name).split())] = f"section:{section}"
    refusals = data["not_marks"]
    return Tables(
        language=language,
        marks=_phrases(data["marks"]),
        commands=commands,
        alone=_phrases(data["alone"]),
        not_after={word: frozenset(given["after"].split()) for word, given in refusals.items()},
        not_before={word: frozenset(given["before"].split()) for word, given in refusals.items()},
        numbers=data["numbers"],
        units={name: unit for unit, names in data["units"].items() for name in names.split()},
        unit_heads=frozenset(data.get("unit_heads", "").split()),
        unit_tails=frozenset(data.get("unit_tails", "").split()),
        labelled=frozenset(data["labelled"].split()),
        letters=_phrases(data["letters"]),
        decimal=data["decimal"],
        by=data["by"],
        point="," if language == "ru" else ".",
        times="×" if language == "ru" else "x",
    )


def _phrases(given: dict[str, str]) -> dict[tuple[str, ...], str]:
    return {tuple(phrase.split()): meaning for phrase, meaning in given.items()}
