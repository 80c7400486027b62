"""Which film is for what; by patient."""

from __future__ import annotations

from models.training.films import share_of

TRAIN, CALIBRATION, TEST = 0, 1, 2
SALT = "film-check"


def child_split(row: dict[str, str]) -> int:
    """Of a row of lungs.csv: what is held out there is the test here."""
    if row["split"] == "val":
        return TEST
    return CALIBRATION if share_of(row["patient_id"], SALT) < 0.08 else TRAIN


def adult_split(row: dict[str, str]) -> int:
    """Of a row of films.csv."""
    share = share_of(row["patient_id"], SALT)
    return TEST if share < 0.35 else CALIBRATION if share < 0.45 else TRAIN
