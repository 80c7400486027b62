"""Fonts, styles and the page of a printed report."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any, Final
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph

from app.config.folders import resources_folder

FONT: Final = "DejaVuSans"
BOLD: Final = "DejaVuSans-Bold"
MARGIN: Final = 20 * mm
WIDTH: Final = 170 * mm
GREY: Final = colors.HexColor("#666666")
RULE: Final = colors.HexColor("#999999")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\ufeff]")


def register_fonts() -> None:
    """Once per process; the fonts are embedded in every document."""
    if FONT in pdfmetrics.getRegisteredFontNames():
        return
    folder = resources_folder() / "fonts"
    for name in (FONT, BOLD):
        pdfmetrics.registerFont(TTFont(name, str(folder / f"{name}.ttf")))
    pdfmetrics.registerFontFamily(FONT, normal=FONT, bold=BOLD, italic=FONT, boldItalic=BOLD)


@functools.cache
def style(size: float, *, bold: bool = False, color: str = "#1a1a1a") -> ParagraphStyle:
    """A paragraph style of this size in points."""
    return ParagraphStyle(
        f"s{size}{bold}{color}",
        fontName=BOLD if bold else FONT,
        fontSize=size,
        leading=size * 1.4,
        textColor=colors.HexColor(color),
        spaceAfter=size * 0.3,
    )


def paragraph(text: str, look: ParagraphStyle) -> Paragraph:
    """A paragraph of plain text; nothing in it is markup."""
    return Paragraph(escape(printable(text)), look)


def printable(text: str) -> str:
    """The text without control characters, and with a code where the font has no picture.

    PDF/A forbids the picture of a missing character (ISO 19005-2 6.2.11.8), and a report must not
    lose one silently: ``<U+4E2D>`` stands in its place.
    """
    known = pdfmetrics.getFont(FONT).face.charToGlyph
    plain = _CONTROLS.sub("", text.replace("\t", " "))
    if all(ord(c) in known or c == "\n" for c in plain):
        return plain
    return "".join(c if ord(c) in known or c == "\n" else f"<U+{ord(c):04X}>" for c in plain)


def numbered(footer: Callable[[Canvas, int], None]) -> type[Canvas]:
    """A canvas that draws ``footer(canvas, pages)`` on each page once all are known."""

    class NumberedCanvas(Canvas):  # type: ignore[misc] # reportlab is not typed
        def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - reportlab's own
            super().__init__(*args, **options)
            self._pages: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802 - reportlab's name
            self._pages.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            pages = self._pages
            for page in pages:
                self.__dict__.update(page)
                footer(self, len(pages))
                super().showPage()
            super().save()

    return NumberedCanvas


def fitted(text: str, font: str, size: float, width: float) -> str:
    """The text, cut with an ellipsis where it is wider than ``width`` points."""
    if pdfmetrics.stringWidth(text, font, size) <= width:
        return text
    while text and pdfmetrics.stringWidth(f"{text}…", font, size) > width:
        text = text[:-1]
    return f"{text.rstrip()}…"
