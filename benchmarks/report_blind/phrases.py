"""What errors put into a report: phrases by kind and language, denials by concept."""

from __future__ import annotations

from functools import cache

from benchmarks.report_blind.concepts import DATA


def _rows(name: str) -> list[list[str]]:
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return [
        [cell.strip() for cell in line.split(" | ")]
        for line in lines
        if line.strip() and not line.startswith("#")
    ]


def _several(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(";"))


@cache
def _phrases() -> dict[tuple[str, str], tuple[str, ...]]:
    return {(kind, language): _several(cell) for kind, language, cell in _rows("phrases.txt")}


def phrases(kind: str, language: str) -> tuple[str, ...]:
    """The phrases of a kind; ``KeyError`` where there is none."""
    return _phrases()[kind, language]


@cache
def _denials() -> dict[tuple[str, str], tuple[str, ...]]:
    found = {}
    for code, english, russian in _rows("negations.txt"):
        found[code, "en"], found[code, "ru"] = _several(english), _several(russian)
    return found


def denials(code: str, language: str) -> tuple[str, ...]:
    """Sentences that deny a concept; none where it cannot be denied by one sentence."""
    return _denials().get((code, language), ())
