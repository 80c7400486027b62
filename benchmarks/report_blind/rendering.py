"""A report as text: parts left out or replaced, slips chosen, one style of writing, spans kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from benchmarks.report_blind.source import Part, Report, facts

_SLIP = re.compile(r"<<(\w+):(.*?)=>(.*?)>>")
_FACT = re.compile(r"\{([^{}]+)\}")
_GAP = "\x00"
_HEADER = re.compile(
    r"^(?:impression|imp|conclusion|opinion|assessment|заключение|закл)\b[ :.]*", re.I | re.M
)
_LEAD = r"(?:[^\n.:\x00]{1,40}:|\d[.)]|[a-zа-г]\)|[-*])"
_BEFORE = r"(?:(?<=\n)|(?<=[:.;] ))"  # what stands before the mark of an item
FILLER = {"en": "No other significant abnormality.", "ru": "Других патологических изменений нет."}
STYLES = ("plain", "wrap", "caps", "bare")


@dataclass(frozen=True, slots=True)
class Edit:
    """What differs from the report as it was written.

    ``gone`` parts are left out, ``texts`` stand in the place of a part, ``slips`` are (part, kind)
    that are chosen, ``age`` and ``words`` stand for facts, ``inserted`` is a sentence after a part.
    """

    gone: frozenset[int] = frozenset()
    texts: Mapping[int, str] = field(default_factory=dict)
    slips: frozenset[tuple[int, str]] = frozenset()
    age: int | None = None
    words: Mapping[str, str] = field(default_factory=dict)
    inserted: tuple[int, int, str] | None = None


@dataclass(frozen=True, slots=True)
class Rendered:
    """The text, and where each part stands in it (parts that are gone have no place)."""

    text: str
    places: Mapping[int, tuple[int, int]]

    def spans(self, parts: Iterable[int]) -> list[list[int]]:
        """Places of these parts in order."""
        return [list(self.places[at]) for at in parts if at in self.places]


def slips_of(part: Part) -> set[str]:
    """The kinds of slip that are written into a part."""
    return {mark[1] for mark in _SLIP.finditer(part.text)}


def plain(report: Report, at: int, edit: Edit = Edit()) -> str:
    """The text of one part under an edit, before its style."""
    text = edit.texts.get(at, report.parts[at].text)
    text = _SLIP.sub(lambda m: m[3] if (at, m[1]) in edit.slips else m[2], text)
    known = {**facts(report, edit.age), **edit.words}
    return _FACT.sub(lambda m: known[m[1]], text)


INSERTED = -1


def render(report: Report, edit: Edit, style: str = "plain") -> Rendered:
    """The report under an edit, in a style; lists are counted anew where an item is gone."""
    letters: list[tuple[str, int | None]] = []
    for at in range(len(report.parts)):
        owner = at if report.parts[at].name else None
        if at in edit.gone:
            letters.append((_GAP, at))
            continue
        text = plain(report, at, edit)
        cut = len(text)
        if edit.inserted and edit.inserted[0] == at:
            cut = edit.inserted[1]
        letters += [(letter, owner) for letter in text[:cut]]
        if edit.inserted and edit.inserted[0] == at:
            letters += [(letter, INSERTED) for letter in edit.inserted[2]]
        letters += [(letter, owner) for letter in text[cut:]]
    if edit.gone:
        letters = _mend(letters, report)
    text = _styled("".join(letter for letter, _ in letters), style)
    places: dict[int, tuple[int, int]] = {}
    for index, (_, owner) in enumerate(letters):
        if owner is not None:
            start = places[owner][0] if owner in places else index
            places[owner] = (start, index + 1)
    return Rendered(text, {at: _trimmed(text, *place) for at, place in places.items()})


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def _mend(letters: list[tuple[str, int | None]], report: Report) -> list[tuple[str, int | None]]:
    """Lines, list marks and spaces that belonged to what is gone go with it."""
    letters = _filled(letters, report)
    text = "".join(letter for letter, _ in letters)
    drop: set[int] = set()
    for line in re.finditer(rf"^(?:{_LEAD}[ ]*)?(?:\x00[ ]*)+$\n?", text, re.M):
        drop |= set(range(*line.span()))
    for item in re.finditer(rf"{_BEFORE}(?:\d|[a-zа-г])[.)] (?:\x00[ ]*)+", text):
        drop |= set(range(*item.span()))
    for gap in re.finditer(r"(?:[ ]?\x00)+", text):
        start, end = gap.span()
        drop |= set(range(start, end))
        if (start == 0 or text[start - 1] == "\n") and text[end : end + 1] == " ":
            drop.add(end)
    kept = "".join("" if index in drop else letter for index, letter in enumerate(text))
    places = [index for index in range(len(text)) if index not in drop]
    for blank in re.finditer(r" +(?=\n|$)", kept):
        drop |= set(places[blank.start() : blank.end()])
    return _counted([letter for index, letter in enumerate(letters) if index not in drop])


def _filled(letters: list[tuple[str, int | None]], report: Report) -> list[tuple[str, int | None]]:
    """An impression that says nothing any more says that there is nothing else."""
    text = "".join(letter for letter, _ in letters)
    header = _HEADER.search(text)
    gap = -1 if header is None else text.find(_GAP, header.end())
    if header is None or gap < 0:
        return letters
    said = "".join(
        letter
        for letter, owner in letters[header.end() :]
        if owner is None or report.parts[owner].name != "comm"
    )
    if re.search(r"[^\W\d_]{3}", said):
        return letters
    filler = like(FILLER[report.language], text)
    return [*letters[:gap], *((letter, None) for letter in filler), *letters[gap + 1 :]]


def _counted(letters: list[tuple[str, int | None]]) -> list[tuple[str, int | None]]:
    text = "".join(letter for letter, _ in letters)
    header = _HEADER.search(text)
    if header is None:
        return letters
    found, number, letter = list(letters), 0, -1
    for mark in re.finditer(rf"{_BEFORE}(\d|[a-dа-г])([.)])(?= \S)", text[header.start() :]):
        at = header.start() + mark.start()
        if mark[1].isdigit():
            number += 1
            found[at] = (str(number), letters[at][1])
        elif mark[2] == ")":
            letter += 1
            alphabet = "abcd" if mark[1] in "abcd" else "абвг"
            found[at] = (alphabet[letter], letters[at][1])
    return found


def like(sentence: str, text: str) -> str:
    """A sentence in the manner of a report: all capitals, or small letters without a full stop."""
    words = [letter for letter in text if letter.isalpha()]
    if words and sum(letter.isupper() for letter in words) > 0.8 * len(words):
        return sentence.upper()
    lines = re.findall(r"^[-* ]*(\w)", text, re.M)
    if sum(first.islower() for first in lines) > 0.5 * len(lines):
        small = sentence if sentence[:2].isupper() else sentence[0].lower() + sentence[1:]
        return small.rstrip(".")
    return sentence


def _styled(text: str, style: str) -> str:
    """Another way of writing the same; every style keeps the length."""
    if style == "caps":
        return text.upper()
    if style == "bare":
        return text.replace("ё", "е").replace("Ё", "Е").replace("×", "x").replace("—", "-")
    if style == "wrap":
        return "\n".join(_wrapped(line) for line in text.split("\n"))
    return text


def _wrapped(line: str, width: int = 66) -> str:
    letters, start, space = list(line), 0, None
    for index, letter in enumerate(line):
        if letter == " ":
            if index - start > width and space is not None:
                letters[space] = "\n"
                start = space + 1
            space = index
    if len(line) - start > width and space is not None and space > start:
        letters[space] = "\n"
    return "".join(letters)
