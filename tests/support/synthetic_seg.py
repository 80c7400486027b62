"""Segmentation objects written by hand, so that frames may lie in any order, place and number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pack_bits
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import SegmentationStorage

from app.core.geometry import Geometry
from tests.support.synthetic_dicom import base_dataset, save

LABELMAP_STORAGE = "1.2.840.10008.5.1.4.1.1.66.7"


@dataclass(frozen=True)
class SegFrame:
    """One frame: its segment (0 in a label map), pixels, and the slice of the grid it lies on."""

    segment: int
    pixels: np.ndarray
    k: float
    source: str = ""


@dataclass(frozen=True)
class SegSpec:
    """``grid`` is the raster of the frames, ``labels`` the names of segments 1, 2, ..."""

    grid: Geometry
    frames: Sequence[SegFrame]
    labels: Sequence[str] = ("liver",)
    kind: str = "BINARY"
    change: Callable[[Dataset], Any] | None = None
    study: str = "study"
    references: bool = False
    in_space: bool = True


def grid_of(headers: Sequence[Dataset]) -> Geometry:
    """The grid of ordinary slices, sorted along their normal."""
    first = headers[0]
    row, column = np.array(first.ImageOrientationPatient, dtype=float).reshape(2, 3)
    normal = np.cross(row, column)
    positions = sorted(
        (np.array(h.ImagePositionPatient, dtype=float) for h in headers), key=lambda p: p @ normal
    )
    step = float((positions[-1] - positions[0]) @ normal) / max(len(positions) - 1, 1)
    return Geometry.from_arrays(
        (first.Columns, first.Rows, len(positions)),
        (first.PixelSpacing[1], first.PixelSpacing[0], step or 1.0),
        positions[0],
        np.stack([row, column, normal], axis=1),
        first.FrameOfReferenceUID,
    )


def headers_of(paths: Sequence[Path]) -> list[Dataset]:
    """The headers of images, sorted by place."""
    headers = [pydicom.dcmread(path) for path in paths]
    normal = np.cross(*np.array(headers[0].ImageOrientationPatient, dtype=float).reshape(2, 3))
    return sorted(headers, key=lambda h: float(np.array(h.ImagePositionPatient, float) @ normal))


def write_segmentation(path: Path, spec: SegSpec) -> Path:
    """Write the object; frames stand in the file as they stand in ``spec.frames``."""
    sop_class = LABELMAP_STORAGE if spec.kind == "LABELMAP" else SegmentationStorage
    ds = base_dataset(sop_class, study=spec.study, series="SEG", instance=path.name)
    ds.Modality = "SEG"
    ds.SeriesDescription = "segmentation"
    ds.FrameOfReferenceUID = spec.grid.frame_of_reference_uid
    ds.Manufacturer, ds.ManufacturerModelName = "Other Maker", "Segmenter"
    ds.SoftwareVersions = "2.1"
    ds.ContentLabel, ds.ContentDescription = "SEG", "organs"
    ds.ContentDate, ds.ContentTime = "20260103", "111213"
    ds.InstanceNumber = 1
    ds.SegmentationType = spec.kind
    ds.SegmentSequence = DicomSequence(
        [_segment(number, label) for number, label in enumerate(spec.labels, 1)]
    )
    if spec.in_space:
        ds.SharedFunctionalGroupsSequence = DicomSequence([_shared(spec.grid)])
    ds.PerFrameFunctionalGroupsSequence = DicomSequence([_groups(spec, f) for f in spec.frames])
    stack = np.stack([frame.pixels for frame in spec.frames]).astype(np.uint8)
    ds.NumberOfFrames, ds.Rows, ds.Columns = (int(n) for n in stack.shape)
    ds.SamplesPerPixel, ds.PixelRepresentation = 1, 0
    ds.PhotometricInterpretation = "MONOCHROME2"
    if spec.kind == "BINARY":
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = 1, 1, 0
        ds.PixelData = pack_bits(stack.reshape(-1), pad=True)
    else:
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8, 8, 7
        raw = stack.tobytes()
        ds.PixelData = raw + b"\0" * (len(raw) % 2)
    ds["PixelData"].VR = "OB"
    if spec.kind == "FRACTIONAL":
        ds.SegmentationFractionalType, ds.MaximumFractionalValue = "PROBABILITY", 200
    if spec.change is not None:
        spec.change(ds)
    return save(ds, path)


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """A code sequence item."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _segment(number: int, label: str) -> Dataset:
    item = Dataset()
    item.SegmentNumber, item.SegmentLabel = number, label
    item.SegmentAlgorithmType, item.SegmentAlgorithmName = "AUTOMATIC", "LiverNet"
    item.SegmentedPropertyCategoryCodeSequence = DicomSequence(
        [code("T-D0050", "SRT", "Tissue") if number > 1 else code("49755003", "SCT", "Abnormal")]
    )
    item.SegmentedPropertyTypeCodeSequence = DicomSequence([code("T-62000", "SRT", "Liver")])
    item.RecommendedDisplayCIELabValue = [50006, 28618, 24178]
    return item


def _shared(grid: Geometry) -> Dataset:
    shared, measures, orientation = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = [grid.spacing_ijk[1], grid.spacing_ijk[0]]
    measures.SliceThickness = grid.spacing_ijk[2]
    measures.SpacingBetweenSlices = grid.spacing_ijk[2]
    shared.PixelMeasuresSequence = DicomSequence([measures])
    matrix = grid.direction_matrix
    orientation.ImageOrientationPatient = [*map(float, matrix[:, 0]), *map(float, matrix[:, 1])]
    shared.PlaneOrientationSequence = DicomSequence([orientation])
    return shared


def _groups(spec: SegSpec, frame: SegFrame) -> Dataset:
    groups, position, content = Dataset(), Dataset(), Dataset()
    if spec.in_space:
        place = spec.grid.ijk_to_lps((0, 0, frame.k))
        position.ImagePositionPatient = [float(f"{n:.6f}") for n in place]
        groups.PlanePositionSequence = DicomSequence([position])
    groups.FrameContentSequence = DicomSequence([content])
    if spec.kind != "LABELMAP":
        identification = Dataset()
        identification.ReferencedSegmentNumber = frame.segment
        groups.SegmentIdentificationSequence = DicomSequence([identification])
    if frame.source:
        source, derivation = Dataset(), Dataset()
        source.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        source.ReferencedSOPInstanceUID = frame.source
        derivation.SourceImageSequence = DicomSequence([source])
        groups.DerivationImageSequence = DicomSequence([derivation])
    return groups
