"""Undo, cut, copy, paste of the report's menu, in the language of the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QMenu

from app.ui.texts import tr

if TYPE_CHECKING:
    from app.ui.report_editor import ReportEditor


def add_edit_actions(menu: QMenu, editor: ReportEditor) -> None:
    """Append the usual verbs; those that cannot be used now are greyed."""
    is_open = not editor.isReadOnly()
    has_selection = editor.textCursor().hasSelection()
    key = QKeySequence.StandardKey
    for name, keys, call, enabled in (
        ("undo", key.Undo, editor.undo_wanted.emit, is_open),
        ("redo", key.Redo, editor.redo_wanted.emit, is_open),
        ("", None, None, False),
        ("cut", key.Cut, editor.cut, is_open and has_selection),
        ("copy", key.Copy, editor.copy, has_selection),
        ("paste", key.Paste, editor.paste, is_open and editor.canPaste()),
        ("select_all", key.SelectAll, editor.selectAll, bool(editor.report_text())),
    ):
        if keys is None or call is None:
            menu.addSeparator()
            continue
        action = menu.addAction(tr(f"edit.{name}"), call)
        action.setShortcut(QKeySequence(keys))
        action.setShortcutVisibleInContextMenu(True)
        action.setEnabled(enabled)
