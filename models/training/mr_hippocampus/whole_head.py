"""Does the localiser find the same place again when the same head is given otherwise?

    python -m models.training.mr_hippocampus.whole_head PACK OUT.json HEAD.nii.gz [OTHER.nii.gz ...]

The first image is a T1 head (``overread volume`` writes one). It is turned, cropped, scaled,
mirrored, made noisy and uneven, resampled and stored along other axes; each time the middle of both
boxes is taken back and compared with that of the image as it is. There are no outlines of whole
heads in the development data: agreement is measured here, not truth. The other images are no T1
heads and must be refused.
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
from app.imaging.nifti import geometry_of, read_nifti, to_sitk
from app.inference.localized import without_gaps
from app.inference.preprocess import ModelInput
from models.training.mr_hippocampus.evaluate import Pack

Back = Callable[[np.ndarray], np.ndarray]  # a place (LPS) in the changed head, in the given one
Changed = tuple[sitk.Image, Back]
NO_IMAGE = -32768


def same(place: np.ndarray) -> np.ndarray:
    """The head did not move."""
    return place


def turned(head: sitk.Image, axis: int, degrees: float) -> Changed:
    """Turned about the middle of the image."""
    turn = sitk.Euler3DTransform()
    size = head.GetSize()
    turn.SetCenter(head.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in size]))
    angles = [0.0, 0.0, 0.0]
    angles[axis] = float(np.radians(degrees))
    turn.SetRotation(*angles)
    image = sitk.Resample(head, head, turn, sitk.sitkLinear, 0.0)
    return image, lambda place: np.array(turn.TransformPoint(place.tolist()))


def scaled(head: sitk.Image, factor: float) -> Changed:
    """A larger or smaller head: other spacing, other origin."""
    image = sitk.Image(head)
    image.SetSpacing([n * factor for n in head.GetSpacing()])
    image.SetOrigin([n * factor for n in head.GetOrigin()])
    return image, lambda place: place / factor


def cut(head: sitk.Image, low: tuple[int, int, int], high: tuple[int, int, int]) -> Changed:
    """Voxels cut off at the low and the high end of each axis of the image."""
    return sitk.Crop(head, low, high), same


def mirrored(head: sitk.Image) -> Changed:
    """Left and right exchanged in the patient (the axis most across is reversed)."""
    direction = np.array(head.GetDirection()).reshape(3, 3)
    across = int(np.argmax(np.abs(direction[0])))
    array = sitk.GetArrayFromImage(head)
    image = sitk.GetImageFromArray(np.flip(array, 2 - across).copy())
    image.CopyInformation(head)

    def back(place: np.ndarray) -> np.ndarray:
        index = list(head.TransformPhysicalPointToContinuousIndex(place.tolist()))
        index[across] = head.GetSize()[across] - 1 - index[across]
        return np.array(head.TransformContinuousIndexToPhysicalPoint(index))

    return image, back


def with_values(head: sitk.Image, change: Callable[[np.ndarray], np.ndarray]) -> Changed:
    """Other values on the same grid."""
    image = sitk.GetImageFromArray(change(sitk.GetArrayFromImage(head)).astype(np.float32))
    image.CopyInformation(head)
    return image, same


def noisy(share: float) -> Callable[[np.ndarray], np.ndarray]:
    """Noise of a share of the 99th percentile."""

    def change(values: np.ndarray) -> np.ndarray:
        sigma = share * np.percentile(values, 99)
        return np.abs(values + np.random.default_rng(1).normal(0, sigma, values.shape))

    return change


def uneven(values: np.ndarray) -> np.ndarray:
    """Twice as bright at one corner as at the other."""
    ramps = [np.linspace(-1, 1, n) for n in values.shape]
    field = ramps[0][:, None, None] + ramps[1][None, :, None] + ramps[2][None, None, :]
    return values * 2.0 ** (field / 6)


def on_grid(head: sitk.Image, spacing: float) -> Changed:
    """Resampled along the patient's axes."""
    size = head.GetSize()
    corners = np.array([
        head.TransformContinuousIndexToPhysicalPoint(
            [float(((n >> axis) & 1) * (size[axis] - 1)) for axis in range(3)]
        )
        for n in range(8)
    ])  # fmt: skip
    low, high = corners.min(axis=0), corners.max(axis=0)
    count = [int(n) for n in (high - low) / spacing + 1]
    image = sitk.Resample(
        head, count, sitk.Transform(3, sitk.sitkIdentity), sitk.sitkLinear, low.tolist(),
        (spacing,) * 3, (1, 0, 0, 0, 1, 0, 0, 0, 1), 0.0,
    )  # fmt: skip
    return image, same


def changes(head: sitk.Image) -> dict[str, Callable[[], Changed]]:
    """Every change by name."""
    axes = ("left-right", "front-back", "head-foot")
    table: dict[str, Callable[[], Changed]] = {}
    for n, name in enumerate(axes):
        for degrees in (-15, 15):
            table[f"turned by {degrees:+d} degrees about the {name} axis"] = (
                lambda n=n, degrees=degrees: turned(head, n, degrees)
            )
    size = head.GetSize()
    return table | {
        "mirrored": lambda: mirrored(head),
        "scaled by 0.9": lambda: scaled(head, 0.9),
        "scaled by 1.1": lambda: scaled(head, 1.1),
        "cut by 12 % on every side": lambda: cut(head, *(tuple(int(0.12 * n) for n in size),) * 2),
        "cut by 30 % at the low end of the second axis": lambda: cut(
            head, (0, int(0.3 * size[1]), 0), (0, 0, 0)
        ),
        "noise of 5 %": lambda: with_values(head, noisy(0.05)),
        "noise of 10 %": lambda: with_values(head, noisy(0.10)),
        "uneven by a factor of 2": lambda: with_values(head, uneven),
        "resampled to 1.0 mm, axial": lambda: on_grid(head, 1.0),
        "resampled to 1.5 mm, axial": lambda: on_grid(head, 1.5),
        "stored along other axes": lambda: (sitk.PermuteAxes(head, (2, 0, 1)), same),
        "stored backwards": lambda: (sitk.Flip(head, (True, True, False)), same),
        "must be refused: half the head": lambda: cut(head, (0, 0, 0), (0, 0, size[2] // 2)),
        "must be refused: values inverted": lambda: with_values(
            head, lambda v: np.where(v > 0.05 * v.max(), v.max() - v, 0)
        ),
        "must be refused: upside down": lambda: turned(head, 0, 180),
    }


def found(pack: Pack, image: sitk.Image) -> dict[str, object]:
    """Middles of the boxes (LPS), volumes in mL, correlation; or why it was refused."""
    geometry = geometry_of(image)
    started = time.process_time()
    try:
        output = pack.run(ModelInput(sitk.GetArrayFromImage(image), geometry=geometry))
    except AppError as error:
        return {"refused": error.message, "cpu_seconds": time.process_time() - started}
    seconds = time.process_time() - started
    places = {one.name: geometry.ijk_to_lps(one.ijk) for one in output.landmarks}
    scores = {one.name: one.score for one in output.landmarks}
    ml = {
        pack.manifest.label(n).name.en: float(m.sum()) * geometry.voxel_volume_mm3 / 1000
        for n, m in output.masks.items()
        if m.any()
    }
    return {"places": places, "scores": scores, "ml": ml, "cpu_seconds": seconds,
            "flags": [flag.id for flag in output.flags]}  # fmt: skip


def row_of(answer: dict[str, object], back: Back, reference: dict[str, object], *, swap: bool,
           factor: float) -> dict[str, object]:  # fmt: skip
    """Distances (mm) and volume differences (%) from the head as it is."""
    if "refused" in answer:
        return answer | {"cpu_seconds": round(float(str(answer["cpu_seconds"])), 1)}
    other = {"left hippocampus": "right hippocampus", "right hippocampus": "left hippocampus"}
    places, ml = answer["places"], answer["ml"]
    assert isinstance(places, dict)
    assert isinstance(ml, dict)
    own_places, own_ml = reference["places"], reference["ml"]
    assert isinstance(own_places, dict)
    assert isinstance(own_ml, dict)
    row: dict[str, object] = {}
    for name, place in places.items():
        twin = other[name] if swap else name
        row[f"{name}: distance_mm"] = round(
            float(np.linalg.norm(back(place) - own_places[twin])), 2
        )
        side, own = name.split()[0], twin.split()[0]
        now = sum(v for k, v in ml.items() if k.startswith(side)) / factor**3
        before = sum(v for k, v in own_ml.items() if k.startswith(own))
        row[f"{name}: volume_percent"] = round(100 * (now / before - 1), 1)
    scores = answer["scores"]
    assert isinstance(scores, dict)
    row["correlation"] = [round(float(v), 2) for v in scores.values()]
    row["flags"] = answer["flags"]
    row["cpu_seconds"] = round(float(str(answer["cpu_seconds"])), 1)
    return row


def main(folder: Path, target: Path, head_path: Path, others: list[Path]) -> None:
    """Measure and write one JSON file, anew after every row."""
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    pack = Pack(folder, threads=1)
    values, geometry = read_nifti(head_path)
    values = values.astype(np.float32)
    values[values == NO_IMAGE] = np.nan
    head = to_sitk(without_gaps(values), geometry)
    reference = found(pack, head)
    report: dict[str, object] = {"as it is": {
        k: {n: np.round(v, 2).tolist() for n, v in part.items()} if isinstance(part, dict) else part
        for k, part in reference.items()
    }}  # fmt: skip
    for name, change in changes(head).items():
        image, back = change()
        factor = float(np.prod(image.GetSpacing()) / np.prod(head.GetSpacing())) ** (1 / 3)
        answer = found(pack, image)
        report[name] = row_of(answer, back, reference, swap=name == "mirrored",
                              factor=factor if name.startswith("scaled") else 1.0)  # fmt: skip
        target.write_text(json.dumps(report, indent=1), encoding="utf-8")
        print(name, report[name], flush=True)
    for path in others:
        voxels, grid = read_nifti(path)
        answer = found(pack, to_sitk(voxels.astype(np.float32), grid))
        report[path.name] = {k: str(v) for k, v in answer.items()}
        target.write_text(json.dumps(report, indent=1), encoding="utf-8")
        print(path.name, report[path.name], flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), [Path(p) for p in sys.argv[4:]])
