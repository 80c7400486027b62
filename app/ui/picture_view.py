"""A picture as large as the window allows, and words under it."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPixmap, QResizeEvent
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QSizePolicy, QVBoxLayout, QWidget

_WORDS_PX: Final = 150


class PictureView(QWidget):
    """Shows one picture; main thread only."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pixmap = QPixmap()
        self._picture, self._words = QLabel(), QPlainTextEdit()
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        # A label asks for the size of its picture: then the window could never become smaller.
        self._picture.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self._words.setReadOnly(True)
        self._words.setMaximumHeight(_WORDS_PX)
        column = QVBoxLayout(self)
        column.addWidget(self._picture, 1)
        column.addWidget(self._words)

    @property
    def has_picture(self) -> bool:
        """Whether a picture is shown."""
        return not self._pixmap.isNull()

    def show_picture(self, png: bytes, words: str) -> None:
        """Show a picture (PNG) with its words."""
        self._pixmap = QPixmap()
        self._pixmap.loadFromData(png, "PNG")
        self._words.setPlainText(words)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The picture follows the window."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if self._pixmap.isNull():
            return
        ratio = self.devicePixelRatioF()
        size: QSize = self._picture.size() * ratio
        shown = self._pixmap.scaled(
            size,
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        shown.setDevicePixelRatio(ratio)
        self._picture.setPixmap(shown)
