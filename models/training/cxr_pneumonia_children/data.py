"""The films as wide views around the lungs, with class and split by patient.

    python -m models.training.cxr_pneumonia_children.data SHARED_DATA LUNG_FIELD_PACK WORK

``views.npz``: films [n, 320, 320] uint8 around the lung box (1.5 times as wide and high, black
outside the film), class (0 normal, 1 bacterial, 2 viral), split (0 train, 1 calibration, 2 held
out; by patient, calibration taken from the training patients). The lungs are those of the masks
that come with the films, else of the lung-field pack.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from models.training.cxr_lung_fields.data import normalised
from models.training.cxr_pneumonia_children.box import Box, box_of
from models.training.films import LungFinder, Picture, archive, gray, index, rows_of, share_of

SIDE = 320
WIDER = 1.5
CALIBRATION_SHARE = 0.12
CAUSES = {"": 0, "bacterial": 1, "viral": 2}
TRAIN, CALIBRATION, HELD_OUT = 0, 1, 2


def split_of(row: dict[str, str]) -> int:
    """Of a row of pneumonia.csv."""
    if row["split"] == "val":
        return HELD_OUT
    is_calibration = share_of(row["patient_id"], "calibration") < CALIBRATION_SHARE
    return CALIBRATION if is_calibration else TRAIN


def wide_view(film: Picture, box: Box) -> Picture:
    """The film around ``box`` (its pixels), stretched to 320 x 320, black outside the film."""
    pad = max(film.shape)
    padded = Image.fromarray(np.pad(film, pad))
    half_width, half_height = box.half_width * WIDER, box.half_height * WIDER
    area = (
        box.x - half_width + pad, box.y - half_height + pad,
        box.x + half_width + pad, box.y + half_height + pad,
    )  # fmt: skip
    return np.array(padded.resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=area))


def main(shared: Path, pack: Path, work: Path) -> None:
    """Write views.npz."""
    rows = rows_of(shared / "cxr-pneumonia-children" / "pneumonia.csv")
    masked = {row["image"]: row["mask"] for row in rows_of(shared / "cxr-lungs" / "lungs.csv")}
    film_of = archive(shared / "cxr-lungs" / "images.zip")
    mask_of = archive(shared / "cxr-lungs" / "masks.zip")
    finder = LungFinder(pack)
    views = np.zeros((len(rows), SIDE, SIDE), np.uint8)
    for number, row in enumerate(rows):
        film = normalised(gray(film_of(row["image"])))
        name = masked.get(row["image"])
        lungs = index(mask_of(name)) > 0 if name else finder.lungs(film) > 0
        if lungs.mean() < 0.03:
            print(f"{row['image']}: hardly any lung found, the whole film is taken")
            lungs = np.ones_like(lungs)
        views[number] = wide_view(film, box_of(lungs))
    np.savez(
        work / "views.npz",
        views=views,
        cause=np.array([CAUSES[row["cause"]] for row in rows]),
        split=np.array([split_of(row) for row in rows]),
        patient=np.array([row["patient_id"] for row in rows]),
        image=np.array([row["image"] for row in rows]),
        squashed=np.array([row["aspect"] == "squashed" for row in rows]),
        detail=np.array([row["detail"] for row in rows]),
    )


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
