"""The cases of ``report_check``: every report clean in two styles, and one error each in copies.

``python -m benchmarks.report_blind.cases [en|ru] [dev|held]`` prints them, one JSON object a line.
The same seed gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import sys
from random import Random
from typing import Any

from benchmarks.report_blind.concepts import HALVES, LANGUAGES
from benchmarks.report_blind.errors import CLASSES, Kind, Slip
from benchmarks.report_blind.rendering import Edit, Rendered, render
from benchmarks.report_blind.source import Report, reports

SEED = 20261201
MOST = 14  # cases of one class in one half of one language


def cases(language: str, half: str) -> list[dict[str, Any]]:
    """The cases of one language and half, shuffled; ``truth.twin`` is the id of the clean case."""
    own = [report for report in reports(language) if report.half == half]
    found = []
    styles = {report.uid: _styles(report) for report in own}
    twins: dict[tuple[str, str], str] = {}
    for report in own:
        for style in styles[report.uid]:
            case = _case(report, render(report, Edit(), style), f"clean {style}")
            twins[report.uid, style] = case["id"]
            case["truth"] = {
                "error_class": None, "finding_uid": None, "span": None, "severity_min": None,
                "base": _base(report), "style": style,
            }  # fmt: skip
            found.append(case)
    for kind in CLASSES:
        chosen = _chosen(kind, own)
        few = [(0, slip) for slip in chosen] + [(1, slip) for slip in chosen]
        for number, (again, slip) in enumerate(few[:MOST]):
            number %= len(chosen)
            style = styles[slip.report.uid][(number + again) % 2]
            case = _broken(slip, style, f"{kind.__name__} {number} {style}")
            case["truth"]["twin"] = twins[slip.report.uid, style]
            found.append(case)
    _random("order", language, half).shuffle(found)
    return found


def _random(*words: str) -> Random:
    return Random(f"{SEED} {' '.join(words)}")


def _base(report: Report) -> str:
    return f"{report.language}-{report.uid}"


def _styles(report: Report) -> tuple[str, str]:
    other = _random("style", report.uid, report.language).choice(("wrap", "wrap", "bare", "caps"))
    return "plain", other


def _chosen(kind: Kind, own: list[Report]) -> list[Slip]:
    """At most so many ways of one class, every report in turn."""
    rnd = _random(kind.__name__, own[0].language, own[0].half)
    offered = []
    for report in own:
        ways = list(kind(report, rnd))
        rnd.shuffle(ways)
        offered.append(ways)
    rnd.shuffle(offered)
    rounds = max((len(ways) for ways in offered), default=0)
    turn = [ways[number] for number in range(rounds) for ways in offered if number < len(ways)]
    return turn[:MOST]


def _case(report: Report, shown: Rendered, key: str) -> dict[str, Any]:
    name = f"{report.language} {report.uid} {key}"
    return {
        "id": "rb-" + hashlib.sha256(name.encode()).hexdigest()[:10],
        "lang": report.language,
        "report": shown.text,
        "findings": list(report.findings),
        "study": report.study,
    }


def _broken(slip: Slip, style: str, key: str) -> dict[str, Any]:
    shown = render(slip.report, slip.edit, style)
    case = _case(slip.report, shown, key)
    spans = shown.spans(slip.parts)
    truth: dict[str, Any] = {
        "error_class": slip.kind, "finding_uid": slip.uids[0] if slip.uids else None,
        "span": spans[0] if spans else None, "severity_min": slip.severity,
        "base": _base(slip.report), "style": style,
    }  # fmt: skip
    if len(spans) > 1:
        truth["spans"] = spans
    if len(slip.uids) > 1 or slip.kind == "critical-without-communication":
        truth["finding_uids"] = list(slip.uids)
    if slip.note:
        truth["note"] = slip.note
    case["truth"] = truth
    return case


def main() -> None:
    """Print the cases of the languages and halves on the line, else of all."""
    languages = [word for word in sys.argv[1:] if word in LANGUAGES] or LANGUAGES
    halves = [word for word in sys.argv[1:] if word in HALVES] or HALVES
    for language in languages:
        for half in halves:
            for case in cases(language, half):
                print(json.dumps(case, ensure_ascii=False))


if __name__ == "__main__":
    main()
