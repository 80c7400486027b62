"""Calibration and thresholds from the calibration patients, written into the manifest.

    python -m models.training.cxr_pneumonia_children.calibrate SHARED_DATA PACK

Their films trained nothing. Platt's line through the logits; thresholds for 95 % sensitivity, for
sensitivity equal to specificity, and for 95 % specificity, on the calibrated scale.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from models.training import figures
from models.training.cxr_pneumonia_children.data import CALIBRATION
from models.training.cxr_pneumonia_children.evaluate import OPACITY, films_of, score
from models.training.pack import Pack
from models.training.sealing import weights_hash, write_manifest

POPULATION = "children of 1 to 5 years, one hospital, AP films, patients that trained nothing"


def main(shared: Path, folder: Path) -> None:
    """Replace calibration and operating points; ``evaluate`` and ``seal`` add what they reach."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest.pop("calibration", None)
    manifest["operating_points"], manifest["default_operating_point"] = [], ""
    write_manifest(folder, manifest)
    films = films_of(shared, CALIBRATION)
    pack = Pack(folder)
    scores = np.clip([score(pack, film) for film in films], 1e-7, 1 - 1e-7)
    logits = np.log(scores / (1 - scores))
    ill = np.array([film.cause != "" for film in films])
    slope, shift = figures.platt(logits, ill)
    chances = 1 / (1 + np.exp(-(slope * logits + shift)))
    weights = weights_hash(manifest)
    manifest["calibration"] = {
        "method": "platt",
        "params": [round(slope, 5), round(shift, 5)],
        "weights_sha256": weights,
    }
    thresholds = {
        "95 % sensitivity": figures.threshold_for_sensitivity(chances, ill, 0.95),
        "balanced": figures.balanced_threshold(chances, ill),
        "95 % specificity": figures.threshold_for_specificity(chances, ill, 0.95),
    }
    manifest["operating_points"] = [
        {
            "name": name,
            "finding": OPACITY,
            "threshold": round(threshold, 4),
            "population": POPULATION,
            "source": f"{len(films)} films of the calibration patients, {int(ill.sum())} ill",
            "weights_sha256": weights,
        }
        for name, threshold in thresholds.items()
    ]
    manifest["default_operating_point"] = "balanced"
    write_manifest(folder, manifest)
    print(f"area {figures.area_under(chances, ill):.4f}, slope {slope:.3f}, shift {shift:.3f}")
    print(f"calibration error {figures.calibration_error(chances, ill):.3f}, {thresholds}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
