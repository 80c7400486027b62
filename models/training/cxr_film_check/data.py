"""Good films with their lungs, and pictures that are none, as arrays.

    python -m models.training.cxr_film_check.data SHARED_DATA LUNG_FIELD_PACK WORK

``films.npz``: films [n, 320, 320] uint8 as ``cxr_lung_fields.data`` makes them, size [n, 2] of
the film on its canvas (rows, columns), lungs [n, 320, 320] (0 where unknown), group (0 child,
1 adult, 2 demonstration), split (0 train, 1 calibration, 2 test; by patient).
``negatives.npz``: pictures on the same canvas, their sizes, kinds and splits.
Lungs of adults are those that the lung-field pack finds: there are no masks of adults.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from app.demo.mediastinum import NATIVE
from app.demo.radiograph import FilmPlan, expose
from app.demo.thorax import Visit
from models.training.cxr_film_check.negatives import Negative, negatives, shown
from models.training.cxr_film_check.splits import TEST, TRAIN, adult_split, child_split
from models.training.cxr_lung_fields.data import normalised, on_canvas
from models.training.films import LungFinder, Picture, archive, gray, index, rows_of

CHILD, ADULT, DEMONSTRATION = 0, 1, 2


def phantom_films() -> list[tuple[Picture, Picture]]:
    """Films and lungs of the demonstration patient under other breath, fluid and exposure.

    The film of the demonstration study itself is not among them.
    """
    made = []
    for seed, (shift, fluid, photons) in enumerate(
        [(-12, 0, 3e4), (-2, 12, 6e4), (4, 34, 9e4), (10, 0, 6e4), (16, 20, 4e4), (0, 0, 2e4)]
    ):
        plan = FilmPlan(
            pixel_mm=0.9, sample_x_mm=1.2, sample_y_mm=3.0, slice_mm=1.8,
            photons=photons, seed=100 + seed,
        )  # fmt: skip
        film = expose(Visit(True, NATIVE, float(shift), float(fluid), 0.0), plan)
        made.append((shown(film.values), shown(film.labels) // 127))
    return made


def _stack(found: list[Negative], target: Path) -> None:
    np.savez(
        target,
        films=np.stack([on_canvas(item.picture) for item in found]),
        size=np.array([item.picture.shape for item in found]),
        kind=np.array([item.kind for item in found]),
        split=np.array([TEST if item.is_test else TRAIN for item in found]),
    )


def main(shared: Path, pack: Path, work: Path) -> None:
    """Write films.npz and negatives.npz."""
    films, lungs, group, split = [], [], [], []
    rows = rows_of(shared / "cxr-lungs" / "lungs.csv")
    film_of = archive(shared / "cxr-lungs" / "images.zip")
    mask_of = archive(shared / "cxr-lungs" / "masks.zip")
    for row in rows:
        films.append(normalised(gray(film_of(row["image"]))))
        lungs.append(index(mask_of(row["mask"])))
        group.append(CHILD)
        split.append(child_split(row))
    finder = LungFinder(pack)
    film_of = archive(shared / "cxr-adult-unlabelled" / "images.zip")
    for row in rows_of(shared / "cxr-adult-unlabelled" / "films.csv"):
        film = normalised(gray(film_of(row["image"])))
        films.append(film)
        lungs.append(finder.lungs(film))
        group.append(ADULT)
        split.append(adult_split(row))
    for film, mask in phantom_films():
        films.append(film)
        lungs.append(mask)
        group.append(DEMONSTRATION)
        split.append(TRAIN)
    np.savez(
        work / "films.npz",
        films=np.stack([on_canvas(film) for film in films]),
        lungs=np.stack([on_canvas(mask) for mask in lungs]),
        size=np.array([film.shape for film in films]),
        group=np.array(group),
        split=np.array(split),
    )
    _stack(list(negatives(shared)), work / "negatives.npz")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
