"""A chest film as DICOM, the tiny lung pack installed, a real context."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.core.study import SeriesRef, Study
from app.workflow.context import AppContext
from app.workflow.open_study import open_paths
from app.workflow.session import StudySession
from tests.support.synthetic_dicom import write_projection
from tests.support.tiny_pack import film, switch_off_film_check, write_film_pack
from tests.support.workflow_context import context_in

PACK = "tiny-lungs"


def write_film(path: Path, *, modality: str = "DX", name: str = "") -> Path:
    """The film of the tiny pack as a DICOM file; the patient is an adult."""
    pixels = film().voxels[0].astype(np.uint16)

    def change(ds) -> None:
        ds.PatientAge = "061Y"
        if name:
            ds.PatientName = name

    return write_projection(path, pixels, modality=modality, change=change)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A data folder with the tiny pack installed."""
    folder = tmp_path / "library"
    write_film_pack(folder / "packs")
    switch_off_film_check(folder)
    return folder


@pytest.fixture
def film_path(tmp_path: Path) -> Path:
    (tmp_path / "film").mkdir()
    return write_film(tmp_path / "film" / "film.dcm")


@pytest.fixture
def context(library: Path) -> Iterator[AppContext]:
    with context_in(library) as opened:
        yield opened


@pytest.fixture
def study(context: AppContext, film_path: Path) -> Study:
    return open_paths(context, [film_path]).studies[0]


@pytest.fixture
def session(context: AppContext, study: Study) -> StudySession:
    return StudySession(context, study)


def only_ref(study: Study) -> SeriesRef:
    """The only stack of the only series."""
    (series,) = study.series
    return SeriesRef(study.study_instance_uid, series.series_instance_uid, series.stacks[0].index)
