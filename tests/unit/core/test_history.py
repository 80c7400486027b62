"""Undo after do is the identity; what fails is not recorded."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.history import History


@dataclass
class Append:
    """Appends a number to a list."""

    to: list[int]
    number: int
    size_bytes: int = 1
    label: str = "append"
    fails: bool = field(default=False)

    def do(self) -> None:
        if self.fails:
            raise RuntimeError("no")
        self.to.append(self.number)

    def undo(self) -> None:
        assert self.to.pop() == self.number


@given(st.lists(st.sampled_from(["do", "undo", "redo"]), max_size=30))
def test_the_state_is_always_that_of_the_commands_done(steps: list[str]) -> None:
    history, state, n = History(), [], 0
    model: list[int] = []
    undone: list[int] = []
    for step in steps:
        if step == "do":
            n += 1
            history.run(Append(state, n))
            model.append(n)
            undone.clear()
        elif step == "undo":
            assert history.undo() == bool(model)
            if model:
                undone.append(model.pop())
        else:
            assert history.redo() == bool(undone)
            if undone:
                model.append(undone.pop())
        assert state == model


def test_what_fails_is_not_recorded() -> None:
    history, state = History(), []
    with pytest.raises(RuntimeError):
        history.run(Append(state, 1, fails=True))
    assert history.undo_label is None
    assert not history.undo()


def test_the_oldest_goes_when_the_budget_is_exceeded() -> None:
    history, state = History(budget_bytes=10), []
    for n in range(5):
        history.run(Append(state, n, size_bytes=4))
    assert history.undo()
    assert history.undo()
    assert not history.undo()
    assert state == [0, 1, 2]


def test_the_newest_stays_however_large() -> None:
    history, state = History(budget_bytes=10), []
    history.run(Append(state, 1, size_bytes=100))
    assert history.undo()


def test_nothing_is_undone_across_a_barrier() -> None:
    history, state = History(), []
    history.run(Append(state, 1))
    history.barrier()
    assert not history.undo()
    assert not history.redo()


def test_forgotten_commands_are_neither_undone_nor_redone() -> None:
    history, state, other = History(), [], []
    history.run(Append(state, 1))
    history.run(Append(other, 2))
    history.undo()
    history.forget(lambda command: isinstance(command, Append) and command.to is other)
    assert not history.redo()
    assert history.undo()
    assert state == []


def test_changes_are_announced() -> None:
    history, seen = History(), []
    history.changed.connect(lambda: seen.append(history.undo_label))
    history.run(Append([], 1))
    history.undo()
    assert seen == ["append", None]
    assert history.redo_label == "append"
