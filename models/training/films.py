"""What the trainings on chest films share: reading the archives, and splits by patient.

Normalisation and canvas are those of ``cxr_lung_fields.data``.
"""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
from PIL import Image

LUNG_INPUT = 256
Picture = npt.NDArray[np.uint8]


def rows_of(table: Path) -> list[dict[str, str]]:
    """The rows of a CSV file with a heading."""
    with table.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def archive(path: Path) -> Callable[[str], bytes]:
    """A reader of the ZIP's files by their bare names."""
    file = zipfile.ZipFile(path)
    names = {Path(name).name: name for name in file.namelist() if not name.endswith("/")}
    return lambda name: file.read(names[name])


def gray(data: bytes) -> Picture:
    """A film of 8 bit."""
    return np.array(Image.open(io.BytesIO(data)).convert("L"))


def index(data: bytes) -> Picture:
    """A mask whose values are label numbers."""
    return np.array(Image.open(io.BytesIO(data)))


def share_of(patient: str, salt: str) -> float:
    """A number in 0..1 that depends on the patient only: splits by it never part a patient."""
    digest = hashlib.sha256(f"{salt}:{patient}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32


class LungFinder:
    """The lung-field pack's graph, for films without a mask."""

    def __init__(self, pack: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(pack / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )

    def lungs(self, film: Picture) -> Picture:
        """1 right, 2 left lung on the film's own grid; the film is normalised."""
        square = Image.fromarray(film).resize((LUNG_INPUT, LUNG_INPUT), Image.Resampling.BILINEAR)
        values = np.asarray(square, np.float32)[None, None] / 255
        (logits,) = self._session.run(None, {"film": values})
        found = Image.fromarray(logits[0].argmax(0).astype(np.uint8))
        height, width = film.shape
        return np.array(found.resize((width, height), Image.Resampling.NEAREST))
