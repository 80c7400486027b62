"""A window for a list of settings: the entries at the left, the fields of the chosen one beside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QPushButton,
    QScrollArea,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app.core.errors import AppError
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress
from app.ui.job_bridge import JobBridge
from app.ui.panel_style import set_role
from app.ui.texts import language, tr

_Answer = TypeVar("_Answer")
_LIST_WIDTH, _FORM_WIDTH = 260, 720


class EntriesWindow(QDialog):
    """List, form, status line and buttons; does not block the main window. Main thread only.

    ``texts`` begins the keys of its texts: ``.title``, ``.remove``, ``.test``, ``.save``. What an
    entry is and how it is kept is for the windows made from this one: ``keep``, ``remove``,
    ``run_test`` and ``choose``.
    """

    def __init__(self, bridge: JobBridge, texts: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr(f"{texts}.title"))
        self.setModal(False)
        self._bridge = bridge
        self._asked = 0
        self.entries = QListWidget()
        self.entries.currentRowChanged.connect(self.choose)
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QScrollArea.Shape.NoFrame)
        self._remove = QPushButton(tr(f"{texts}.remove"))
        self.test = QPushButton(tr(f"{texts}.test"))
        self.save = QPushButton(tr(f"{texts}.save"))
        self.save.setProperty("primary", True)
        self._remove.clicked.connect(self.remove)
        self.test.clicked.connect(self.run_test)
        self.save.clicked.connect(self.keep)

    def keep(self) -> bool:
        """Save the fields; what is wrong with one is said in a sentence. True when saved."""
        raise NotImplementedError

    def remove(self) -> None:
        """Forget the chosen entry."""
        raise NotImplementedError

    def run_test(self) -> None:
        """Save, then try whether it works."""
        raise NotImplementedError

    def choose(self, row: int) -> None:
        """Show the fields of an entry; a row that is none changes nothing."""
        raise NotImplementedError

    def say(self, text: str, role: str) -> None:
        """Put a sentence below the fields; ``role`` is one of the panel style."""
        set_role(self.status, role)
        self.status.setText(text)

    def refuse(self, error: AppError) -> None:
        """Say why something was not done."""
        self.say(error.text(language()), "block")

    def show_entries(self, titles: Sequence[str], chosen: int) -> None:
        """List the entries and show the fields of one of them."""
        self.entries.blockSignals(True)
        self.entries.clear()
        self.entries.addItems(list(titles))
        self.entries.setCurrentRow(min(max(chosen, 0), len(titles) - 1))
        self.entries.blockSignals(False)
        self.choose(self.entries.currentRow())

    def show_form(self, form: QWidget, *, removable: bool, testable: bool = True) -> None:
        """Show fields in place of those before; an answer to a test of those comes too late."""
        self._asked += 1
        self._area.setWidget(form)
        self._remove.setEnabled(removable)
        self.test.setEnabled(testable)
        self.say("", "dim")

    def ask(
        self,
        job: str,
        work: Callable[[CancelToken, Progress], _Answer],
        told: Callable[[_Answer], tuple[str, bool]],
    ) -> None:
        """Try something in the io lane; ``told`` makes words of the answer, and whether it is good.

        A test that fails says its ``AppError``.
        """
        self._asked += 1
        asked = self._asked
        self.test.setEnabled(False)

        def done(words: str, *, is_good: bool) -> None:
            if asked == self._asked:
                self.say(words, "dim" if is_good else "block")
                self.test.setEnabled(True)

        def answered(answer: _Answer) -> None:
            words, is_good = told(answer)
            done(words, is_good=is_good)

        def failed(error: BaseException) -> None:
            if not isinstance(error, AppError):
                raise error
            done(error.text(language()), is_good=False)

        self._bridge.submit("io", job, work, done=answered, failed=failed)

    def place(self, *adding: QPushButton, note: QLabel | None = None) -> None:
        """Put everything in its place; ``adding`` stand below the list, ``note`` at the foot."""
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.entries, 1)
        right = QWidget()
        fields = QVBoxLayout(right)
        fields.setContentsMargins(8, 0, 0, 0)
        fields.addWidget(self._area, 1)
        fields.addWidget(self.status)
        panes = QSplitter()
        panes.addWidget(left)
        panes.addWidget(right)
        panes.setSizes([_LIST_WIDTH, _FORM_WIDTH])
        panes.setChildrenCollapsible(False)
        foot = QHBoxLayout()
        if note is not None:
            foot.addWidget(note, 1)
        else:
            foot.addStretch(1)
        for button in (*adding, self._remove):
            column.addWidget(button)
        for button in (self.test, self.save):
            foot.addWidget(button)
        for button in (*adding, self._remove, self.test, self.save):
            button.setAutoDefault(False)
        whole = QVBoxLayout(self)
        whole.addWidget(panes, 1)
        whole.addLayout(foot)
