"""Packs that do not do what they say, a model that dies, a full disk: a sentence, a whole study."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.core.errors import AppError, InferenceError, ModelPackError
from app.core.study import Study
from app.workflow.cached_run import Ask
from app.workflow.context import AppContext
from app.workflow.open_study import open_paths
from app.workflow.run_models import apply_result, run_pack
from app.workflow.session import StudySession
from tests.flows.conftest import only_ref
from tests.support.lying_packs import FILES, LIES, write_lying_pack
from tests.support.program import one_sentence, overread
from tests.support.synthetic_dicom import SeriesSpec, write_series
from tests.support.tiny_pack import change_manifest, write_film_pack, write_volume_pack
from tests.support.workflow_context import context_in

IN_NUMBERS = ("not-a-number", "infinite", "fails-in-the-run")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    for lie in (*LIES, *FILES):
        write_lying_pack(folder / "packs", lie)
    write_volume_pack(folder / "packs")
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ball of 300 HU in water."""

    def values(points: np.ndarray) -> np.ndarray:
        inside = ((points - np.asarray([6.0, 2.0, 48.0])) ** 2).sum(-1) < 12.0**2
        return np.where(inside, 300.0, 0.0)

    folder = tmp_path_factory.mktemp("ct")
    spec = SeriesSpec(rows=24, columns=20, count=16, pixel_spacing=(2.0, 2.0), values=values)
    write_series(folder, spec)
    return folder


@pytest.fixture(scope="module")
def context(library: Path) -> Iterator[AppContext]:
    with context_in(library) as opened:
        yield opened


@pytest.fixture(scope="module")
def study(context: AppContext, images: Path) -> Study:
    return open_paths(context, [images]).studies[0]


def digest(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def failure(context: AppContext, study: Study, pack: str) -> AppError:
    """What a forced run ends in; the study has got nothing from it, and takes a good result."""
    session = StudySession(context, study)
    before = session.findings
    with pytest.raises(AppError) as caught:
        run_pack(context, session, pack, only_ref(study), Ask(forced=True))
    assert session.findings == before
    session.close()
    error = caught.value
    assert error.message.endswith(".")
    assert error.ru.endswith(".")
    assert error.ru != error.message
    assert any("а" <= letter <= "я" for letter in error.ru)
    return error


@pytest.mark.parametrize("lie", LIES)
def test_a_graph_that_computes_something_else(
    context: AppContext, study: Study, images: Path, lie: str
) -> None:
    before = digest(images)
    error = failure(context, study, lie)
    if lie in IN_NUMBERS:
        assert type(error) is InferenceError
        assert error.exit_code == 4
    else:
        assert type(error) is ModelPackError
        assert error.exit_code == 3
        assert "size" in error.message
    assert digest(images) == before


@pytest.mark.parametrize("lie", FILES)
def test_a_file_that_is_not_the_one_of_the_manifest(
    context: AppContext, study: Study, lie: str
) -> None:
    error = failure(context, study, lie)
    assert isinstance(error, ModelPackError)
    assert error.exit_code == 3


def test_a_good_pack_runs_after_all_of_them(context: AppContext, study: Study) -> None:
    session = StudySession(context, study)
    outcome = run_pack(context, session, "tiny-ball", only_ref(study), Ask(forced=True))
    apply_result(session, outcome)
    assert session.findings
    session.close()
    assert context.store.audit.verify() is None


def test_the_size_is_looked_at_without_patches_too(
    context: AppContext, study: Study, library: Path
) -> None:
    target = library / "packs" / "twice-the-rows"
    change_manifest(target, lambda manifest: manifest["infer"].update(patch=None))
    try:
        error = failure(context, study, "twice-the-rows")
    finally:
        change_manifest(target, lambda manifest: manifest["infer"].update(patch=[16] * 3))
    assert type(error) is ModelPackError
    assert "size" in error.message


@pytest.mark.parametrize(("lie", "code"), [("twice-the-channels", 3), ("not-a-number", 4)])
def test_the_verb_ends_in_one_sentence_and_writes_nothing(
    library: Path, images: Path, tmp_path: Path, lie: str, code: int
) -> None:
    out = tmp_path / "out"
    done = overread("infer", images, "--pack", lie, "--out", out, "--force", "--json", data=library)
    assert done.code == code, done.err
    assert one_sentence(done)
    assert not [path for path in out.rglob("*") if path.is_file()]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_model_that_is_killed(context: AppContext, film_path: Path) -> None:
    write_film_pack(context.store.folder / "packs", pack_id="slow", delay=300)
    (film,) = open_paths(context, [film_path]).studies
    session = StudySession(context, film)

    def kill(_fraction: float, text: str) -> None:
        if text.startswith("Model"):
            number = context.inference.process_id
            if number is not None:
                os.kill(number, signal.SIGKILL)

    with pytest.raises(InferenceError, match="stopped") as caught:
        run_pack(context, session, "slow", only_ref(film), Ask(forced=True), progress=kill)
    assert "остановился" in caught.value.ru
    assert caught.value.exit_code == 4
    assert session.findings == ()
    session.close()
    assert context.store.audit.verify() is None
