"""The film check decides about films for the other packs: from window and command line, in both
languages, recorded where the reader overrules it, and not at all where it is not installed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.bootstrap import build_context
from app.cli.main import run as cli
from app.config.folders import built_in_packs_folder
from app.core.errors import PackRefused
from app.core.study import Study
from app.workflow.cached_run import Ask
from app.workflow.context import AppContext
from app.workflow.open_study import open_paths
from app.workflow.read_study import ReadRequest, read_study
from app.workflow.run_models import apply_result, run_pack
from app.workflow.session import StudySession
from tests.flows.conftest import only_ref
from tests.support.domain import CountedUids, FixedClock
from tests.support.synthetic_dicom import write_projection

LUNGS, CHECK = "cxr-lung-fields", "cxr-film-check"
BUILT_IN = built_in_packs_folder()


def film(folder: Path, name: str, change: Any = None, age: str = "034Y") -> Path:
    """The demonstration film as DICOM, laid wrongly by ``change``; its header notices nothing."""
    pixels = np.asarray(Image.open(BUILT_IN / LUNGS / "golden" / "input.png"))
    pixels = np.ascontiguousarray(pixels if change is None else change(pixels), np.uint16)

    def headers(ds: Any) -> None:
        ds.PatientAge, ds.BodyPartExamined, ds.ViewPosition = age, "CHEST", "PA"

    (folder / name).mkdir()
    return write_projection(folder / name / "film.dcm", pixels, change=headers)


def lib(folder: Path, packs: Path = BUILT_IN) -> AppContext:
    return build_context(data_folder=folder, user="Dr Petrov", built_in_packs=packs,
                         clock=FixedClock(), uids=CountedUids())  # fmt: skip


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppContext]:
    opened = lib(tmp_path_factory.mktemp("library"))
    yield opened
    opened.close()


def opened(context: AppContext, path: Path) -> Study:
    (study,) = open_paths(context, [path]).studies
    return study


@pytest.mark.parametrize(
    ("change", "suspicion"),
    [
        (lambda f: np.rot90(f, 2), "Film turned by 180"),
        (lambda f: f[:, ::-1], "Film mirrored"),
        (lambda f: 255 - f, "Film inverted"),
        (lambda f: np.random.default_rng(5).normal(128, 40, f.shape).clip(0, 255), "No frontal"),
    ],
    ids=["upside down", "mirrored", "inverted", "noise"],
)
def test_what_it_suspects_refuses_other_packs(
    context: AppContext, tmp_path: Path, change: Any, suspicion: str
) -> None:
    study = opened(context, film(tmp_path, "film", change))
    with pytest.raises(PackRefused, match=suspicion) as told:
        run_pack(context, study, LUNGS, only_ref(study))
    assert "Проверка снимка" in told.value.ru
    assert run_pack(context, study, CHECK, only_ref(study)).result.flags  # it reads the film itself


def test_a_good_film_passes_with_a_reason(context: AppContext, tmp_path: Path) -> None:
    study = opened(context, film(tmp_path, "film"))
    fit = run_pack(context, study, LUNGS, only_ref(study)).suitability
    assert fit.verdict == "suitable"
    assert [(r.ok, r.text.en) for r in fit.reasons if r.rule == "quality"] == [
        (True, '"Chest X-ray film check" suspects nothing.')
    ]


def test_a_lung_cut_off_limits_and_runs(context: AppContext, tmp_path: Path) -> None:
    study = opened(context, film(tmp_path, "film", lambda f: f[:, int(0.36 * f.shape[1]) :]))
    fit = run_pack(context, study, LUNGS, only_ref(study)).suitability
    assert fit.verdict == "limited"
    assert "cut off" in next(r.text.en for r in fit.reasons if not r.ok)


def test_the_reader_overrules_it_and_that_is_recorded(context: AppContext, tmp_path: Path) -> None:
    study = opened(context, film(tmp_path, "film", lambda f: f[:, ::-1]))
    session = StudySession(context, study)
    outcome = run_pack(context, session, LUNGS, only_ref(study), Ask(forced=True))
    assert outcome.suitability.verdict == "refused"
    assert apply_result(session, outcome)
    assert all(f.provenance.forced for f in session.findings)
    last = [e for e in context.store.audit.events() if e.action == "gate.overridden"][-1]
    assert "mirrored" in last.details["reasons"]
    session.close()


def test_reading_goes_on_and_says_why_no_model_ran(context: AppContext, tmp_path: Path) -> None:
    study = opened(context, film(tmp_path, "film", lambda f: np.rot90(f, 1)))
    outcome = read_study(context, study, ReadRequest(tmp_path / "out", packs=(LUNGS,)))
    assert outcome.statement is not None
    assert "turned by 90" in outcome.statement.en
    run = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))
    (row,) = run["refused_results"]
    assert (row["pack"], row["refused"]) == (LUNGS, "image")


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = film(tmp_path, "film", lambda f: f[:, ::-1])
    words = ["infer", str(path), "--pack", LUNGS, "--out", str(tmp_path / "out"), "--data",
             str(tmp_path / "data")]  # fmt: skip
    assert cli(words) == 3
    assert "mirrored" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert cli([*words, "--force"]) == 0
    assert "Film mirrored, left and right exchanged, as" in capsys.readouterr().out
    run = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))
    assert run["forced"]
    assert run["suitability"]["verdict"] == "refused"
    assert cli(["packs", "route", str(path), "--json", "--data", str(tmp_path / "data")]) == 0
    (series,) = json.loads(capsys.readouterr().out)["series"]
    verdicts = {row["pack"]: row["verdict"] for row in series["packs"]}
    assert (verdicts[LUNGS], verdicts[CHECK]) == ("refused", "suitable")


def test_without_the_pack_nothing_changes(tmp_path: Path) -> None:
    packs = tmp_path / "packs"
    shutil.copytree(BUILT_IN / LUNGS, packs / LUNGS)
    context = lib(tmp_path / "library", packs)
    try:
        study = opened(context, film(tmp_path, "film", lambda f: f[:, ::-1]))
        fit = run_pack(context, study, LUNGS, only_ref(study)).suitability
        assert fit.verdict == "suitable"
        assert not [r for r in fit.reasons if r.rule == "quality"]
    finally:
        context.close()
