"""Words and forms of the draft, per language, read from ``resources/report/phrases.json``."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass

from app.config.folders import resources_folder
from app.core.message import Message, decimal
from app.core.report import Language, StudyFacts
from app.measure.definitions import name_of

_DECIMALS = {"mm": 1, "cm": 1, "cm2": 1, "mm2": 0, "mL": 1, "[hnsf'U]": 0, "%": 1, "1": 2}
_LEVEL = re.compile(r"^(?:C|Th?|L|S)\d{1,2}(?:-(?:C|Th?|L|S)?\d{1,2})?$")
_RIB = re.compile(r"^rib (\d{1,2})$")
_LIVER = re.compile(r"^liver segment (\d)$")
_LOBE = re.compile(
    r"^(?P<name>(?:(?:left|right) )?(?:upper|middle|lower) lobe)(?: of (?:the )?(?:\w+ )?lung)?$",
    re.IGNORECASE,
)
_ROMAN = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")


@dataclass(frozen=True, slots=True)
class Phrases:
    """The words of one language. Placeholders stand where a person has to write."""

    language: Language
    technique: str
    comparison: str
    findings: str
    impression: str
    fill_findings: str
    fill_impression: str
    nothing_significant: str
    communication: str
    absent: str
    uncertain: str
    examination: dict[str, str]
    body_parts: dict[str, str]
    sides: dict[str, str]
    side_stems: dict[str, list[str]]
    places: dict[str, str]
    units: dict[str, str]
    measures: dict[str, str]

    def title(self, facts: StudyFacts) -> str:
        """The first line: modality and body part where they are known."""
        exam = self.examination.get(facts.modality.upper(), "")
        part = self.body_parts.get(facts.body_part.upper(), "")
        return f"{exam}: {part}" if exam and part else exam or part

    def number(self, value: float, unit: str) -> str:
        """``value`` rounded for its unit, with the language's decimal mark."""
        text = f"{value:.{_DECIMALS.get(unit, 1)}f}"
        if "." in text:
            text = text.rstrip("0").rstrip(".")
        if float(text) == 0.0 and value != 0.0:
            text = f"{value:.2g}"
        return decimal(text, self.language)

    def unit(self, unit: str) -> str:
        """A UCUM unit as written in a report."""
        return self.units.get(unit, unit)

    def measure_name(self, kind: str) -> str:
        """The name of a measure; empty for a plain diameter."""
        if kind in self.measures:
            return self.measures[kind]
        name = name_of(kind)
        if name is not None:
            return name.text(self.language)
        return kind.replace("_", " ") if self.language == "en" else ""

    def place(self, code: str, meaning: str) -> str:
        """The phrase for a known place ("in the right lower lobe"), or empty."""
        rib, liver = _RIB.match(meaning), _LIVER.match(meaning)
        if rib and 1 <= int(rib[1]) <= 12:
            number = int(rib[1])
            return f"rib {number}" if self.language == "en" else f"{_ROMAN[number]} ребро"
        if liver:
            form = "in segment {} of the liver" if self.language == "en" else "в S{} печени"
            return form.format(liver[1])
        if _LEVEL.match(meaning):
            return f"at {meaning}" if self.language == "en" else f"на уровне {meaning}"
        return self.places.get(code, "") or self.places.get(meaning, "")

    def at_place(self, text: str) -> str:
        """Any other place: "in the ..." in English, an apposition in Russian."""
        if not text or self.language == "ru":
            return text
        lobe = _LOBE.match(text)
        if lobe:
            return f"in the {lobe['name'].lower()}"
        inside = text if text.split(" ", 1)[0].isupper() else text[:1].lower() + text[1:]
        return inside if inside.startswith(("in ", "at ")) else f"in the {inside}"


@functools.cache
def phrases(language: Language) -> Phrases:
    """The words of ``language``; read once per process."""
    path = resources_folder() / "report" / "phrases.json"
    row = json.loads(path.read_text(encoding="utf-8"))[language]
    return Phrases(language=language, **row)


def measure_in_words(kind: str) -> Message:
    """The name of a measure in both languages; its own id where there is none."""
    spoken = kind.replace("_", " ")
    return Message(*(phrases(code).measure_name(kind) or spoken for code in ("en", "ru")))


def names_side(text: str, side: str, words: Phrases) -> bool:
    """Whether the text says the side itself ("left lung"), so that it is not said twice."""
    stems = words.side_stems.get(side, ())
    return any(word.startswith(tuple(stems)) for word in re.findall(r"\w+", text.lower()))
