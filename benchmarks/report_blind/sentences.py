"""The marked sentences: what a reader of report text must read in each.

``{eff+R 22 <18|small effusion}`` marks "small effusion" as a statement: the concept ``eff``,
present (``+``; ``-`` absent, ``?`` uncertain, ``~`` no statement about this examination), on the
right, 22 mm, 18 mm at the earlier examination.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass

from benchmarks.report_blind.concepts import DATA, HALVES, LANGUAGES, concepts

_MARK = re.compile(r"\{([a-z]+)([+\-?~])([RLB]?)(?: ([\d.x]+))?(?: <([\d.x]+))?\|([^{}|]+)\}")
_STATE = {"+": "present", "-": "absent", "?": "uncertain", "~": "context"}
_SIDE = {"R": "right", "L": "left", "B": "bilateral", "": None}


@dataclass(frozen=True, slots=True)
class Mention:
    """One marked piece of a sentence; offsets in characters, sizes in mm."""

    start: int
    end: int
    code: str
    state: str
    side: str | None
    sizes: tuple[float, ...]
    earlier: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence without its marks."""

    uid: str
    language: str
    half: str
    category: str
    text: str
    mentions: tuple[Mention, ...]


def parse(marked: str) -> tuple[str, tuple[Mention, ...]]:
    """The plain text of a marked one and its mentions; ``ValueError`` on a bad mark."""
    text, mentions, at = "", [], 0
    for mark in _MARK.finditer(marked):
        code, sign, side, sizes, earlier, words = mark.groups()
        if code not in concepts():
            raise ValueError(f"no concept {code}: {marked}")
        text += marked[at : mark.start()]
        mentions.append(
            Mention(
                len(text), len(text) + len(words), code, _STATE[sign], _SIDE[side],
                _numbers(sizes), _numbers(earlier),
            )
        )  # fmt: skip
        text += words
        at = mark.end()
    text += marked[at:]
    if set("{}") & set(text):
        raise ValueError(f"a mark that is none: {marked}")
    return text, tuple(mentions)


def sentences(language: str, half: str) -> list[Sentence]:
    """The sentences of one file, in order."""
    found: list[Sentence] = []
    category = ""
    path = DATA / half / f"extract.{language}.txt"
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            category = line[3:]
        elif line.strip() and not line.startswith("#"):
            text, mentions = parse(line)
            uid = f"{language}-{half}-{len(found)}"
            found.append(Sentence(uid, language, half, category, text, mentions))
    return found


def as_gold(sentence: Sentence) -> dict[str, object]:
    """The line of the benchmark: ``mentions`` are statements, ``context`` is not to be read so."""
    rows = [
        {
            "start": m.start, "end": m.end, "label": concepts()[m.code].english, "key": m.code,
            "state": m.state, "laterality": m.side, "sizes_mm": list(m.sizes),
            "prior_sizes_mm": list(m.earlier),
        }
        for m in sentence.mentions
    ]  # fmt: skip
    return {
        "id": sentence.uid,
        "text": sentence.text,
        "lang": sentence.language,
        "category": sentence.category,
        "mentions": [row for row in rows if row["state"] != "context"],
        "context": [row for row in rows if row["state"] == "context"],
    }


def _numbers(text: str | None) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split("x")) if text else ()


def main() -> None:
    """Print the gold lines: ``python -m benchmarks.report_blind.sentences ru dev``."""
    languages = [word for word in sys.argv[1:] if word in LANGUAGES] or LANGUAGES
    halves = [word for word in sys.argv[1:] if word in HALVES] or HALVES
    for language in languages:
        for half in halves:
            for sentence in sentences(language, half):
                print(json.dumps(as_gold(sentence), ensure_ascii=False))


if __name__ == "__main__":
    main()
