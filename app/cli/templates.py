"""``overread templates``: report templates and macros of this installation."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.exit_codes import ExitCode
from app.cli.language import console_language
from app.core.errors import UsageFault

if TYPE_CHECKING:
    from app.reporting.templates.shelf import ShelvedTemplate, TemplateShelf
    from app.workflow.context import AppContext

SCHEMA = "overread.templates/1"
MACROS_SCHEMA = "overread.macros/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--data", type=Path, default=None, help="folder of the local library")
    shared.add_argument("--json", action="store_true", help="one JSON object instead of text")
    does = parser.add_subparsers(
        dest="does", required=True,
        metavar="list|show|validate|preview|add|remove|export|schema|macros",
    )  # fmt: skip
    listed = does.add_parser("list", parents=[shared], help="all templates")
    listed.add_argument("--lang", choices=("en", "ru"))
    for name, words in (
        ("show", "a template as its file holds it"),
        ("preview", "its draft for a sample study"),
        ("remove", "a template of the site; the shipped one is in use again"),
    ):
        one = does.add_parser(name, parents=[shared], help=words)
        one.add_argument("id", metavar="ID" if name != "preview" else "ID|FILE")
        one.add_argument("--lang", choices=("en", "ru"), help="default: that of the terminal")
    for name, words in (
        ("validate", "every fault of a template file; exit 1 where there is one"),
        ("add", "a template file, or all of a folder"),
    ):
        does.add_parser(name, parents=[shared], help=words).add_argument(
            "path", type=Path, metavar="PATH"
        )
    export = does.add_parser("export", parents=[shared], help="a template to a file")
    export.add_argument("id", metavar="ID")
    export.add_argument("path", type=Path, metavar="PATH")
    export.add_argument("--lang", choices=("en", "ru"))
    does.add_parser("schema", parents=[shared], help="the JSON Schema of a template")
    macros = does.add_parser("macros", parents=[shared], help="the macros (autotext)")
    macros.add_argument("--lang", choices=("en", "ru"))
    macros.add_argument("--add", type=Path, metavar="FILE", help="add those of a file")
    macros.add_argument("--export", type=Path, metavar="FILE", help="write them to a file")
    macros.add_argument("--remove", default="", metavar="TRIGGER")


def run(args: argparse.Namespace) -> int:
    """List or change the templates; ``validate`` exits 1 where a file is not valid."""
    match args.does:
        case "schema":
            from app.reporting.templates.reading import schema_text

            print(schema_text(), end="")
            return ExitCode.DONE
        case "validate":
            return _validate(args.path, is_json=args.json)
        case "list":
            _list(_shelf(args), args)
        case "show":
            from app.reporting.templates.reading import template_text

            print(template_text(_shelf(args).get(args.id, _language(args))), end="")
        case "preview":
            _preview(args)
        case _:
            _change(args)
    return ExitCode.DONE


def _shelf(args: argparse.Namespace) -> TemplateShelf:
    """The shelf alone: looking at templates needs no library."""
    from app.config.folders import data_folder
    from app.reporting.templates.shelf import TemplateShelf
    from app.workflow.report_templates import templates_folder

    return TemplateShelf(templates_folder(args.data or data_folder()))


def _language(args: argparse.Namespace) -> Any:  # noqa: ANN401 - argparse knows only strings
    return args.lang or console_language()


def _list(shelf: TemplateShelf, args: argparse.Namespace) -> None:
    rows = [_row(one) for one in shelf.all(args.lang)]
    faults = [
        {"path": str(fault.path), "reason": {"en": fault.reason.en, "ru": fault.reason.ru}}
        for fault in shelf.faults()
    ]
    if args.json:
        _print_json({"schema": SCHEMA, "templates": rows, "unreadable": faults})
        return
    for row in rows:
        place = "" if row["built_in"] else "  *"
        print(f"{row['id']:<22} {row['language']}  {row['name']}{place}")
    for fault in shelf.faults():
        print(f"! {fault.path}: {fault.reason.text(console_language())}")


def _row(one: ShelvedTemplate) -> dict[str, Any]:
    template = one.template
    return {
        "id": template.id,
        "language": template.language,
        "name": template.name,
        "built_in": one.is_built_in,
        "modalities": list(template.applies.modalities),
        "body_parts": list(template.applies.body_parts),
        "fields": [field.name for field in template.fields],
        "required": [item.label for item in template.required],
        "guideline": template.guideline,
        "path": str(one.path),
    }


def _validate(path: Path, *, is_json: bool) -> int:
    from app.reporting.templates.shelf import read_file
    from app.workflow.report_templates import validate

    problems = validate(read_file(path))
    if is_json:
        rows = [{"place": p.place, "text": {"en": p.text.en, "ru": p.text.ru}} for p in problems]
        _print_json({"schema": SCHEMA, "path": str(path), "valid": not problems, "problems": rows})
    else:
        for problem in problems:
            lead = f"{problem.place}: " if problem.place else ""
            print(f"{lead}{problem.text.text(console_language())}")
    return ExitCode.ANSWER_IS_NO if problems else ExitCode.DONE


def _preview(args: argparse.Namespace) -> None:
    from app.reporting.templates.shelf import read_file
    from app.workflow.report_templates import preview

    if args.id.lower().endswith(".json"):
        text = preview(read_file(Path(args.id)))
    else:
        text = preview(_shelf(args).get(args.id, _language(args)))
    if args.json:
        _print_json({"schema": SCHEMA, "id": args.id, "text": text})
    else:
        print(text, end="")


def _change(args: argparse.Namespace) -> None:
    from app.bootstrap import build_context

    context = build_context(data_folder=args.data)
    try:
        result = _macros(context, args) if args.does == "macros" else _changed(context, args)
    finally:
        context.close()
    if args.json:
        _print_json(result)
    elif args.does == "macros":
        for row in result["macros"]:
            first = row["text"].splitlines()[0]
            print(f".{row['trigger']:<12} {first}")
    else:
        print("\n".join(result["changed"]))


def _changed(context: AppContext, args: argparse.Namespace) -> dict[str, Any]:
    from app.workflow import report_templates as templates

    match args.does:
        case "add":
            names = [one.template.key for one in templates.import_templates(context, args.path)]
        case "remove":
            templates.remove_template(context, args.id, _language(args))
            names = [f"{args.id}.{_language(args)}"]
        case _:
            path = templates.export_template(context, args.id, _language(args), args.path)
            names = [str(path)]
    return {"schema": SCHEMA, "changed": names}


def _macros(context: AppContext, args: argparse.Namespace) -> dict[str, Any]:
    from app.workflow import report_macros

    if bool(args.add) + bool(args.export) + bool(args.remove) > 1:
        raise UsageFault(
            "Give one of --add, --export, --remove.", ru="Укажите одно: --add, --export, --remove."
        )
    language = _language(args)
    if args.add:
        report_macros.import_macros(context, args.add)
    elif args.export:
        report_macros.export_macros(context, language, args.export)
    elif args.remove:
        report_macros.remove_macro(context, language, args.remove)
    rows = [
        {"trigger": one.trigger, "text": one.text, "name": one.name}
        for one in report_macros.macros(context, language)
    ]
    return {"schema": MACROS_SCHEMA, "language": language, "macros": rows}


def _print_json(data: dict[str, Any]) -> None:
    print(json.dumps(data, ensure_ascii=False))
