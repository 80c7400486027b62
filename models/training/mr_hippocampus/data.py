"""The crops as arrays, split by subject.

Cases 2k-1 and 2k of MSD Task04 are the two hippocampi of one subject, brought to one side: over the
56 such pairs here the best normalised correlation of the images is 0.69 in the median, 0.53 for the
55 neighbours that are no pair. The split column of the given table parts 13 of these pairs, so the
held-out set is every case of that column's ``val`` **and its partner** (45 cases of 30 subjects);
of the other subjects every twelfth is for choices during training ("dev").

    python data.py SHARED_DATA_FOLDER WORK_FOLDER
"""

from __future__ import annotations

import csv
import gzip
import io
import struct
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.uint8]
_DTYPES = {2: "<u1", 4: "<i2", 8: "<i4", 16: "<f4", 64: "<f8"}
_DEV_EVERY = 12


@dataclass(frozen=True)
class Crop:
    """One crop: values and labels [z, y, x], 1 mm, axes to superior, anterior and one side."""

    id: str
    values: Array
    labels: Labels


def subject_of(case: str) -> int:
    """``hippocampus_003`` and ``_004`` are subject 2."""
    return (int(case.rsplit("_", 1)[1]) + 1) // 2


def parts(rows: list[dict[str, str]]) -> dict[str, list[str]]:
    """Case ids of ``train``, ``dev`` and ``held-out``; no subject is in two of them."""
    held_out = {subject_of(row["id"]) for row in rows if row["split"] == "val"}
    others = sorted({subject_of(row["id"]) for row in rows} - held_out)
    dev = set(others[::_DEV_EVERY])
    result: dict[str, list[str]] = {"train": [], "dev": [], "held-out": []}
    for row in rows:
        subject = subject_of(row["id"])
        name = "held-out" if subject in held_out else "dev" if subject in dev else "train"
        result[name].append(row["id"])
    return result


def read_nifti(data: bytes) -> npt.NDArray[np.generic]:
    """Voxels [z, y, x] of a little-endian NIfTI-1 file whose axes are those of the patient."""
    raw = gzip.decompress(data)
    shape = struct.unpack("<8h", raw[40:56])[1:4]
    dtype = np.dtype(_DTYPES[struct.unpack("<h", raw[70:72])[0]])
    start = int(struct.unpack("<f", raw[108:112])[0])
    count = shape[0] * shape[1] * shape[2]
    return np.frombuffer(raw, dtype, count, start).reshape(shape[::-1])


def table(shared: Path) -> list[dict[str, str]]:
    """The rows of the given table."""
    path = shared / "mr-hippocampus" / "hippocampus.csv"
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def load(shared: Path, part: str | None = None) -> list[Crop]:
    """The crops of one part, or all."""
    rows = table(shared)
    wanted = {row["id"] for row in rows} if part is None else set(parts(rows)[part])
    archive = zipfile.ZipFile(io.BytesIO((shared / "mr-hippocampus/hippocampus.zip").read_bytes()))
    return [
        Crop(
            row["id"],
            read_nifti(archive.read(row["image"])).astype(np.float32),
            read_nifti(archive.read(row["label"])).astype(np.uint8),
        )
        for row in rows
        if row["id"] in wanted
    ]


def normalised(values: Array) -> Array:
    """Clipped to the 0.5th and 99.5th percentile, then mean 0 and deviation 1."""
    low, high = np.percentile(values, (0.5, 99.5))
    clipped = np.clip(values, low, high)
    return np.asarray((clipped - clipped.mean()) / max(float(clipped.std()), 1e-6), np.float32)


if __name__ == "__main__":
    for name, cases in parts(table(Path(sys.argv[1]))).items():
        print(name, len(cases), "cases", len({subject_of(case) for case in cases}), "subjects")
