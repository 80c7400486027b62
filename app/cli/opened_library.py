"""The library opened for one verb."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.workflow.context import AppContext


@contextmanager
def opened_library(data_folder: Path | None, *, user: str = "") -> Iterator[AppContext]:
    """The context of the library in ``data_folder`` (None: the usual place), closed at the end.

    Archives are unpacked into a folder that goes with it. Raises ``StoreError``.
    """
    from app.bootstrap import build_context  # the help of a verb needs none of it

    with tempfile.TemporaryDirectory(prefix="overread-") as workspace:
        context = build_context(data_folder=data_folder, user=user, workspace=Path(workspace))
        try:
            yield context
        finally:
            context.close()
