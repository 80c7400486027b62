"""How the report check does on texts it was not written on: both halves, both languages.

``python -m benchmarks.report_blind.score [--half dev] [--lang ru] [--misses FILE]``

The measures are those of the benchmark that the check was built with: a hit is an alert of the
class (or of one of ``ALIASES``), grave enough, that points at the finding or overlaps the place;
false alerts are counted on the clean reports. ``--misses`` writes what went wrong in the parts that
may be read (never of the others: nobody reads those).
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.report_blind.cases import cases
from benchmarks.report_blind.concepts import HALVES, LANGUAGES, READABLE
from benchmarks.report_blind.sentences import as_gold, sentences

RANK = {"note": 1, "warn": 2, "block": 3}
LONGEST = 300  # a span of more characters points nowhere
VERDICT = {None: ("clean",), "warn": ("warnings", "blocked"), "block": ("blocked",)}
ALIASES = {
    "laterality-findings-vs-impression": ("laterality-vs-finding",),
    "measurement-value": ("unit-slip",),
    "unit-slip": ("measurement-value",),
    "impression-contradicts-findings": ("negated-finding",),
    "modality-mismatch": ("body-part-mismatch",),
    "undecided-significant-finding": ("undecided-finding",),
}
Row = dict[str, Any]


def answers(command: str, rows: Sequence[Row]) -> dict[str, Row]:
    """What the command says to each row, by id; one JSON object a line in and out."""
    sent = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    done = subprocess.run(
        shlex.split(command), input=sent.encode(), stdout=subprocess.PIPE, check=False
    )
    said = (json.loads(line) for line in done.stdout.decode().splitlines() if line.strip())
    return {answer["id"]: answer for answer in said}


def _meet(span: Row, place: Sequence[int]) -> int:
    return min(int(span["end"]), place[1]) - max(int(span["start"]), place[0])


def _points(alert: Row, truth: Row) -> bool:
    uids = {truth["finding_uid"], *truth.get("finding_uids", ())} - {None}
    if alert.get("finding_uid") in uids:
        return True
    places = truth.get("spans") or ([truth["span"]] if truth["span"] else [])
    for span in alert.get("spans") or []:
        if span["end"] - span["start"] <= LONGEST and any(_meet(span, p) > 0 for p in places):
            return True
    return not uids and not places


def _hit(case: Row, alerts: Iterable[Row]) -> bool:
    truth = case["truth"]
    rules = {truth["error_class"], *ALIASES.get(truth["error_class"], ())}
    least = RANK[truth["severity_min"]]
    return any(
        alert["rule"] in rules and RANK[alert["severity"]] >= least and _points(alert, truth)
        for alert in alerts
    )


def _interval(by_report: dict[str, list[bool]]) -> tuple[float, float]:
    """95% of the share found, the reports drawn anew 1000 times."""
    rnd, drawn, groups = Random(7), [], list(by_report.values())
    for _ in range(1000):
        every = [hit for group in rnd.choices(groups, k=len(groups)) for hit in group]
        drawn.append(sum(every) / len(every))
    drawn.sort()
    return drawn[25], drawn[974]


def check_half(language: str, half: str, command: str) -> tuple[list[str], list[Row]]:
    """Lines to print and the misses of one half."""
    made = cases(language, half)
    public = [{k: v for k, v in case.items() if k != "truth"} for case in made]
    said = answers(command, public)
    hits: dict[str, list[bool]] = {}
    by_report: dict[str, list[bool]] = {}
    loud: dict[str, int] = {}
    verdicts, hard, visible, misses = 0, 0, 0, []
    clean = [case for case in made if case["truth"]["error_class"] is None]
    for case in made:
        answer = said.get(case["id"], {})
        alerts = answer.get("discrepancies", [])
        truth = case["truth"]
        verdicts += answer.get("verdict") in VERDICT[truth["severity_min"]]
        shown = [alert for alert in alerts if RANK[alert["severity"]] >= 2]
        if truth["error_class"] is None:
            hard += sum(alert["severity"] == "block" for alert in shown)
            visible += len(shown)
            for rule in {alert["rule"] for alert in shown}:
                loud[rule] = loud.get(rule, 0) + 1
            wrong = bool(shown)
        else:
            hit = _hit(case, alerts)
            hits.setdefault(truth["error_class"], []).append(hit)
            by_report.setdefault(truth["base"], []).append(hit)
            wrong = not hit
        if wrong:
            misses.append({**case, "alerts": alerts})
    lines = [f"### check, {language}, {half}: {len(made)} cases ({len(clean)} clean)", ""]
    lines += ["| class | n | found | clean reports with a false alert |", "|---|---|---|---|"]
    for kind in sorted(hits):
        share = sum(hits[kind]) / len(hits[kind])
        false = loud.pop(kind, 0)
        lines.append(f"| {kind} | {len(hits[kind])} | {share:.3f} | {false} of {len(clean)} |")
    every = [hit for one in hits.values() for hit in one]
    low, high = _interval(by_report)
    lines += [
        "",
        f"All errors: {sum(every)} of {len(every)} found ({sum(every) / len(every):.3f}; "
        f"95% {low:.3f} to {high:.3f}). "
        f"Verdict right: {verdicts / len(made):.3f}. Per clean report: {hard / len(clean):.3f} "
        f"blocking, {visible / len(clean):.3f} visible alerts."
        + (f" Other rules on clean reports: {loud}." if loud else ""),
        "",
    ]
    return lines, misses


def _name(concept: Row | None) -> str:
    label = (concept or {}).get("label") or {}
    words = label.get("en", "") if isinstance(label, dict) else label
    return f"{(concept or {}).get('meaning') or ''} {words}".lower()


def _answer(mention: Row, statements: Sequence[Row]) -> Row | None:
    """The statement over a mention; one that names the same finding is taken first."""
    best: tuple[bool, float, Row] | None = None
    place = (mention["start"], mention["end"])
    for statement in statements:
        span = statement["span"]
        if (common := _meet(span, place)) <= 0:
            continue
        name = _name(statement.get("concept"))
        same = any(word in name for word in mention["label"].split() if len(word) > 4)
        whole = span["end"] - span["start"] + place[1] - place[0] - common
        if best is None or (same, common / whole) > best[:2]:
            best = (same, common / whole, statement)
    return best[2] if best else None


def extract_half(language: str, half: str, command: str) -> tuple[list[str], list[Row]]:
    """Lines to print and the misses of the sentences of one half."""
    golds = [as_gold(sentence) for sentence in sentences(language, half)]
    rows = [{"id": gold["id"], "text": gold["text"], "lang": language} for gold in golds]
    said = answers(command, rows)
    right: dict[str, list[bool]] = {k: [] for k in ("found", "presence", "side", "sizes")}
    context: list[bool] = []
    by_category: dict[str, list[bool]] = {}
    misses: list[Row] = []
    gold: Any
    for gold in golds:
        statements = said.get(gold["id"], {}).get("statements", [])
        for mention in gold["mentions"]:
            got = _answer(mention, statements) or {}
            marks = {"found": bool(got), "presence": got.get("presence") == mention["state"]}
            if mention["laterality"]:
                marks["side"] = got.get("laterality") == mention["laterality"]
            if mention["sizes_mm"]:
                sizes = sorted(got.get("sizes_mm") or [])
                wanted = sorted(mention["sizes_mm"])
                marks["sizes"] = len(sizes) == len(wanted) and all(
                    abs(one - other) < 0.51 for one, other in zip(sizes, wanted, strict=True)
                )
            for key, mark in marks.items():
                right[key].append(mark)
            by_category.setdefault(gold["category"], []).append(all(marks.values()))
            if not all(marks.values()):
                misses.append({"text": gold["text"], "mention": mention, "got": got})
        for mention in gold["context"]:
            got = _answer(mention, statements) or {}
            context.append(got.get("presence") != "present")
            if not context[-1]:
                misses.append({"text": gold["text"], "mention": mention, "got": got})
    lines = [f"### reading, {language}, {half}: {len(golds)} sentences", ""]
    lines += ["| | right |", "|---|---|"]
    for key, marks_of in (*right.items(), ("not stated here, not read as present", context)):
        share = sum(marks_of) / max(1, len(marks_of))
        lines.append(f"| {key} | {sum(marks_of)} of {len(marks_of)} ({share:.3f}) |")
    wrong = {k: f"{len(v) - sum(v)} of {len(v)}" for k, v in by_category.items() if not all(v)}
    lines += [
        "",
        "Not wholly right, by category: " + "; ".join(f"{k} {v}" for k, v in wrong.items()),
    ]
    return [*lines, ""], misses


def main() -> None:
    """Score and print Markdown."""
    asked = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    asked.add_argument("--lang", choices=LANGUAGES)
    asked.add_argument("--half", choices=HALVES)
    asked.add_argument("--check", default=f"{sys.executable} -m app check --jsonl")
    asked.add_argument("--extract", default=f"{sys.executable} -m app extract --jsonl - --json")
    asked.add_argument("--misses", type=Path, help="write the misses of the readable parts here")
    given = asked.parse_args()
    kept: list[Row] = []
    kinds: Counter[str] = Counter()
    for half in [given.half] if given.half else HALVES:
        for language in [given.lang] if given.lang else LANGUAGES:
            for lines, misses in (
                extract_half(language, half, given.extract),
                check_half(language, half, given.check),
            ):
                print("\n".join(lines), flush=True)
                kinds[half] += len(misses)
                kept += misses if half in READABLE else []
    if given.misses:
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept)
        given.misses.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
