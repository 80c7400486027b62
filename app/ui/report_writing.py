"""Keeps the report's editor and the session in step: what is typed reaches the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QTimer, Signal

from app.core.errors import AppError
from app.ui.report_editor import ReportEditor

if TYPE_CHECKING:
    from app.workflow.session import StudySession

_JOURNAL_MS: Final = 250
_RETRY_MS: Final = 2000


class ReportWriting(QObject):
    """What is typed is on disk within 250 ms, or at once on ``flush``. Main thread only.

    ``typed`` fires for each change by the reader, ``failed`` with the ``AppError`` of a text that
    could not be stored; the text stays in the editor then.
    """

    typed = Signal()
    failed = Signal(object)

    def __init__(self, editor: ReportEditor, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._editor = editor
        self._session: StudySession | None = None
        self._synced_text = ""
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
        self._synced_text = "" if session is None else session.report_text
        self._editor.blockSignals(True)
        self._editor.setPlainText(self._synced_text)
        self._editor.blockSignals(False)

    def flush(self) -> None:
        """Journal what was typed, now."""
        self._journal.stop()
        session, text = self._session, self._editor.report_text()
        if session is None or session.is_locked or text == self._synced_text:
            return
        before, self._synced_text = self._synced_text, text
        try:
            session.set_report_text(text)
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
        self._editor.replace_all(session.report_text, undoable=not session.is_locked)

    def _text_changed(self) -> None:
        if self._session is None or self._session.is_locked:
            return
        # a throttle, not a debounce: what is typed without a pause reaches the disk as well
        if not self._journal.isActive():
            self._journal.start(_JOURNAL_MS)
        self.typed.emit()
