"""Left-overs of templates, missing sections, generated sentences without an accepted finding."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.core.finding import IN_REPORT, Finding
from app.core.report import Discrepancy, Fix, Message, Span
from app.reporting.carried import CarriedSentence, carried_in
from app.reporting.case import Case, discrepancy
from app.reporting.compose import content_sha256, refreshed
from app.reporting.dates import iso_date

_PLACEHOLDER = re.compile(
    r"_{2,}"
    r"|\[[_\s.…]*\]"
    r"|\[(?=[^\]]{2,60}\])(?!\d)[^\]]*[^\W\d_][^\]]*\]"
    r"|<(?=[^>]{2,60}>)(?!\s*\d)[^><]*[^\W\d_][^><]*>"
    r"|\{[^}\n]{0,60}\}"
    r"|(?<!\w)(?:X|Х){2,}(?!\w)"
    r"|(?<!\w)(?:x|х){3,}(?!\w)"
    r"|\*{3,}"
    r"|#{3,}(?!\s*\w)"
    r"|\?{2,}"
    r"|\.{5,}|…{2,}|(?:\.{3}|…)(?=\s*(?:мм|см|mm|cm)(?!\w))"
    r"|<\s*>"
    r"|(?<!\w)(?:right/left|left/right|справа/слева|слева/справа|прав\w+/лев\w+|лев\w+/прав\w+)"
    r"(?!\w)"
    r"|(?<!\w)(?:дд\.мм\.гг(?:гг)?|dd[./]mm[./]yy(?:yy)?|mm/dd/yy(?:yy)?)(?!\w)"
    r"|(?<!\w)(?:TODO|TBD|FIXME|LOREM IPSUM)(?!\w)"
    r"|(?<!\w)(?:вставить|заполнить|указать|insert|fill in|enter) (?:описание|размер|текст|сторону|"
    r"значение|дату|here|text|size|value|measurement|side|date)(?!\w)"
)
# Tags of a web page: pasted markup is no blank to fill in.
MARKUP = re.compile(
    r"</?(?:html|head|body|p|br|b|i|u|s|em|strong|div|span|table|tbody|thead|tr|td|th|ul|ol|li|h[1-6]|"
    r"font|a|sup|sub|hr|pre|center|style|meta|title|img|small|big|o:p)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_ANATOMIC_BRACKET = re.compile(r"^\[(?:S\d+|[LTCThС]+\d+|sic|\d+([,;-]\s*\d+)*)\]$", re.IGNORECASE)
_LONGEST_FIRST = 80
_ROMAN_BEFORE = re.compile(r"^X{2,3}$")


def placeholders(case: Case) -> Iterator[Discrepancy]:
    """``placeholder-left``: blanks that nobody filled in, carried sentences."""
    carried = {one.end: one for one in carried_in(case.text)}
    for match in _PLACEHOLDER.finditer(case.text):
        if _ANATOMIC_BRACKET.match(match.group()) or _is_century(case.text, match):
            continue
        if MARKUP.fullmatch(match.group()):
            continue
        if match.end() in carried:
            yield _unconfirmed(case, carried[match.end()], match)
            continue
        yield discrepancy(
            "placeholder-left",
            "block",
            Message(
                f"A template placeholder is left: {match.group()}",
                f"Осталось незаполненное место шаблона: {match.group()}",
            ),
            spans=[case.span(match.start(), match.end())],
        )


def _unconfirmed(case: Case, carried: CarriedSentence, mark: re.Match[str]) -> Discrepancy:
    """The fix takes the mark off: the sentence is then the reader's own."""
    day = iso_date(carried.date)
    written = f"{day:%d.%m.%Y}" if day is not None else carried.date
    return discrepancy(
        "placeholder-left",
        "block",
        Message(
            f"Carried over from the report of {carried.date} and not confirmed: {carried.text}",
            f"Перенесено из заключения от {written} и не подтверждено: {carried.text}",
        ),
        spans=[case.span(mark.start(), mark.end())],
        fix=Fix("", carried.start + len(carried.text), mark.end()),
    )


def _is_century(text: str, match: re.Match[str]) -> bool:
    """``XX`` as a Roman number (XX век), not as a blank."""
    following = text[match.end() : match.end() + 6].lower()
    return bool(_ROMAN_BEFORE.match(match.group())) and following.startswith(
        (" век", " в.", " cent")
    )


def sections(case: Case) -> Iterator[Discrepancy]:
    """``section-missing``: an empty report or section, or none where the template asks for it.

    Without a template it is a note: a plain negative report may be its impression alone.
    """
    if not case.text.strip():
        yield discrepancy(
            "section-missing",
            "block",
            Message("The report is empty.", "Отчёт пуст."),
            spans=[case.span(0, len(case.text))],
        )
        return
    for name, english, russian in (
        ("findings", "findings", "описания"),
        ("impression", "impression", "заключения"),
    ):
        if case.document.has_text(name):
            continue
        section = case.document.section(name)
        if section is None:
            yield discrepancy(
                "section-missing",
                "block" if name in case.facts.required_sections else "note",
                Message(
                    f"The report has no {english} section.", f"В отчёте нет раздела {russian}."
                ),
                spans=[_first_words(case)],
                fix=_header_fix(case, name),
            )
        else:
            end = section.header_start + len(section.header)
            yield discrepancy(
                "section-missing",
                "block",
                Message(
                    f"The {english} section is empty.",
                    f"Раздел {russian} пуст.",
                ),
                spans=[case.span(section.header_start, end)],
            )


def _first_words(case: Case) -> Span:
    """The first line, or its first words: where a report without the section begins."""
    start = len(case.text) - len(case.text.lstrip())
    line = case.text.find("\n", start)
    return case.span(start, min(line if line >= 0 else len(case.text), start + _LONGEST_FIRST))


def _header_fix(case: Case, name: str) -> Fix | None:
    if name != "impression":
        return None
    title = "ЗАКЛЮЧЕНИЕ:" if case.document.language == "ru" else "IMPRESSION:"
    end = len(case.text.rstrip())
    return Fix(f"\n{title} ", end, end)


def generated(case: Case) -> Iterator[Discrepancy]:
    """``generated-without-acceptance`` and ``stale-sentence``, for sentences of a draft."""
    by_uid: dict[str, Finding] = {s.uid: s.finding for s in case.subjects}
    for link in case.links:
        at = case.text.find(link.text)
        if at < 0 or not link.text:
            continue
        span = case.span(at, at + len(link.text))
        finding = by_uid.get(link.finding_uid)
        if finding is None or finding.state not in IN_REPORT:
            yield discrepancy(
                "generated-without-acceptance",
                "block",
                Message(
                    "A generated sentence states a finding that is not accepted.",
                    "Созданное программой предложение говорит о непринятой находке.",
                ),
                subject=next((s for s in case.subjects if s.uid == link.finding_uid), None),
                spans=[span],
                fix=_refresh(case, at, link.text) or Fix("", at, at + len(link.text)),
            )
        elif content_sha256(finding) != link.content_sha256:
            yield discrepancy(
                "stale-sentence",
                "warn",
                Message(
                    "The finding was edited after this sentence was written.",
                    "Находка изменена после того, как было написано это предложение.",
                ),
                subject=next(s for s in case.subjects if s.uid == finding.uid),
                spans=[span],
                fix=_refresh(case, at, link.text),
            )


def _refresh(case: Case, at: int, old: str) -> Fix | None:
    """The sentence anew, of all its findings that are accepted; whole where the findings are."""
    section = next((s.section for s in case.document.sentences if s.start <= at < s.end), "")
    new = refreshed(
        [link.finding_uid for link in case.links if link.text == old],
        [subject.finding for subject in case.subjects],
        case.document.language,
        case.facts,
        brief=section == "impression",
    )
    return Fix(new, at, at + len(old)) if new != old else None
