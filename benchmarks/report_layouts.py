"""The report check on the same reports written down in other ways: a layout changes no meaning.

``python -m benchmarks.report_layouts [--bench FOLDER]`` prints, per layout, the alerts on clean
reports that the report as given does not raise, and the errors that are no longer found.
"""

from __future__ import annotations

import argparse
import json
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from app.core.findings_json import findings_from_json
from app.reporting.check import check
from app.reporting.facts_json import study_facts_from_json

_HEAD: Final = re.compile(r"^([A-Za-zА-Яа-яЁё ]{3,30}):", re.MULTILINE)
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+(?=[A-ZА-ЯЁ])")
_BENCH: Final = Path(__file__).resolve().parents[2] / "shared" / "bench" / "report_check"


def one_line(text: str) -> str:
    """As a message carries it whose line breaks were lost."""
    return re.sub(r"\s*\n\s*", " ", text)


def wrapped(text: str) -> str:
    """Cut hard after 38 columns."""
    return "\n".join("\n".join(textwrap.wrap(line, 38)) for line in text.split("\n"))


def bulleted(text: str) -> str:
    """Every sentence a line with a dash."""
    return _listed(text, lambda number: "- ")


def numbered(text: str) -> str:
    """Every sentence a line with a number; fields of the heading as they are."""
    return _listed(text, lambda number: f"{number}. ")


def without_stops(text: str) -> str:
    """Without full stops after words."""
    return re.sub(r"(?<=[a-zа-яё])\.(?=\s|$)", "", text)


def dashed(text: str) -> str:
    """A dash after a heading."""
    return _HEAD.sub(r"\1 -", text)


def stacked(text: str) -> str:
    """Headings in capitals on lines of their own."""
    return _HEAD.sub(lambda match: match.group(1).upper() + "\n", text)


def marked(text: str) -> str:
    """Headings in Markdown."""
    return _HEAD.sub(r"**\1:**", text)


def spaced(text: str) -> str:
    """Empty lines between all lines, two blanks after a stop, blanks that do not break."""
    return re.sub(r"(?<=\d) ", "\u00a0", text.replace("\n", "\n\n").replace(". ", ".  "))


def abbreviated(text: str) -> str:
    """Sides shortened."""
    text = re.sub(r"\bright (?=upper|lower|middle)", "Rt. ", text)
    text = re.sub(r"\bleft (?=upper|lower|middle)", "Lt. ", text)
    text = re.sub(r"\bправ(?:ого|ой)\b", "прав.", text)
    return re.sub(r"\bлев(?:ого|ой)\b", "лев.", text)


def _listed(text: str, mark: Callable[[int], str]) -> str:
    lines: list[str] = []
    for line in text.split("\n"):
        head = _HEAD.match(line)
        body = line[head.end() :].strip() if head else line
        sentences = [one for one in _SENTENCE.split(body) if one]
        if head and len(sentences) < 2:  # a field keeps its value
            lines.append(line)
            continue
        lines += [head.group()] if head else []
        lines += [mark(number) + one for number, one in enumerate(sentences, 1)]
    return "\n".join(lines)


LAYOUTS: Final[dict[str, Callable[[str], str]]] = {
    "capitals": str.upper,
    "small letters": str.lower,
    "one line": one_line,
    "wrapped": wrapped,
    "bullets": bulleted,
    "numbers": numbered,
    "no full stops": without_stops,
    "dash after headings": dashed,
    "headings above": stacked,
    "Markdown": marked,
    "spaced": spaced,
    "sides shortened": abbreviated,
    "carriage returns": lambda text: text.replace("\n", "\r\n"),
    "е for ё": lambda text: text.replace("ё", "е"),
}


def rules_of(case: dict[str, Any], text: str) -> Counter[tuple[str, str]]:
    """How often each rule speaks of ``text``, with its severity."""
    findings = findings_from_json(case["findings"])
    facts = study_facts_from_json(case["study"])
    found = check(text, findings, facts, case.get("lang")).discrepancies
    return Counter((item.rule, item.severity) for item in found)


def figures(cases: list[dict[str, Any]]) -> Iterator[tuple[str, Counter[str], Counter[str]]]:
    """Per layout: alerts on clean reports that came by it, and errors found before and lost."""
    given = {case["id"]: rules_of(case, case["report"]) for case in cases}
    for name, layout in LAYOUTS.items():
        false, lost = Counter[str](), Counter[str]()
        for case in cases:
            now = rules_of(case, layout(case["report"]))
            error = case["truth"]["error_class"]
            if not error:
                false.update(f"{rule} ({how})" for rule, how in now - given[case["id"]])
            elif _has(given[case["id"]], error) and not _has(now, error):
                lost[error] += 1
        yield name, false, lost


def _has(rules: Counter[tuple[str, str]], wanted: str) -> bool:
    return any(rule == wanted for rule, _ in rules)


def main() -> None:
    """Print the figures of both languages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bench", type=Path, default=_BENCH)
    bench = parser.parse_args().bench
    for language in ("en", "ru"):
        lines = (bench / f"cases.{language}.dev.jsonl").read_text(encoding="utf-8").splitlines()
        cases = [json.loads(line) for line in lines]
        clean = sum(not case["truth"]["error_class"] for case in cases)
        print(f"#### {language}: {clean} clean reports, {len(cases) - clean} with an error\n")
        print("| layout | new alerts on clean reports | errors lost |\n|---|---|---|")
        for name, false, lost in figures(cases):
            print(f"| {name} | {_told(false)} | {_told(lost)} |")
        print()


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common()) or "0"


if __name__ == "__main__":
    main()
