"""A ball of known place in a CT: where it is in the patient survives every output."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest

from app.imaging.nifti import read_nifti
from app.workflow.context import AppContext
from app.workflow.open_study import open_paths
from app.workflow.read_study import ReadRequest, read_study
from tests.support.synthetic_dicom import AXIAL, SAGITTAL, SeriesSpec, write_series
from tests.support.tiny_pack import write_volume_pack
from tests.support.validation import dciodvfy_errors

CENTER_LPS = np.array([12.0, 5.0, 60.0])
RADIUS_MM = 11.0
VOLUME_ML = 4 / 3 * np.pi * RADIUS_MM**3 / 1000

AXIAL_SPEC = {"orientation": AXIAL, "origin_lps": (-20.0, -27.0, 30.0)}
SAGITTAL_SPEC = {"orientation": SAGITTAL, "origin_lps": (40.0, -27.0, 92.0)}
TILTED_SPEC = AXIAL_SPEC | {"tilt_deg": 12.0, "origin_lps": (-20.0, -34.0, 30.0)}


def _ball(points_lps: np.ndarray) -> np.ndarray:
    inside = np.linalg.norm(points_lps - CENTER_LPS, axis=-1) < RADIUS_MM
    return np.where(inside, 300.0, -100.0)


def _center_of_segmentation(path: Path) -> tuple[np.ndarray, float]:
    """Centroid in LPS and volume (mL), from the attributes of the object alone."""
    ds = pydicom.dcmread(path)
    shared = ds.SharedFunctionalGroupsSequence[0]
    measures = shared.PixelMeasuresSequence[0]
    row_mm, column_mm = (float(v) for v in measures.PixelSpacing)
    orientation = shared.PlaneOrientationSequence[0].ImageOrientationPatient
    along_row, along_column = np.reshape([float(v) for v in orientation], (2, 3))
    points = []
    frames = np.atleast_3d(ds.pixel_array).reshape(-1, ds.Rows, ds.Columns)
    for group, frame in zip(ds.PerFrameFunctionalGroupsSequence, frames, strict=True):
        corner = np.array(
            [float(v) for v in group.PlanePositionSequence[0].ImagePositionPatient]
        )  # fmt: skip
        rows, columns = np.nonzero(frame)
        points.append(
            corner
            + columns[:, None] * column_mm * along_row
            + rows[:, None] * row_mm * along_column
        )
    every = np.concatenate(points)
    gap = float(measures.SpacingBetweenSlices)
    return every.mean(axis=0), len(every) * row_mm * column_mm * gap / 1000


@pytest.mark.parametrize(
    "place", [AXIAL_SPEC, SAGITTAL_SPEC, TILTED_SPEC], ids=["axial", "sagittal", "tilted"]
)
def test_g01_the_ball_is_where_it_was(
    context: AppContext, library: Path, tmp_path: Path, place: dict
) -> None:
    write_volume_pack(library / "packs")
    spec = SeriesSpec(
        count=30, rows=64, columns=64, pixel_spacing=(1.0, 1.0), values=_ball, **place
    )
    write_series(tmp_path / "ct", spec)
    (study,) = open_paths(context, [tmp_path / "ct"]).studies
    out = tmp_path / "out"
    outcome = read_study(context, study, ReadRequest(out=out, accept="all", signer="Dr Petrov"))
    assert outcome.packs == ["tiny-ball 1.0.0"], outcome.statement
    assert outcome.is_signed

    mask, geometry = read_nifti(out / "masks" / "1-ball.nii.gz")
    index_kji = np.argwhere(mask)
    assert np.allclose(geometry.ijk_to_lps(index_kji[:, ::-1]).mean(axis=0), CENTER_LPS, atol=0.5)

    center, volume_ml = _center_of_segmentation(out / "dicom" / "seg-1.dcm")
    assert np.allclose(center, CENTER_LPS, atol=0.5)
    assert volume_ml == pytest.approx(VOLUME_ML, rel=0.08)

    run = json.loads((out / "run.json").read_text("utf-8"))
    assert run["packs"][0]["outputs"][0]["volume_ml"] == pytest.approx(VOLUME_ML, rel=0.08)
    for path in sorted((out / "dicom").iterdir()):
        assert dciodvfy_errors(path) == [], path.name
