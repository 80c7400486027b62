"""A structured report as a tree: what is said on the left, its value on the right."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from app.dicom.objects.sr_tree import SrDocument, SrNode
from app.ui.texts import tr
from app.ui.theme import COLORS, font

_OPEN_DEPTH: Final = 4
_IMAGE_LIBRARY: Final = "111028"  # a list of UIDs, for programs rather than for readers

_STAYS_FOLDED: Final = Qt.ItemDataRole.UserRole


class SrView(QTreeWidget):
    """Shows one document; arrows walk it, right and left unfold and fold."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setColumnCount(2)
        self.setHeaderLabels([tr("objects.item"), tr("objects.value")])
        self.setUniformRowHeights(False)
        self.setWordWrap(True)
        self.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        self.header().setStretchLastSection(True)
        self.setColumnWidth(0, 340)

    def show_document(self, document: SrDocument) -> None:
        """Show the whole tree, its first levels unfolded."""
        self.clear()
        state = tr("objects.verified") if document.is_verified else tr("objects.unverified")
        root = _item(document.root)
        root.setText(1, state)
        root.setForeground(1, QColor(COLORS["text" if document.is_verified else "warn"]))
        self.addTopLevelItem(root)
        _unfold(root, _OPEN_DEPTH)


def value_text(node: SrNode) -> str:
    """The value of an item as a person reads it, with unit, place and what it points to."""
    parts = [node.text]
    if node.unit is not None and node.unit.value not in ("1", "{1}"):
        parts.append(node.unit.value if len(node.unit.value) < 12 else node.unit.meaning)
    if node.graphic_type:
        parts.append(f"{node.graphic_type.lower()} ({len(node.points)})")
    for reference in node.references:
        frames = ", ".join(str(n) for n in reference.frames)
        where = reference.sop_instance_uid
        parts.append(tr("objects.frame", uid=where, n=frames) if frames else where)
    if node.target:
        parts.append(f"→ {node.target}")
    return " ".join(part for part in parts if part)


def _item(node: SrNode) -> QTreeWidgetItem:
    name = node.name or node.value_type.lower()
    item = QTreeWidgetItem([name, value_text(node)])
    item.setToolTip(0, f"{node.relationship} {node.value_type}".strip())
    item.setToolTip(1, item.text(1))
    item.setForeground(0, QColor(COLORS["dim"]))
    item.setTextAlignment(0, Qt.AlignmentFlag.AlignTop)
    if node.value_type == "CONTAINER":
        item.setForeground(0, QColor(COLORS["text"]))
        item.setFont(0, font(bold=True))
    is_library = node.concept is not None and node.concept.value == _IMAGE_LIBRARY
    item.setData(0, _STAYS_FOLDED, is_library)
    for child in node.children:
        item.addChild(_item(child))
    return item


def _unfold(item: QTreeWidgetItem | None, depth: int) -> None:
    if item is not None and depth > 0 and not item.data(0, _STAYS_FOLDED):
        item.setExpanded(True)
        for n in range(item.childCount()):
            _unfold(item.child(n), depth - 1)
