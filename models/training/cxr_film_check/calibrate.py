"""Thresholds from the calibration films, written into the manifest.

    python -m models.training.cxr_film_check.calibrate SHARED_DATA LUNG_FIELD_PACK PACK

Per head the lowest threshold, 0.5 at least, that at most three in a thousand good calibration
films reach (mirrored: twelve, because a threshold above one half would cost as many mirrored films
as it spares good ones); their patients trained nothing and are not in the test.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from models.training.cxr_film_check.evaluate import (
    CHANGES,
    CUT_OFF,
    MIRRORED,
    NOT_CHEST,
    cut,
    films_of,
)
from models.training.cxr_film_check.splits import CALIBRATION
from models.training.pack import Pack
from models.training.sealing import weights_hash, write_manifest

FALSE_ALARMS = 0.003
OF_MIRRORED = 0.012
HIGHEST = 0.97
POINT = "few false alarms"


def main(shared: Path, lung_pack: Path, folder: Path) -> None:
    """Replace the operating points."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["operating_points"], manifest["default_operating_point"] = [], ""
    write_manifest(folder, manifest)
    pack = Pack(folder)
    good = [film for film in films_of(shared, lung_pack, CALIBRATION) if film.is_whole]
    scores = np.array([pack.scores(film.pixels) for film in good])
    points = []
    for head in range(1, NOT_CHEST + 1):
        own = np.sort(scores[:, head - 1])[::-1]
        allowed = int((OF_MIRRORED if head == MIRRORED else FALSE_ALARMS) * len(good))
        threshold = min(HIGHEST, max(0.5, float(own[allowed]) + 0.005))
        points.append(
            {
                "name": POINT,
                "finding": head,
                "threshold": round(threshold, 4),
                "population": "frontal films of children of 1 to 5 years and of adults",
                "source": f"{len(good)} good films of the calibration patients",
                "weights_sha256": weights_hash(manifest),
            }
        )
        print(head, [round(float(v), 3) for v in own[:6]], round(threshold, 3), flush=True)
    manifest["operating_points"], manifest["default_operating_point"] = points, POINT
    write_manifest(folder, manifest)
    thresholds = [point["threshold"] for point in points]
    some = good[::4]
    for name, (change, wanted) in list(CHANGES.items())[:5]:
        made = np.array([pack.scores(change(film.pixels)) for film in some])
        hit = [(made[:, head - 1] >= thresholds[head - 1]).mean() for head in wanted]
        print(name, [round(float(value), 3) for value in hit], flush=True)
    films = [cut(film, "bottom", 0.2) for film in some]
    made = np.array([pack.scores(film) for film in films if film is not None])
    print("cut", round(float((made[:, CUT_OFF - 1] >= thresholds[CUT_OFF - 1]).mean()), 3))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
