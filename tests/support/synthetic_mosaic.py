"""Siemens mosaics with known answers: the slices of a volume in one picture."""

from __future__ import annotations

import math
import struct
from collections.abc import Container
from pathlib import Path

import numpy as np

from tests.support.synthetic_dicom import (
    MRImageStorage,
    SeriesSpec,
    base_dataset,
    put_pixels,
    save,
    slice_points_lps,
)


def csa_header(values: dict[str, list[str]]) -> bytes:
    """A CSA header of the second kind (SV10) that holds ``values``."""
    parts = [b"SV10\x04\x03\x02\x01", struct.pack("<II", len(values), 77)]
    for name, texts in values.items():
        parts.append(struct.pack("<64si4siii", name.encode(), 1, b"FD\0\0", 4, len(texts), 77))
        for text in texts:
            data = text.encode() + b"\0"
            parts.append(struct.pack("<4i", len(data), len(data), 77, len(data)))
            parts.append(data + b"\0" * (-len(data) % 4))
    return b"".join(parts)


def write_mosaic(
    path: Path,
    spec: SeriesSpec,
    *,
    reversed_slices: bool = False,
    states: Container[str] = ("number", "direction"),
    time_point: int = 1,
) -> Path:
    """One mosaic of ``spec``; with ``reversed_slices`` they follow each other against the normal.

    ``states``: what the private elements tell, the number of slices and their direction.
    """
    ds = base_dataset(MRImageStorage, study=spec.study, series=spec.name, instance=time_point)
    per_row = math.ceil(math.sqrt(spec.count))
    picture = np.zeros((per_row * spec.rows, per_row * spec.columns), np.int16)
    row, column = np.asarray(spec.orientation[:3]), np.asarray(spec.orientation[3:])
    normal = np.cross(row, column)
    sign = -1.0 if reversed_slices else 1.0
    origins = []
    for n in range(spec.count):
        origin, points = slice_points_lps(spec, sign * n * spec.step_mm)
        top, left = n // per_row * spec.rows, n % per_row * spec.columns
        tile = np.s_[top : top + spec.rows, left : left + spec.columns]
        picture[tile] = np.round(spec.values(points)).astype(np.int16) + time_point
        origins.append(origin)
    # The scanner states the corner of a picture of this size around the centre of the slices.
    corner = (
        origins[0]
        - row * spec.pixel_spacing[1] * (per_row - 1) * spec.columns / 2
        - column * spec.pixel_spacing[0] * (per_row - 1) * spec.rows / 2
    )
    ds.Modality, ds.Manufacturer = "MR", "SIEMENS"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
    ds.InstanceNumber = ds.AcquisitionNumber = time_point
    ds.ImagePositionPatient = [f"{v:.8f}"[:16] for v in corner]
    ds.ImageOrientationPatient = [f"{v:.10f}"[:16] for v in spec.orientation]
    ds.PixelSpacing = list(spec.pixel_spacing)
    ds.SpacingBetweenSlices, ds.SliceThickness = spec.step_mm, 99.0
    if "number" in states:
        block = ds.private_block(0x0019, "SIEMENS MR HEADER", create=True)
        block.add_new(0x0A, "US", spec.count)
    if "direction" in states:
        header = {"SliceNormalVector": [f"{v:.8f}" for v in normal * sign]}
        if "number" in states:
            header["NumberOfImagesInMosaic"] = [str(spec.count)]
        block = ds.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
        block.add_new(0x10, "OB", csa_header(header))
    put_pixels(ds, picture)
    return save(ds, path)
