"""Small studies for tests of the library."""

from __future__ import annotations

from pathlib import Path

import pydicom

from app.store.studies import StoredStudy
from app.workflow.context import AppContext
from tests.support.synthetic_dicom import SeriesSpec


def small(**changes) -> SeriesSpec:
    """Three images of 4 x 4, quickly written."""
    return SeriesSpec(**({"count": 3, "rows": 4, "columns": 4} | changes))


def edit(path: Path, **values: object) -> None:
    """Change attributes of a file, as somebody who corrects it does."""
    ds = pydicom.dcmread(path)
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    ds.save_as(path)


def only(context: AppContext) -> StoredStudy:
    """The one study of the library."""
    (study,) = context.store.studies.all()
    return study
