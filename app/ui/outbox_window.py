"""What was signed and where it went: sent, confirmed, waiting, refused with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.dicom.objects.object_kinds import kind_of
from app.ui.texts import language, tr
from app.ui.theme import COLORS

if TYPE_CHECKING:
    from app.store.outbox import OutboxItem
    from app.workflow.context import AppContext

_COLUMNS: Final = ("peer", "object", "state", "attempts", "changed", "reason")
_SHADES: Final = {"failed": "block", "queued": "warn", "sending": "accent"}


class OutboxWindow(QDialog):
    """A table of objects, the newest first. Does not block the main window."""

    retried = Signal()

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("outbox.title"))
        self.setModal(False)
        self.resize(980, 460)
        self._context = context
        self.table = QTableWidget(0, len(_COLUMNS))
        self.table.setHorizontalHeaderLabels([tr(f"outbox.column.{name}") for name in _COLUMNS])
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setShowGrid(False)
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        self._empty = QLabel()
        self._empty.setProperty("role", "dim")
        self._empty.setWordWrap(True)
        self._retry = QPushButton(tr("outbox.retry"))
        self._retry.setAutoDefault(False)
        self._retry.clicked.connect(self.retry)
        foot = QHBoxLayout()
        foot.addWidget(self._empty, 1)
        foot.addWidget(self._retry)
        column = QVBoxLayout(self)
        column.addWidget(self.table, 1)
        column.addLayout(foot)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Read the outbox anew."""
        items = sorted(self._context.store.outbox.all(), key=lambda item: item.number, reverse=True)
        self.table.setRowCount(len(items))
        for row, item in enumerate(items):
            for place, text in enumerate(_texts(item)):
                cell = QTableWidgetItem(text)
                cell.setToolTip(text)
                if _COLUMNS[place] == "state" and item.state in _SHADES:
                    cell.setForeground(QColor(COLORS[_SHADES[item.state]]))
                self.table.setItem(row, place, cell)
        promised = len(self._context.store.outbox.promises())
        words = "" if items else tr("outbox.empty")
        self._empty.setText(tr("outbox.promised_why", n=promised) if promised else words)
        self._retry.setEnabled(any(item.state in ("failed", "queued") for item in items))

    def retry(self) -> None:
        """Try what failed or waits again, now."""
        self._context.store.outbox.retry(at_utc=self._context.clock.now_utc())
        self.refresh()
        self.retried.emit()


def _texts(item: OutboxItem) -> tuple[str, ...]:
    return (
        item.peer,
        _what(item),
        tr(f"outbox.state.{item.state}"),
        str(item.attempts),
        item.changed_at_utc[:19].replace("T", " "),
        item.reason.text(language()) if item.reason else "",
    )


def _what(item: OutboxItem) -> str:
    if item.kind != "dicom":
        return tr(f"outbox.kind.{item.kind}")
    kind = kind_of(item.sop_class_uid, has_pixels=False)
    return kind.name.text(language()) if kind else item.sop_class_uid
