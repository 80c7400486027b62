"""The window in which studies are looked for, here and at the peers, and opened with Enter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app.core.errors import AppError
from app.jobs.runner import JobHandle
from app.ui.job_bridge import JobBridge
from app.ui.study_sources import (
    MODALITIES,
    MOST_ROWS,
    PERIODS,
    StudyListing,
    StudyQuery,
    StudySource,
)
from app.ui.texts import language, language_changed, tr
from app.ui.theme import COLORS

_COLUMNS: Final = (
    "name", "patient_id", "birth_date", "date", "modalities", "description",
    "accession_number", "images", "report", "problem",
)  # fmt: skip
_WIDTHS: Final = (205, 110, 92, 92, 96, 240, 110, 66, 120, 130)
_LIBRARY_WAIT_MS = 120
_PEER_WAIT_MS = 700

AnyIndex = QModelIndex | QPersistentModelIndex


class StudyTable(QAbstractTableModel):
    """The studies found, one a row."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: tuple[StudyListing, ...] = ()

    def show_rows(self, rows: Sequence[StudyListing]) -> None:
        """Put these in place of what was there."""
        self.beginResetModel()
        self.rows = tuple(rows)
        self.endResetModel()

    def rowCount(self, _parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        """How many studies."""
        return len(self.rows)

    def columnCount(self, _parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        """How many facts of each."""
        return len(_COLUMNS)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: ANN401
        """The text of a cell."""
        row, name = self.rows[index.row()], _COLUMNS[index.column()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return getattr(row, name)
        if role == Qt.ItemDataRole.ForegroundRole and name == "problem":
            return QColor(COLORS["warn"])
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:  # noqa: ANN401
        """The names of the facts."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return tr(f"studies.column.{_COLUMNS[section]}")
        return None


class StudiesWindow(QDialog):
    """Search fields above a table. Typing searches, arrows choose, Enter opens or retrieves."""

    study_chosen = Signal(object)
    """UID of a study of the library that is to be opened."""
    study_wanted = Signal(object, object)
    """A remote ``StudySource`` and the ``StudyListing`` that is to be retrieved from it."""
    import_wanted = Signal()
    peers_wanted = Signal()

    def __init__(
        self, bridge: JobBridge, sources: Sequence[StudySource], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setModal(False)
        self.resize(1240, 620)
        self._bridge = bridge
        self._sources: tuple[StudySource, ...] = ()
        self._job: JobHandle[Sequence[StudyListing]] | None = None
        self._asked = 0
        self.source = QComboBox()
        self.text = QLineEdit()
        self.text.setClearButtonEnabled(True)
        self.modality, self.period = QComboBox(), QComboBox()
        self.waiting = QCheckBox()
        self.table = QTableView()
        self._model = StudyTable(self)
        self.status = QLabel()
        self._open, self._import = QPushButton(), QPushButton()
        self._peers = QPushButton()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.search)
        self._place()
        self._connect()
        self._relabel()
        self.set_sources(sources)
        self.text.setFocus()

    @property
    def chosen_source(self) -> StudySource:
        """Where is searched."""
        return self._sources[max(self.source.currentIndex(), 0)]

    def set_sources(self, sources: Sequence[StudySource]) -> None:
        """Offer these places; the first is searched at once."""
        self._sources = tuple(sources)
        self.source.blockSignals(True)
        self.source.clear()
        self.source.addItems([source.title for source in sources])
        self.source.blockSignals(False)
        self._source_changed()

    def search(self) -> None:
        """Look anew for what the fields say."""
        self._timer.stop()
        if self._job is not None:
            self._job.cancel()
        self._asked += 1
        asked, source = self._asked, self.chosen_source
        query = StudyQuery(
            self.text.text().strip(),
            self.modality.currentData() or "",
            PERIODS[max(self.period.currentIndex(), 0)],
            self.waiting.isChecked() and not source.is_remote,
        )
        if source.is_remote and query.is_empty:
            # An archive is not asked for everything that it has.
            self._model.show_rows(())
            self.status.setText(tr("studies.say_what"))
            return
        self.status.setText(tr("studies.searching"))
        self._job = self._bridge.submit(
            "io",
            tr("job.search"),
            lambda _token, _progress: source.search(query),
            done=lambda rows: self._take(asked, rows),
            failed=lambda error: self._fail(asked, error),
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Down goes from the search field into the table, Enter opens."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.open_current()
        elif event.key() == Qt.Key.Key_Down and not self.table.hasFocus():
            self.table.setFocus()
        else:
            super().keyPressEvent(event)

    def open_current(self) -> None:
        """Open the chosen study, or fetch it from where it is."""
        row = self.table.currentIndex().row()
        if not 0 <= row < len(self._model.rows):
            return
        study = self._model.rows[row]
        if self.chosen_source.is_remote:
            self.study_wanted.emit(self.chosen_source, study)
        else:
            self.study_chosen.emit(study.study_instance_uid)
            self.close()

    # inside

    def _take(self, asked: int, rows: Sequence[StudyListing]) -> None:
        if asked != self._asked:
            return  # the reader has typed on
        self._model.show_rows(rows)
        if rows:
            self.table.selectRow(0)
        count = f"{len(rows)}+" if len(rows) >= MOST_ROWS else str(len(rows))
        self.status.setText(tr("studies.found", n=count) if rows else tr("studies.none"))

    def _fail(self, asked: int, error: BaseException) -> None:
        if not isinstance(error, AppError):
            raise error
        if asked == self._asked:
            self._model.show_rows(())
            self.status.setText(error.text(language()))

    def _source_changed(self, *_: object) -> None:
        is_remote = self.chosen_source.is_remote
        self._open.setText(tr("studies.retrieve" if is_remote else "studies.open"))
        self._import.setVisible(not is_remote)
        self.waiting.setVisible(not is_remote)
        self._timer.setInterval(_PEER_WAIT_MS if is_remote else _LIBRARY_WAIT_MS)
        self.search()

    def _relabel(self, *_: object) -> None:
        self.setWindowTitle(tr("studies.title"))
        self.text.setPlaceholderText(tr("studies.hint"))
        for box in (self.modality, self.period):
            box.blockSignals(True)
            box.clear()
        self.modality.addItem(tr("studies.any_modality"), "")
        for modality in MODALITIES:
            self.modality.addItem(modality, modality)
        self.period.addItems([tr(f"studies.period.{period}") for period in PERIODS])
        for box in (self.modality, self.period):
            box.blockSignals(False)
        self.waiting.setText(tr("studies.only_waiting"))
        self._import.setText(tr("studies.import"))
        self._peers.setText(tr("action.peers"))

    def _connect(self) -> None:
        self.text.textEdited.connect(lambda _text: self._timer.start())
        self.modality.currentIndexChanged.connect(lambda _n: self.search())
        self.period.currentIndexChanged.connect(lambda _n: self.search())
        self.waiting.toggled.connect(lambda _on: self.search())
        self.source.currentIndexChanged.connect(self._source_changed)
        self.table.doubleClicked.connect(lambda _index: self.open_current())
        self._open.clicked.connect(self.open_current)
        self._import.clicked.connect(self.import_wanted)
        self._peers.clicked.connect(self.peers_wanted)
        language_changed.connect(self._relabel)

    def _place(self) -> None:
        fields = QHBoxLayout()
        for widget, stretch in (
            (self.source, 0), (self.text, 1), (self.modality, 0), (self.period, 0),
            (self.waiting, 0),
        ):  # fmt: skip
            fields.addWidget(widget, stretch)
        table = self.table
        table.setModel(self._model)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(26)
        for place, width in enumerate(_WIDTHS):
            table.setColumnWidth(place, width)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(_COLUMNS.index("description"), QHeaderView.ResizeMode.Stretch)
        self._open.setProperty("primary", True)
        buttons = QHBoxLayout()
        self.status.setProperty("role", "dim")
        self.status.setWordWrap(True)
        buttons.addWidget(self.status, 1)
        for button in (self._peers, self._import, self._open):
            button.setAutoDefault(False)
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.addLayout(fields)
        column.addWidget(table, 1)
        column.addLayout(buttons)
