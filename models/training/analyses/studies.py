"""The development data as the analyses are given it. Nothing of it is part of the project."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from app.core.acquisition import Acquisition
from app.core.errors import AppError
from app.core.geometry import Geometry
from app.core.reader_input import ReaderInput
from app.dicom.files.scan import scan
from app.dicom.stacks.assemble import assemble_volume
from app.dicom.stacks.grouping import group
from app.imaging.nifti import read_nifti
from app.inference.analyses.contract import AnalysisInput, AnalysisOutput
from app.inference.analyses.registry import find_analysis

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Image:
    """Modality values ``[k, j, i]`` on their grid, and what the headers say."""

    values: npt.NDArray[np.float32]
    geometry: Geometry
    acquisition: Acquisition = field(default_factory=lambda: Acquisition("CT"))

    def given(self, reader: ReaderInput | None = None) -> AnalysisInput:
        """The image with what the reader gives."""
        reader = reader or ReaderInput()
        return AnalysisInput(self.values, self.geometry, reader, self.acquisition)

    def point(self, i: float, j: float, k: float) -> tuple[float, float, float]:
        """A voxel in the patient (LPS, mm)."""
        x, y, z = (float(n) for n in self.geometry.ijk_to_lps((i, j, k)))
        return x, y, z


def nifti(path: Path) -> Image:
    """A NIfTI file; its headers say nothing more than CT."""
    values, geometry = read_nifti(path)
    return Image(values.astype(np.float32), geometry)


def dicom(path: Path) -> Image:
    """The longest stack of a folder or ZIP that makes a volume."""
    with tempfile.TemporaryDirectory(prefix="overread-") as workspace:
        found = scan([path], workspace=Path(workspace))
        stacks = [
            (len(stack.frames), study, series, stack)
            for study in group(found.records)
            for series in study.series
            for stack in series.stacks
            if stack.geometry is not None and series.modality == "CT"
        ]
        _, study, series, stack = max(stacks, key=lambda row: row[0])
        volume = assemble_volume(study, series, stack)
        values = np.array(volume.modality_values(), dtype=np.float32)
    made = Acquisition(
        "CT", slice_thickness_mm=stack.geometry.spacing_ijk[2] if stack.geometry else None
    )
    return Image(values, volume.geometry, made)


def ran(analysis: str, given: AnalysisInput) -> AnalysisOutput | str:
    """What the analysis makes of it, or the sentence with which it refuses."""
    try:
        return find_analysis(analysis)(given)
    except AppError as error:
        return error.message


def dice(found: npt.NDArray[Any], true: npt.NDArray[Any]) -> float:
    """2 |A and B| / (|A| + |B|)."""
    both = int(np.count_nonzero(found.astype(bool) & true.astype(bool)))
    return 2 * both / max(1, int(np.count_nonzero(found)) + int(np.count_nonzero(true)))


def number(made: AnalysisOutput, kind: str, label: int | None = None) -> float | None:
    """The value of a number of the analysis."""
    return next((m.value for at, m in made.numbers if m.kind == kind and label in (None, at)), None)
