"""A hole in the series, values raised by 1024, twenty thick slices: what every pack makes of them.

A pack with a graph and the four analyses, on a chest CT made in code, through the window's own
functions. Each ends in a sentence or in numbers with a doubt; the study stays as it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.bootstrap import build_context
from app.config.folders import built_in_packs_folder
from app.core.errors import AppError, PackRefused
from app.core.reader_input import NamedBox, NamedPoint, ReaderInput
from app.core.study import Study
from app.workflow.cached_run import Ask
from app.workflow.context import AppContext
from app.workflow.open_study import load_volume, open_paths
from app.workflow.run_models import ModelOutcome, apply_result, run_pack
from app.workflow.session import StudySession
from tests.flows.conftest import only_ref
from tests.support.ct_phantoms import Chest, ChestPlan, chest
from tests.support.domain import CountedUids, FixedClock
from tests.support.synthetic_dicom import SeriesSpec, write_series
from tests.support.tiny_pack import write_volume_pack

GIVEN = {
    "tiny-ball": ReaderInput(),
    "ct-lung-density": ReaderInput(),
    "nodule": ReaderInput(points=(NamedPoint("nodule", (-72.0, 0.0, 0.0)),)),
    "ct-calcium": ReaderInput(
        boxes=(NamedBox("LAD", ((-10.0, -60.0, -60.0), (50.0, 20.0, 20.0))),),
        choices=(("gated", "yes"),),
    ),
    "ct-body": ReaderInput(points=(NamedPoint("level", (0.0, 0.0, -130.0)),)),
}
STEP = 5.0
HOLE = 25


@pytest.fixture(scope="module")
def made() -> Chest:
    return chest(ChestPlan(spacing=(STEP, STEP, STEP), noise_hu=5.0))


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppContext]:
    folder = tmp_path_factory.mktemp("library")
    write_volume_pack(folder / "packs")
    opened = build_context(
        data_folder=folder, user="Dr Petrov", built_in_packs=built_in_packs_folder(),
        clock=FixedClock(), uids=CountedUids(),
    )  # fmt: skip
    yield opened
    opened.close()


Write = Callable[..., Path]


@pytest.fixture
def write(made: Chest, tmp_path: Path, request: pytest.FixtureRequest) -> Write:
    """Writes the slices that are named, with values raised by ``shift``."""
    geometry = made.geometry

    def written(slices: list[int], shift: float = 0.0) -> Path:
        def values(points: np.ndarray) -> np.ndarray:
            i, j, k = np.rint(geometry.lps_to_ijk(points.reshape(-1, 3))).astype(int).T
            return np.asarray(made.hu[k, j, i].reshape(points.shape[:-1]) + shift)

        def thickness(ds: Any, _: int) -> None:
            ds.SliceThickness = STEP

        columns, rows, _ = geometry.size_ijk
        spec = SeriesSpec(
            rows=rows, columns=columns, pixel_spacing=(STEP, STEP), origin_lps=geometry.origin_lps,
            positions_mm=[STEP * k for k in slices], values=values, change=thickness,
            study=request.node.name,
        )  # fmt: skip
        write_series(tmp_path / "ct", spec)
        return tmp_path / "ct"

    return written


def digest(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def run_all(
    context: AppContext, study: Study, *, forced: bool = False
) -> dict[str, ModelOutcome | AppError]:
    made: dict[str, ModelOutcome | AppError] = {}
    for pack, given in GIVEN.items():
        try:
            made[pack] = run_pack(
                context, study, pack, only_ref(study), Ask(forced=forced, given=given)
            )
        except AppError as error:
            made[pack] = error
    for outcome in made.values():
        if isinstance(outcome, AppError):
            assert outcome.message
            assert outcome.ru
            assert outcome.ru != outcome.message
    return made


def require_intact(context: AppContext, study: Study, folder: Path, before: dict[str, str]) -> None:
    """The files are the same, the study still opens, and takes in what a run brings."""
    assert digest(folder) == before
    assert load_volume(context, study, only_ref(study)).voxels.size
    session = StudySession(context, study)
    assert session.findings == ()
    outcome = run_pack(context, session, "tiny-ball", only_ref(study), Ask(forced=True))
    apply_result(session, outcome)
    session.close()
    assert context.store.audit.verify() is None


def test_a_missing_slice(context: AppContext, made: Chest, write: Write) -> None:
    folder = write([k for k in range(len(made.hu)) if k != HOLE])
    before = digest(folder)
    (study,) = open_paths(context, [folder]).studies
    outcomes = run_all(context, study)
    for pack in ("tiny-ball", "ct-lung-density"):
        outcome = outcomes[pack]
        assert isinstance(outcome, ModelOutcome)
        assert outcome.suitability.verdict == "limited"
        (flag,) = outcome.result.flags
        assert flag.id == "image-missing-inside"
        for finding in outcome.proposed.findings:
            assert {m.status for m in finding.current.measurements} <= {
                "low_quality", "wrong_protocol"
            }  # fmt: skip
    for pack in ("nodule", "ct-body"):  # too thick; another part of the body
        assert isinstance(outcomes[pack], PackRefused)
    require_intact(context, study, folder, before)


def test_values_raised_by_1024(context: AppContext, made: Chest, write: Write) -> None:
    folder = write(list(range(len(made.hu))), shift=1024.0)
    before = digest(folder)
    (study,) = open_paths(context, [folder]).studies
    for pack, outcome in run_all(context, study).items():
        assert isinstance(outcome, PackRefused), pack
    for pack, outcome in run_all(context, study, forced=True).items():
        if pack != "tiny-ball":  # the analyses see it themselves
            assert isinstance(outcome, AppError), pack
            assert "Hounsfield" in outcome.message or "thick" in outcome.message
    require_intact(context, study, folder, before)


def test_twenty_thick_slices(context: AppContext, write: Write) -> None:
    folder = write(list(range(20, 40)))
    before = digest(folder)
    (study,) = open_paths(context, [folder]).studies
    outcomes = run_all(context, study)
    for pack in ("ct-lung-density", "nodule", "ct-body"):
        assert isinstance(outcomes[pack], PackRefused), pack
    calcium = outcomes["ct-calcium"]
    assert isinstance(calcium, ModelOutcome)
    for _, number in calcium.result.numbers:
        assert number.status == "wrong_protocol"
    require_intact(context, study, folder, before)
