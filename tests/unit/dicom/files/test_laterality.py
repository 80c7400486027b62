"""D15: the side of an image is that of the image, of its frame, of the series, in this order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from tests.support.opened import open_stack
from tests.support.synthetic_dicom import write_projection


def _of_the_frame(ds: Dataset) -> None:
    anatomy, shared = Dataset(), Dataset()
    anatomy.FrameLaterality = "L"
    shared.FrameAnatomySequence = [anatomy]
    ds.SharedFunctionalGroupsSequence = [shared]


def _of_the_image(ds: Dataset) -> None:
    ds.ImageLaterality, ds.Laterality = "R", "L"


def _of_the_series(ds: Dataset) -> None:
    ds.Laterality = "L"


@pytest.mark.parametrize(
    ("change", "side"), [(_of_the_image, "R"), (_of_the_frame, "L"), (_of_the_series, "L")]
)
def test_d15_the_side_of_a_mammogram(tmp_path: Path, change, side: str):
    def mammogram(ds: Dataset) -> None:
        ds.Modality, ds.ViewPosition, ds.PatientOrientation = "MG", "CC", ["A", "R"]
        change(ds)

    path = write_projection(tmp_path / "mg", np.zeros((8, 8), np.uint16), change=mammogram)
    _study, series, stack = open_stack(tmp_path / "work", path)
    assert (series.modality, stack.laterality, stack.view_position) == ("MG", side, "CC")
