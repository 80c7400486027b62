"""``overread reports cosign``: a senior signs a preliminary report."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.language import console_language, in_language
from app.cli.password_input import add_password_option, ask_password

if TYPE_CHECKING:
    from app.workflow.context import AppContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the action."""
    parser.add_argument("--sign", required=True, metavar="LOGIN", help="who signs")
    parser.add_argument(
        "--text", type=Path, default=None, metavar="FILE",
        help="the text as the senior wants it; default: as it stands",
    )  # fmt: skip
    parser.add_argument(
        "--clock-reason", default="", metavar="TEXT", help="why a doubtful clock is taken"
    )
    add_password_option(parser)


def run(context: AppContext, args: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Sign; the exit code (1 where the check blocks) and what the answer says."""
    from app.cli.exit_codes import ExitCode
    from app.cli.text_input import read_text
    from app.core.report_json import signature_to_json
    from app.reporting.check_json import check_to_json
    from app.workflow.cosign import CosignRequest, cosign
    from app.workflow.identify import asks_password
    from app.workflow.open_study import open_stored
    from app.workflow.session import StudySession

    text = None if args.text is None else read_text(str(args.text))
    session = StudySession(
        context, open_stored(context, args.study), reading=args.reading or None
    )  # fmt: skip
    try:
        password = ""
        if asks_password(context):
            prompt = in_language(f"Password of {args.sign}", f"Пароль {args.sign}")
            password = ask_password(prompt, from_stdin=args.password_stdin)
        done = cosign(session, CosignRequest(args.sign, text, password, args.clock_reason))
    finally:
        session.close()
    report = done.report or done.before
    answer = {
        "version": report.version,
        "state": report.state,
        "signed": done.report is not None,
        "signatures": [signature_to_json(item) for item in report.signatures],
        "check": check_to_json(done.check),
    }
    code = ExitCode.DONE if done.report is not None else ExitCode.ANSWER_IS_NO
    return code, answer | {"reading": session.reading}


def told(answer: dict[str, Any]) -> str:
    """The answer as text: that it is signed, or what blocks."""
    if answer["signed"]:
        return in_language(
            f"Signed as version {answer['version']}.", f"Подписано, версия {answer['version']}."
        )
    language = console_language()
    blocks = [
        f"  {item['rule']}: {item['message'][language]}"
        for item in answer["check"]["discrepancies"]
        if item["severity"] == "block"
    ]
    head = in_language(
        "Not signed; the check blocks. Correct the text (--text), or give reasons in the window:",
        "Не подписано: проверка запрещает. Исправьте текст (--text) или назовите причины в окне:",
    )
    return "\n".join([head, *blocks])
