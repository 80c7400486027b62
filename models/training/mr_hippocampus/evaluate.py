"""Measures the shipped pack through the program's own pipeline.

    python -m models.training.mr_hippocampus.evaluate SHARED_DATA_FOLDER PACK_FOLDER OUT.json

The held-out crops (45 of 30 subjects, see data.py) have outlines: Dice, volumes, surface distance.
They are given as NIfTI gives them, one image each, so that what is measured is what a user gets.
``whole_head.py`` is about finding the place.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from app.core.errors import AppError
from app.core.geometry import Geometry
from app.imaging.nifti import read_nifti
from app.inference.localized import run_localized
from app.inference.manifest import parse_manifest
from app.inference.ort_session import ModelSession, SessionPlan
from app.inference.pipeline import PipelineOutput
from app.inference.preprocess import ModelInput
from models.training.mr_hippocampus.data import Crop, load

ANTERIOR, POSTERIOR = 5, 6  # the labels of a crop whose side is not known
# the crops' axes run to the right, the front and the head
GRID = (-1, 0, 0, 0, -1, 0, 0, 0, 1)
Change = Callable[[Crop], Crop]


class Pack:
    """The pack, run in this process."""

    def __init__(self, folder: Path, threads: int = 2) -> None:
        self.manifest = parse_manifest((folder / "manifest.json").read_bytes())
        weights = (folder / self.manifest.graph.file).read_bytes()
        self._session = ModelSession(weights, SessionPlan(device="cpu", threads=threads))
        plan = self.manifest.input.localizer
        if plan is None:
            raise SystemExit("the pack has no localiser")
        self._template = read_nifti(folder / plan.template)[0].astype(np.float32)

    def run(self, image: ModelInput) -> PipelineOutput:
        """Masks, flags, notes. Raises ``ResultRefused``."""
        return run_localized(self.manifest, self._session, image, self._template)

    def labels(self, crop: Crop) -> np.ndarray:
        """The labelmap (0, 1, 2) of a crop."""
        size = crop.values.shape[::-1]
        grid = Geometry.from_arrays(size, (1, 1, 1), (0, 0, 0), GRID, "")
        masks = self.run(ModelInput(crop.values, geometry=grid)).masks
        return masks[ANTERIOR] * 1 + masks[POSTERIOR] * 2


def unchanged(crop: Crop) -> Crop:
    """As it is."""
    return crop


def mirrored(crop: Crop) -> Crop:
    """The other side."""
    return Crop(crop.id, crop.values[:, :, ::-1].copy(), crop.labels[:, :, ::-1].copy())


def noisy(crop: Crop) -> Crop:
    """Noise of 5 % of the range."""
    random = np.random.default_rng(len(crop.values))
    low, high = np.percentile(crop.values, (1, 99))
    noise = random.normal(0, 0.05 * (high - low), crop.values.shape)
    return Crop(crop.id, (crop.values + noise).astype(np.float32), crop.labels)


def uneven(crop: Crop) -> Crop:
    """A field that rises by half from one end to the other."""
    ramp = np.linspace(0.8, 1.2, crop.values.shape[1])[None, :, None]
    return Crop(crop.id, (crop.values * ramp).astype(np.float32), crop.labels)


def turned(degrees: float) -> Change:
    """Turned about the left-right axis around the middle; the edge goes on."""

    def change(crop: Crop) -> Crop:
        image, labels = (sitk.GetImageFromArray(a) for a in (crop.values, crop.labels))
        turn = sitk.Euler3DTransform()
        turn.SetCenter(image.TransformContinuousIndexToPhysicalPoint(
            [(n - 1) / 2 for n in image.GetSize()]))  # fmt: skip
        turn.SetRotation(np.radians(degrees), 0, 0)
        resample = sitk.ResampleImageFilter()
        resample.SetReferenceImage(image)
        resample.SetTransform(turn)
        resample.SetUseNearestNeighborExtrapolator(True)
        values = sitk.GetArrayFromImage(resample.Execute(image))
        truth = sitk.GetArrayFromImage(
            sitk.Resample(labels, image, turn, sitk.sitkNearestNeighbor, 0)
        )
        return Crop(crop.id, values, truth)

    return change


def dice(a: np.ndarray, b: np.ndarray) -> float:
    """Dice coefficient; 1 where both are empty."""
    total = int(a.sum()) + int(b.sum())
    return 1.0 if total == 0 else float(2 * (a & b).sum() / total)


def surface_distances(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Mean and 95th percentile (mm) of the distances of each surface from the other."""
    rows = []
    for first, second in ((a, b), (b, a)):
        image = sitk.GetImageFromArray(second.astype(np.uint8))
        away = sitk.GetArrayFromImage(
            sitk.SignedMaurerDistanceMap(sitk.LabelContour(image), False, False, True)
        )
        edge = sitk.GetArrayFromImage(
            sitk.LabelContour(sitk.GetImageFromArray(first.astype(np.uint8)))
        )
        rows.append(np.abs(away)[edge > 0])
    distances = np.concatenate(rows)
    return float(distances.mean()), float(np.percentile(distances, 95))


def measure(pack: Pack, crops: list[Crop], change: Change) -> dict[str, object]:
    """Dice, volume error (%), surface distances (mm) over crops; refused ones are counted."""
    rows, refused = [], []
    for crop in map(change, crops):
        try:
            found = pack.labels(crop)
        except AppError as error:
            refused.append(f"{crop.id}: {error.message}")
            continue
        truth = crop.labels
        errors = [
            100.0 * (float(p.sum()) / float(t.sum()) - 1.0)
            for p, t in ((found > 0, truth > 0), (found == 1, truth == 1), (found == 2, truth == 2))
        ]
        rows.append(
            (
                dice(found > 0, truth > 0),
                dice(found == 1, truth == 1),
                dice(found == 2, truth == 2),
                *errors,
                *surface_distances(found > 0, truth > 0),
            )
        )
    table = np.array(rows)
    report: dict[str, object] = {"n": len(rows), "refused": refused}
    for n, part in enumerate(("whole", "anterior", "posterior")):
        column, error = table[:, n], table[:, 3 + n]
        report[part] = {
            "dice_mean": round(float(column.mean()), 4),
            "dice_p5": round(float(np.percentile(column, 5)), 4),
            "dice_min": round(float(column.min()), 4),
            "volume_error_mean_absolute_percent": round(float(np.abs(error).mean()), 2),
            "volume_bias_percent": round(float(error.mean()), 2),
            "volume_error_sd_percent": round(float(error.std(ddof=1)), 2),
            "volume_error_worst_percent": round(float(np.abs(error).max()), 2),
        }
    report["surface_distance_mean_mm"] = round(float(table[:, 6].mean()), 3)
    report["surface_distance_p95_mean_mm"] = round(float(table[:, 7].mean()), 3)
    return report


def main(shared: Path, folder: Path, target: Path) -> None:
    """Measure and write one JSON file."""
    pack = Pack(folder)
    crops = load(shared, "held-out")
    started = time.monotonic()
    report: dict[str, object] = {"held-out crops": measure(pack, crops, unchanged)}
    report["seconds per crop"] = round((time.monotonic() - started) / len(crops), 2)
    scanner = {
        "stored as uint8": [c for c in crops if float(c.values.max()) <= 255.0],
        "stored as float": [c for c in crops if float(c.values.max()) > 255.0],
    }
    for name, some in scanner.items():
        if len(some) > 1:
            report[f"held-out crops, {name}"] = measure(pack, some, unchanged)
    changes: dict[str, Change] = {
        "mirrored": mirrored,
        "noise of 5 %": noisy,
        "uneven field of 50 %": uneven,
        "turned by -15 degrees": turned(-15),
        "turned by +15 degrees": turned(15),
    }
    for name, change in changes.items():
        report[f"every third held-out crop, {name}"] = measure(pack, crops[::3], change)
    text = json.dumps(report, indent=1)
    target.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
