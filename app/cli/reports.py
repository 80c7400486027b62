"""``overread reports``: the reports of the library, their versions, what changed between two."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli import reports_cosign
from app.cli.language import console_language, in_language
from app.cli.opened_library import opened_library

if TYPE_CHECKING:
    from app.core.message import Message
    from app.core.report import Report
    from app.core.signing import Signature
    from app.workflow.context import AppContext
    from app.workflow.report_versions import Comparison, VersionRow

SCHEMA = "overread.reports/1"
_MARKS = {"same": ("", ""), "removed": ("[-", "-]"), "added": ("{+", "+}")}
Json = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--data", type=Path, default=None, help="folder of the local library")
    shared.add_argument("--json", action="store_true", help="one JSON object instead of text")
    one = argparse.ArgumentParser(add_help=False)
    one.add_argument("study", metavar="STUDY", help="study instance UID")
    one.add_argument("--reading", default="", help="default: the workstation's, else the newest")
    does = parser.add_subparsers(
        dest="does", required=True, metavar="list|show|versions|diff|verify|cosign"
    )
    listed = does.add_parser("list", parents=[shared], help="the newest version of every report")
    listed.add_argument(
        "--waiting", action="store_true", help="preliminary reports that no final one has followed"
    )
    show = does.add_parser("show", parents=[shared, one], help="text and signatures of a version")
    show.add_argument("--version", type=int, default=0, metavar="N", help="default: the newest")
    does.add_parser("versions", parents=[shared, one], help="who signed what when, is it intact")
    diff = does.add_parser("diff", parents=[shared, one], help="what changed, word by word")
    diff.add_argument(
        "--from", dest="old", type=int, default=0, metavar="N", help="default: before the newest"
    )
    diff.add_argument(
        "--to", dest="new", type=int, default=0, metavar="N", help="default: the newest"
    )
    verify = does.add_parser(
        "verify", parents=[shared], help="exit 1 where a signed version is not as it was signed"
    )
    verify.add_argument("study", metavar="STUDY", nargs="?", default="", help="default: all")
    reports_cosign.add_arguments(
        does.add_parser(
            "cosign", parents=[shared, one], help="a senior signs what waits; exit 1: check blocks"
        )
    )


def run(args: argparse.Namespace) -> int:
    """List, show, compare, verify or co-sign."""
    from app.cli.exit_codes import ExitCode

    with opened_library(args.data) as context:
        if args.does == "list":
            _list(context, args)
            return ExitCode.DONE
        if args.does == "verify":
            return _verify(context, args)
        if args.does == "cosign":
            code, answer = reports_cosign.run(context, args)
            args.reading = answer["reading"]
            if args.json:
                _print(_about(args) | answer)
            else:
                print(reports_cosign.told(answer))
            return code
        rows = _versions(context, args)
        if args.does == "versions":
            _show_versions(rows, args)
        elif args.does == "show":
            _show(_chosen(rows, args.version), args)
        else:
            _diff(context, rows, args)
    return ExitCode.DONE


def _versions(context: AppContext, args: argparse.Namespace) -> tuple[VersionRow, ...]:
    from app.core.errors import InputError
    from app.workflow.report_versions import versions

    args.reading = args.reading or context.store.sessions.reading_of(args.study)
    rows = versions(context, args.study, args.reading)
    if not rows:
        raise InputError(
            "The library holds no report of this study.",
            ru="В базе данных нет заключения к этому исследованию.",
            hint="overread reports list shows what there is.",
            hint_ru="Список: overread reports list.",
        )
    return rows


def _chosen(rows: tuple[VersionRow, ...], number: int) -> Report:
    from app.workflow.report_versions import version_of

    return version_of(rows, number) if number else rows[-1].report


def _list(context: AppContext, args: argparse.Namespace) -> None:
    stored = context.store.reports
    found = stored.waiting() if args.waiting else stored.newest()
    rows = [{"reading": reading} | _row(report) for reading, report in found]
    if args.json:
        _print({"schema": SCHEMA, "reports": rows})
        return
    for reading, report in found:
        print(f"{_line(report)}  {reading}  {report.study_instance_uid}")
    if not rows and args.waiting:
        print(in_language("No report waits for a co-signature.", "Подписи врача ничего не ждёт."))
    elif not rows:
        print(in_language("The library holds no reports.", "Заключений в базе данных нет."))


def _show_versions(rows: tuple[VersionRow, ...], args: argparse.Namespace) -> None:
    if args.json:
        listed = [_row(row.report) | {"intact": row.is_intact} for row in rows]
        _print(_about(args) | {"versions": listed})
        return
    for row in rows:
        broken = in_language("  NOT AS SIGNED", "  НЕ СООТВЕТСТВУЕТ ПОДПИСИ")
        print(
            f"{row.report.version:3}  {_line(row.report)}{broken if row.is_intact is False else ''}"
        )


def _show(report: Report, args: argparse.Namespace) -> None:
    from app.core.report_json import communications_to_json, overrides_to_json

    if args.json:
        _print(
            _about(args)
            | _row(report)
            | {
                "text": report.text,
                "overrides": overrides_to_json(report.overrides),
                "communications": communications_to_json(report.communications),
            }
        )
        return
    print(report.text.rstrip())
    print()
    for signature in report.signatures:
        print(_signed_by(signature))


def _diff(context: AppContext, rows: tuple[VersionRow, ...], args: argparse.Namespace) -> None:
    from app.workflow.report_versions import compare_stored

    after = _chosen(rows, args.new)
    before = _chosen(rows, args.old or max(1, after.version - 1))
    found = compare_stored(context, before, after, args.reading)
    if args.json:
        _print(_about(args) | _comparison(found))
        return
    pieces = (f"{_MARKS[p.kind][0]}{p.text}{_MARKS[p.kind][1]}" for p in found.text)
    print("".join(pieces).rstrip())
    language = console_language()
    for change in found.findings:
        kind = in_language(
            change.kind,
            {"added": "добавлена", "removed": "убрана", "changed": "изменена"}[change.kind],
        )
        print(f"{kind}: {change.label.text(language)}")
        for item in change.fields:
            before_text, after_text = item.before.text(language), item.after.text(language)
            print(f"  {item.field.text(language)}: {before_text} → {after_text}")


def _verify(context: AppContext, args: argparse.Namespace) -> int:
    from app.cli.exit_codes import ExitCode
    from app.workflow.report_versions import versions

    broken: list[Report] = []
    checked = 0
    for reading, newest in context.store.reports.newest():
        if args.study and newest.study_instance_uid != args.study:
            continue
        for row in versions(context, newest.study_instance_uid, reading):
            checked += row.is_intact is not None
            if row.is_intact is False:
                broken.append(row.report)
    link = context.store.audit.verify()
    if args.json:
        _print(
            {
                "schema": SCHEMA,
                "checked": checked,
                "broken": [_row(report) for report in broken],
                "trail_whole": link is None,
            }
        )
    else:
        print(
            in_language(
                f"{checked} signed versions checked, {len(broken)} not as signed.",
                f"Проверено подписанных версий: {checked}, не соответствуют подписи:"
                f" {len(broken)}.",
            )
        )
        for report in broken:
            print(f"  {report.study_instance_uid}  {report.version}")
        if link is not None:
            print(
                in_language(
                    f"The audit trail is broken at event {link.seq}.",
                    f"Журнал аудита нарушен на записи {link.seq}.",
                )
            )
    return ExitCode.ANSWER_IS_NO if broken or link is not None else ExitCode.DONE


def _about(args: argparse.Namespace) -> Json:
    return {"schema": SCHEMA, "study_instance_uid": args.study, "reading": args.reading}


def _row(report: Report) -> Json:
    from app.core.report_json import signature_to_json

    return {
        "study_instance_uid": report.study_instance_uid,
        "uid": report.uid,
        "version": report.version,
        "state": report.state,
        "change": report.change,
        "change_reason": report.change_reason,
        "language": report.language,
        "predecessor_uid": report.predecessor_uid or None,
        "content_sha256": report.content_sha256 or None,
        "signatures": [signature_to_json(item) for item in report.signatures],
    }


def _comparison(found: Comparison) -> Json:
    return {
        "from": found.before.version,
        "to": found.after.version,
        "same": found.is_same,
        "text": [asdict(piece) for piece in found.text],
        "findings": [
            {
                "uid": change.uid,
                "label": {"en": change.label.en, "ru": change.label.ru},
                "kind": change.kind,
                "fields": [
                    {
                        "field": _both(item.field),
                        "before": _both(item.before),
                        "after": _both(item.after),
                    }
                    for item in change.fields
                ],
            }
            for change in found.findings
        ],
    }


def _both(text: Message) -> Json:
    return {"en": text.en, "ru": text.ru}


def _line(report: Report) -> str:
    states = {
        "draft": "черновик", "preliminary": "предварительно", "signed": "подписано",
        "amended": "изменено",
    }  # fmt: skip
    state = in_language(report.state, states[report.state])
    signed = _signed_by(report.signature) if report.signature is not None else ""
    return f"{state:14}  {signed}".rstrip()


def _signed_by(signature: Signature) -> str:
    from app.core.signing import identity_text, meaning_text

    language = console_language()
    meaning = meaning_text(signature.meaning).text(language)
    how = identity_text(signature.identity).text(language)
    name = " ".join(signature.name.replace("^", " ").split())
    return f"{name}, {signature.at_utc[:19].replace('T', ' ')} UTC: {meaning} ({how})"


def _print(answer: Json) -> None:
    print(json.dumps(answer, ensure_ascii=False))
