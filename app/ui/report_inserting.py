"""What is put into the text from elsewhere: measurements of findings, with their link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.core.finding import Finding
from app.core.report import Language, SentenceLink
from app.reporting.compose import content_sha256
from app.reporting.figures import figures_of
from app.ui.editor_pick import EditorPick
from app.ui.report_editor import ReportEditor
from app.ui.report_writing import ReportWriting
from app.ui.texts import tr

if TYPE_CHECKING:
    from app.workflow.session import StudySession

_NO_BLANK_BEFORE = " \n\t(«“"


def measurement_choices(finding: Finding, language: Language) -> tuple[str, ...]:
    """The finding's measurements as a report writes them: size, volume, the others."""
    figures = figures_of(finding.current.measurements, language)
    return tuple(part for part in (figures.size, figures.volume, *figures.extras) if part)


class ReportInserting(QObject):
    """Puts measurements of accepted findings at the text cursor. Main thread only.

    ``said`` carries why nothing was put in.
    """

    said = Signal(str)

    def __init__(self, editor: ReportEditor, pick: EditorPick, writing: ReportWriting) -> None:
        super().__init__(editor)
        self._editor = editor
        self._pick = pick
        self._writing = writing
        self._session: StudySession | None = None
        editor.finding_dropped.connect(self.measurements_of)

    def set_session(self, session: StudySession | None) -> None:
        """Work on the report of ``session``."""
        self._session = session

    def current_measurement(self) -> None:
        """Offer the measurements of the current finding at the cursor; one alone is put in."""
        session = self._session
        if session is not None:
            self.measurements_of(session.selected_uid or "")

    def measurements_of(self, uid: str) -> None:
        """Offer the measurements of a finding at the cursor; one alone is put in."""
        session = self._session
        if session is None or self._editor.isReadOnly():
            return
        if not session.has_finding(uid):
            self.said.emit(tr("insert.no_finding"))
            return
        finding = session.finding(uid)
        if not finding.is_in_report:
            self.said.emit(tr("insert.not_accepted"))
            return
        choices = measurement_choices(finding, session.language)
        if not choices:
            self.said.emit(tr("insert.no_measurement"))
            return
        self._editor.setFocus()
        if len(choices) == 1:
            self._put(choices[0], finding)
        else:
            label = finding.current.label.text(session.language)
            self._pick.offer(
                choices, tr("insert.which", name=label), lambda text: self._put(text, finding)
            )

    def _put(self, text: str, finding: Finding) -> None:
        session = self._session
        if session is None:
            return
        self._writing.flush()
        start, end = self._editor.selected_range()
        before = self._editor.report_text()[:start]
        blank = " " if before and before[-1] not in _NO_BLANK_BEFORE else ""
        self._editor.replace_range(start, end, blank + text)
        link = SentenceLink(text, finding.uid, content_sha256(finding))
        others = [other for other in session.links if other != link]
        self._writing.store("insert", (*others, link))
