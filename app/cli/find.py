"""``overread find``: what a network peer has."""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.echo import PEER_HELP
from app.cli.language import in_language
from app.core.errors import UsageFault

if TYPE_CHECKING:
    from app.network.answers import Found
    from app.network.worklist import WorklistItem

SCHEMA = "overread.find/1"
_PATIENT = {"patient_id": "id", "patient_name": "name", "birth_date": "birth_date", "sex": "sex"}
_ISO_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
# a day, or a range that may be open at one end (PS3.4 C.2.2.2.5)
_DATES = re.compile(r"\d{8}(-(\d{8})?)?|-\d{8}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    parser.add_argument("peer", metavar="PEER", help=PEER_HELP)
    parser.add_argument(
        "--level", choices=("study", "series", "worklist"), default="study", help="default: study"
    )
    parser.add_argument("--study-uid", default="", metavar="UID")
    parser.add_argument("--patient-id", default="", metavar="ID")
    parser.add_argument("--name", default="", help="patient's name; * and ? are wildcards")
    parser.add_argument(
        "--date", default="", metavar="DAY[..DAY]", help="such as 2026-01-31, or 2026-01-01.."
    )
    parser.add_argument("--modality", default="")
    parser.add_argument("--accession", default="", metavar="NUMBER")
    parser.add_argument("--limit", type=int, default=None, metavar="N", help="no more than N")
    parser.add_argument("--data", type=Path, default=None, help="folder of the local library")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")


def run(args: argparse.Namespace) -> int:
    """Ask and list what was found."""
    from app.bootstrap import open_peers
    from app.cli.exit_codes import ExitCode

    peer = open_peers(args.data).peer(args.peer)
    found = _worklist(peer, args) if args.level == "worklist" else _search(peer, args)
    if args.limit is not None:
        found = found[: args.limit]
    if args.json:
        answer = {"schema": SCHEMA, "peer": peer.name, "level": args.level, "found": found}
        print(json.dumps(answer, ensure_ascii=False))
    else:
        for row in found:
            print(_line(row))
        if not found:
            print(in_language("Nothing was found.", "Ничего не найдено."))
    return ExitCode.DONE


def dicom_dates(text: str) -> str:
    """A day or a range, ISO 8601 or DICOM, as DICOM matches it. Raises ``UsageFault``."""
    plain = _ISO_DAY.sub(r"\1\2\3", text.strip()).replace("..", "-")
    if plain and not _DATES.fullmatch(plain):
        raise UsageFault(
            f"{text} is no date.",
            ru=f"{text} — не дата.",
            hint="Write 2026-01-31, 2026-01-01..2026-01-31, or 2026-01-01.. for all since.",
            hint_ru="Формат: 2026-01-31, 2026-01-01..2026-01-31 или 2026-01-01.. (и позже).",
        )
    return plain


def _search(peer: Any, args: argparse.Namespace) -> list[dict[str, Any]]:  # noqa: ANN401 - either kind
    from app.network import any_peer

    is_study = args.level == "study"
    query = {
        "StudyInstanceUID": args.study_uid,
        "PatientID": args.patient_id,
        "PatientName": args.name,
        "StudyDate": dicom_dates(args.date),
        "AccessionNumber": args.accession,
        "ModalitiesInStudy" if is_study else "Modality": args.modality,
    }
    if not is_study and not args.study_uid:
        raise UsageFault(
            "Series are searched within a study.",
            ru="Серии ищут внутри исследования.",
            hint="Give --study-uid UID; find without --level lists the studies.",
            hint_ru="Укажите --study-uid UID; find без --level перечислит исследования.",
        )
    given = {key: value for key, value in query.items() if value}
    return [_row(item) for item in any_peer.find(peer, args.level, given, limit=args.limit)]


def _worklist(peer: Any, args: argparse.Namespace) -> list[dict[str, Any]]:  # noqa: ANN401
    from app.network.web_peer import WebPeer
    from app.network.worklist import find_worklist

    if isinstance(peer, WebPeer):
        raise UsageFault(
            "A worklist is asked for over DIMSE.",
            ru="Рабочий список запрашивают по DIMSE.",
            hint="Give a DIMSE peer.",
            hint_ru="Укажите узел DIMSE.",
        )
    query = {
        "StudyInstanceUID": args.study_uid,
        "PatientID": args.patient_id,
        "PatientName": args.name,
        "ScheduledProcedureStepStartDate": dicom_dates(args.date),
        "Modality": args.modality,
        "AccessionNumber": args.accession,
    }
    given = {key: value for key, value in query.items() if value}
    return [_row(item) for item in find_worklist(peer, given)]


def _row(item: Found | WorklistItem) -> dict[str, Any]:
    """The value's fields; those of the patient together, as in the other schemas."""
    fields = dataclasses.asdict(item)
    patient = {name: fields.pop(key) for key, name in _PATIENT.items() if key in fields}
    return {**({"patient": patient} if patient else {}), **fields}


def _line(row: dict[str, Any]) -> str:
    patient = row.get("patient", {})
    words = [
        row.get("study_date", ""),
        "/".join(row.get("modalities", ())) or row.get("modality", ""),
        patient.get("name", ""),
        row.get("description", "") or row.get("procedure", ""),
        ""
        if row.get("instances") is None
        else in_language(f"{row['instances']} objects", f"объектов: {row['instances']}"),
        row.get("series_instance_uid", "") or row.get("study_instance_uid", ""),
    ]
    return "  ".join(word for word in words if word)
