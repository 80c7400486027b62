"""The choice of windows and lookup tables that an image brings along (I02, I11)."""

from __future__ import annotations

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from app.core.volume import Window
from app.imaging.voi import presets_for
from app.ui.corner_texts import window_line
from app.ui.texts import language, tr
from app.ui.viewport_grid import ViewportGrid


def show_window_menu(grid: ViewportGrid) -> QMenu | None:
    """Offer the windows of the image on screen, beside it; the one in force is marked."""
    viewport = grid.active
    image = viewport.image
    if image is None or image.facts is None or image.facts.is_color:
        return None
    menu = QMenu(grid)
    own = image.facts.windows_of(viewport.state.index)
    for window in own:
        _add(menu, grid, _name(window), window, is_used=window == viewport.voi)
    if own:
        menu.addSeparator()
    for preset in presets_for(image.series.modality):
        name = f"{preset.label.text(language())}   {window_line(preset.window)}"
        _add(menu, grid, name, preset.window, is_used=preset.window == viewport.voi)
    menu.addSeparator()
    _add_call(menu, tr("action.window_auto")).triggered.connect(grid.auto_window)
    _add_call(menu, tr("action.window_default")).triggered.connect(lambda: grid.set_window(None))
    menu.popup(viewport.mapToGlobal(viewport.rect().center()))
    return menu


def _name(window: Window) -> str:
    if window.table is not None:
        return window_line(window)
    return f"{window.explanation}   {window_line(window)}".strip()


def _add(menu: QMenu, grid: ViewportGrid, text: str, window: Window, *, is_used: bool) -> None:
    action = _add_call(menu, text)
    action.setCheckable(True)
    action.setChecked(is_used)
    action.triggered.connect(lambda: grid.set_window(window))


def _add_call(menu: QMenu, text: str) -> QAction:
    return menu.addAction(text.replace("&", "&&"))
