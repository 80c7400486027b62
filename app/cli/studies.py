"""``overread studies``: the studies of the local library."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.store.store import Store
    from app.store.studies import StoredStudy

SCHEMA = "overread.studies/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    parser.add_argument("--data", type=Path, default=None, help="folder of the local library")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")


def run(args: argparse.Namespace) -> int:
    """List the studies with the state of their reading."""
    from app.bootstrap import open_store
    from app.cli.exit_codes import ExitCode

    store = open_store(args.data)
    try:
        rows = [_row(store, stored) for stored in store.studies.all()]
    finally:
        store.close()
    if args.json:
        json.dump({"schema": SCHEMA, "studies": rows}, sys.stdout, ensure_ascii=False)
        sys.stdout.write("\n")
        return ExitCode.DONE
    for row in rows:
        patient = row["patient"]
        sys.stdout.write(
            f"{row['study_date']:10}  {'/'.join(row['modalities']):8}  {patient['name']:24}  "
            f"{row['description']:24}  {row['report_state'] or '-':8}  "
            f"{row['study_instance_uid']}\n"
        )
    if not rows:
        sys.stdout.write("The library is empty; overread import PATH adds studies.\n")
    return ExitCode.DONE


def _row(store: Store, stored: StoredStudy) -> dict[str, Any]:
    uid = stored.study_instance_uid
    reading = store.sessions.reading_of(uid)
    report = store.reports.latest(uid, reading)
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
        "modalities": list(stored.modalities),
        "series": stored.series,
        "instances": stored.instances,
        "added_at": stored.added_at_utc,
        "opened_at": stored.opened_at_utc or None,
        "files_present": any(path.exists() for path in store.studies.paths(uid)),
        "findings": store.findings.counts(uid, reading),
        "report_state": report.state if report is not None else None,
    }
