"""The versions of a report: who signed what when, and what changed from one to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.core.errors import AppError
from app.core.signing import identity_text, meaning_text
from app.ui.diff_view import DiffView
from app.ui.finding_words import full_time_text
from app.ui.panel_style import PANEL_STYLE
from app.ui.report_status import state_text
from app.ui.texts import language, tr
from app.ui.theme import COLORS
from app.workflow.report_versions import VersionRow, compare, versions

if TYPE_CHECKING:
    from app.workflow.session import StudySession

_COLUMNS: Final = ("version", "state", "intact", "who", "at", "meaning", "identity")


class VersionsWindow(QDialog):
    """A list of the versions, the newest first, and below it the change from the one before.

    Another version to compare with can be chosen. Does not block the main window.
    """

    def __init__(self, session: StudySession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("versions.title"))
        self.setStyleSheet(PANEL_STYLE)
        self.setModal(False)
        self.resize(1260, 680)
        self._session = session
        self._rows: tuple[VersionRow, ...] = ()
        self.table = QTableWidget(0, len(_COLUMNS))
        self.table.setHorizontalHeaderLabels([tr(f"versions.column.{name}") for name in _COLUMNS])
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        self.table.itemSelectionChanged.connect(self._choose)
        self.before = QComboBox()
        self.before.currentIndexChanged.connect(self._compare)
        self._reason = QLabel()
        self._reason.setWordWrap(True)
        self.view = DiffView()
        caption = QLabel(tr("versions.against"))
        caption.setProperty("role", "dim")
        caption.setBuddy(self.before)
        bar = QHBoxLayout()
        bar.addWidget(caption)
        bar.addWidget(self.before)
        bar.addStretch(1)
        layout = QVBoxLayout(self)
        layout.addWidget(self.table, 2)
        layout.addLayout(bar)
        layout.addWidget(self._reason)
        layout.addWidget(self.view, 5)
        self.refresh()

    def refresh(self) -> None:
        """Read the versions anew; each is held against its signature."""
        session = self._session
        found = versions(session.context, session.study.study_instance_uid, session.reading)
        self._rows = tuple(reversed(found))
        self.table.setRowCount(len(self._rows))
        for number, row in enumerate(self._rows):
            for place, text in enumerate(_texts(row)):
                cell = QTableWidgetItem(text)
                cell.setToolTip(text)
                if _COLUMNS[place] == "intact" and row.is_intact is False:
                    cell.setForeground(QColor(COLORS["block"]))
                self.table.setItem(number, place, cell)
        if self._rows:
            self.table.selectRow(0)
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    @property
    def _chosen(self) -> VersionRow | None:
        number = self.table.currentRow()
        return self._rows[number] if 0 <= number < len(self._rows) else None

    def _choose(self) -> None:
        chosen = self._chosen
        self.before.blockSignals(True)
        self.before.clear()
        if chosen is not None:
            others = [row.report for row in self._rows if row.report.uid != chosen.report.uid]
            for report in others:
                self.before.addItem(tr("versions.number", n=report.version), report.version)
            earlier = self.before.findData(chosen.report.version - 1)
            self.before.setCurrentIndex(max(earlier, 0) if others else -1)
        self.before.blockSignals(False)
        self._compare()

    def _compare(self, *_: object) -> None:
        chosen, wanted = self._chosen, self.before.currentData()
        self._reason.setVisible(False)
        if chosen is None:
            self.view.show_comparison(None)
            return
        if chosen.report.change_reason:
            self._reason.setText(tr("versions.reason", reason=chosen.report.change_reason))
            self._reason.setVisible(True)
        other = next((r.report for r in self._rows if r.report.version == wanted), chosen.report)
        if other.uid == chosen.report.uid:
            self.view.show_comparison(None)
            self.view.setPlainText(chosen.report.text)
            return
        old, new = sorted((other, chosen.report), key=lambda report: report.version)
        try:
            self.view.show_comparison(compare(self._session, old, new))
        except AppError as error:
            self.view.show_comparison(None)
            self.view.setPlainText(error.text(language()))


def _texts(row: VersionRow) -> tuple[str, ...]:
    report, signature = row.report, row.report.signature
    code = language()
    intact = "" if row.is_intact is None else tr(f"versions.intact.{str(row.is_intact).lower()}")
    if signature is None:
        return (str(report.version), state_text(report), intact, "", "", "", "")
    return (
        str(report.version),
        state_text(report),
        intact,
        " ".join(signature.name.replace("^", " ").split()),
        full_time_text(signature.at_utc),
        meaning_text(signature.meaning).text(code),
        identity_text(signature.identity).text(code),
    )
