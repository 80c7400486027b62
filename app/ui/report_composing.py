"""Templates, macros, refreshed and carried sentences in the text that is being written."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent

from app.core.errors import AppError
from app.reporting.carried import carried_in
from app.reporting.macros import Macro, expand_before
from app.reporting.sentence_states import SentenceState
from app.reporting.templates.fields import TextField, fields_in
from app.reporting.templates.model import ReportTemplate
from app.ui.report_editor import ReportEditor
from app.ui.report_writing import ReportWriting
from app.ui.texts import language, tr
from app.workflow import compose_report, prior_reports, report_macros, report_templates

if TYPE_CHECKING:
    from app.core.report import Language
    from app.workflow.session import StudySession


class ReportComposing(QObject):
    """Puts ready-made text in, and keeps it in step with findings. Main thread only.

    ``said`` carries what the reader should know of it.
    """

    said = Signal(str)

    def __init__(self, editor: ReportEditor, writing: ReportWriting) -> None:
        super().__init__(editor)
        self._editor = editor
        self._writing = writing
        self._session: StudySession | None = None
        self._template: tuple[tuple[str, str], ReportTemplate] | None = None
        self._macros: dict[Language, tuple[Macro, ...]] = {}
        editor.add_key_handler(self._key)

    def set_session(self, session: StudySession | None) -> None:
        """Work on the report of ``session``."""
        self._session = session
        self.forget()

    def forget(self) -> None:
        """Templates or macros were changed: read them anew when they are needed."""
        self._template = None
        self._macros.clear()

    def fields_of(self, text: str) -> tuple[TextField, ...]:
        """The unfilled fields of ``text``, with the pick lists of the draft's template."""
        template = self._template_in_use()
        return fields_in(text, template.fields if template else ())

    def templates(self) -> tuple[tuple[ReportTemplate, bool], ...]:
        """All templates in the report's language, those that fit the study first, with whether."""
        session = self._session
        if session is None:
            return ()
        try:
            fitting = report_templates.templates_for(session)
            shelved = report_templates.shelf(session.context).all(session.language)
        except AppError as error:
            self.said.emit(error.text(language()))
            return ()
        keys = {template.key for template in fitting}
        others = [one.template for one in shelved if one.template.key not in keys]
        return (*((one, True) for one in fitting), *((one, False) for one in others))

    def draft(self, template: ReportTemplate | None) -> None:
        """Compose the draft anew, by ``template`` or (None) by findings and sections alone."""
        session = self._session
        if session is None:
            return
        self._writing.flush()
        if not self._try(lambda: compose_report.draft(session, session.language, template)):
            return
        self._template = None
        stated = sum(1 for finding in session.findings if finding.is_in_report)
        words = [tr("report.draft_replaced" if stated else "report.draft_empty", count=stated)]
        words += [note.text(language()) for note in compose_report.notes(session)]
        self.said.emit(" ".join(words))

    def expand(self) -> bool:
        """Expand the macro before the cursor; False where there is none."""
        session = self._session
        start, end = self._editor.selected_range()
        if session is None or self._editor.isReadOnly() or start != end:
            return False
        if session.language not in self._macros:
            try:
                self._macros[session.language] = report_macros.macros(
                    session.context, session.language
                )
            except AppError as error:
                self.said.emit(error.text(language()))
                return False
        macros = self._macros[session.language]
        expansion = expand_before(self._editor.report_text(), end, macros)
        if expansion is None:
            return False
        self._writing.flush()
        self._editor.replace_range(expansion.start, expansion.end, expansion.text)
        self._writing.store("insert")
        inside = [
            field
            for field in self.fields_of(self._editor.report_text())
            if expansion.start <= field.start < expansion.start + len(expansion.text)
        ]
        if inside:
            self._editor.select_range(inside[0].start, inside[0].end)
        return True

    def refresh_at(self, position: int) -> bool:
        """Write the stale sentence at ``position`` anew; one whose finding is gone goes."""
        session = self._session
        state = self._outdated_at(position)
        if session is None or state is None:
            return False
        self._writing.flush()
        return self._try(lambda: compose_report.refresh(session, state))

    def confirm_at(self, position: int) -> bool:
        """Take the mark off the carried sentence at ``position``: the reader stands for it."""
        session, text = self._session, self._editor.report_text()
        found = [one for one in carried_in(text) if one.start <= position <= one.end]
        if session is None or not found:
            return False
        self._writing.flush()
        return self._try(lambda: prior_reports.confirm_carried(session, found[0]))

    def mark(self) -> None:
        """Mark what was carried over from an earlier report."""
        text = self._editor.report_text()
        spans = [(one.start, one.end) for one in carried_in(text)]
        self._editor.marks.set_spans("carried", text, spans)

    def _outdated_at(self, position: int) -> SentenceState | None:
        session = self._session
        if session is None:
            return None
        for state in compose_report.sentences(session):
            if state.state in ("stale", "withdrawn") and state.start <= position <= state.end:
                return state
        return None

    def _template_in_use(self) -> ReportTemplate | None:
        session = self._session
        report = session.report if session is not None else None
        if session is None or report is None or not report.template_id:
            return None
        key = (report.template_id, session.language)
        if self._template is None or self._template[0] != key:
            try:
                self._template = (key, report_templates.template_in_use(session))
            except AppError:
                return None  # said where templates are chosen; the fields stay free text
        return self._template[1]

    def _key(self, event: QKeyEvent) -> bool:
        plain = event.modifiers() == Qt.KeyboardModifier.NoModifier
        return event.key() == Qt.Key.Key_Tab and plain and self.expand()

    def _try(self, work: Callable[[], object]) -> bool:
        try:
            work()
        except AppError as error:
            self.said.emit(error.text(language()))
            return False
        return True
