"""The analyses on their own samples as DICOM: the window's way and the verb give the same masks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.bootstrap import build_context
from app.cli.main import run as cli
from app.config.folders import built_in_packs_folder
from app.core.reader_input import ReaderInput, reader_input_from_json
from app.imaging.nifti import read_nifti
from app.inference.golden import overlap
from app.workflow.cached_run import Ask
from app.workflow.context import AppContext
from app.workflow.open_study import open_paths
from app.workflow.run_models import apply_result, run_pack
from app.workflow.session import StudySession
from tests.flows.conftest import only_ref
from tests.support.domain import CountedUids, FixedClock
from tests.support.synthetic_dicom import SeriesSpec, write_series

PACKS = ("ct-lung-density", "nodule", "ct-calcium", "ct-body")
BUILT_IN = built_in_packs_folder()


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppContext]:
    opened = build_context(
        data_folder=tmp_path_factory.mktemp("library"), user="Dr Petrov",
        built_in_packs=BUILT_IN, clock=FixedClock(), uids=CountedUids(),
    )  # fmt: skip
    yield opened
    opened.close()


def write_sample(folder: Path, pack: str) -> Path:
    """The golden image of a pack as a series; headers say what its gate asks for."""
    values, geometry = read_nifti(BUILT_IN / pack / "golden" / "input.nii.gz")
    assert np.allclose(np.reshape(geometry.direction, (3, 3)), np.eye(3))
    columns, rows, slices = geometry.size_ijk
    i_mm, j_mm, k_mm = geometry.spacing_ijk

    def at(points: np.ndarray) -> np.ndarray:
        i, j, k = np.rint(geometry.lps_to_ijk(points.reshape(-1, 3))).astype(int).T
        return np.asarray(values[k, j, i].reshape(points.shape[:-1]))

    def headers(ds: Any, _: int) -> None:
        ds.SliceThickness = k_mm
        ds.PatientAge = "061Y"
        if pack == "ct-body":
            ds.BodyPartExamined = "ABDOMEN"

    spec = SeriesSpec(
        count=slices, rows=rows, columns=columns, pixel_spacing=(j_mm, i_mm), step_mm=k_mm,
        origin_lps=geometry.origin_lps, values=at, change=headers, study=pack,
    )  # fmt: skip
    write_series(folder / pack, spec)
    return folder / pack


@pytest.mark.parametrize("pack", PACKS)
def test_both_ways_end_in_the_same_masks(context: AppContext, tmp_path: Path, pack: str) -> None:
    folder = write_sample(tmp_path, pack)
    asked = BUILT_IN / pack / "golden" / "reader.json"
    given = ReaderInput()
    words = ["infer", str(folder), "--pack", pack, "--out", str(tmp_path / "out"), "--force"]
    if asked.exists():
        given = reader_input_from_json(json.loads(asked.read_text("utf-8")))
        words += ["--input", str(asked)]
    assert cli([*words, "--data", str(tmp_path / "other")]) == 0
    (study,) = open_paths(context, [folder]).studies
    outcome = run_pack(context, study, pack, only_ref(study), Ask(forced=True, given=given))
    run = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))
    masks = {row["label"]: row["mask"] for row in run["outputs"]}
    assert masks
    for label in outcome.installed.pack.output.labels:
        mask = outcome.result.mask(label.index)
        assert mask is not None
        written, _ = read_nifti(tmp_path / "out" / masks[label.name.en])
        assert np.array_equal(written != 0, mask != 0)
    expected, _ = read_nifti(BUILT_IN / pack / "golden" / "expected.nii.gz")
    for index in np.unique(expected[expected > 0]).tolist():
        found = outcome.result.mask(index)
        assert found is not None
        assert overlap(found != 0, expected == index) > 0.95
    session = StudySession(context, study)
    assert len(apply_result(session, outcome)) == len(outcome.proposed.findings)
    session.close()
