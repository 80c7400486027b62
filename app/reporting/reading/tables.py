"""The tables of the lexicon in ``resources/lexicon``: CSV for people, JSON for small lists.

A cell of several entries separates them by semicolons.
"""

from __future__ import annotations

import csv
import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.config.folders import resources_folder
from app.core.report import Language

Row = dict[str, str]


def _folder() -> Path:
    return resources_folder() / "lexicon"


@functools.cache
def resource(name: str) -> dict[str, Any]:
    """The JSON object ``name``."""
    data: dict[str, Any] = json.loads((_folder() / f"{name}.json").read_text(encoding="utf-8"))
    return data


def rows(name: str) -> list[Row]:
    """All rows of the table ``name`` (a path without its ending), by column."""
    with (_folder() / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def items(cell: str) -> list[str]:
    """The entries of a cell."""
    return [part.strip() for part in cell.split(";") if part.strip()]


@functools.cache
def regions() -> tuple[str, ...]:
    """Names of the tables of concepts, one per region of the body."""
    return tuple(sorted(path.stem for path in (_folder() / "concepts").glob("*.csv")))


@functools.cache
def concept_rows() -> dict[str, Row]:
    """All rows of the concept tables by id; ``region`` added."""
    return {
        row["concept"]: {**row, "region": region}
        for region in regions()
        for row in rows(f"concepts/{region}")
    }


@functools.cache
def anatomy_rows() -> dict[str, Row]:
    """All rows of the anatomy by id."""
    return {row["id"]: row for row in rows("anatomy")}


def term_rows(language: Language) -> Iterator[Row]:
    """The rows of all term tables of a language: ``concept``, ``terms``, ``denied_by``."""
    for region in regions():
        yield from rows(f"terms/{region}.{language}")
