"""The two bars of the report panel: title, state and language above; the verbs below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QPushButton, QWidget

from app.core.report import Language
from app.ui.report_status import state_text
from app.ui.texts import tr

if TYPE_CHECKING:
    from app.workflow.session import StudySession

_LANGUAGES: Final[tuple[Language, ...]] = ("en", "ru")
_VERBS: Final = (("draft", "^D"), ("check", "^K"), ("addendum", ""), ("sign", "^⏎"))


class ReportHeader(QWidget):
    """Title, state of the report, and the language in which it is written."""

    language_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = QLabel()
        self._title.setProperty("role", "heading")
        self._state = QLabel()
        self._state.setProperty("role", "dim")
        self._group = QButtonGroup(self)
        self._buttons = {code: self._button(code) for code in _LANGUAGES}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 6, 8, 2)
        layout.setSpacing(4)
        layout.addWidget(self._title)
        layout.addSpacing(6)
        layout.addWidget(self._state)
        layout.addStretch(1)
        for button in self._buttons.values():
            layout.addWidget(button)

    def refresh(self, session: StudySession | None) -> None:
        """Show the state of the session's report, in the language of the screen."""
        self._title.setText(tr("report.title").upper())
        report = None if session is None else session.report
        self._state.setText("" if report is None else state_text(report))
        for code, button in self._buttons.items():
            button.setToolTip(tr("report.language_tip"))
            button.setEnabled(session is not None and not session.is_locked)
            button.setChecked(session is not None and session.language == code)

    def _button(self, code: Language) -> QPushButton:
        button = QPushButton(code.upper())
        button.setCheckable(True)
        button.setProperty("role", "segment")
        button.clicked.connect(lambda: self.language_chosen.emit(code))
        self._group.addButton(button)
        return button


class ReportButtons(QWidget):
    """Draft, check and sign; for a signed report the addendum instead."""

    draft_pressed = Signal()
    check_pressed = Signal()
    sign_pressed = Signal()
    addendum_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._buttons = {name: QPushButton() for name, _ in _VERBS}
        self._buttons["draft"].clicked.connect(lambda: self.draft_pressed.emit())
        self._buttons["check"].clicked.connect(lambda: self.check_pressed.emit())
        self._buttons["sign"].clicked.connect(lambda: self.sign_pressed.emit())
        self._buttons["addendum"].clicked.connect(lambda: self.addendum_pressed.emit())
        self._buttons["sign"].setProperty("primary", True)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 2, 8, 8)
        layout.setSpacing(6)
        for name, button in self._buttons.items():
            if name == "addendum":
                layout.addStretch(1)
            layout.addWidget(button)

    def refresh(self, session: StudySession | None, *, writing_addendum: bool) -> None:
        """Show the verbs that the state of the report allows."""
        signed = session is not None and session.is_locked
        is_final = session is not None and session.is_signed
        for name, key in _VERBS:
            button = self._buttons[name]
            button.setText(f"{tr(f'report.{name}')}  {key}".rstrip())
            button.setToolTip(tr(f"report.{name}_tip"))
            button.setEnabled(session is not None)
            if name == "addendum":
                button.setVisible(is_final and not writing_addendum)
            else:
                button.setVisible(not signed)
