"""A reader who signs one study after the other, and says which were acknowledged.

Run as a process by the kill test: one study UID per acknowledged signature on standard output.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from app.workflow.check_report import check_now
from app.workflow.session import StudySession
from app.workflow.sign_report import SignRequest, sign
from tests.support.domain import header_study
from tests.support.workflow_context import context_in

TEXT = "CHEST X-RAY\nFINDINGS:\nThe lungs are clear.\nIMPRESSION:\nNo acute finding.\n"


def main(folder: Path) -> None:
    with context_in(folder) as context:
        for n in itertools.count(1):
            session = StudySession(context, header_study(f"1.2.3.{n}"))
            session.set_report_text(TEXT)
            sign(session, SignRequest("Dr Petrov", "author", check_now(session)))
            sys.stdout.write(session.study.study_instance_uid + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
