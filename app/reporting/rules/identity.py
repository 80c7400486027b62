"""Whose report it is: name, birth date, study date and numbers against the study's own."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Final

from app.core.report import Discrepancy, Message
from app.reporting.case import Case, discrepancy
from app.reporting.dates import FoundDate, dates_in, iso_date
from app.reporting.reading.document import Section
from app.reporting.reading.heading import EXAM as EXAM_NAMED

PERSON = re.compile(
    r"\b(?:мужчин|женщин|пациент|мальчик|девочк|больн|возраст|man|woman|male|female|patient|"
    r"boy|girl|year|gentleman|lady|age|yo\b|y\.o|y/o)|(?<!\w)(?:муж|жен)(?!\w)|летн|\d\s?-?[MF]\b",
    re.IGNORECASE,
)
_NAME_HEADERS = frozenset(
    {"patient", "patient name", "name", "пациент", "пациентка"}
    | {f"{name}{whose}" for name in ("фио", "ф.и.о.", "ф.и.о") for whose in ("", " пациента")}
)
BIRTH = re.compile(r"дата рождения|г\.?\s*р\.?(?!\w)|год рождения|dob\b|birth|born", re.IGNORECASE)
_BIRTH_AHEAD = re.compile(
    r"дата рождения|г\.?\s*р\.?\W*$|год рождения|dob\b|birth|born", re.IGNORECASE
)
EXAM = re.compile(
    r"дата\s+(?:исследования|проведения|выполнения)|исследование\s+(?:выполнено|проведено)|"
    r"(?:^|\n)\W*(?:выполнено|проведено|dos|дата|date|performed)\b[^\w\n]*$|examination performed|"
    r"(?:exam\w*|study|scan)\s+(?:was\s+)?(?:performed|done)\b|date of scan|scanned on\b|"
    r"date of (?:exam\w*|study|service)|"
    r"(?:exam\w*|study|scan)\s+date\b|дата\s+обследования|performed on|date performed",
    re.IGNORECASE,
)


def identity(case: Case) -> Iterator[Discrepancy]:
    """``wrong-identity``: name, birth date or study date of somebody else."""
    yield from _names(case)
    yield from _numbers(case)
    birth, day = iso_date(case.facts.patient_birth_date), iso_date(case.facts.study_date)
    previous_end = 0
    for found in dates_in(case.text):
        before = _label_before(case, found, previous_end)
        previous_end = found.end
        after = case.text[found.end : found.end + 14].split("\n")[0]
        wanted: dt.date | None = None
        what = ("", "")
        if EXAM.search(before):
            wanted, what = day, ("examination date", "Дата исследования")
        elif (
            _BIRTH_AHEAD.search(before)
            or BIRTH.search(after)
            or (birth is not None and _is_behind_name(case, found, day))
        ):
            wanted, what = birth, ("birth date", "Дата рождения")
        elif day is not None and _is_other_day(case, found, day):
            wanted, what = day, ("examination date", "Дата исследования")
        if wanted is None or found.may_be(wanted):
            continue
        yield _identity(case, what, found.start, found.end)


def _label_before(case: Case, found: FoundDate, previous_end: int) -> str:
    """What may say of which day a date is: of its own section, and after the date before it."""
    section = _section_of(case, found.start)
    begin = max(found.start - 40, previous_end, section.header_start if section else 0)
    line_start = case.text.rfind("\n", 0, found.start) + 1
    has_label = section is not None and bool(section.header) and section.name == "other"
    return case.flat[begin if has_label else max(begin, line_start) : found.start]


def _section_of(case: Case, offset: int) -> Section | None:
    return next((s for s in case.document.sections if s.header_start <= offset < s.end), None)


_DAYS_TO_REPORT = 30
_OLDEST_STUDY_YEARS = 2
_LONGEST_NAME = 3  # words
_DAY_WORDS = re.compile(
    r"^\W*(?:(?:исследование|обследование|снимок|снимки|study|exam|scan)\s+(?:от|of)\s+)?|"
    r"[\s,.;]*(?:г\.?|года)?[\s,.;]*(?:в\s+|at\s+)?(?:\d{1,2}[:.]\d{2}(?:\s*[ap]m)?)?\W*$",
    re.IGNORECASE,
)


def _is_behind_name(case: Case, found: FoundDate, day: dt.date | None) -> bool:
    """A date behind a patient's name, too old to be that of a study."""
    if day is None or any(
        reading.year > day.year - _OLDEST_STUDY_YEARS for reading in found.readings
    ):
        return False
    name = _BARE_NAME.match(case.text, case.text.rfind("\n", 0, found.start) + 1)
    if name is None or not re.fullmatch(r"[\s,;(]*", case.text[name.end("name") : found.start]):
        return False
    return _is_in_heading(case, found.start)


def _is_other_day(case: Case, found: FoundDate, day: dt.date) -> bool:
    """A date alone on a line of the heading, and no day on which this study could be reported."""
    line_start = case.text.rfind("\n", 0, found.start) + 1
    line = case.text[line_start:].split("\n", 1)[0]
    section = _section_of(case, found.start)
    if _DAY_WORDS.sub("", line) != case.text[found.start : found.end]:
        return False
    if section is None or section.name not in ("other", "comparison"):
        return False
    if section.name == "comparison" and section.header:
        return False
    known = {one for one in map(iso_date, case.facts.priors or ()) if one is not None}
    return not any(
        reading in known or 0 <= (reading - day).days <= _DAYS_TO_REPORT
        for reading in found.readings
    )


_ACCESSION = re.compile(
    r"(?<!\w)(?:accession(?:\s*(?:number|no\.?|#))?|номер исследования|исследование №)\s*[:#№]?\s*"
    r"(?P<value>[A-Za-zА-Яа-я]{0,4}[-/]?\d[\w/-]{3,15})(?!\w)",
    re.IGNORECASE,
)
_PATIENT_ID = re.compile(
    r"(?<!\w)(?:patient id|MRN|ID пациента)\s*[:#№]?\s*"
    r"(?P<value>[A-Za-zА-Яа-я]{0,4}[-/]?\d[\w/-]{2,15})(?!\w)",
    re.IGNORECASE,
)


def _numbers(case: Case) -> Iterator[Discrepancy]:
    """Accession number and patient ID, letters and figures compared."""
    for pattern, actual, what in (
        (_ACCESSION, case.facts.accession_number, ("accession number", "Номер исследования")),
        (_PATIENT_ID, case.facts.patient_id, ("patient ID", "ID пациента")),
    ):
        for match in pattern.finditer(case.text) if actual else ():
            if _bare(match["value"]) != _bare(actual):
                yield _identity(case, what, match.start("value"), match.end("value"))


def _bare(number: str) -> str:
    return re.sub(r"[\W_]", "", number).upper().lstrip("0")


def _names(case: Case) -> Iterator[Discrepancy]:
    wanted = _name_words(case.facts.patient_name.replace("^", " "))
    if not wanted:
        return
    told: set[int] = set()
    for start, written in _written_names(case):
        line = _AFTER_NAME.split(written, maxsplit=1)[0]
        # what follows a name without any mark is no part of it
        longest = max(_LONGEST_NAME, len(wanted))
        found = re.match(rf"(?:\S+\s*){{0,{longest}}}", line)
        shown = found.group() if found else ""
        words = _name_words(shown)
        if not words or PERSON.match(shown):
            continue
        if start in told or _is_same_name(words, wanted):
            continue
        told.add(start)
        yield _identity(case, ("name", "Имя пациента"), start, start + len(shown.rstrip()))


_AFTER_NAME = re.compile(
    r"\s+(?:DOB|дата рождения|born|sex|пол)\b|,?\s*\d|\(|\.\s*$|[*\n]|"
    r"(?<=[.\s](?-i:[A-ZА-ЯЁ])\.)\s+(?=(?-i:[A-ZА-ЯЁ][a-zа-яё]))",
    re.IGNORECASE,
)


def _is_in_heading(case: Case, start: int) -> bool:
    sentence = next((s for s in case.document.sentences if s.start <= start < s.end), None)
    return sentence is not None and sentence.section in ("other", "indication")


_RU_SECOND = r"(?:вич|вна|ична|ьич|инич|оглы|кызы)"
# A name on a line of the heading: with a second name, with initials, or "SURNAME, GIVEN".
_BARE_NAME: Final = re.compile(
    r"[ \t]*(?:(?:[Пп]ациент(?:ка)?|[Бб]ольн(?:ой|ая)|ПАЦИЕНТ(?:КА)?|БОЛЬН(?:ОЙ|АЯ))"
    r"[ \t]*:?[ \t]+)?"
    r"(?P<name>"
    rf"[А-ЯЁ][а-яё-]+,?[ ]+[А-ЯЁ][а-яё]+[ ]+[А-ЯЁ][а-яё]+{_RU_SECOND}(?![а-яё])"
    rf"|[А-ЯЁ-]{{3,}},?[ ]+[А-ЯЁ]{{3,}}[ ]+[А-ЯЁ]+{_RU_SECOND.upper()}(?![А-ЯЁ])"
    r"|(?:[А-ЯЁ][а-яё-]{2,}|[А-ЯЁ-]{3,}),?[ ]+[А-ЯЁ]\.[ ]?[А-ЯЁ]\."
    r"|[A-Z][A-Z'-]{1,},[ ]+[A-Z][A-Za-z'-]+(?:[ ]+[A-Z]\.?)?(?=[ \t]*(?:\r?\n|$|[,;(]|\d|DOB))"
    r"|[A-Z][a-z'-]+,[ ]+[A-Z][a-z'-]+(?:[ ]+[A-Z]\.?)?(?=[ \t]*(?:\r?\n|$))"
    r")(?=[ \t]*(?:\r?\n|$|[,;(]|\d|\w+[ ]рождения|DOB))"
)
_NO_NAME: Final = re.compile(
    r"\b(?:portable|views?|supine|upright|erect|lateral|frontal|complete|limited|final|preliminary|"
    r"addendum|bilateral|left|right|with|without|contrast|report|radiology|department|hospital|"
    r"routine|stat|urgent|two|three|single|spine|lumbar|cervical|thoracic|chest|abdomen|pelvis|"
    r"follow|trauma|screening|diagnostic|transabdominal|transvaginal|emergency|outpatient|inpatient)\b",
    re.IGNORECASE,
)


def _bare_names(case: Case) -> Iterator[re.Match[str]]:
    """Names that stand on a line of the heading without a word that says so."""
    words = case.document.words
    named = {
        words[n].start
        for hit in case.document.hits
        if hit.kind in ("organ", "site", "concept", "head")
        for n in range(hit.first, hit.last)
    }
    for number, line in enumerate(re.finditer(r"[^\n]+", case.text)):
        match = _BARE_NAME.match(case.text, line.start())
        if match is None or not _is_in_heading(case, match.start("name")):
            continue
        shown = match["name"]
        if shown[0].isascii() and (number == 0 or _NO_NAME.search(shown)):
            continue
        if EXAM_NAMED.search(shown) or any(
            match.start("name") <= start < match.end("name") for start in named
        ):
            continue
        yield match


_NAME_BEFORE_BIRTH = re.compile(
    r"(?:^|(?<=\n))[ \t]*(?P<name>"
    r"[А-ЯЁ][а-яё-]+\s+(?:[А-ЯЁ][а-яё]+\s+[А-ЯЁ][а-яё]+|[А-ЯЁ]\.\s?[А-ЯЁ]\.)"
    r"|[A-Z][a-z-]+,?\s+[A-Z][a-z]+),?\s+(?:DOB|born|\d{1,2}\.\d{1,2}\.\d{4}\s*г|дата рождения)"
)


def _written_names(case: Case) -> Iterator[tuple[int, str]]:
    """Where a name stands after its label, or before a birth date, and the text from there on."""
    for section in case.document.sections:
        if section.header in _NAME_HEADERS:
            text = case.text[section.start : section.end]
            shown = text.lstrip(" \t\r\n*•-")
            yield section.start + len(text) - len(shown), shown
    for match in _NAME_BEFORE_BIRTH.finditer(case.text):
        yield match.start("name"), match["name"]
    for match in _bare_names(case):
        yield match.start("name"), match["name"]


def _name_words(text: str) -> list[str]:
    return [word.lower().replace("ё", "е") for word in re.findall(r"[^\W\d_]+", text)]


def _is_same_name(shown: list[str], wanted: list[str]) -> bool:
    """Whether every shown word is a part of the name or its initial, family name included."""
    free = list(wanted)
    for word in sorted(shown, key=len, reverse=True):
        hit = next((one for one in free if one == word), None)
        if hit is None and len(word) == 1:
            hit = next((one for one in free if one.startswith(word)), None)
        if hit is None and len(word) >= 4:
            # Inflected: "Иванова" for "Иванов", dative and so on.
            hit = next((one for one in free if one[: len(word) - 2] == word[: len(word) - 2]
                        and abs(len(one) - len(word)) <= 2), None)  # fmt: skip
        if hit is None:
            return False
        free.remove(hit)
    return True


def _identity(case: Case, what: tuple[str, str], start: int, end: int) -> Discrepancy:
    return discrepancy(
        "wrong-identity",
        "block",
        Message(
            f"The {what[0]} in the report is not that of the study.",
            f"{what[1]} в отчёте не соответствует исследованию.",
        ),
        spans=[case.span(start, end)],
    )
