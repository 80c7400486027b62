"""Keeps the report's editor and the session in step: what is typed reaches the journal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QTimer, Signal

from app.core.errors import AppError
from app.core.report import SentenceLink
from app.ui.report_editor import ReportEditor
from app.ui.report_positions import changed_part

if TYPE_CHECKING:
    from app.workflow.report_step import ReportLabel
    from app.workflow.session import StudySession

_JOURNAL_MS: Final = 250
_RETRY_MS: Final = 2000
# undo takes back a run of typing: until a pause, a sentence, or another place in the text
_RUN_S: Final = 1.5
_RUN_LENGTH: Final = 120
_SENTENCE_ENDS: Final = ".!?\n"


class ReportWriting(QObject):
    """What is typed is on disk within 250 ms, or at once on ``flush``. Main thread only.

    Each change is one step of the session's history. ``typed`` fires for each change by the
    reader, ``failed`` with the ``AppError`` of a text that could not be stored; the text stays in
    the editor then.
    """

    typed = Signal()
    failed = Signal(object)

    def __init__(self, editor: ReportEditor, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._editor = editor
        self._session: StudySession | None = None
        self._synced_text = ""
        self._run = _TypingRun()
        self._journal = QTimer(self)
        self._journal.setSingleShot(True)
        self._journal.timeout.connect(self.flush)
        editor.textChanged.connect(self._text_changed)
        editor.focus_left.connect(self.flush)

    @property
    def is_ahead(self) -> bool:
        """Whether the text on screen is newer than the one the session knows."""
        return self._editor.report_text() != self._synced_text

    def set_session(self, session: StudySession | None) -> None:
        """Store what was typed, then show the text of ``session``."""
        self.flush()
        self._session = session
        self._run = _TypingRun()
        self._synced_text = "" if session is None else session.report_text
        self._editor.blockSignals(True)
        self._editor.setPlainText(self._synced_text)
        self._editor.blockSignals(False)

    def flush(self) -> None:
        """Journal what was typed, now."""
        self.store("typing")

    def store(self, label: ReportLabel, links: Sequence[SentenceLink] | None = None) -> None:
        """Journal the text on screen as a step of its own named ``label``, with its ``links``."""
        self._journal.stop()
        session, text = self._session, self._editor.report_text()
        if session is None or session.is_locked:
            return
        if text == self._synced_text and links is None:
            return
        before, self._synced_text = self._synced_text, text
        joins = self._run.takes(before, text) if label == "typing" else self._run.ends()
        try:
            session.set_report_text(text, label=label, links=links, joins=joins)
        except AppError as error:
            # the text is still only on screen: say so, and try again
            self._synced_text = before
            self._journal.start(_RETRY_MS)
            self.failed.emit(error)

    def take(self) -> None:
        """Show the session's text where something else than typing changed it."""
        session = self._session
        if session is None or session.report_text == self._synced_text:
            return
        self._synced_text = session.report_text
        self._run.ends()
        self._editor.replace_all(session.report_text)

    def _text_changed(self) -> None:
        if self._session is None or self._session.is_locked:
            return
        if not self.is_ahead:
            return
        # a throttle, not a debounce: what is typed without a pause reaches the disk as well
        if not self._journal.isActive():
            self._journal.start(_JOURNAL_MS)
        self.typed.emit()


class _TypingRun:
    """Which stretches of typing are taken back together."""

    def __init__(self) -> None:
        self._at = 0.0
        self._place = -1
        self._length = 0

    def takes(self, before: str, after: str) -> bool:
        """Whether the change goes on where the one before ended, soon after it."""
        now = time.monotonic()
        start, end, new_end = changed_part(before, after)
        goes_on = (
            now - self._at < _RUN_S and start <= self._place <= end and self._length < _RUN_LENGTH
        )
        written = after[start:new_end]
        ended = written.rstrip(" ")[-1:] in _SENTENCE_ENDS and bool(written.strip(" "))
        self._length = self._length + len(written) if goes_on else len(written)
        self._at = 0.0 if ended else now
        self._place = new_end
        return goes_on

    def ends(self) -> bool:
        """What follows begins anew."""
        self._at = 0.0
        return False
