"""``overread check``: a report text held against findings and study."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from app.cli import check_memory
from app.cli.text_input import answer_lines, read_text
from app.core.errors import IdentityConflict, InputError, UsageFault
from app.core.findings_json import findings_from_json
from app.core.report import CheckResult, StudyFacts
from app.reporting.check import check
from app.reporting.check_json import CHECK_SCHEMA, check_to_json
from app.reporting.facts_json import study_facts_from_json

# A Windows or POSIX path that ends so is a case's study object, not images.
_FACTS_SUFFIX = ".json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument(
        "what",
        nargs="?",
        choices=check_memory.WHAT,
        help="rules: how their alerts ended here; dismissals: remembered words; page: the rules in "
        "words (Markdown, --lang). Without: check a report",
    )
    parser.add_argument("--restore", metavar="RULE", help="rules: give a demoted rule its weight")
    parser.add_argument("--lift", metavar="ID", help="dismissals: forget remembered words")
    parser.add_argument(
        "--remember", nargs=2, metavar=("RULE", "WORDS"), help="dismissals: such warnings are notes"
    )
    parser.add_argument("--data", type=Path, default=None, help="folder of the local library")
    parser.add_argument("--report", metavar="FILE", help="report text; -: standard input")
    parser.add_argument("--findings", metavar="FILE", help="findings.json")
    parser.add_argument("--study", metavar="PATH", help="the study's files, or its facts as .json")
    parser.add_argument("--lang", choices=("en", "ru"), help="language of the report")
    parser.add_argument(
        "--jsonl",
        metavar="FILE",
        nargs="?",
        const="-",
        help="one case per line, from standard input or FILE; one result per line",
    )
    parser.add_argument("--json", action="store_true", help="JSON output")


def run(args: argparse.Namespace) -> int:
    """Run the verb; 1 when the check blocks (or a line of ``--jsonl`` could not be read)."""
    if args.what is not None:
        return check_memory.run(args)
    if args.jsonl is not None:
        return answer_lines(args.jsonl, CHECK_SCHEMA, _answer)
    if not args.report or not args.findings:
        raise UsageFault(
            "The check needs a report and findings.",
            ru="Для проверки нужны отчёт и находки.",
            hint="Give --report FILE and --findings FILE, or --jsonl.",
            hint_ru="Укажите --report ФАЙЛ и --findings ФАЙЛ либо --jsonl.",
        )
    given = _json_file(args.findings)
    findings = findings_from_json(given)
    named = str(given.get("study_instance_uid") or "") if isinstance(given, dict) else ""
    result = check(read_text(args.report), findings, _facts(args.study, named), args.lang)
    if args.json:
        print(json.dumps(check_to_json(result), ensure_ascii=False))
    else:
        _print(result)
    return 1 if result.verdict == "blocked" else 0


def _answer(row: dict[str, Any]) -> dict[str, Any]:
    return check_to_json(_check_row(row), id=row.get("id"))


def _check_row(row: dict[str, Any]) -> CheckResult:
    text, language = row.get("report"), row.get("lang")
    if not isinstance(text, str):
        raise InputError(
            "The case has no report.",
            ru="В случае нет поля report.",
            hint="Give the field report.",
            hint_ru="Укажите поле report.",
        )
    findings = findings_from_json(row.get("findings") or [])
    facts = study_facts_from_json(row.get("study"))
    return check(text, findings, facts, language if isinstance(language, str) else None)


def _json_file(name: str) -> object:
    try:
        return json.loads(read_text(name))
    except ValueError as fault:
        raise InputError(
            f"The file {name} is not JSON.",
            ru=f"Файл {name} не является JSON.",
            hint="Give a findings.json written by overread infer or overread read.",
            hint_ru="Укажите findings.json, записанный командой overread infer или read.",
        ) from fault


def _facts(path: str | None, named: str) -> StudyFacts:
    """Facts of the study in ``path``, of that which the findings name where they name one."""
    if not path:
        return StudyFacts()
    if path.lower().endswith(_FACTS_SUFFIX):
        return study_facts_from_json(_json_file(path))
    # Reading images needs the whole image side of the program: only when it is asked for.
    from app.dicom.files.scan import scan
    from app.dicom.stacks.grouping import group
    from app.workflow.earlier_studies import of_opened
    from app.workflow.facts import study_facts
    from app.workflow.open_study import known_priors

    with tempfile.TemporaryDirectory(prefix="overread-") as workspace:
        studies = group(scan([Path(path)], workspace=Path(workspace)).records)
    if not studies:
        raise InputError(
            f"There is no DICOM study in {path}.",
            ru=f"В {path} нет исследования DICOM.",
            hint="Give the folder of the study, or leave --study out.",
            hint_ru="Укажите папку исследования или не указывайте --study.",
        )
    if named and named not in {study.study_instance_uid for study in studies}:
        raise IdentityConflict(
            "The findings file belongs to another study.",
            ru="Файл находок относится к другому исследованию.",
            hint="Give the findings of the study whose report is checked.",
            hint_ru="Укажите находки исследования, заключение которого проверяется.",
        )
    about = [study for study in studies if named in ("", study.study_instance_uid)]
    study = max(about, key=lambda item: (item.study_date, item.study_time))
    return study_facts(study, of_opened(known_priors(study, studies)))


def _print(result: CheckResult) -> None:
    print(f"{result.verdict}: {len(result.discrepancies)} discrepancies")
    for item in result.discrepancies:
        where = f" [{item.spans[0].start}-{item.spans[0].end}]" if item.spans else ""
        print(f"{item.severity}: {item.rule}{where}: {item.message.text(result.language)}")
