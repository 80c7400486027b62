"""The commands as data: menus, toolbar, context menu and the help on keys are built from this list.

What a command does stands in ``app/ui/commands.py`` under the same id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QToolBar, QWidget

from app.imaging.voi import find_preset
from app.ui.texts import language, tr
from app.ui.theme import icon

MenuName = Literal["file", "view", "image", "tools", "findings", "report", "help"]
Scope = Literal["window", "image"]
Need = Literal["nothing", "study", "image", "finding"]
MENUS: Final[tuple[MenuName, ...]] = (
    "file", "view", "image", "tools", "findings", "report", "help",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One command.

    ``keys`` with scope ``image`` act while the images (or the findings) have the focus, so they
    never get in the way of typing; those of scope ``window`` act everywhere. ``needs`` says when
    the command can be used. ``toolbar`` is the number of its group there, 0 for none.
    """

    id: str
    menu: MenuName
    keys: tuple[str, ...] = ()
    scope: Scope = "image"
    needs: Need = "image"
    icon: str = ""
    toolbar: int = 0
    is_checkable: bool = False
    group: str = ""
    has_separator: bool = False

    @property
    def text_key(self) -> str:
        """Key of the command's name in the catalogue."""
        return f"action.{self.id}"


_PRESET_KEYS: Final = (
    ("ct-abdomen", "1"), ("ct-lung", "2"), ("ct-mediastinum", "3"), ("ct-bone", "4"),
    ("ct-brain", "5"), ("ct-stroke", "6"), ("ct-subdural", "7"), ("ct-liver", "8"),
    ("ct-angio", "9"),
)  # fmt: skip
"""Digits name presets by id, never by their place in a list."""


def _a(action_id: str, menu: MenuName, keys: str = "", **more: object) -> ActionSpec:
    return ActionSpec(action_id, menu, tuple(keys.split()), **more)  # type: ignore[arg-type]


ACTIONS: Final[tuple[ActionSpec, ...]] = (
    _a("studies", "file", "F2", scope="window", needs="nothing", icon="studies", toolbar=1),
    _a("open_folder", "file", "Ctrl+O", scope="window", needs="nothing", icon="open", toolbar=1),
    _a("open_files", "file", "Ctrl+Shift+O", scope="window", needs="nothing", icon="file"),
    _a("peers", "file", scope="window", needs="nothing"),
    _a("outputs", "file", scope="window", needs="nothing"),
    _a("packs", "file", scope="window", needs="nothing"),
    _a("servers", "file", scope="window", needs="nothing"),
    _a("users", "file", scope="window", needs="nothing"),
    _a("receive", "file", scope="window", needs="nothing", is_checkable=True),
    _a("refresh", "file", "F5", scope="window", needs="study"),
    _a("objects", "file", "Ctrl+I", scope="window", needs="study", icon="objects"),
    _a("close_study", "file", "Ctrl+W", scope="window", needs="study"),
    _a("quit", "file", "Ctrl+Q", scope="window", needs="nothing", has_separator=True),
    _a("layout.1x1", "view", icon="layout-1", toolbar=2, is_checkable=True, group="layout",
       needs="study"),
    _a("layout.1x2", "view", icon="layout-2", toolbar=2, is_checkable=True, group="layout",
       needs="study"),
    _a("layout.2x2", "view", icon="layout-4", toolbar=2, is_checkable=True, group="layout",
       needs="study"),
    _a("mpr", "view", "M", icon="mpr", toolbar=2),
    _a("prior", "view", "P", icon="prior", toolbar=2, needs="study"),
    _a("link", "view", "L", icon="link", toolbar=2, is_checkable=True),
    _a("maximize", "view", "F11"),
    _a("toggle_browser", "view", "F3", scope="window", needs="nothing", icon="panel-left",
       is_checkable=True, has_separator=True),
    _a("toggle_panels", "view", "F4", scope="window", needs="nothing", icon="panel-right",
       is_checkable=True),
    _a("toggle_overlays", "view", "Space", icon="overlay", toolbar=6, is_checkable=True),
    _a("toggle_rejected", "view", "Shift+X", icon="rejected", is_checkable=True, needs="study"),
    _a("health", "view", "Shift+H", needs="study"),
    _a("language", "view", "Ctrl+L", scope="window", needs="nothing", icon="language"),
    _a("window_auto", "image", "0", icon="auto", toolbar=4),
    _a("window_default", "image", "Shift+0"),
    _a("window_choose", "image", "Shift+W"),
    *(_a(f"preset.{preset}", "image", key) for preset, key in _PRESET_KEYS),
    _a("invert", "image", "I", icon="invert", toolbar=4, has_separator=True),
    _a("fit", "image", "=", icon="fit", toolbar=4),
    _a("zoom_in", "image", "+"),
    _a("zoom_out", "image", "-"),
    _a("rotate_right", "image", "R", icon="rotate"),
    _a("rotate_left", "image", "Shift+R"),
    _a("mirror", "image", "H", icon="flip"),
    _a("flip", "image", "V"),
    _a("plane.stack", "image", "Shift+S", icon="stack", has_separator=True),
    _a("plane.axial", "image", "Shift+A"),
    _a("plane.coronal", "image", "Shift+C"),
    _a("plane.sagittal", "image", "Shift+G"),
    _a("image_previous", "image", "Up", has_separator=True),
    _a("image_next", "image", "Down"),
    _a("image_back", "image", "Shift+Up"),
    _a("image_forward", "image", "Shift+Down"),
    _a("image_first", "image", "Home"),
    _a("image_last", "image", "End"),
    _a("cine", "image", "K"),
    _a("series_previous", "image", "PgUp"),
    _a("series_next", "image", "PgDown"),
    _a("viewport_previous", "image", "Left"),
    _a("viewport_next", "image", "Right"),
    _a("tool.window", "tools", "W", icon="window", toolbar=3, is_checkable=True, group="tool"),
    _a("tool.zoom", "tools", "Z", icon="zoom", toolbar=3, is_checkable=True, group="tool"),
    _a("tool.pan", "tools", "T", icon="pan", toolbar=3, is_checkable=True, group="tool"),
    _a("tool.scroll", "tools", "S", icon="stack", toolbar=3, is_checkable=True, group="tool"),
    _a("tool.crosshair", "tools", "C", icon="crosshair", toolbar=3, is_checkable=True,
       group="tool"),
    _a("tool.brush", "tools", "B", icon="brush", toolbar=5, is_checkable=True, group="tool"),
    _a("tool.erase", "tools", "Shift+B", icon="eraser", toolbar=5, is_checkable=True,
       group="tool"),
    _a("brush_smaller", "tools", "[", has_separator=True),
    _a("brush_larger", "tools", "]"),
    _a("tool_off", "tools", "Esc"),
    _a("run_models", "findings", "Ctrl+R", scope="window", needs="study", icon="model",
       toolbar=7),
    _a("finding_next", "findings", "N", needs="study", icon="next", has_separator=True),
    _a("finding_previous", "findings", "Shift+N", needs="study", icon="previous"),
    _a("finding_accept", "findings", "Return Enter", needs="finding", icon="accept"),
    _a("finding_reject", "findings", "X", needs="finding", icon="reject"),
    _a("finding_edit", "findings", "E", needs="finding", icon="edit"),
    _a("finding_reopen", "findings", "U", needs="finding", icon="reopen"),
    _a("finding_add", "findings", "F", needs="study", icon="add"),
    _a("undo", "findings", "Ctrl+Z", scope="window", needs="study", icon="undo", toolbar=8,
       has_separator=True),
    _a("redo", "findings", "Ctrl+Y Ctrl+Shift+Z", scope="window", needs="study", icon="redo",
       toolbar=8),
    _a("report_draft", "report", "Ctrl+D", scope="window", needs="study", icon="draft"),
    _a("report_template", "report", "Ctrl+T", scope="window", needs="study"),
    _a("report_prior", "report", "Ctrl+P", scope="window", needs="study"),
    _a("report_check", "report", "Ctrl+K", scope="window", needs="study", icon="check"),
    _a("report_next", "report", "F8 Alt+Down", scope="window", needs="study"),
    _a("report_previous", "report", "Shift+F8 Alt+Up", scope="window", needs="study"),
    _a("report_fix", "report", "Ctrl+.", scope="window", needs="study"),
    _a("report_dismiss", "report", "Alt+Del", scope="window", needs="study"),
    _a("report_measure", "report", "Ctrl+M", scope="window", needs="finding"),
    _a("report_find", "report", "Ctrl+F", scope="window", needs="study", has_separator=True),
    _a("report_replace", "report", "Ctrl+H", scope="window", needs="study"),
    _a("spelling_next", "report", "F7", scope="window", needs="study"),
    _a("spell_check", "report", scope="window", needs="nothing", is_checkable=True),
    _a("report_next_section", "report", "Ctrl+PgDown", scope="window", needs="study"),
    _a("report_previous_section", "report", "Ctrl+PgUp", scope="window", needs="study"),
    _a("report_templates", "report", scope="window", needs="nothing"),
    _a("report_window", "report", "F9", scope="window", needs="nothing", is_checkable=True),
    _a("report_sign", "report", "Ctrl+Return", scope="window", needs="study", icon="sign",
       has_separator=True),
    _a("report_told", "report", "Ctrl+Shift+T", scope="window", needs="study"),
    _a("report_addendum", "report", "Ctrl+Shift+A", scope="window", needs="study"),
    _a("report_revise", "report", "Ctrl+Shift+R", scope="window", needs="study"),
    _a("report_versions", "report", "Ctrl+Shift+V", scope="window", needs="study"),
    _a("export", "report", "Ctrl+E", scope="window", needs="study", icon="export"),
    _a("report_copy", "report", "Ctrl+Shift+C", scope="window", needs="study"),
    _a("outbox", "report", scope="window", needs="nothing"),
    _a("check_rules", "report", scope="window", needs="nothing"),
    _a("certificate_password", "report", scope="window", needs="nothing"),
    _a("deidentify", "report", scope="window", needs="study"),
    _a("key_help", "help", "F1", scope="window", needs="nothing", icon="keys"),
    _a("about", "help", scope="window", needs="nothing"),
)  # fmt: skip

PRESET_IDS: Final = tuple(preset for preset, _ in _PRESET_KEYS)


def clashes(actions: Iterable[ActionSpec]) -> list[str]:
    """Keys that two commands claim; empty is right."""
    counted = Counter(QKeySequence(key).toString() for spec in actions for key in spec.keys)
    return sorted(key for key, count in counted.items() if count > 1)


def action_text(spec: ActionSpec) -> str:
    """The command's name in the language in force; presets have theirs from the imaging room."""
    if spec.id.startswith("preset."):
        preset = find_preset(spec.id.removeprefix("preset."))
        if preset is None:
            raise KeyError(spec.id)
        values = f"{preset.width:.0f}/{preset.center:.0f}"
        return tr("action.preset", name=preset.label.text(language()), values=values)
    return tr(spec.text_key)


class ActionSet:
    """The commands as Qt actions, owned by ``owner``.

    Keys of scope ``image`` act in the widgets given to ``bind_image_keys`` only.
    """

    def __init__(self, owner: QWidget, commands: Mapping[str, Callable[[], None]]) -> None:
        self.by_id: dict[str, QAction] = {}
        for spec in ACTIONS:
            action = QAction(owner)
            action.setObjectName(spec.id)
            if spec.icon:
                action.setIcon(icon(spec.icon))
            action.setShortcuts([QKeySequence(key) for key in spec.keys])
            action.setCheckable(spec.is_checkable)
            if spec.scope == "window":
                owner.addAction(action)
            else:
                action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.triggered.connect(_called(commands[spec.id]))
            self.by_id[spec.id] = action
        self.relabel()

    def bind_image_keys(self, *widgets: QWidget) -> None:
        """Let the image keys act while one of these widgets (or a child) has the focus."""
        for spec in ACTIONS:
            if spec.scope == "image":
                for widget in widgets:
                    widget.addAction(self.by_id[spec.id])

    def of_menu(self, name: MenuName, *more: str) -> list[QAction]:
        """The commands of a menu with keys for the whole window, and those named beside it."""
        return [
            self.by_id[spec.id]
            for spec in ACTIONS
            if (spec.menu == name and spec.scope == "window") or spec.id in more
        ]

    def relabel(self) -> None:
        """Texts in the language in force."""
        for spec in ACTIONS:
            action = self.by_id[spec.id]
            text = action_text(spec)
            action.setText(text)
            keys = ", ".join(key_text(key) for key in spec.keys)
            action.setToolTip(f"{text}   {keys}" if keys else text)

    def enable(self, available: frozenset[Need]) -> None:
        """Switch commands on and off by what there is to work on."""
        for spec in ACTIONS:
            if spec.id not in ("undo", "redo"):
                self.by_id[spec.id].setEnabled(spec.needs == "nothing" or spec.needs in available)

    def check(self, group: str, action_id: str) -> None:
        """Mark one command of a group as the one in force."""
        for spec in ACTIONS:
            if spec.group == group:
                self.by_id[spec.id].setChecked(spec.id == action_id)

    def fill_menus(self, bar: QMenuBar) -> dict[MenuName, QMenu]:
        """Menus of all commands; the result lets their titles be changed later."""
        menus: dict[MenuName, QMenu] = {}
        for name in MENUS:
            menu = bar.addMenu(tr(f"menu.{name}"))
            menus[name] = menu
            for spec in ACTIONS:
                if spec.menu == name:
                    if spec.has_separator:
                        menu.addSeparator()
                    menu.addAction(self.by_id[spec.id])
        return menus

    def fill_toolbar(self, bar: QToolBar) -> None:
        """Buttons of the commands that have a group there."""
        groups = sorted({spec.toolbar for spec in ACTIONS if spec.toolbar})
        for number in groups:
            if number != groups[0]:
                bar.addSeparator()
            for spec in ACTIONS:
                if spec.toolbar == number:
                    bar.addAction(self.by_id[spec.id])
        for button in bar.findChildren(QWidget):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def context_menu(self, parent: QWidget) -> QMenu:
        """What a right click on an image offers."""
        menu = QMenu(parent)
        for spec in ACTIONS:
            if spec.id == "report_measure":
                menu.addSeparator()
                menu.addAction(self.by_id[spec.id])
            offered = spec.menu == "image" and not spec.id.startswith(("image_", "viewport_"))
            if offered and not spec.id.startswith(("series_", "zoom_")):
                if spec.has_separator:
                    menu.addSeparator()
                menu.addAction(self.by_id[spec.id])
        return menu


def key_text(key: str) -> str:
    """A key as the platform writes it."""
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)


def _called(command: Callable[[], None]) -> Callable[[], None]:
    """Qt passes whether the action is checked; commands ask their owners instead."""

    def call(*_: object) -> None:
        command()

    return call
