"""The one editor that stands open in the list of findings: below a card, or below them all."""

from __future__ import annotations

from typing import Final

import shiboken6
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QScrollArea, QVBoxLayout, QWidget

from app.ui.finding_card import FindingCard

# an inline editor needs more than one turn of the event loop until its height is known
_LAYOUT_MS: Final = (20, 100)


class InlineSlot(QVBoxLayout):
    """The place below the cards; it also knows what stands open below one. Main thread only."""

    def __init__(self, scroll: QScrollArea) -> None:
        super().__init__()
        self._scroll = scroll
        self._open: QWidget | None = None
        self._card: FindingCard | None = None
        self._focus_before: QWidget | None = None

    @property
    def is_open(self) -> bool:
        """Whether an editor stands open."""
        return self._open is not None

    def is_below(self, card: FindingCard | None) -> bool:
        """Whether what is open stands below this card (None: below them all)."""
        return self.is_open and self._card is card

    def open(self, widget: QWidget, card: FindingCard | None = None) -> None:
        """Show ``widget`` below the card (None: below them all) in place of what was open."""
        self.close()
        self._open, self._card = widget, card
        self._focus_before = QApplication.focusWidget()
        if card is not None:
            card.set_tail(widget)
        else:
            self.addWidget(widget)
            widget.show()
        self.bring_into_view(card or widget)

    def close(self) -> None:
        """Take away what is open; the keys stay where they are."""
        opened, self._open = self._open, None
        card, self._card = self._card, None
        if opened is None:
            return
        if card is not None:
            card.set_tail(None)
            return
        self.removeWidget(opened)
        opened.hide()
        opened.deleteLater()

    def leave(self, otherwise: QWidget) -> None:
        """Close, and give the keys back to where the reader was: mostly the images."""
        self.close()
        before, self._focus_before = self._focus_before, None
        if before is not None and shiboken6.isValid(before) and before.isVisible():
            before.setFocus()
        else:
            otherwise.setFocus()

    def bring_into_view(self, widget: QWidget) -> None:
        """Scroll to ``widget`` once the layout knows how high it is."""

        def scroll() -> None:
            body = self._scroll.widget()
            if body is None:
                return
            # the lower edge last: there stand the buttons
            self._scroll.ensureWidgetVisible(widget, 0, 0)
            bottom = widget.mapTo(body, widget.rect().bottomLeft()).y()
            self._scroll.ensureVisible(0, bottom, 0, 8)

        for delay in _LAYOUT_MS:
            QTimer.singleShot(delay, widget, scroll)
