"""Look of the program: one palette, one style sheet on Qt's Fusion style, shipped fonts and icons.

See ``docs/adr/0007-own-style-sheet.md`` for why no theme library lies beneath.
"""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

from app.config.folders import resources_folder

TEXT_SIZE_PX = 13
SMALL_TEXT_PX = 12
ICON_SIZE_PX = 20

COLORS: dict[str, str] = {
    "background": "#0e0f11",
    "panel": "#17191c",
    "field": "#111315",
    "raised": "#212428",
    "line": "#31363b",
    "faint": "#6a7179",
    "dim": "#949ba3",
    "text": "#cfd3d8",
    "bright": "#f2f4f6",
    "accent": "#56b6c9",
    "accentdim": "#3a7d8b",
    "accentdeep": "#1d4a54",
    "select": "#22363c",
    "warn": "#e0b050",
    "warndeep": "#352c18",
    "block": "#ef7a70",
    "blockdeep": "#3b1f1e",
}
"""The one palette; ``accent`` is the only hue that does not mean a degree of alarm."""


def color(name: str, alpha: int = 255) -> QColor:
    """A colour of the palette by name."""
    value = QColor(COLORS[name])
    value.setAlpha(alpha)
    return value


@cache
def font_family() -> str:
    """Load the shipped fonts and name the family of the interface."""
    family = ""
    for path in sorted((resources_folder() / "fonts").glob("DejaVuSans*.ttf")):
        number = QFontDatabase.addApplicationFont(str(path))
        families = QFontDatabase.applicationFontFamilies(number) if number >= 0 else []
        if "Condensed" in path.name and families:
            family = families[0]
    return family or QApplication.font().family()


def font(size_px: int = TEXT_SIZE_PX, *, bold: bool = False) -> QFont:
    """The interface's font; its digits are of one width."""
    chosen = QFont(font_family())
    chosen.setStretch(QFont.Stretch.SemiCondensed)
    chosen.setPixelSize(size_px)
    chosen.setBold(bold)
    return chosen


def style_sheet() -> str:
    """The style sheet with the palette filled in."""
    text = (resources_folder() / "themes" / "overread.qss").read_text(encoding="utf-8")
    tokens = dict(COLORS)
    tokens["size"] = str(TEXT_SIZE_PX)
    tokens["small"] = str(SMALL_TEXT_PX)
    tokens["icons"] = (resources_folder() / "icons").as_posix()
    for name, value in tokens.items():
        text = text.replace(f"@{name}@", value)
    return text


def apply_theme(application: QApplication) -> None:
    """Give the application style, palette, font and style sheet. Main thread, once."""
    application.setStyle("Fusion")
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: "panel",
        QPalette.ColorRole.Base: "field",
        QPalette.ColorRole.AlternateBase: "panel",
        QPalette.ColorRole.Button: "raised",
        QPalette.ColorRole.Text: "text",
        QPalette.ColorRole.WindowText: "text",
        QPalette.ColorRole.ButtonText: "text",
        QPalette.ColorRole.PlaceholderText: "faint",
        QPalette.ColorRole.Highlight: "select",
        QPalette.ColorRole.HighlightedText: "bright",
        QPalette.ColorRole.Link: "accent",
        QPalette.ColorRole.ToolTipBase: "raised",
        QPalette.ColorRole.ToolTipText: "text",
    }
    for role, name in roles.items():
        palette.setColor(role, color(name))
    application.setPalette(palette)
    application.setFont(font())
    application.setStyleSheet(style_sheet())


@cache
def icon(name: str) -> QIcon:
    """The line icon ``resources/icons/<name>.svg`` in text colour, dimmed when disabled."""
    source = (resources_folder() / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    made = QIcon()
    for mode, shade in (
        (QIcon.Mode.Normal, "text"),
        (QIcon.Mode.Active, "bright"),
        (QIcon.Mode.Selected, "bright"),
        (QIcon.Mode.Disabled, "faint"),
    ):
        for scale in (1, 2):
            made.addPixmap(_paint_svg(source, COLORS[shade], scale), mode)
    return made


def _paint_svg(source: str, shade: str, scale: int) -> QPixmap:
    renderer = QSvgRenderer(QByteArray(source.replace("currentColor", shade).encode("utf-8")))
    pixmap = QPixmap(QSize(ICON_SIZE_PX, ICON_SIZE_PX) * scale)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    renderer.render(painter, QRectF(pixmap.rect()))
    painter.end()
    pixmap.setDevicePixelRatio(scale)
    return pixmap
