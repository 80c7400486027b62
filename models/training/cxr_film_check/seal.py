"""Finishes the pack: golden sample made in code, measured rates, sizes and hashes.

    python -m models.training.cxr_film_check.seal PACK [EVALUATION.json ...]

The golden film is the program's own demonstration radiograph, mirrored.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from models.training import figures
from models.training.cxr_film_check.evaluate import (
    CUT_OFF,
    HALF,
    INVERTED,
    MIRRORED,
    NOT_CHEST,
    QUARTER,
    THREE_QUARTERS,
    merged,
    mirrored,
)
from models.training.cxr_lung_fields.seal import golden_film
from models.training.sealing import write_golden, write_manifest

_HITS = {
    QUARTER: ("turned by 90", "turned by 90"),
    HALF: ("turned by 180", "turned by 180"),
    THREE_QUARTERS: ("turned by 270", "turned by 270"),
    MIRRORED: ("mirrored", "mirrored"),
    INVERTED: ("inverted", "inverted"),
    CUT_OFF: ("30% of a lung cut off, bottom", "cut off"),
    NOT_CHEST: ("", "no chest film"),
}


def fill_points(manifest: dict[str, Any], report: dict[str, Any]) -> None:
    """Sensitivity and specificity of each head over both groups of test films."""
    groups = [report["children"], report["adults"]]
    good = [group["alarms on good films"] for group in groups]
    for point in manifest["operating_points"]:
        name, alarm = _HITS[point["finding"]]
        rates = [group[name] for group in groups] if name else [report["no chest film"]["all"]]
        point["sens"] = _metric(sum(r["hits"] for r in rates), sum(r["n"] for r in rates))
        count = sum(row["n"] for row in good)
        point["spec"] = _metric(count - sum(row["by head"][alarm] for row in good), count)
        point["n"] = count


def _metric(hits: int, n: int) -> dict[str, float]:
    value, low, high = figures.wilson(hits, n)
    return {"value": round(value, 4), "low": round(low, 4), "high": round(high, 4)}


def main(folder: Path, *evaluations: Path) -> None:
    """Golden first, so that it stands on the same weights as the rates."""
    write_golden(folder, mirrored(golden_film().pixels))
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    report: dict[str, Any] = {}
    for path in evaluations:
        report = merged(report, json.loads(path.read_text(encoding="utf-8")))
    if report:
        fill_points(manifest, report)
    write_manifest(folder, manifest)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
