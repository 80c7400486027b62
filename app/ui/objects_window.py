"""Reports, documents and other objects of the study that are no images: a list, and what each says.

Nothing hides (D16): what cannot be shown stands in the list with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.core.errors import AppError
from app.core.study import Study
from app.dicom.objects.encapsulated import EncapsulatedDocument
from app.dicom.objects.presentation_state import PresentationState
from app.dicom.objects.sr_tree import SrDocument
from app.rendering.presented import presented
from app.rendering.snapshot import to_png
from app.ui.corner_texts import person_line, study_line
from app.ui.document_view import DocumentView
from app.ui.job_bridge import JobBridge
from app.ui.picture_view import PictureView
from app.ui.sr_view import SrView
from app.ui.texts import language, tr
from app.ui.theme import COLORS
from app.workflow.object_texts import object_text
from app.workflow.other_objects import OtherObject, list_objects, open_object

_PDF = "application/pdf"
_IMPORTED = ("segmentation", "report", "structure-set")


class ObjectsWindow(QDialog):
    """The objects of one study beside what the chosen one says. Does not block the main window."""

    import_wanted = Signal(object)
    """An ``OtherObject`` whose results are to become proposed findings."""

    def __init__(self, bridge: JobBridge, study: Study, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"{tr('objects.title')} - {person_line(study.patient)}")
        self.setModal(False)
        self.resize(1180, 760)
        self._bridge = bridge
        self._study = study
        self._asked = 0
        self._objects: tuple[OtherObject, ...] = ()
        self.objects = QListWidget()
        self.objects.setWordWrap(True)
        self.objects.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.objects.currentRowChanged.connect(self._chosen)
        self.text, self.tree, self.document = QPlainTextEdit(), SrView(), DocumentView()
        self.picture = PictureView()
        self.text.setReadOnly(True)
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.pages = QStackedWidget()
        for page in (self.text, self.tree, self.document, self.picture):
            self.pages.addWidget(page)
        self._import = QPushButton(tr("objects.import"))
        self._import.setToolTip(tr("objects.import.tip"))
        self._import.setAutoDefault(False)
        self._import.setEnabled(False)
        self._import.clicked.connect(self._import_current)
        who = QLabel(f"{person_line(study.patient)}   {study_line(study)}")
        who.setProperty("role", "dim")
        panes = QSplitter(Qt.Orientation.Horizontal)
        panes.addWidget(self.objects)
        panes.addWidget(self.pages)
        panes.setSizes([330, 850])
        panes.setChildrenCollapsible(False)
        foot = QHBoxLayout()
        foot.addWidget(who, 1)
        foot.addWidget(self._import)
        column = QVBoxLayout(self)
        column.addWidget(panes, 1)
        column.addLayout(foot)

    def load(self, series_instance_uid: str = "") -> None:
        """List the objects; the first of this series is shown."""
        study = self._study
        self._say(tr("objects.loading"))
        self._bridge.submit(
            "io",
            tr("job.objects"),
            lambda _token, _progress: list_objects(study),
            done=partial(self._take_list, series_instance_uid),
            failed=self._fail,
        )

    def _take_list(self, series_instance_uid: str, found: Sequence[OtherObject]) -> None:
        self._objects = tuple(found)
        self.objects.clear()
        for one in found:
            item = QListWidgetItem(_line(one))
            if one.fault is not None:
                item.setForeground(QColor(COLORS["faint"]))
                item.setToolTip(one.fault.text(language()))
            self.objects.addItem(item)
        if not found:
            self._say(tr("objects.none"))
            return
        rows = [n for n, one in enumerate(found) if one.series_instance_uid == series_instance_uid]
        self.objects.setCurrentRow(rows[0] if rows else 0)
        self.objects.setFocus()

    def _chosen(self, row: int) -> None:
        self._asked += 1
        self._import.setEnabled(False)
        if not 0 <= row < len(self._objects):
            return
        one, asked = self._objects[row], self._asked
        if one.fault is not None:
            self._say(one.fault.text(language()))
            return
        self._say(tr("objects.loading"))
        work: Callable[..., Any] = partial(_opened, one, self._study)
        self._bridge.submit(
            "io",
            tr("job.objects"),
            work,
            done=lambda value: self._show(asked, one, *value),
            failed=self._fail,
        )

    def _show(
        self, asked: int, one: OtherObject, value: object, words: str, png: bytes = b""
    ) -> None:
        if asked != self._asked:
            return
        self._import.setEnabled(one.family in _IMPORTED)
        try:
            if isinstance(value, SrDocument):
                self.tree.show_document(value)
                self.pages.setCurrentWidget(self.tree)
            elif isinstance(value, EncapsulatedDocument) and value.mime_type == _PDF:
                self.document.show_pdf(value.data)
                self.pages.setCurrentWidget(self.document)
            elif png:
                self.picture.show_picture(png, words)
                self.pages.setCurrentWidget(self.picture)
            else:
                self._say(words)
        except AppError as error:
            self._say(error.text(language()))

    def _import_current(self) -> None:
        row = self.objects.currentRow()
        if 0 <= row < len(self._objects):
            self.import_wanted.emit(self._objects[row])

    def _fail(self, error: BaseException) -> None:
        if not isinstance(error, AppError):
            raise error
        self._say(error.text(language()))

    def _say(self, text: str) -> None:
        self.text.setPlainText(text)
        self.pages.setCurrentWidget(self.text)


def _opened(one: OtherObject, study: Study, *_: object) -> tuple[object, str, bytes]:
    """The value of an object, its words, and its picture (PNG) if it has one. In the io lane."""
    value = open_object(one, study)
    words = object_text(value, language())
    if not isinstance(value, PresentationState):
        return value, words, b""
    try:
        return value, words, to_png(presented(value, study))
    except AppError as error:  # its images are not here: the words say what it wants all the same
        return value, f"{words}\n\n{error.text(language())}", b""


def _line(one: OtherObject) -> str:
    """Kind, title, and who made it when."""
    about = "  ".join(text for text in (one.at.replace("T", " "), one.made_by) if text)
    lines = (one.kind.text(language()), one.title, about)
    return "\n".join(dict.fromkeys(text for text in lines if text))
