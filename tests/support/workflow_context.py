"""A real context in a temporary folder: real store, packs, lanes; clock and uids predictable."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.bootstrap import build_context
from app.workflow.context import AppContext
from tests.support.domain import CountedUids, FixedClock


@contextmanager
def context_in(folder: Path, *, user: str = "Dr Petrov") -> Iterator[AppContext]:
    """Opened on the library in ``folder``; closed afterwards."""
    context = build_context(
        data_folder=folder,
        user=user,
        built_in_packs=folder / "no-built-in-packs",
        clock=FixedClock(),
        uids=CountedUids(),
    )
    try:
        yield context
    finally:
        context.close()
