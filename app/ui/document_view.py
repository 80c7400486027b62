"""The pages of a PDF under each other, drawn by pdfium as they come into sight."""

from __future__ import annotations

from typing import Final

import pypdfium2
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QPixmap, QResizeEvent
from PySide6.QtWidgets import QLabel, QScrollArea, QVBoxLayout, QWidget

from app.core.errors import InputError

_MARGIN_PX: Final = 12
_MOST_PAGES: Final = 500
_LONGEST_PX: Final = 6000


class DocumentView(QScrollArea):
    """Pages as wide as the window; a page is drawn when it is first seen. Main thread only."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._document: pypdfium2.PdfDocument | None = None
        self._sizes: list[tuple[float, float]] = []
        self._pages: list[QLabel] = []
        self.verticalScrollBar().valueChanged.connect(lambda _value: self._draw_visible())

    @property
    def pages(self) -> int:
        """How many pages the document has."""
        return len(self._sizes)

    def show_pdf(self, data: bytes) -> None:
        """Show a document. Raises ``InputError`` where it is none."""
        self.clear()
        try:
            self._document = pypdfium2.PdfDocument(data)
            count = min(len(self._document), _MOST_PAGES)
            self._sizes = [self._document.get_page_size(n) for n in range(count)]
        except pypdfium2.PdfiumError as fault:
            raise InputError(
                "The document is damaged or protected by a password.",
                ru="Документ повреждён или защищён паролем.",
                hint="Ask its source to send it again.",
                hint_ru="Запросите его у источника ещё раз.",
                technical_detail=str(fault),
            ) from fault
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(_MARGIN_PX, _MARGIN_PX, _MARGIN_PX, _MARGIN_PX)
        column.setSpacing(_MARGIN_PX)
        for _size in self._sizes:
            page = QLabel()
            page.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(page)
            self._pages.append(page)
        column.addStretch(1)
        self.setWidget(holder)
        self._lay_out()

    def clear(self) -> None:
        """Let go of the document."""
        self._pages, self._sizes = [], []
        self.takeWidget()
        if self._document is not None:
            self._document.close()
            self._document = None

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Pages follow the width."""
        super().resizeEvent(event)
        self._lay_out()

    def _lay_out(self) -> None:
        for n, page in enumerate(self._pages):
            page.setFixedHeight(self._size(n).height())
            page.clear()
        self._draw_visible()

    def _size(self, n: int) -> QSize:
        width, height = self._sizes[n]
        wide = max(80, self.viewport().width() - 2 * _MARGIN_PX)
        tall = min(_LONGEST_PX, round(wide * height / max(width, 1.0)))
        return QSize(wide, max(1, tall))

    def _draw_visible(self) -> None:
        document = self._document
        if document is None:
            return
        top = self.verticalScrollBar().value()
        bottom = top + self.viewport().height()
        y = _MARGIN_PX
        for n, page in enumerate(self._pages):
            size = self._size(n)
            if y < bottom + size.height() and y + size.height() > top and page.pixmap().isNull():
                page.setPixmap(self._drawn(document, n, size))
            y += size.height() + _MARGIN_PX

    def _drawn(self, document: pypdfium2.PdfDocument, n: int, size: QSize) -> QPixmap:
        page = document[n]
        ratio = self.devicePixelRatioF()
        bitmap = page.render(scale=size.width() * ratio / max(self._sizes[n][0], 1.0))
        array = bitmap.to_numpy()
        height, width = array.shape[:2]
        image = QImage(array.data, width, height, array.strides[0], QImage.Format.Format_BGR888)
        pixmap = QPixmap.fromImage(image.copy())
        pixmap.setDevicePixelRatio(ratio)
        page.close()
        return pixmap
