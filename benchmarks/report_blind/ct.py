"""What the reading says of whole CT reports: which abnormalities are there, which are denied.

``python -m benchmarks.report_blind.ct [--half dev] [--lang ru] [--misses FILE]``

``data/ct/HALF.LANGUAGE.txt`` holds reports below a head ``=== name region``, with the concepts of
``data/ct/concepts.txt`` that a reader would note as present (``+``), as absent (``-``) and those
that are left open or arguable (``?``, never scored). Counted as in the project's CT benchmark: a
concept is scored where it is marked present or absent, "uncertain" is taken for present. "Beyond"
is what is called present without a mark of any kind.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.report_blind.concepts import DATA, LANGUAGES
from benchmarks.report_blind.score import answers

HALVES = ("dev", "held")
TARGET = 0.95  # F1 of present and of absent
MOST_CONTRADICTED = 0.02
_FOLDER = DATA / "ct"
_SIGN = {"+": "present", "-": "absent", "?": "open"}
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CtConcept:
    """One abnormality; ``names`` finds the English names of it in an answer."""

    code: str
    region: str
    english: str
    names: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class CtReport:
    """One report; ``gold`` is the state ("present", "absent", "open") by code."""

    uid: str
    language: str
    half: str
    region: str
    text: str
    gold: dict[str, str]


@cache
def ct_concepts() -> dict[str, CtConcept]:
    """The fixed list, by code."""
    found = {}
    for line in (_FOLDER / "concepts.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            code, region, english, names = line.split(" | ")
            found[code] = CtConcept(code, region, english, re.compile(names))
    return found


@cache
def ct_reports(language: str, half: str) -> tuple[CtReport, ...]:
    """The reports of one file, in order; ``ValueError`` on a mark that does not fit."""
    whole = (_FOLDER / f"{half}.{language}.txt").read_text(encoding="utf-8")
    found = []
    for block in re.split(r"^=== ", whole, flags=re.M)[1:]:
        head, *lines = block.strip().split("\n")
        uid, region = head.split()
        gold: dict[str, str] = {}
        while lines[0][:2] in ("+ ", "- ", "? "):
            sign, *codes = lines.pop(0).split()
            for code in codes:
                if code in gold or ct_concepts()[code].region != region:
                    raise ValueError(f"{language} {uid}: {code}")
                gold[code] = _SIGN[sign]
        found.append(CtReport(uid, language, half, region, "\n".join(lines), gold))
    return tuple(found)


def states(presence: dict[str, str], region: str) -> dict[str, str]:
    """The state of each concept of a region by what was read; what is called present once, is."""
    found = {}
    for concept in ct_concepts().values():
        here = {state for name, state in presence.items() if concept.names.search(name.lower())}
        if here and concept.region == region:
            found[concept.code] = "absent" if here == {"absent"} else "present"
    return found


def f1(counts: Iterable[Sequence[int]]) -> float:
    """F1 of rows of true, falsely said and missed."""
    true, false, missed = (sum(column) for column in zip(*counts, strict=True))
    return 2 * true / max(1, 2 * true + false + missed)


def _interval(counts: list[list[int]]) -> tuple[float, float]:
    """95% of F1, the reports drawn anew 1000 times."""
    rnd = Random(7)
    drawn = sorted(f1(rnd.choices(counts, k=len(counts))) for _ in range(1000))
    return drawn[25], drawn[974]


def score(reports: Sequence[CtReport], said: dict[str, Row]) -> tuple[list[str], list[Row], bool]:
    """Lines to print, what went wrong, and whether the targets are met."""
    counts: dict[str, list[list[int]]] = {"present": [], "absent": []}
    marks: Counter[str] = Counter()
    by_concept: Counter[tuple[str, bool]] = Counter()
    misses: list[Row] = []
    for report in reports:
        got = states(said.get(report.uid, {}).get("presence", {}), report.region)
        rows = {state: [0, 0, 0] for state in counts}
        for code in {**report.gold, **got}:
            gold, say = report.gold.get(code), got.get(code)
            if gold == "open":
                continue
            if gold is None:
                marks["beyond"] += say == "present"
                wrong = say == "present"
            else:
                for state, row in rows.items():
                    row[0] += gold == state == say
                    row[1] += say == state != gold
                    row[2] += gold == state != say
                wrong = gold != say
                marks["all"] += 1
                marks["contradicted"] += wrong and say is not None
                by_concept[code, not wrong] += 1
            if wrong:
                row_of = {"id": report.uid, "lang": report.language, "text": report.text}
                misses.append({**row_of, "concept": code, "gold": gold, "got": say})
        for state, row in rows.items():
            counts[state].append(row)
    lines = ["| | true | falsely said | missed | F1 | 95% |", "|---|---|---|---|---|---|"]
    met = True
    for state, per in counts.items():
        true, false, missed = (sum(column) for column in zip(*per, strict=True))
        low, high = _interval(per)
        met &= f1(per) >= TARGET
        lines.append(
            f"| {state} | {true} | {false} | {missed} | {f1(per):.3f} | {low:.3f} to {high:.3f} |"
        )
    share = marks["contradicted"] / marks["all"]
    met &= share <= MOST_CONTRADICTED
    weak = [
        f"{ct_concepts()[code].english} {n} of {n + by_concept[code, True]}"
        for (code, right), n in sorted(by_concept.items())
        if not right
    ]
    lines += [
        "",
        f"Contradicted: {marks['contradicted']} of {marks['all']} ({share:.3f}). "
        f"Called present beyond the marks: {marks['beyond']} in {len(reports)} reports.",
        "",
        f"Not right, by concept: {'; '.join(weak) or 'none'}",
        "",
    ]
    return lines, misses, met


def main() -> None:
    """Score and print Markdown; exit 1 where a target is missed."""
    asked = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    asked.add_argument("--lang", choices=LANGUAGES)
    asked.add_argument("--half", choices=HALVES)
    asked.add_argument("--extract", default=f"{sys.executable} -m app extract --jsonl - --json")
    asked.add_argument("--misses", type=Path, help="write the misses of the dev half here")
    given = asked.parse_args()
    kept: list[Row] = []
    every = True
    for half in [given.half] if given.half else HALVES:
        for language in [given.lang] if given.lang else LANGUAGES:
            reports = ct_reports(language, half)
            rows = [{"id": one.uid, "text": one.text, "lang": language} for one in reports]
            lines, misses, met = score(reports, answers(given.extract, rows))
            print(f"### CT reports, {language}, {half}: {len(reports)}", "", *lines, sep="\n")
            kept += misses if half == "dev" else []
            every &= met
    if given.misses:
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept)
        given.misses.write_text(text, encoding="utf-8")
    sys.exit(0 if every else 1)


if __name__ == "__main__":
    main()
