"""Studies and the series of the open one, with thumbnails; what cannot be shown says why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QMimeData, QSize, Qt, Signal
from PySide6.QtGui import QColor, QDrag, QIcon, QImage, QPainter, QPixmap
from PySide6.QtWidgets import (
    QLabel,
    QListWidget,
    QListWidgetItem,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.core.study import Series, SeriesRef, Stack, Study
from app.ui.corner_texts import iso_date, modalities, person_line
from app.ui.texts import language, language_changed, tr
from app.ui.theme import COLORS
from app.ui.viewport_widget import SERIES_MIME

THUMBNAIL_PX = 64
_STUDIES_PX = 230
_REF_ROLE = Qt.ItemDataRole.UserRole


@dataclass(frozen=True, slots=True)
class StudyRow:
    """One line of the list of studies."""

    study_instance_uid: str
    name: str
    about: str
    is_prior: bool = False


class StudyBrowser(QWidget):
    """Left panel: a list of studies above the series of the open one. Main thread only."""

    study_chosen = Signal(object)
    series_chosen = Signal(object)
    objects_chosen = Signal(str)
    """UID of a series that holds no images, but reports or documents."""
    thumbnail_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._study: Study | None = None
        self._priors: tuple[Study, ...] = ()
        self._thumbnails: dict[SeriesRef, QIcon] = {}
        self._studies_title, self._series_title = _heading(), _heading()
        self._studies = _SeriesList()
        self._studies.itemClicked.connect(self._choose_study)
        self._studies.itemActivated.connect(self._choose_study)
        self._series = _SeriesList()
        self._series.setIconSize(QSize(THUMBNAIL_PX, THUMBNAIL_PX))
        self._series.setDragEnabled(True)
        self._series.itemActivated.connect(self._choose_series)
        self._series.itemClicked.connect(self._choose_series)
        self._empty = QLabel()
        self._empty.setProperty("role", "empty")
        self._empty.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 6, 2, 6)
        column.setSpacing(2)
        for widget in (
            self._studies_title, self._studies, self._series_title, self._series, self._empty,
        ):  # fmt: skip
            column.addWidget(widget)
        column.setStretchFactor(self._series, 1)
        column.addStretch(0)
        self.setMinimumWidth(190)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self._rows: tuple[StudyRow, ...] = ()
        self._open_uid = ""
        language_changed.connect(self._translate)
        self._relabel()

    def set_studies(self, rows: Sequence[StudyRow], open_uid: str) -> None:
        """The studies that can be opened, and the one that is."""
        self._rows, self._open_uid = tuple(rows), open_uid
        self._studies.clear()
        for row in rows:
            item = QListWidgetItem(f"{row.name}\n{row.about}")
            item.setData(_REF_ROLE, row.study_instance_uid)
            item.setToolTip(f"{row.name}\n{row.about}")
            self._studies.addItem(item)
            if row.study_instance_uid == open_uid:
                self._studies.setCurrentItem(item)
        rows_px = sum(self._studies.sizeHintForRow(n) for n in range(self._studies.count()))
        self._studies.setFixedHeight(min(rows_px + 6, _STUDIES_PX))
        self._relabel()

    def set_study(self, study: Study | None, priors: Sequence[Study] = ()) -> None:
        """List the series of this study and of its priors."""
        self._study, self._priors = study, tuple(priors)
        self._thumbnails.clear()
        self._fill_series()

    def set_thumbnail(self, ref: SeriesRef, image: QImage) -> None:
        """The thumbnail of a stack has come."""
        self._thumbnails[ref] = _framed(image)
        for number in range(self._series.count()):
            item = self._series.item(number)
            if item.data(_REF_ROLE) == ref:
                item.setIcon(self._thumbnails[ref])

    def refs(self) -> tuple[SeriesRef, ...]:
        """The stacks that can be shown, in the order of the list."""
        found = (self._series.item(n).data(_REF_ROLE) for n in range(self._series.count()))
        return tuple(ref for ref in found if isinstance(ref, SeriesRef))

    def mark(self, ref: SeriesRef | None) -> None:
        """Show which stack the active viewport has."""
        for number in range(self._series.count()):
            item = self._series.item(number)
            if ref is not None and item.data(_REF_ROLE) == ref:
                self._series.setCurrentItem(item)

    def _fill_series(self) -> None:
        self._series.clear()
        study = self._study
        if study is not None:
            self._add_series(study)
            for prior in self._priors:
                self._add_line(tr("browser.prior", date=iso_date(prior.study_date)))
                self._add_series(prior)
        self._relabel()

    def _add_series(self, study: Study) -> None:
        ordered = sorted(study.series, key=lambda s: (not s.frames, s.number or 0))
        for series in ordered:
            if not series.frames or not series.stacks:
                self._add_without_images(study, series)
            for stack in series.stacks:
                if stack.frames and stack.is_shown:
                    self._add_stack(study, series, stack)
                elif stack.frames:
                    self._add_not_shown(series, stack)

    def _add_stack(self, study: Study, series: Series, stack: Stack) -> None:
        ref = SeriesRef(study.study_instance_uid, series.series_instance_uid, stack.index)
        item = QListWidgetItem(_stack_text(series, stack))
        item.setData(_REF_ROLE, ref)
        item.setIcon(self._thumbnails.get(ref, _blank()))
        details = [_stack_text(series, stack), stack.why_in(language())]
        details += [f"{item.code}  {item.text_in(language())}" for item in stack.warnings]
        item.setToolTip("\n".join(text for text in details if text))
        item.setSizeHint(QSize(150, THUMBNAIL_PX + 8))
        self._series.addItem(item)
        if ref not in self._thumbnails:
            self.thumbnail_wanted.emit(ref)

    def _add_not_shown(self, series: Series, stack: Stack) -> None:
        why = " ".join(note.text(language()) for note in stack.health.notes)
        self._add_line(f"{_stack_text(series, stack)}\n{why}".strip())

    def _add_without_images(self, study: Study, series: Series) -> None:
        name = series.description or series.modality
        item = self._add_line(f"{series.modality}  {name}\n{tr('browser.no_images')}")
        if study is self._study:
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsSelectable)
            item.setData(_REF_ROLE, series.series_instance_uid)

    def _add_line(self, text: str) -> QListWidgetItem:
        item = QListWidgetItem(text)
        item.setFlags(Qt.ItemFlag.ItemIsEnabled)
        item.setForeground(QColor(COLORS["dim"]))
        item.setToolTip(text)
        self._series.addItem(item)
        return item

    def _choose_study(self, item: QListWidgetItem) -> None:
        uid = item.data(_REF_ROLE)
        if uid != self._open_uid:
            self.study_chosen.emit(uid)

    def _choose_series(self, item: QListWidgetItem) -> None:
        ref = item.data(_REF_ROLE)
        if isinstance(ref, SeriesRef):
            self.series_chosen.emit(ref)
        elif isinstance(ref, str):
            self.objects_chosen.emit(ref)

    def _translate(self, *_: object) -> None:
        self._fill_series()

    def _relabel(self) -> None:
        self._studies_title.setText(tr("browser.studies").upper())
        self._series_title.setText(tr("browser.series").upper())
        self._empty.setText(tr("browser.empty"))
        has_studies = bool(self._rows)
        self._studies.setVisible(has_studies)
        self._studies_title.setVisible(has_studies)
        self._series.setVisible(self._study is not None)
        self._series_title.setVisible(self._study is not None)
        self._empty.setVisible(self._study is None)


class _SeriesList(QListWidget):
    """A list whose stacks can be dragged to a viewport."""

    def __init__(self) -> None:
        super().__init__()
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)

    def startDrag(self, _actions: Qt.DropAction) -> None:
        """Drag the current stack."""
        item = self.currentItem()
        ref = item.data(_REF_ROLE) if item else None
        if not isinstance(ref, SeriesRef):
            return
        text = f"{ref.study_instance_uid}|{ref.series_instance_uid}|{ref.stack}"
        data = QMimeData()
        data.setData(SERIES_MIME, text.encode("utf-8"))
        drag = QDrag(self)
        drag.setMimeData(data)
        drag.setPixmap(item.icon().pixmap(THUMBNAIL_PX, THUMBNAIL_PX))
        drag.exec(Qt.DropAction.CopyAction)


def study_row(study: Study, *, is_prior: bool = False) -> StudyRow:
    """The line of a study that is open or was opened."""
    parts = (iso_date(study.study_date), modalities(study), study.description)
    about = "  ".join(text for text in parts if text)
    return StudyRow(study.study_instance_uid, person_line(study.patient), about, is_prior)


def _stack_text(series: Series, stack: Stack) -> str:
    number = "" if series.number is None else f"{series.number}  "
    name = series.description or series.body_part or series.modality
    mark = "" if stack.verdict == "ok" or len(stack.frames) == 1 else "  ⚠"
    if stack.verdict == "stack" and not stack.warnings:
        mark = ""
    images = tr("browser.images", n=len(stack.frames))
    return f"{number}{name}\n{series.modality}  {images}{mark}"


def _heading() -> QLabel:
    label = QLabel()
    label.setProperty("role", "heading")
    return label


def _blank() -> QIcon:
    pixmap = QPixmap(THUMBNAIL_PX, THUMBNAIL_PX)
    pixmap.fill(QColor(COLORS["background"]))
    return QIcon(pixmap)


def _framed(image: QImage) -> QIcon:
    pixmap = QPixmap(THUMBNAIL_PX, THUMBNAIL_PX)
    pixmap.fill(Qt.GlobalColor.black)
    small = image.scaled(
        THUMBNAIL_PX,
        THUMBNAIL_PX,
        Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )
    painter = QPainter(pixmap)
    painter.drawImage(
        (THUMBNAIL_PX - small.width()) // 2, (THUMBNAIL_PX - small.height()) // 2, small
    )
    painter.end()
    return QIcon(pixmap)
