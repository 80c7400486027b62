"""Undo and redo: records what succeeded, within a budget of bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from app.core.events import Signal


class Command(Protocol):
    """A reversible change. ``do`` and ``undo`` raise when they fail; nothing is recorded then."""

    @property
    def label(self) -> str:
        """What the menu says after "Undo"."""
        ...

    @property
    def size_bytes(self) -> int:
        """Memory held by keeping the command."""
        ...

    def do(self) -> None:
        """Carry the change out."""
        ...

    def undo(self) -> None:
        """Take the change back."""
        ...


class History:
    """Undo and redo stacks of one open study. Main thread only.

    ``barrier`` (signing) forgets everything before it. The oldest commands are forgotten when the
    budget is exceeded, never the newest.
    """

    changed = Signal()

    def __init__(self, budget_bytes: int = 256 * 1024 * 1024) -> None:
        self._budget_bytes = budget_bytes
        self._done: deque[Command] = deque()
        self._undone: list[Command] = []

    def run(self, command: Command, *, together: Command | None = None) -> None:
        """Do ``command`` and record it; redo is lost. A failing command is not recorded.

        ``together`` stands for the newest command and this one, and is recorded in their place.
        """
        command.do()
        if together is not None and self._done:
            self._done.pop()
        self._done.append(together or command)
        self._undone.clear()
        self._trim()
        self.changed.emit()

    def undo(self) -> bool:
        """Take back the latest command; False when there is none."""
        if not self._done:
            return False
        self._done[-1].undo()
        self._undone.append(self._done.pop())
        self.changed.emit()
        return True

    def redo(self) -> bool:
        """Do the latest undone command again; False when there is none."""
        if not self._undone:
            return False
        self._undone[-1].do()
        self._done.append(self._undone.pop())
        self.changed.emit()
        return True

    @property
    def newest(self) -> Command | None:
        """The latest command if nothing was undone since, else None."""
        return self._done[-1] if self._done and not self._undone else None

    @property
    def commands(self) -> tuple[Command, ...]:
        """What is kept, done and undone."""
        return (*self._done, *reversed(self._undone))

    def forget(self, matches: Callable[[Command], bool]) -> None:
        """Forget the commands that match, done and undone.

        Only for commands whose subject is gone and on which no other command rests.
        """
        self._done = deque(command for command in self._done if not matches(command))
        self._undone = [command for command in self._undone if not matches(command)]
        self.changed.emit()

    def barrier(self) -> None:
        """Forget everything: what lies before a signature cannot be undone."""
        self._done.clear()
        self._undone.clear()
        self.changed.emit()

    @property
    def undo_label(self) -> str | None:
        """Label of what ``undo`` would take back, or None."""
        return self._done[-1].label if self._done else None

    @property
    def redo_label(self) -> str | None:
        """Label of what ``redo`` would do, or None."""
        return self._undone[-1].label if self._undone else None

    def _trim(self) -> None:
        total = sum(command.size_bytes for command in self._done)
        while total > self._budget_bytes and len(self._done) > 1:
            total -= self._done.popleft().size_bytes
