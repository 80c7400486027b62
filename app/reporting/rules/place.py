"""Lobe, segment, level, quadrant: the place in the text against that of the accepted finding."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from app.core.report import Discrepancy, Fix, Message
from app.reporting.case import Case, discrepancy, name
from app.reporting.matching import (
    Matches,
    compare_sites,
    is_same_concept,
    sites_of,
    size_agrees,
)
from app.reporting.reading.mentions import Mention
from app.reporting.subjects import Subject

_LOBE_WORDS: Final = re.compile(
    r"(?<!\w)(?P<word>upper|middle|lower|верхн|средн|нижн)"
    r"(?=\w*[\s-]+(?:lobe|дол[яеиёю])|едолев|\w*\s+lobe)",
    re.IGNORECASE,
)
_LOBES: Final = {
    "en": {"upper": "upper", "middle": "middle", "lower": "lower"},
    "ru": {"upper": "верхн", "middle": "средн", "lower": "нижн"},
}
_LEVEL: Final = re.compile(
    r"(?<![\w-])(?:C|С|Th|T|Т|L|S)\d{1,2}(?:\s?[-–/]\s?(?:C|С|Th|T|Т|L|S)?\d{1,2})?"
)
_SEGMENT: Final = re.compile(r"(?<![\w-])S\d{1,2}(?![\w+])")


def location(case: Case) -> Iterator[Discrepancy]:
    """``location``: lobe, segment, level, quadrant differ from the accepted finding's."""
    for subject in case.accepted:
        matches = case.matches[subject.uid]
        wrong: list[Mention] = []
        for section in ("findings", "impression"):
            mentions = [
                m for m in matches.of(section) if is_same_concept(subject.concept, m.concept)
            ] or matches.of(section)[:1]
            compared = [
                (m, *compare_sites(subject, m))
                for m in mentions
                if is_same_concept(subject.concept, m.concept)
                or not _is_placed(matches)
                or size_agrees(subject, m)
            ]
            if any(other for _, _, other in compared) and not any(
                same and not other for _, same, other in compared
            ):
                wrong.append(next(m for m, _, other in compared if other))
        if wrong:
            yield discrepancy(
                "location",
                "warn",
                _message(subject, wrong[0]),
                subject=subject,
                spans=[case.place(m) for m in wrong],
                fix=_fix(case, subject, wrong[0]),
            )


def _is_placed(matches: Matches) -> bool:
    """Whether the finding's own name stands somewhere at its place: a near name is another's."""
    subject = matches.subject
    return any(
        is_same_concept(subject.concept, m.concept) and compare_sites(subject, m)[0]
        for m in matches.all
    )


def _site(subject: Subject, language: str) -> str:
    site = subject.finding.current.site
    if site is None:
        return ""
    text = site.text(language)
    return f"{text}, {site.segment}" if site.segment and site.segment not in text else text


def _message(subject: Subject, wrong: Mention) -> Message:
    adjacent = ("; the levels are adjacent", "; уровни соседние") if _is_next(subject, wrong) else (
        "", "",
    )  # fmt: skip
    return Message(
        f"The report places {name(subject, 'en')} elsewhere than the finding: "
        f"{_site(subject, 'en')}{adjacent[0]}.",
        f"Расположение находки {name(subject, 'ru')} в отчёте другое: у находки — "
        f"{_site(subject, 'ru')}{adjacent[1]}.",
    )


def _is_next(subject: Subject, mention: Mention) -> bool:
    """Whether two vertebral or rib levels differ by one: an error of counting."""
    ours = sites_of(subject.concept, subject.sites).get("level", "")
    theirs = sites_of(subject.concept, mention.sites).get("level", "")
    one, other = re.findall(r"([A-Za-z]*?)(\d+)", ours), re.findall(r"([A-Za-z]*?)(\d+)", theirs)
    if not one or not other or one[0][0].lower()[:1] != other[0][0].lower()[:1]:
        return False
    return abs(int(one[0][1]) - int(other[0][1])) == 1


def _fix(case: Case, subject: Subject, mention: Mention) -> Fix | None:
    """The finding's lobe, level or segment in place of the only one that the sentence names."""
    sentence = case.document.sentences[mention.sentence]
    ours = sites_of(subject.concept, subject.sites)
    _, other = compare_sites(subject, mention)
    site = subject.finding.current.site
    if other == {"lobe"} and "segment" not in sites_of(subject.concept, mention.sites):
        found = list(_LOBE_WORDS.finditer(case.text, sentence.start, sentence.end))
        wanted = _LOBES[case.document.language].get(ours["lobe"])
        if len(found) == 1 and wanted:
            start, end = found[0].span("word")
            shown = case.text[start:end]
            return Fix(wanted.capitalize() if shown[0].isupper() else wanted, start, end)
    text = site.segment if site and other <= {"segment", "lobe"} else ""
    pattern = _SEGMENT
    if site is not None and other == {"level"}:
        text, pattern = site.meaning_en or (site.code.value if site.code else ""), _LEVEL
    if not text or not pattern.fullmatch(text):
        return None
    numbered = list(pattern.finditer(case.text, sentence.start, sentence.end))
    return Fix(text, *numbered[0].span()) if len(numbered) == 1 else None
