"""The films as arrays: decoded once, normalised as the shipped pack does it, on square canvases.

Films are normalised to their own 1st and 99th percentile (0..255 here) and centred on a black
canvas of 320 pixels; the masks hold 0 background, 1 right lung (image left), 2 left lung.

    python data.py SHARED_DATA_FOLDER WORK_FOLDER
"""

from __future__ import annotations

import csv
import io
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

CANVAS = 320
Films = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Children:
    """Labelled films [n, 320, 320], their masks and which of them are held out (by patient)."""

    films: Films
    masks: Films
    is_held_out: npt.NDArray[np.bool_]


def normalised(film: npt.NDArray[np.uint8]) -> Films:
    """1st to 99th percentile of the film to 0..255."""
    low, high = np.percentile(film, (1, 99))
    scaled = np.clip((film - low) / max(high - low, 1.0), 0.0, 1.0)
    return np.asarray(scaled * 255, np.uint8)


def on_canvas(image: Films) -> Films:
    """Centred on a black square; the long side of the given films is 320 already."""
    canvas = np.zeros((CANVAS, CANVAS), np.uint8)
    height, width = image.shape
    top, left = (CANVAS - height) // 2, (CANVAS - width) // 2
    canvas[top : top + height, left : left + width] = image
    return canvas


def _pictures(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as file:
        names = [name for name in file.namelist() if not name.endswith("/")]
        return {Path(name).name: file.read(name) for name in names}


def _gray(data: bytes) -> Films:
    return np.array(Image.open(io.BytesIO(data)).convert("L"))


def _index(data: bytes) -> Films:
    return np.array(Image.open(io.BytesIO(data)))


def prepare(shared: Path, work: Path) -> None:
    """Write children.npz and adults.npz to ``work``."""
    folder = shared / "cxr-lungs"
    rows = list(csv.DictReader((folder / "lungs.csv").open(encoding="utf-8")))
    films, masks = _pictures(folder / "images.zip"), _pictures(folder / "masks.zip")
    np.savez(
        work / "children.npz",
        films=np.stack([on_canvas(normalised(_gray(films[row["image"]]))) for row in rows]),
        masks=np.stack([on_canvas(_index(masks[row["mask"]])) for row in rows]),
        is_held_out=np.array([row["split"] == "val" for row in rows]),
    )
    folder = shared / "cxr-adult-unlabelled"
    rows = list(csv.DictReader((folder / "films.csv").open(encoding="utf-8")))
    films = _pictures(folder / "images.zip")
    np.savez(
        work / "adults.npz",
        films=np.stack([on_canvas(normalised(_gray(films[row["image"]]))) for row in rows]),
    )


def load_children(work: Path) -> Children:
    """The labelled films that ``prepare`` wrote."""
    data = np.load(work / "children.npz")
    return Children(data["films"], data["masks"], data["is_held_out"])


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), Path(sys.argv[2]))
