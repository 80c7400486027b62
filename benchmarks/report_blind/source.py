"""The marked reports of ``data/*/reports.*.txt``: a text in parts, its study and its findings.

``[[f1|...]]`` is a piece that states the finding ``f1``; after the name ``!`` stands for the
impression, ``r`` for what hangs on the finding (advice, a remark), ``~`` for a piece of a sentence
that cannot be taken out. Other names are ``mod`` (title), ``id``, ``date``, ``age``, ``cmp``
(comparison), ``con`` (contrast) and ``comm`` (who was told). ``<<loc:upper=>lower>>`` is text and
what an error of that kind makes of it. ``{date}`` and the like are facts of the study.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.report_blind.concepts import DATA, HALVES, SIGNIFICANCE, concepts

_PART = re.compile(r"\[\[([a-z]+\d*)([!r~]*)\|(.*?)\]\]", re.S)
_FINDING = re.compile(r"([fx]\d): (\w+)(.*)")
SIDES = {"R": "right", "L": "left", "B": "bilateral", "-": None}


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a report: ``name`` "" is plain text, else what it states."""

    name: str
    flags: str
    text: str

    @property
    def in_impression(self) -> bool:
        """Whether it states its finding in the impression."""
        return "!" in self.flags

    @property
    def is_remark(self) -> bool:
        """Whether it only hangs on its finding."""
        return "r" in self.flags

    @property
    def fixed(self) -> bool:
        """Whether the sentence around it does not stand without it."""
        return "~" in self.flags


@dataclass(frozen=True)
class Report:
    """One authored report; ``findings`` and ``study`` in the form of the cases."""

    uid: str
    half: str
    language: str
    parts: tuple[Part, ...]
    findings: tuple[dict[str, Any], ...]
    study: dict[str, Any]
    date_format: str
    codes: dict[str, str] = field(default_factory=dict)

    def accepted(self) -> list[dict[str, Any]]:
        """The accepted findings."""
        return [finding for finding in self.findings if finding["state"] == "accepted"]

    def indices(self, name: str, *, impression: bool | None = None) -> list[int]:
        """Parts of that name, in order; remarks are left out."""
        return [
            at
            for at, part in enumerate(self.parts)
            if part.name == name
            and not part.is_remark
            and (impression is None or part.in_impression is impression)
        ]

    def with_study(self, changes: dict[str, Any]) -> Report:
        """The same report of another study."""
        return replace(self, study=self.study | changes)


@cache
def sites() -> dict[str, dict[str, str]]:
    """Sites that the reports name by a code."""
    found = {}
    for line in (DATA / "sites.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            code, scheme, value, meaning, russian = (part.strip() for part in line.split("|"))
            found[code] = {"value": value, "scheme": scheme, "meaning": meaning}
            if scheme == "text":
                found[code]["meaning_ru"] = russian
    return found


@cache
def reports(language: str) -> tuple[Report, ...]:
    """Every report of a language, both halves."""
    found: list[Report] = []
    for half in HALVES:
        path = DATA / half / f"reports.{language}.txt"
        found += _read(path, half, language)
    return tuple(found)


def _read(path: Path, half: str, language: str) -> list[Report]:
    found = []
    for block in re.split(r"^=== ", path.read_text(encoding="utf-8"), flags=re.M)[1:]:
        lines = block.rstrip("\n").split("\n")
        study, style = _study(lines[1])
        at, findings, codes = 2, [], {}
        while line := _FINDING.fullmatch(lines[at]):
            findings.append(_finding(*line.groups(), body=study["body_part"]))
            codes[line[1]] = line[2]
            at += 1
        body = "\n".join(lines[at:]).rstrip() + "\n"
        parts = tuple(_parts(body))
        found.append(Report(lines[0], half, language, parts, tuple(findings), study, style, codes))
    return found


def _parts(body: str) -> list[Part]:
    found, at = [], 0
    for mark in _PART.finditer(body):
        if mark.start() > at:
            found.append(Part("", "", body[at : mark.start()]))
        found.append(Part(mark[1], mark[2], mark[3]))
        at = mark.end()
    if at < len(body):
        found.append(Part("", "", body[at:]))
    if any("[[" in part.text or "]]" in part.text for part in found):
        raise ValueError(f"a part that is none: {body[:60]}")
    return found


def _study(line: str) -> tuple[dict[str, Any], str]:
    words = line.removeprefix("study: ").split()
    modality, body, sex, born, day, name = words[:6]
    more = dict(word.split("=", 1) for word in words[6:])
    return {
        "modality": modality,
        "body_part": body,
        "patient_name": name.replace("_", " "),
        "patient_sex": sex,
        "patient_birth_date": born,
        "study_date": day,
        "laterality": more.get("side"),
        "contrast": {"yes": True, "no": False, "-": None}[more["contrast"]],
        "priors": [prior for prior in more["priors"].split(",") if prior],
    }, more["fmt"]


def _finding(uid: str, code: str, rest: str, *, body: str) -> dict[str, Any]:
    concept = concepts()[code]
    words = rest.split()
    side = words.pop(0) if words and words[0] in SIDES else "-"
    facts = dict(word.split("=", 1) for word in words)
    weight = SIGNIFICANCE[facts.pop("sig")] if "sig" in facts else concept.significance
    site = _site(facts.pop("site"), body) if "site" in facts else None
    if "seg" in facts:
        site = {**(site or {}), "segment": facts.pop("seg")}
    found: dict[str, Any] = {"uid": uid, "label": concept.label}
    if concept.snomed:
        meaning = concept.english[0].upper() + concept.english[1:]
        found["concept"] = {"value": concept.snomed, "scheme": "SCT", "meaning": meaning}
    return found | {
        "state": "rejected" if uid.startswith("x") else "accepted",
        "significance": weight,
        "laterality": SIDES[side],
        "site": site,
        "measurements": [_measure(kind, text) for kind, text in facts.items() if text != "-"],
    }


def _site(code: str, body: str) -> dict[str, str]:
    if code in sites():
        return dict(sites()[code])
    if rib := re.fullmatch(r"rib(\d+)", code):
        return {"value": f"rib {rib[1]}", "scheme": "level", "meaning": f"rib {rib[1]}"}
    if re.fullmatch(r"S[1-8]", code) and body == "ABDOMEN":
        return {"value": code, "scheme": "level", "meaning": f"liver segment {code[1]}"}
    if re.fullmatch(r"[CTLS]\d+(-[CTLS]\d+)?", code):
        return {"value": code, "scheme": "level", "meaning": code}
    raise ValueError(f"no site {code}")


def _measure(kind: str, text: str) -> dict[str, Any]:
    value, _, earlier = text.partition("<")
    found: dict[str, Any] = {"kind": kind, "value": float(value), "unit": "mm"}
    if earlier:
        size, day = earlier.split("@")
        found["previous"] = {"value": float(size), "unit": "mm", "date": day}
    return found


_MONTHS = {
    "uslong": "January February March April May June July August September October November"
    " December",
    "rulong": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
}


def written(day: str, style: str) -> str:
    """An ISO day as the report of that style writes it."""
    when = date.fromisoformat(day)
    english, russian = (_MONTHS[name].split()[when.month - 1] for name in ("uslong", "rulong"))
    return {
        "us": f"{when:%m/%d/%Y}",
        "uslong": f"{english} {when.day}, {when.year}",
        "uk": f"{when.day} {english} {when.year}",
        "iso": day,
        "ru": f"{when:%d.%m.%Y}",
        "rulong": f"{when.day} {russian} {when.year} г.",
    }[style]


def years(study: dict[str, Any]) -> int:
    """The age of the patient on the day of the study."""
    born, day = (date.fromisoformat(study[key]) for key in ("patient_birth_date", "study_date"))
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def years_word(age: int) -> str:
    """The Russian word after the number."""
    if age % 100 in range(11, 15) or age % 10 in (0, 5, 6, 7, 8, 9):
        return "лет"
    return "год" if age % 10 == 1 else "года"


def facts(report: Report, age: int | None = None) -> dict[str, str]:
    """What stands for each ``{word}`` of a report."""
    study, style = report.study, report.date_format
    family, given = study["patient_name"].split("^")
    age = years(study) if age is None else age
    russian = report.language == "ru"
    found = {
        "AGE": str(age),
        "ГОД": years_word(age),
        "date": written(study["study_date"], style),
        "dob": written(study["patient_birth_date"], style),
        "name": f"{family} {given}" if russian else f"{given} {family}",
        "NAME": f"{family}, {given}".upper(),
        "initials": f"{family} " + "".join(f"{word[0]}." for word in given.split()),
    }
    for number, prior in enumerate(study["priors"][:2], 1):
        found["prior" if number == 1 else f"prior{number}"] = written(prior, style)
    return found
