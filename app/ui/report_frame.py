"""How the parts of the report stand: one above the other beside the images, or side by side."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

_MARGINS = (8, 0, 8, 2)


class ReportFrame(QWidget):
    """Holds text, list of discrepancies, sections and earlier report.

    Compact: above each other, without the list of sections. Full: sections, earlier report, text
    and discrepancies beside each other.
    """

    def __init__(
        self, writing: QWidget, listed: QWidget, sections: QWidget, earlier: QWidget
    ) -> None:
        super().__init__()
        self._listed = listed
        self._sections = sections
        self._earlier = earlier
        self._is_full = False
        self._is_brief = False
        self._splitter = QSplitter(Qt.Orientation.Vertical)
        self._splitter.setChildrenCollapsible(False)
        for number, part in enumerate((sections, earlier, writing, listed)):
            self._splitter.addWidget(part)
            self._splitter.setStretchFactor(number, 1 if part is writing else 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._splitter)
        sections.hide()
        earlier.hide()
        listed.hide()

    @property
    def is_full(self) -> bool:
        """Whether the parts stand side by side."""
        return self._is_full

    def set_full(self, full: bool) -> None:
        """Side by side, or above each other."""
        self._is_full = full
        self._splitter.setOrientation(
            Qt.Orientation.Horizontal if full else Qt.Orientation.Vertical
        )
        self._sections.setVisible(full)
        self._give_room()

    def show_list(self, wanted: bool, *, brief: bool = False) -> None:
        """Show or hide the discrepancies; in the full mode their place is kept.

        ``brief``: all of them are folded, one line is enough.
        """
        is_other = brief != self._is_brief
        self._is_brief = brief
        self._change(self._listed, wanted or self._is_full)
        if is_other and not self._is_full:
            self._give_room()

    def show_earlier(self, wanted: bool) -> None:
        """Show or hide the earlier report."""
        self._change(self._earlier, wanted)

    def _change(self, part: QWidget, wanted: bool) -> None:
        if part.isHidden() == wanted:
            part.setVisible(wanted)
            self._give_room()

    def _give_room(self) -> None:
        """Sizes by what is shown: the text gets what is left, never less than half of it all."""
        shown = {
            self._sections: 150 if self._is_full else 0,
            self._earlier: 3 if not self._is_full else 380,
            self._listed: 360 if self._is_full else 1 if self._is_brief else 4,
        }
        room = max(300, self._splitter.width() if self._is_full else self._splitter.height())
        unit = 1 if self._is_full else room // 10
        sizes = []
        for part in (self._sections, self._earlier, None, self._listed):
            sizes.append(0 if part is None or part.isHidden() else shown[part] * unit)
        sizes[2] = max(room - sum(sizes), room * 2 // 5)
        self._splitter.setSizes(sizes)
