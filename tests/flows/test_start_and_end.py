"""Starting and ending the program's parts."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.bootstrap import ARCHIVES_KEPT_S, forget_old_archives
from app.config.settings import Settings, save_settings
from app.core.errors import Cancelled
from app.workflow.open_study import open_paths
from app.workflow.run_models import run_pack
from tests.flows.conftest import only_ref, write_film
from tests.support.program import CHECKOUT
from tests.support.tiny_pack import write_film_pack
from tests.support.workflow_context import context_in


def test_old_archives_go_except_those_of_the_study_that_was_open_last(tmp_path: Path) -> None:
    old = time.time() - ARCHIVES_KEPT_S - 60
    for name in ("old", "kept", "new"):
        folder = tmp_path / name / "archives"
        folder.mkdir(parents=True)
        (folder / "000000").write_bytes(b"image")
        if name != "new":
            os.utime(tmp_path / name, (old, old))
    keep = [tmp_path / "kept" / "archives" / "000000", Path("/elsewhere/image.dcm")]
    forget_old_archives(tmp_path, keep=keep)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "new"]
    forget_old_archives(tmp_path / "none", keep=[])


def test_the_user_comes_from_the_settings(tmp_path: Path) -> None:
    save_settings(tmp_path, Settings(user="Dr Ivanova", report_language="ru"))
    with context_in(tmp_path, user="") as context:
        assert context.user == "Dr Ivanova"


def test_closing_cancels_what_runs_and_may_be_repeated(tmp_path: Path) -> None:
    with context_in(tmp_path) as context:
        started = []

        def work(token, progress) -> None:
            started.append(True)
            while True:
                time.sleep(0.01)
                token.raise_if_cancelled()

        job = context.runner.submit("io", "endless", work)
        while not started:
            time.sleep(0.01)
        context.close()
        context.close()
        with pytest.raises(Cancelled):
            job.result(timeout=5)


def test_closing_does_not_wait_for_a_model(tmp_path: Path) -> None:
    write_film_pack(tmp_path / "library" / "packs", pack_id="slow", delay=400)
    path = write_film(tmp_path / "film.dcm")
    with context_in(tmp_path / "library") as context:
        (study,) = open_paths(context, [path]).studies
        ref = only_ref(study)
        job = context.runner.submit(
            "inference",
            "slow",
            lambda token, progress: run_pack(
                context, study, "slow", ref, progress=progress, cancel=token
            ),
        )
        deadline = time.monotonic() + 30
        while context.inference.process_id is None and time.monotonic() < deadline:
            time.sleep(0.01)
        begun = time.monotonic()
        context.close()
        assert time.monotonic() - begun < 4.0
        assert context.inference.process_id is None
        assert job.is_finished


def test_the_parts_start_without_qt_and_vtk(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from app.bootstrap import build_context;"
        f"build_context(data_folder=Path({str(tmp_path)!r})).close();"
        "print([m for m in ('PySide6', 'vtk', 'vtkmodules', 'onnxruntime') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
