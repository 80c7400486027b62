"""What stands before the description where no header says so: title, patient, reason, technique.

Most reports have no header "Findings": the text between the title and the impression is the
description. A piece (a line, or a sentence of it) belongs to the heading as long as it looks like
one; the first that does not begins the description.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

EXAM: Final = re.compile(
    r"(?<!\w)(?:[HM]D?R?CTA?|CTA?|MRI?A?|MRI|US|XR|DX|CXR|PET|HRCT|LDCT|X-?ray|radiograph\w*|"
    r"radiogram\w*|ultraso\w+|sonogra\w+|doppler|duplex|mammogra\w+|tomograph\w+|angiogra\w+|"
    r"fluoroscop\w+|examination|study|scan|views?|МС?КТ|КТА?|НДКТ|СКТ|МРТ|МРА|МРХПГ|УЗИ|УЗДГ|УЗ|"
    r"рентген\w*|флюорогра\w+|маммогра\w+|томогра\w+|ангиогра\w+|аортогра\w+|эхогра\w+|"
    r"дуплекс\w*|допплер\w*|исследование|снимок|снимки|урограф\w+|сканирование)(?!\w)",
    re.IGNORECASE,
)
_DATE: Final = r"(?:\d{1,2}[./]\d{1,2}[./]\d{2,4}|\d{4}-\d{2}-\d{2})"
_IDENTITY: Final = re.compile(
    rf"^\W*(?:{_DATE}\W*(?:г\.?)?\W*$|dos\b|date\b|dob\b|name\b|patient\b|mrn\b|id\b|accession|"
    r"exam(?:ination)?(?: date)?\b|(?:study|scan)(?: date| performed)|performed\b|"
    r"дата|пациент|ф\.?\s*и\.?\s*о|больн(?:ой|ая)|исследование (?:от|выполнено|проведено)|"
    r"выполнено|проведено|врач|отделение|№|номер|полис|снилс|возраст|пол\b)|"
    rf"{_DATE}\s*(?:г\.?\s*р|года? рожд)|рождения|(?:^|,\s*){_DATE}\W*$",
    re.IGNORECASE,
)
_COMPARISON: Final = re.compile(
    r"^\W*(?:comp(?:ar\w*|:)|priors?\b|previous\b|in comparison|with reference to|"
    r"сравн\w*|в\s+сравнении|по\s+сравнению|при\s+сравнении|сопоставл\w*|при\s+сопоставлении|"
    r"по\s+отношению|предыдущ\w*|динамическ\w+\s+(?:контрол|наблюд)\w*|контроль\w*\s+от|"
    r".{0,60}(?:unchanged (?:from|since)|compared (?:to|with)|previous (?:exam\w*|stud\w*)|"
    r"по отношению к|по сравнению с|предыдущ\w+ исследован)|"
    rf"в\s+динамике\s+(?:с|от)|.{{0,40}}\bот\s+{_DATE}\W*$)",
    re.IGNORECASE,
)
_TECHNIQUE: Final = re.compile(
    r"contrast|enhanced|gadolin|technique|acqui\w+|sequences|biphasic|multiphas|intravenous|"
    r"protocol|projection|views\b|portable|supine|upright|axial|"
    r"контраст|нативн|усилени|методик|многофаз|двухфаз|болюс|гадолин|проекци|лежа|лёжа|стоя|"
    r"сканирован|режим|протокол|синхронизац|срез\w* толщин|в/в|последовательност",
    re.IGNORECASE,
)
_CONTRAST: Final = re.compile(r"contrast|enhanced|gadolin|контраст|гадолин", re.IGNORECASE)
_REASON: Final = re.compile(
    r"year-?\s?old|\by/?o\b|\bman\b|\bwoman\b|\bmale\b|\bfemale\b|\bboy\b|\bgirl\b|\bquery\b|"
    r"rule out|\br/o\b|evaluat\w+ for|\bhx\b|history|indication|reason|complain|"
    r"clinical(?:ly)?\b|status post|\bs/p\b|follow-?up of|suspect\w*|concern for|screening|"
    r"мужчин|женщин|мальчик|девочк|пациент|жалоб|анамнез|подозрени|исключить|направл|"
    r"состояние после|беременност|клиническ|диагноз|обследовани|наблюдается|оперирован|"
    r"под наблюдением|"
    r"\d\s*(?:лет|года?)(?!\w)|цель",
    re.IGNORECASE,
)
_BEGINS_WITH_COMPLAINT: Final = re.compile(
    r"^\W*(?:pain|colic|injury|fall|fell|fever|cough|dyspn\w*|shortness of breath|headache|trauma|"
    r"weakness|dizziness|vertigo|seizures?|assault|mvc|mva|hit by|"
    r"бол[ьи](?!\w)|колик\w*|травма(?!\w)|падение|лихорадк\w*|кашель|одышка|слабость|"
    r"головн\w+ бол\w*|головокружен\w*|судорог\w*|дтп|избит\w*|ушиб грудн|внезапн\w+ (?:разви|бол))"
    r"(?!\w)|.{3,60}\?\W*$|^\W*\?\w",
    re.IGNORECASE,
)
_COMPLAINT: Final = re.compile(
    r"\b(?:pain|colic|injur\w*|fall|fell|fever|cough|dyspn\w*|shortness of breath|swelling|"
    r"trauma\w*|headache|h[ae]*maturia|weakness|dizziness|vertigo|seizures?|loss|assault|mvc|mva)\b|"
    r"(?<!\w)(?:бол[ьие]\w*|колик\w*|травм\w*|падени\w*|лихорадк\w*|температур\w*|кашель|одышк\w*|"
    r"отек\w*|отёк\w*|гематури\w*|слабост\w*|головокружен\w*|судорог\w*|снижение|потеря|дтп|избит)",
    re.IGNORECASE,
)
# A statement on what was seen ends the heading, whatever else stands in it.
_SEEN: Final = re.compile(
    r"\b(?:is|are|was seen|there|no|normal|unremarkable|clear|intact|shows?|demonstrates?|"
    r"measur\w+|identified)\b|"
    r"(?<!\w)(?:не (?!ввод|примен|провод|выполн)|нет|без (?!контраст|усил|в/в|внутривен|болюс)|"
    r"определя\w+|выявл\w+|визуализ\w+|норм\w+|обычн\w+|однородн\w+|сохранен\w*|цел[ыа])",
    re.IGNORECASE,
)
_LONGEST_TITLE: Final = 110
_LONGEST_REASON: Final = 90
_LAST_REASON: Final = 3


def heading_pieces(
    text: str, start: int, end: int, named_in: Callable[[int, int], str]
) -> Iterator[tuple[str, int, int]]:
    """(section, start, end) of the heading in ``start..end``, up to where the description begins.

    ``named_in`` says what is named between two offsets: ``finding``, ``organ`` or nothing.
    """
    pieces = list(_pieces(text, start, end))
    if len(pieces) == 1 and not EXAM.search(text[start:end]):
        return  # a single statement is no heading
    has_title = False
    for number, (first, last) in enumerate(pieces):
        piece = text[first:last]
        named = named_in(first, last)
        section = _title(piece, number, named=named == "finding")
        if section:
            has_title = True
        elif not has_title and number > 0:
            return
        else:
            section = _kind(piece, number, named)
        if not section:
            return
        yield section, first, last


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Lines, and the sentences of a line; a full line that goes on in lower case is one piece."""
    width = max((len(line) for line in text.splitlines()), default=0)
    full = max(20, width - 16)  # a wrapped line leaves less room than the next word needs
    wrapped = rf"[^\n]+(?:(?<=[^\n]{{{full}}})\n(?=[ \t]*[a-zа-яё])[^\n]+)*"
    for match in re.finditer(wrapped, text[start:end]):
        begin = start + match.start()
        for stop in re.finditer(r"(?<=[^\W\d_]{3}[.!?])\s+(?=[A-ZА-ЯЁ])", match.group()):
            if text[begin : start + match.start() + stop.start()].strip():
                yield begin, start + match.start() + stop.start()
            begin = start + match.start() + stop.end()
        if text[begin : start + match.end()].strip():
            yield begin, start + match.end()


def _title(piece: str, number: int, *, named: bool) -> str:
    """The first line, and a second one of the same kind."""
    shown = piece.strip()
    if len(shown) > _LONGEST_TITLE or _SEEN.search(shown):
        return ""
    if EXAM.search(shown) and (number == 0 or (number == 1 and not named)):
        return "other"
    is_label = number == 0 and not named and not shown.endswith((".", ":"))
    return "other" if is_label else ""


def _kind(piece: str, number: int, named: str) -> str:
    shown = piece.strip()
    if _IDENTITY.search(shown):
        return "other"
    is_dated = bool(re.search(_DATE, shown)) and len(shown) <= _LONGEST_REASON
    if _COMPARISON.search(shown) and (is_dated or not named):
        return "comparison"
    if not named and len(shown) <= _LONGEST_REASON and _CONTRAST.search(shown):
        return "technique"
    if len(shown) <= _LONGEST_REASON + 30 and _BEGINS_WITH_COMPLAINT.search(shown):
        return "indication"
    if _SEEN.search(shown):
        return ""
    if _REASON.search(shown):
        return "indication"
    if named == "finding":
        return ""
    if _TECHNIQUE.search(shown):
        return "technique"
    is_short = len(shown) <= _LONGEST_REASON and number <= _LAST_REASON
    if is_short and (not named or _COMPLAINT.search(shown)):
        return "indication"
    return ""
