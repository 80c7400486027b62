"""Spelling in the report: words underlined, what may have been meant in a menu."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QPoint, Qt, Signal
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QMenu

from app.core.errors import AppError, Cancelled
from app.ui.edit_menu import add_edit_actions
from app.ui.job_bridge import JobBridge
from app.ui.live_check import LiveCheck
from app.ui.report_positions import character
from app.ui.texts import language, tr
from app.workflow.spelling import add_word, names_in, set_spell_check, speller_of

if TYPE_CHECKING:
    from app.reporting.spelling.speller import Misspelling, Speller
    from app.ui.report_editor import ReportEditor
    from app.workflow.context import AppContext
    from app.workflow.session import StudySession

_NO_NAMES: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Spelled:
    """What is misspelled in one text."""

    text: str
    wrong: tuple[Misspelling, ...]


class ReportSpelling(QObject):
    """Checks spelling after each pause in typing. Main thread only; the work is in a lane.

    ``replaced`` is called after a word was put in the place of another.

    The dictionaries are read when the first report is open. The word that is being typed is not
    marked. ``turned`` tells whether spelling is checked, ``said`` carries a sentence.
    """

    turned = Signal(bool)
    said = Signal(str)

    def __init__(
        self,
        context: AppContext,
        editor: ReportEditor,
        replaced: Callable[[], object],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._context = context
        self._editor = editor
        self._replaced = replaced
        self._session: StudySession | None = None
        self._speller: Speller | None = None
        self._is_loading = False
        self._names = _NO_NAMES
        self._ignored: set[str] = set()
        self._found = Spelled("", ())
        self._held_back = False
        self._menu: QMenu | None = None
        self._bridge = JobBridge(context.runner, self)
        parent.destroyed.connect(self._bridge.close)
        self._live = LiveCheck(context.runner, self._prepare, parent)
        self._live.finished.connect(self._take)
        self._live.failed.connect(self._failed)
        editor.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        editor.customContextMenuRequested.connect(self._open_menu)
        editor.cursorPositionChanged.connect(self._cursor_moved)

    @property
    def is_on(self) -> bool:
        """Whether spelling is checked."""
        return self._context.settings.spell_check

    @property
    def menu(self) -> QMenu | None:
        """The menu that was opened last."""
        return self._menu

    @property
    def is_ready(self) -> bool:
        """Whether what is marked is of the text on screen."""
        return self._speller is not None and self._found.text == self._editor.report_text()

    def wrong_words(self) -> list[str]:
        """The words that are misspelled, in order."""
        return [wrong.word for wrong in self._wrong()]

    def set_session(self, session: StudySession | None) -> None:
        """Check the report of ``session`` from now on."""
        self._live.stop()
        self._session = session
        self._ignored = set()
        self._found = Spelled("", ())
        self._names = _NO_NAMES if session is None else names_in(session)
        self._mark()
        if session is not None:
            self.schedule()

    def schedule(self) -> None:
        """Check after the next pause."""
        if not self.is_on or self._session is None:
            return
        if self._speller is None:
            self._load()
        else:
            self._live.schedule()

    def toggle(self) -> None:
        """Check spelling, or no longer; the settings remember it."""
        try:
            set_spell_check(self._context, not self.is_on)
        except AppError as error:
            self._failed(error)
        self.turned.emit(self.is_on)
        if self.is_on:
            self.schedule()
        else:
            self._live.stop()
            self._found = Spelled("", ())
            self._mark()

    def next_word(self) -> None:
        """Select the next misspelled word, from the cursor on and around, and offer its menu."""
        if not self.is_on:
            self.said.emit(tr("spelling.is_off"))
            return
        if self._speller is None:
            self.said.emit(tr("spelling.loading"))
            self.schedule()
            return
        text = self._editor.report_text()
        if self._found.text != text:
            self._found = self._checked(self._speller, text)
        wrong = self._wrong()
        if not wrong:
            self._mark()
            self.said.emit(tr("spelling.none"))
            return
        _start, end = self._editor.selected_range()
        chosen = next((item for item in wrong if item.start >= end), wrong[0])
        self._editor.setFocus()
        self._editor.select_range(chosen.start, chosen.end)
        self._mark()
        self.said.emit(tr("spelling.count", count=len(wrong)))
        self._show_menu(self._editor.cursorRect().bottomLeft())

    def _load(self) -> None:
        if self._is_loading:
            return
        self._is_loading = True
        context = self._context
        self._bridge.submit(
            "io",
            tr("job.spelling"),
            lambda _token, _progress: speller_of(context),
            done=self._loaded,
            failed=self._load_failed,
        )

    def _loaded(self, speller: Speller) -> None:
        self._is_loading = False
        self._speller = speller
        self.schedule()
        # suggestions need a little more: not before the first marks, and not while a menu opens
        with contextlib.suppress(Cancelled):  # the program is closing: nobody will ask
            self._bridge.submit(
                "io", tr("job.spelling"), lambda _token, _progress: speller.warm(),
                done=lambda _: None,
            )  # fmt: skip

    def _load_failed(self, error: BaseException) -> None:
        if not isinstance(error, AppError):
            raise error
        self._failed(error)  # once: ``_is_loading`` stays

    def _prepare(self) -> Callable[[], Spelled] | None:
        session, speller = self._session, self._speller
        if session is None or speller is None or self._editor.isReadOnly() or not self.is_on:
            self._found = Spelled("", ())
            self._mark()
            return None
        text = self._editor.report_text()
        return lambda: self._checked(speller, text)

    def _checked(self, speller: Speller, text: str) -> Spelled:
        return Spelled(text, tuple(speller.check(text, self._names)))

    def _take(self, found: Spelled) -> None:
        if found.text != self._editor.report_text():
            self._live.schedule()
            return
        self._found = found
        self._mark()

    def _wrong(self) -> list[Misspelling]:
        return [wrong for wrong in self._found.wrong if wrong.word not in self._ignored]

    def _mark(self) -> None:
        text = self._found.text
        wrong = self._wrong()
        self._held_back = False
        if wrong and self._editor.hasFocus() and not self._editor.textCursor().hasSelection():
            at = self._editor.selected_range()[1]
            typed = [item for item in wrong if item.end == at]
            self._held_back = bool(typed)
            wrong = [item for item in wrong if item.end != at]
        self._editor.marks.set_spans("spelling", text, [(item.start, item.end) for item in wrong])

    def _cursor_moved(self) -> None:
        if self._held_back and self.is_ready:
            self._mark()

    def _failed(self, error: AppError) -> None:
        self.said.emit(error.text(language()))

    def _open_menu(self, point: QPoint) -> None:
        """The menu at the pointer, or (by key) at the cursor."""
        cursor = self._editor.cursorForPosition(point)
        if not self._editor.textCursor().hasSelection():
            self._editor.setTextCursor(cursor)
        self._show_menu(point)

    def _show_menu(self, point: QPoint) -> None:
        if self._menu is not None:
            self._menu.deleteLater()
        menu = QMenu(self._editor)
        self._menu = menu
        wrong = self._word_at(self._editor.textCursor())
        if wrong is not None and self._speller is not None and not self._editor.isReadOnly():
            for word in self._speller.suggest(wrong.word):
                action = menu.addAction(word, partial(self._replace, wrong, word))
                font = action.font()
                font.setBold(True)
                action.setFont(font)
            if not menu.actions():
                menu.addAction(tr("spelling.no_idea")).setEnabled(False)
            menu.addSeparator()
            menu.addAction(tr("spelling.add", word=wrong.word), lambda: self._add(wrong.word))
            menu.addAction(tr("spelling.ignore"), lambda: self._ignore(wrong.word))
            menu.addSeparator()
            menu.setActiveAction(menu.actions()[0])
        add_edit_actions(menu, self._editor)
        menu.popup(self._editor.viewport().mapToGlobal(point))

    def _word_at(self, cursor: QTextCursor) -> Misspelling | None:
        text = self._editor.report_text()
        if text != self._found.text:
            return None
        at = character(text, cursor.selectionStart())
        return next((item for item in self._wrong() if item.start <= at <= item.end), None)

    def _replace(self, wrong: Misspelling, word: str) -> None:
        text = self._editor.report_text()
        if text[wrong.start : wrong.end] == wrong.word and not self._editor.isReadOnly():
            self._editor.replace_range(wrong.start, wrong.end, word)
            self._replaced()
            self.schedule()

    def _add(self, word: str) -> None:
        if self._speller is None:
            return
        try:
            add_word(self._context, self._speller, word)
        except AppError as error:
            self._failed(error)
            return
        self._live.run_now()

    def _ignore(self, word: str) -> None:
        self._ignored.add(word)
        self._mark()
