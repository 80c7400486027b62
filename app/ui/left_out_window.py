"""The files that were not read, each with its reason: nothing is left out in silence (D12, D16)."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.dicom.files.scan import ScanResult
from app.ui.texts import language, tr


class LeftOutWindow(QDialog):
    """A table of files and reasons; does not block the window."""

    def __init__(self, scan: ScanResult, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("left_out.title"))
        self.setModal(False)
        self.resize(900, 460)
        files = (*scan.unreadable, *scan.skipped)
        table = QTableWidget(len(files), 2)
        table.setHorizontalHeaderLabels([tr("left_out.file"), tr("left_out.reason")])
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        table.verticalHeader().hide()
        for row, file in enumerate(files):
            for place, text in enumerate((str(file.path), file.reason.text(language()))):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                table.setItem(row, place, item)
        header = table.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        column = QVBoxLayout(self)
        column.addWidget(table if files else QLabel(tr("left_out.none")))
