"""``overread extract``: the statements in a report text."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from app.core.errors import AppError, InputError
from app.reporting.check_json import EXTRACT_SCHEMA, extraction_to_json
from app.reporting.extract import extract


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("file", nargs="?", help="report text; - or nothing: standard input")
    parser.add_argument("--jsonl", metavar="FILE", help="one object per line in, one per line out")
    parser.add_argument("--lang", choices=("en", "ru"), help="language of the text")
    parser.add_argument("--json", action="store_true", help="JSON output")


def run(args: argparse.Namespace) -> int:
    """Run the verb; 0, or 1 when a line of ``--jsonl`` could not be read."""
    if args.jsonl is not None:
        return _run_lines(args.jsonl)
    extraction = extract(read_text(args.file or "-"), args.lang)
    if args.json:
        print(json.dumps(extraction_to_json(extraction), ensure_ascii=False))
        return 0
    for statement in extraction.statements:
        side = f", {statement.laterality}" if statement.laterality else ""
        print(f"{statement.presence}: {statement.label}{side} | {statement.span.text}")
    return 0


def _run_lines(name: str) -> int:
    use_utf8()
    failed = False
    for number, row, fault in json_lines(name):
        identity = row.get("id")
        try:
            if fault is not None:
                raise fault
            answer = extraction_to_json(_extract_row(row), id=identity)
        except AppError as error:
            failed = True
            answer = {
                "schema": EXTRACT_SCHEMA,
                "id": identity,
                "line": number,
                "error": error_object(error),
            }
        print(json.dumps(answer, ensure_ascii=False), flush=True)
    return 1 if failed else 0


def _extract_row(row: dict[str, Any]) -> Any:  # noqa: ANN401 - handed on at once
    text, language = row.get("text"), row.get("lang")
    if not isinstance(text, str):
        raise InputError(
            "The line has no text.",
            ru="В строке нет поля text.",
            hint="Give the field text.",
            hint_ru="Укажите поле text.",
        )
    return extract(text, language if isinstance(language, str) else None)


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


def json_lines(name: str) -> Iterator[tuple[int, dict[str, Any], InputError | None]]:
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


def error_object(error: AppError) -> dict[str, Any]:
    """An error as part of an answer line."""
    return {"code": error.code, "en": error.text("en"), "ru": error.text("ru")}


def use_utf8() -> None:
    """Write UTF-8 whatever the console is set to (JSON is UTF-8 by definition)."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(encoding="utf-8")
