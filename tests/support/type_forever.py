"""Types into the report without a pause, in a process of its own, until it is killed.

``python -m tests.support.type_forever FOLDER`` prints, after each batch that reached the library,
how many characters of the text are stored.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from PySide6.QtWidgets import QApplication

from app.ui.report_panel import ReportPanel
from app.workflow.session import StudySession
from tests.support.domain import header_study
from tests.support.typing_keys import type_text
from tests.support.workflow_context import context_in


def main(folder: Path) -> None:
    """Never ends by itself."""
    application = QApplication([])
    with context_in(folder) as context:
        session = StudySession(context, header_study())
        panel = ReportPanel(context)
        panel.set_session(session)
        panel.show()
        session.report_changed.connect(
            lambda: print(len(session.report_text), flush=True)  # noqa: T201
        )
        number = 0
        while True:
            type_text(panel.editor, f"word{number} ")
            application.processEvents()
            number += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]))
