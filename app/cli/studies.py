"""``overread studies``: the studies of the local library."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.store.store import Store
    from app.store.studies import StoredStudy

SCHEMA = "overread.studies/1"
_ALL = -1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    parser.add_argument(
        "--find", default="", metavar="TEXT",
        help="words in names, ids, descriptions, accession numbers, physicians",
    )  # fmt: skip
    parser.add_argument("--modality", default="", help="studies that hold this modality, as CT")
    parser.add_argument("--from", dest="date_from", type=_day, metavar="DATE", help="YYYY-MM-DD")
    parser.add_argument("--to", dest="date_to", type=_day, metavar="DATE", help="YYYY-MM-DD")
    parser.add_argument("--limit", type=_positive, default=_ALL, help="at most so many, the newest")
    parser.add_argument("--data", type=Path, default=None, help="folder of the local library")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")


def run(args: argparse.Namespace) -> int:
    """List the studies with the state of their reading."""
    from app.bootstrap import open_store
    from app.cli.exit_codes import ExitCode
    from app.cli.language import in_language

    store = open_store(args.data)
    asked = {"modality": args.modality, "date_from": args.date_from, "date_to": args.date_to}
    try:
        found = store.studies.search(args.find, **asked, limit=args.limit)
        matching = store.studies.count(args.find, **asked)
        total = store.studies.count()
        rows = [_row(store, stored) for stored in found]
    finally:
        store.close()
    if args.json:
        answer = {"schema": SCHEMA, "studies": rows, "matching": matching, "total": total}
        json.dump(answer, sys.stdout, ensure_ascii=False)
        sys.stdout.write("\n")
        return ExitCode.DONE
    for row in rows:
        _print(row)
    if not total:
        sys.stdout.write(
            in_language(
                "The library is empty; overread import PATH adds studies.\n",
                "База данных пуста; исследования добавляет overread import ПУТЬ.\n",
            )
        )
    elif not rows:
        sys.stdout.write(
            in_language(
                f"No study fits; the library holds {total}.\n",
                f"Ничего не найдено; всего исследований: {total}.\n",
            )
        )
    elif len(rows) < matching:
        sys.stdout.write(
            in_language(
                f"The newest {len(rows)} of {matching} studies.\n",
                f"Показаны последние {len(rows)} из {matching} исследований.\n",
            )
        )
    return ExitCode.DONE


def _print(row: dict[str, Any]) -> None:
    from app.cli.language import console_language

    language = console_language()
    patient = row["patient"]
    state = _STATES[language].get(row["report_state"] or "", "-")
    sys.stdout.write(
        f"{row['study_date']:10}  {'/'.join(row['modalities']):8}  {patient['name']:24}  "
        f"{row['description']:24}  {state:9}  {row['study_instance_uid']}\n"
    )
    for note in _notes(row, language):
        sys.stdout.write(f"{'':12}{note}\n")


_STATES = {
    "en": {
        "draft": "draft",
        "preliminary": "preliminary",
        "signed": "signed",
        "amended": "amended",
    },
    "ru": {
        "draft": "черновик",
        "preliminary": "предварительно",
        "signed": "подписано",
        "amended": "дополнено",
    },
}


def _notes(row: dict[str, Any], language: str) -> list[str]:
    """What is wrong with the study, in sentences."""
    missing, russian = row["missing_files"], language == "ru"
    notes = []
    if row["blocked"]:
        why = row["blocked_ru"] if russian else row["blocked"]
        notes.append(f"{'Заблокировано' if russian else 'Blocked'}: {why}")
    if row["incomplete"]:
        notes.append(
            "Импорт был прерван: снимков может не хватать; overread import --resume."
            if russian
            else "Its import was cut off, images may be missing; overread import --resume goes on."
        )
    archive = row["completeness"]
    if not archive["complete"] and not row["images_deleted_at"]:
        received, expected = archive["received"], archive["expected"]
        notes.append(
            f"Исследование неполное: получено {received} из {expected}; overread retrieve"
            " получит остальное."
            if russian
            else f"Incomplete: {received} of {expected} objects were received;"
            " overread retrieve brings the rest."
        )
    if row["images_deleted_at"]:
        notes.append(
            "Снимки удалены, подписанное заключение сохранено."
            if russian
            else "The images were deleted, the signed report was kept."
        )
    elif missing:
        notes.append(
            f"Файлов нет на прежнем месте: {missing} из {row['instances']}; overread library"
            " relocate находит их."
            if russian
            else f"{missing} of {row['instances']} objects are no longer where they were;"
            " overread library relocate finds them."
        )
    return notes


def _row(store: Store, stored: StoredStudy) -> dict[str, Any]:
    uid = stored.study_instance_uid
    reading = store.sessions.reading_of(uid)
    report = store.reports.latest(uid, reading)
    whole = store.expected.completeness(uid)
    return {
        "study_instance_uid": uid,
        "patient": {
            "id": stored.patient.id,
            "name": stored.patient.name,
            "birth_date": stored.patient.birth_date,
            "sex": stored.patient.sex,
        },
        "study_date": stored.study_date,
        "accession_number": stored.accession_number,
        "description": stored.description,
        "referring_physician": stored.referring_physician,
        "modalities": list(stored.modalities),
        "series": stored.series,
        "instances": stored.instances,
        "missing_files": stored.missing_files,
        "blocked": stored.blocked,
        "blocked_ru": stored.blocked_ru,
        "incomplete": stored.is_incomplete,
        "completeness": {
            "received": whole.received,
            "expected": whole.expected,
            "complete": whole.is_complete,
        },
        "images_deleted_at": stored.images_deleted_at_utc or None,
        "added_at": stored.added_at_utc,
        "opened_at": stored.opened_at_utc or None,
        "files_present": _has_files(store, uid),
        "findings": store.findings.counts(uid, reading),
        "report_state": report.state if report is not None else None,
    }


def _has_files(store: Store, uid: str) -> bool:
    """Whether any file is there; the first one mostly answers."""
    first = store.studies.paths(uid, limit=1)
    return any(path.exists() for path in first) or any(
        path.exists() for path in store.studies.paths(uid)
    )


def _day(text: str) -> str:
    """A date of the command line, with or without hyphens, as ISO 8601."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is no date; write YYYY-MM-DD") from error


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is no number above zero")
    return int(text)
