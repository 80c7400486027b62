"""Undo and redo of the open study as menu entries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QAction

from app.ui.session_signals import SessionSignals
from app.ui.texts import entries, tr

if TYPE_CHECKING:
    from app.workflow.session import StudySession


class HistoryBridge:
    """Keeps text and state of two actions in step with the history of a session."""

    def __init__(self, undo: QAction, redo: QAction) -> None:
        self._undo = undo
        self._redo = redo
        self._session: StudySession | None = None
        self._signals: SessionSignals | None = None
        self.refresh()

    def set_session(self, session: StudySession | None) -> None:
        """Follow ``session`` from now on."""
        if self._signals is not None:
            self._signals.disconnect_all()
        self._session = session
        self._signals = (
            None
            if session is None
            else SessionSignals(
                (session.history_changed, self.refresh), (session.report_changed, self.refresh)
            )
        )
        self.refresh()

    def refresh(self) -> None:
        """Show what would be undone and redone."""
        history = None if self._session is None else self._session.history
        for action, label, key in (
            (self._undo, history.undo_label if history else None, "action.undo"),
            (self._redo, history.redo_label if history else None, "action.redo"),
        ):
            action.setEnabled(label is not None)
            action.setText(f"{tr(key)} {step_name(label)}".strip() if label else tr(key))


def step_name(label: str) -> str:
    """What a step of the history is called in the language in force."""
    key = f"history.{label}"
    return tr(key) if key in entries() else label
