"""The keys of the report panel, where no command of the window has taken them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from app.ui.key_layout import latin_key

_MODIFIERS: Final = {
    "Ctrl": Qt.KeyboardModifier.ControlModifier,
    "Alt": Qt.KeyboardModifier.AltModifier,
    "Shift": Qt.KeyboardModifier.ShiftModifier,
}
_NAMES: Final = {
    "Return": Qt.Key.Key_Return, "Enter": Qt.Key.Key_Enter, ".": Qt.Key.Key_Period,
    "Down": Qt.Key.Key_Down, "Up": Qt.Key.Key_Up, "PgDown": Qt.Key.Key_PageDown,
    "PgUp": Qt.Key.Key_PageUp, "Del": Qt.Key.Key_Delete,
}  # fmt: skip


class KeyTable:
    """Calls by key ("Ctrl+K"): letters mean the key at their place, in any layout."""

    def __init__(self, calls: Mapping[str, Callable[[], object]]) -> None:
        self._calls = {_parsed(keys): call for keys, call in calls.items()}

    def press(self, event: QKeyEvent) -> bool:
        """Run what the key stands for; False where it stands for nothing."""
        held = sum(
            modifier.value for modifier in _MODIFIERS.values() if event.modifiers() & modifier
        )
        call = self._calls.get((held, latin_key(event.key())))
        if call is None:
            return False
        call()
        event.accept()
        return True


def _parsed(keys: str) -> tuple[int, int]:
    *held, last = keys.split("+")
    key = _NAMES[last].value if last in _NAMES else ord(last)
    return sum(_MODIFIERS[name].value for name in held), key
