"""``overread extract``: the statements in a report text."""

from __future__ import annotations

import argparse
import json
from typing import Any

from app.cli.language import console_language
from app.cli.text_input import answer_lines, read_text
from app.core.errors import InputError
from app.reporting.check_json import EXTRACT_SCHEMA, extraction_to_json
from app.reporting.explain import explain
from app.reporting.explain_text import EXPLAIN_SCHEMA, explanation_lines, explanation_to_json
from app.reporting.extract import extract


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("file", nargs="?", help="report text; - or nothing: standard input")
    parser.add_argument("--jsonl", metavar="FILE", help="one object per line in, one per line out")
    parser.add_argument("--lang", choices=("en", "ru"), help="language of the text")
    parser.add_argument("--json", action="store_true", help="JSON output")
    parser.add_argument(
        "--explain", action="store_true", help="show how each sentence was read, step by step"
    )


def run(args: argparse.Namespace) -> int:
    """Run the verb; 0, or 1 when a line of ``--jsonl`` could not be read."""
    if args.jsonl is not None:
        schema = EXPLAIN_SCHEMA if args.explain else EXTRACT_SCHEMA
        return answer_lines(args.jsonl, schema, _explain_row if args.explain else _answer)
    if args.explain:
        explanation = explain(read_text(args.file or "-"), args.lang)
        if args.json:
            print(json.dumps(explanation_to_json(explanation), ensure_ascii=False))
        else:
            print("\n".join(explanation_lines(explanation, console_language())))
        return 0
    extraction = extract(read_text(args.file or "-"), args.lang)
    if args.json:
        print(json.dumps(extraction_to_json(extraction), ensure_ascii=False))
        return 0
    for statement in extraction.statements:
        side = f", {statement.laterality}" if statement.laterality else ""
        print(f"{statement.presence}: {statement.label}{side} | {statement.span.text}")
    return 0


def _explain_row(row: dict[str, Any]) -> dict[str, Any]:
    text, language = _text_of(row)
    return explanation_to_json(explain(text, language), id=row.get("id"))


def _answer(row: dict[str, Any]) -> dict[str, Any]:
    text, language = _text_of(row)
    return extraction_to_json(extract(text, language), id=row.get("id"))


def _text_of(row: dict[str, Any]) -> tuple[str, str | None]:
    text, language = row.get("text"), row.get("lang")
    if not isinstance(text, str):
        raise InputError(
            "The line has no text.",
            ru="В строке нет поля text.",
            hint="Give the field text.",
            hint_ru="Укажите поле text.",
        )
    return text, language if isinstance(language, str) else None
