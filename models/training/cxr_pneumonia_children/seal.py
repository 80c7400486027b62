"""Finishes the pack: golden sample made in code, measured rates, sizes and hashes.

    python -m models.training.cxr_pneumonia_children.seal PACK [pneumonia-held-out.json]

The golden film is the program's own demonstration radiograph. It is of an adult: the sample shows
that the graph computes what it did here, and is no example of its use.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from models.training.cxr_lung_fields.seal import golden_film
from models.training.sealing import write_golden, write_manifest


def fill_points(manifest: dict[str, Any], report: dict[str, Any]) -> None:
    """What each threshold reaches on the held-out films, and the card's figures."""
    held = report["held-out"]
    for point in manifest["operating_points"]:
        found = held["points"][point["name"]]
        for key in ("sens", "spec"):
            value, low, high = found[key]
            point[key] = {"value": value, "low": low, "high": high}
        point["n"] = held["films"]
        point["prevalence"] = round(held["ill"] / held["films"], 4)
    manifest["model_card"]["subgroup_results"] = [
        {"group": name, "metric": "area under the ROC curve", "value": row["area"],
         "n": row["films"]}
        for name, row in report.items() if name.startswith("held-out")
    ]  # fmt: skip


def main(folder: Path, evaluation: Path | None = None) -> None:
    """Golden first, so that it stands on the same weights as the rates."""
    write_golden(folder, golden_film().pixels)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    if evaluation is not None:
        fill_points(manifest, json.loads(evaluation.read_text(encoding="utf-8")))
    write_manifest(folder, manifest)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
