"""Texts and JSON lines that verbs take from files or standard input."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from app.core.errors import AppError, InputError


def answer_lines(name: str, schema: str, answer: Callable[[dict[str, Any]], dict[str, Any]]) -> int:
    """One JSON object per line in, one per line out, in order; ``-`` is standard input.

    A line that cannot be answered gets an object with ``error`` under its ``id``; the others still
    count. Returns 1 when there was such a line, else 0.
    """
    failed = False
    for number, row, fault in _json_lines(name):
        try:
            if fault is not None:
                raise fault
            result = answer(row)
        except AppError as error:
            failed = True
            words = {"code": error.code, "en": error.text("en"), "ru": error.text("ru")}
            result = {"schema": schema, "id": row.get("id"), "line": number, "error": words}
        print(json.dumps(result, ensure_ascii=False), flush=True)
    return 1 if failed else 0


def read_text(name: str) -> str:
    """A file's text, or standard input for ``-``; raises ``InputError``."""
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return data.decode("utf-8-sig")
    except OSError as fault:
        raise InputError(
            f"The file {name} cannot be read.",
            ru=f"Файл {name} не читается.",
            hint="Check the path and the permissions.",
            hint_ru="Проверьте путь и права доступа.",
            technical_detail=str(fault),
        ) from fault
    except UnicodeDecodeError as fault:
        raise InputError(
            f"The file {name} is not UTF-8 text.",
            ru=f"Файл {name} не является текстом в UTF-8.",
            hint="Save it as UTF-8.",
            hint_ru="Сохраните его в кодировке UTF-8.",
        ) from fault


def _json_lines(name: str) -> Iterator[tuple[int, dict[str, Any], InputError | None]]:
    """(line number, object, fault) for every line that is not blank; ``-`` is standard input.

    A line that is no object gives an empty one and the fault: the other lines still count.
    """
    if name == "-":
        yield from _parsed(sys.stdin.buffer)
        return
    try:
        with Path(name).open("rb") as lines:
            yield from _parsed(lines)
    except OSError as fault:
        raise InputError(
            f"The file {name} cannot be read.",
            ru=f"Файл {name} не читается.",
            hint="Check the path and the permissions.",
            hint_ru="Проверьте путь и права доступа.",
            technical_detail=str(fault),
        ) from fault


def _parsed(lines: Iterable[bytes]) -> Iterator[tuple[int, dict[str, Any], InputError | None]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line.decode("utf-8-sig"))
        except (UnicodeDecodeError, ValueError):
            row = None
        if isinstance(row, dict):
            yield number, row, None
        else:
            fault = InputError(
                f"Line {number} is not a JSON object.",
                ru=f"Строка {number} не является объектом JSON.",
                hint="Write one JSON object per line.",
                hint_ru="Пишите по одному объекту JSON в строке.",
            )
            yield number, {}, fault
