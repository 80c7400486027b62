"""Sections, sentences and clauses of a report."""

from __future__ import annotations

import bisect
import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from app.core.report import Language
from app.reporting.reading.heading import heading_pieces
from app.reporting.reading.lexicon import Lexicon, lexicon
from app.reporting.reading.patterns import Hit, Pattern, PatternIndex
from app.reporting.reading.run_on import has_no_sentences, lacks_stops, run_on_starts
from app.reporting.reading.tokens import Word, words_of

_STOP = re.compile(r"[.!?]+(?=[\s)\"»<]|$)|\n")
_CLAUSE_END = re.compile(r"[,;:()\[\]]|\s[-–—]\s")
_LINE_SECTIONS = frozenset({"technique", "indication", "comparison", "other"})
_LIST_NUMBER = re.compile(r"\d{1,2}[.)]\s+(?=[^\W\d_])")
_BULLET = re.compile(r"[ \t*#•-]*(?:\d{1,2}[.)])?[ \t*#]*")
_LONGEST = 100  # words of a sentence
_NAMES = frozenset({"concept", "head", "denied"})
_CLEARLY_SHORT = 14
_OPEN_END = re.compile(
    r"(?<!\w)(?:и|или|а|но|с|со|в|во|на|по|до|от|из|за|без|не|для|при|под|над|the|a|an|and|or|of|in|"
    r"on|at|to|with|without|no|is|are|was|by|for|from|right|left)$",
    re.IGNORECASE,
)
_BORN_IN = re.compile(r"(?<!\w)г\.\s?р$", re.IGNORECASE)
_UNIT_ABBREVIATIONS = frozenset({"см", "г", "гг", "л"})


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of the text under one header; ``header`` is empty before the first one."""

    name: str
    header: str
    header_start: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Clause:
    """Words ``first <= n < last`` between separators; ``opens`` is the separator before it."""

    first: int
    last: int
    opens: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words ``first <= n < last``, characters ``start <= n < end``, its section and clauses."""

    first: int
    last: int
    start: int
    end: int
    section: str
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A report cut into pieces. All offsets refer to ``text`` as given."""

    text: str
    language: Language
    words: tuple[Word, ...]
    hits: tuple[Hit, ...]
    sections: tuple[Section, ...]
    sentences: tuple[Sentence, ...]

    def section(self, name: str) -> Section | None:
        """The first section of that name that has a header, or None."""
        for section in self.sections:
            if section.name == name and section.header:
                return section
        return None

    def has_text(self, name: str) -> bool:
        """Whether any sentence stands in that section, with a header or without."""
        return any(sentence.section == name for sentence in self.sentences)

    def has_section(self, name: str) -> bool:
        """Whether a header of that section stands in the text."""
        return self.section(name) is not None


def document_of(text: str, language: Language, extra: Sequence[Pattern] = ()) -> Document:
    """``text`` cut into sections, sentences and clauses, with all hits of lexicon and ``extra``."""
    book = lexicon(language)
    words = words_of(text)
    hits = tuple(book.index.find(words))
    if extra:
        hits += tuple(PatternIndex(extra).find(words))
    sections = tuple(_with_heading(text, _sections(text, book), words, hits))
    sentences = tuple(_sentences(text, words, hits, sections, book))
    return Document(text, language, words, hits, sections, sentences)


def document_with(
    text: str, start: int, end: int, language: Language
) -> tuple[Document, Hit | None]:
    """A document in which the characters ``start..end`` are one name, and that name.

    Names of the lexicon that share words with it are left out. None: no word lies in the span.
    """
    document = document_of(text, language)
    inside = [
        number
        for number, word in enumerate(document.words)
        if word.end > start and word.start < end
    ]
    if not inside:
        return document, None
    name = Hit("concept", "own:span", inside[0], inside[-1] + 1)
    kept = [
        hit
        for hit in document.hits
        if hit.kind not in _NAMES or hit.last <= name.first or name.last <= hit.first
    ]
    return replace(document, hits=(*kept, name)), name


def by_sentence(document: Document, hits: Iterable[Hit]) -> list[list[Hit]]:
    """``hits`` (in any order) sorted into the sentences that they begin in."""
    rows: list[list[Hit]] = [[] for _ in document.sentences]
    firsts = [sentence.first for sentence in document.sentences]
    for hit in hits:
        number = bisect.bisect_right(firsts, hit.first) - 1
        if number >= 0 and hit.first < document.sentences[number].last:
            rows[number].append(hit)
    return rows


def _sections(text: str, book: Lexicon) -> tuple[Section, ...]:
    marks: list[tuple[int, int, str, str]] = []
    for match in book.headers.finditer(text):
        name = re.sub(r"\s+", " ", match["name"].lower())
        section = book.header_sections[name]
        if _is_header(text, match, book, is_field=section == "other"):
            marks.append((match.start("name"), match.end(), section, name))
    has_findings = any(mark[2] == "findings" for mark in marks)
    preamble = "other" if has_findings else "findings"
    sections: list[Section] = []
    cursor, name, header, begin = 0, preamble, "", 0
    for number, (start, end, section, title) in enumerate(marks):
        sections.append(Section(name, header, begin, cursor, start))
        cursor, name, header, begin = end, section, title, start
        if section in _LINE_SECTIONS:
            following = marks[number + 1][0] if number + 1 < len(marks) else len(text)
            own = _own_end(text, end, following, book)
            if own < following:
                # Such a header rules its own line only; what follows is of no section yet.
                sections.append(Section(name, header, begin, cursor, own))
                cursor, name, header, begin = own, preamble, "", own
    sections.append(Section(name, header, begin, cursor, len(text)))
    return tuple(item for item in sections if item.header or text[item.start : item.end].strip())


def _own_end(text: str, start: int, following: int, book: Lexicon) -> int:
    """Where the line of a header ends; in a text without lines, its first sentence."""
    line_end = text.find("\n", start, following)
    if line_end >= 0:
        has_text = bool(text[start:line_end].strip())
        return min(_wrapped_end(text, start, line_end), following) if has_text else following
    abbreviations = frozenset(book.words["abbreviations"])
    return next((end for _, end in _sentence_spans(text, start, following, abbreviations)), start)


def _wrapped_end(text: str, start: int, line_end: int) -> int:
    """The end of the last line that a sentence begun at ``start`` was wrapped onto."""
    while 0 <= line_end < len(text):
        line = text[text.rfind("\n", 0, start) + 1 : line_end].rstrip()
        if line[-1:] in ".!?:;" or _line_ends_sentence(text, line_end, len(text)):
            break
        start, line_end = line_end + 1, text.find("\n", line_end + 1)
    return line_end if line_end >= 0 else len(text)


_CLINICAL = frozenset({"concept", "denied", "head", "normal", "organ"})


def _with_heading(
    text: str, sections: tuple[Section, ...], words: tuple[Word, ...], hits: tuple[Hit, ...]
) -> Iterator[Section]:
    """Text before the description, where no header names one, under what it is."""
    if not any(item.name == "findings" and not item.header for item in sections):
        yield from sections
        return
    named = sorted(
        (words[hit.first].start, "organ" if hit.kind == "organ" else "finding")
        for hit in hits
        if hit.kind in _CLINICAL
    )

    def named_in(start: int, end: int) -> str:
        at = bisect.bisect_left(named, (start, ""))
        kinds = {kind for begin, kind in itertools.takewhile(lambda n: n[0] < end, named[at:])}
        return "finding" if "finding" in kinds else "organ" if kinds else ""

    is_open = True
    for item in sections:
        if not is_open or item.name != "findings" or item.header:
            is_open = is_open and item.name in _LINE_SECTIONS
            yield item
            continue
        cursor = item.start
        for name, start, end in heading_pieces(text, item.start, item.end, named_in):
            yield Section(name, "", start, start, end)
            cursor = end
        if text[cursor : item.end].strip():
            yield Section("findings", "", cursor, cursor, item.end)
            is_open = False


# Words that begin a sentence as well: headers only with a colon.
_COLON_ONLY = frozenset(
    {"prior", "priors", "previous", "contrast", "correlation", "контраст", "контрастирование",
     "контрастное усиление", "контрастное вещество", "контрастный препарат", "архив", "сравнение с",
     "для сравнения", "сравнительный анализ", "динамика с", "iv contrast"}
)  # fmt: skip


def _is_header(text: str, match: re.Match[str], book: Lexicon, *, is_field: bool) -> bool:
    """Whether a name of a section heads one here; ``is_field``: such as "Patient", with a colon."""
    name, end, at = match["name"], match["end"].strip(), match.start("name")
    before = text[text.rfind("\n", 0, at) + 1 : at]
    at_line_start = _BULLET.fullmatch(before) is not None
    if end == ":":
        return name[0].isupper() or at_line_start
    alone = not text[match.end() :].split("\n", 1)[0].strip()
    if is_field:
        has_mark = name[0].isupper() if end else alone and name.isupper()
        return at_line_start and has_mark and end != "."
    if name.lower() in _COLON_ONLY:
        return False
    is_sentence = at_line_start or before.rstrip().endswith((".", "!", "?"))
    if not end and lacks_stops(text):
        if has_no_sentences(text):
            return at_line_start or name.lower() in book.words["openers"]
        if name[0].isupper() and not text.isupper():
            return at_line_start or text[match.end() :].lstrip(" \t")[:1].isupper()
    if end == ".":
        return is_sentence and (name[0].isupper() or (at_line_start and text.islower()))
    if end in ("-", "–", "—") and end:
        return at_line_start and name[0].isupper()
    if at_line_start:
        opens = text.islower() and name in book.words["openers"]
        return alone or opens or name.isupper()
    is_flat = "\n" not in text.strip() and not before.rstrip()[-1:].isupper()
    return name.isupper() and not text.isupper() and (is_sentence or is_flat)


def _sentences(
    text: str,
    words: tuple[Word, ...],
    hits: tuple[Hit, ...],
    sections: tuple[Section, ...],
    book: Lexicon,
) -> Iterator[Sentence]:
    contrast = {hit.first: hit.last for hit in hits if hit.kind == "contrast"}
    abbreviations = frozenset(book.words["abbreviations"])
    at = 0
    for section in sections:
        spans = _sentence_spans(text, section.start, section.end, abbreviations)
        if lacks_stops(text):
            spans = _run_on_spans(text, spans, book)
        for start, end in spans:
            while at < len(words) and words[at].start < start:
                at += 1
            first = at
            while at < len(words) and words[at].start < end:
                at += 1
            # Dictation without full stops is cut, or the time would grow with its square.
            for begin in range(first, at, _LONGEST):
                last = min(begin + _LONGEST, at)
                clauses = tuple(_clauses(words, begin, last, contrast))
                left = start if begin == first else words[begin].start
                right = end if last == at else words[last].start
                yield Sentence(begin, last, left, right, section.name, clauses)


def _sentence_spans(
    text: str, start: int, end: int, abbreviations: frozenset[str]
) -> Iterator[tuple[int, int]]:
    begin = start
    for match in _STOP.finditer(text, start, end):
        if match.group() == "\n":
            stops = _line_ends_sentence(text, match.start(), end)
        else:
            stops = _dot_ends_sentence(text, match, end, abbreviations)
        if stops:
            yield from _trimmed(text, begin, match.end())
            begin = match.end()
    yield from _trimmed(text, begin, end)


def _run_on_spans(
    text: str, spans: Iterable[tuple[int, int]], book: Lexicon
) -> Iterator[tuple[int, int]]:
    names, openers = frozenset(book.words["names"]), frozenset(book.words["openers"])
    for start, end in spans:
        for begin in run_on_starts(text, start, end, names, openers):
            yield from _trimmed(text, start, begin)
            start = begin
        yield from _trimmed(text, start, end)


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The span without white space, and without the number of a list item."""
    while start < end and text[start].isspace():
        start += 1
    number = _LIST_NUMBER.match(text, start, end)
    if number and not text[text.rfind("\n", 0, start) + 1 : start].strip():
        start = number.end()
    while end > start and text[end - 1].isspace():
        end -= 1
    if end > start:
        yield start, end


def _line_ends_sentence(text: str, at: int, end: int) -> bool:
    line_start = text.rfind("\n", 0, at) + 1
    rest = text[at + 1 : end]
    following = rest.lstrip(" \t")
    if not following or following[0] == "\n":
        return True
    if following[0] in "-–—•*#" or re.match(r"\d+[.)]\s", following):
        return True
    # A line that the next word would still have fitted on was ended on purpose.
    line = text[line_start:at].rstrip()
    room = width_of(text) - len(line) - 1 - len(following.split(None, 1)[0])
    if following[0].isupper() or following[0].isdigit():
        return room >= 0
    # Before a small letter only a line that is clearly short, and whose end asks for nothing.
    return room >= _CLEARLY_SHORT and line[-1:] not in ",;(-–—/" and not _OPEN_END.search(line)


@functools.lru_cache(maxsize=4)
def width_of(text: str) -> int:
    """The longest line of a text: where its lines are wrapped, if they are."""
    return max((len(line) for line in text.splitlines()), default=0)


def _dot_ends_sentence(
    text: str, match: re.Match[str], end: int, abbreviations: frozenset[str]
) -> bool:
    if match.group() != ".":
        return True
    before = re.search(r"(\S*?)([^\W\d_]+)$", text[max(0, match.start() - 24) : match.start()])
    following = text[match.end() : end].lstrip()
    if before is None:
        # "1. Text": the number of a list item.
        line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
        return not re.fullmatch(r"\s*\d{1,2}", line)
    word = before.group(2)
    if _BORN_IN.search(text[max(0, match.start() - 8) : match.start()]):
        return not following or following[0].isupper()
    if len(word) == 1 and word.isupper() and following[:1].isupper():
        return False  # initials
    if word.lower() not in abbreviations:
        return True
    if word.lower() in _UNIT_ABBREVIATIONS:
        return bool(re.search(r"\d\s*$", text[: match.start() - len(word)])) and (
            not following or following[0].isupper()
        )
    return not following


def _clauses(
    words: tuple[Word, ...], first: int, last: int, contrast: dict[int, int]
) -> Iterator[Clause]:
    begin, opens = first, ""
    for index in range(first + 1, last):
        gap = words[index].gap
        separator = _CLAUSE_END.search(gap)
        if separator or index in contrast:
            yield Clause(begin, index, opens)
            begin = index
            opens = "contrast" if index in contrast else _strongest(gap)
    yield Clause(begin, last, opens)


def _strongest(gap: str) -> str:
    if ")" in gap and "," in gap:
        return ","  # a bracket within a list does not end it
    for mark in ";:()[]":
        if mark in gap:
            return mark
    return "," if "," in gap else "-"
