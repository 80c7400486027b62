"""Measures the shipped pack through the program's own pre- and post-processing.

    python -m models.training.cxr_lung_fields.evaluate SHARED_DATA_FOLDER PACK_FOLDER OUT.json

On held-out children (split by patient) there are masks: Dice per lung, and of both. On adults there
are none in the development data: only plausibility is counted there, and the card says so.
"""

from __future__ import annotations

import csv
import io
import json
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from app.inference.manifest import parse_manifest
from app.inference.ort_session import ModelSession, SessionPlan
from app.inference.pipeline import PipelineOutput, run_pipeline
from app.inference.preprocess import ModelInput

RIGHT, LEFT = 1, 2
Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Film:
    """A film, its mask (None for adults), its class, and whether its polarity tag is inverted."""

    name: str
    group: str
    pixels: Picture
    mask: Picture | None
    is_monochrome1: bool = False


Change = Callable[[Film], Film]


def unchanged(film: Film) -> Film:
    """The film as it is."""
    return film


def rotated(degrees: float) -> Change:
    """Film and mask turned about the centre, on the same canvas."""

    def change(film: Film) -> Film:
        pixels = np.array(Image.fromarray(film.pixels).rotate(degrees, Image.Resampling.BILINEAR))
        mask = film.mask
        if mask is not None:
            mask = np.array(Image.fromarray(mask).rotate(degrees, Image.Resampling.NEAREST))
        return Film(film.name, film.group, pixels, mask)

    return change


def monochrome1(film: Film) -> Film:
    """Inverted values, and the header says so."""
    return Film(film.name, film.group, 255 - film.pixels, film.mask, is_monochrome1=True)


def wrong_polarity(film: Film) -> Film:
    """Inverted values, and the header does not say so."""
    return Film(film.name, film.group, 255 - film.pixels, film.mask)


def low_exposure(film: Film) -> Film:
    """Gamma 2.5, a quarter of the range, and noise."""
    random = np.random.default_rng(len(film.name))
    values = (film.pixels / 255.0) ** 2.5 * 64 + random.normal(0, 3, film.pixels.shape)
    return Film(film.name, film.group, np.clip(values, 0, 255).astype(np.uint8), film.mask)


def cropped(film: Film) -> Film:
    """A tenth cut off on every side."""
    height, width = film.pixels.shape
    cut = np.s_[height // 10 : height - height // 10, width // 10 : width - width // 10]
    mask = None if film.mask is None else film.mask[cut]
    return Film(film.name, film.group, film.pixels[cut], mask)


def held_out_children(shared: Path) -> list[Film]:
    """The films of the patients that training never saw."""
    folder = shared / "cxr-lungs"
    with (folder / "lungs.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "val"]
    films = _archive(folder / "images.zip")
    masks = _archive(folder / "masks.zip")
    return [
        Film(
            row["image"],
            row["class"],
            np.array(Image.open(io.BytesIO(films(row["image"]))).convert("L")),
            np.array(Image.open(io.BytesIO(masks(row["mask"])))),
        )
        for row in rows
    ]


def adults(shared: Path) -> list[Film]:
    """The unlabelled adult films."""
    folder = shared / "cxr-adult-unlabelled"
    with (folder / "films.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    films = _archive(folder / "images.zip")
    return [
        Film(
            row["image"],
            row["view"],
            np.array(Image.open(io.BytesIO(films(row["image"]))).convert("L")),
            None,
        )
        for row in rows
    ]


def _archive(path: Path) -> Callable[[str], bytes]:
    file = zipfile.ZipFile(path)
    names = {Path(name).name: name for name in file.namelist()}
    return lambda name: file.read(names[name])


class Pack:
    """The pack, run in this process."""

    def __init__(self, folder: Path) -> None:
        self._manifest = parse_manifest((folder / "manifest.json").read_bytes())
        weights = (folder / self._manifest.onnx.file).read_bytes()
        self._session = ModelSession(weights, SessionPlan(device="cpu", threads=2))

    def run(self, film: Film) -> PipelineOutput:
        """Masks and flags of one film."""
        image = ModelInput(
            film.pixels[None].astype(np.int16), polarity_inverted=film.is_monochrome1
        )
        return run_pipeline(self._manifest, self._session, image)


def dice(a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_]) -> float:
    """Dice coefficient; 1 where both are empty."""
    total = a.sum() + b.sum()
    return 1.0 if total == 0 else float(2 * (a & b).sum() / total)


def measure(pack: Pack, films: list[Film], change: Change) -> dict[str, object]:
    """Dice of each lung and of both lungs, flags, and how often the sides were exchanged."""
    rows, flags, exchanged = [], {}, 0
    for film in map(change, films):
        output = pack.run(film)
        for flag in output.flags:
            flags[flag.id] = flags.get(flag.id, 0) + 1
        right, left = output.masks[RIGHT][0], output.masks[LEFT][0]
        assert film.mask is not None
        truth_right, truth_left = film.mask == RIGHT, film.mask == LEFT
        both = 2 * ((right & truth_right).sum() + (left & truth_left).sum())
        total = right.sum() + left.sum() + truth_right.sum() + truth_left.sum()
        exchanged += bool(
            dice(right, truth_left) > dice(right, truth_right)
            and dice(left, truth_right) > dice(left, truth_left)
        )
        rows.append((both / total, dice(right, truth_right), dice(left, truth_left)))
    table = np.array(rows)
    return {
        "n": len(rows),
        "dice_mean": round(float(table[:, 0].mean()), 4),
        "dice_p5": round(float(np.percentile(table[:, 0], 5)), 4),
        "dice_min": round(float(table[:, 0].min()), 4),
        "right_mean": round(float(table[:, 1].mean()), 4),
        "left_mean": round(float(table[:, 2].mean()), 4),
        "sides_exchanged": exchanged,
        "flags": flags,
    }


def plausibility(pack: Pack, films: list[Film]) -> dict[str, object]:
    """Adults without masks: flags raised, and agreement with the same film turned by 6 degrees."""
    flags: dict[str, int] = {}
    agreement = []
    for film in films:
        output = pack.run(film)
        for flag in output.flags:
            flags[flag.id] = flags.get(flag.id, 0) + 1
        turned = pack.run(rotated(6)(film))
        for lung in (RIGHT, LEFT):
            mask = Image.fromarray(output.masks[lung][0].astype(np.uint8))
            expected = np.array(mask.rotate(6, Image.Resampling.NEAREST)) > 0
            agreement.append(dice(expected, turned.masks[lung][0]))
    return {
        "n": len(films),
        "flags": flags,
        "agreement_under_rotation_mean": round(float(np.mean(agreement)), 4),
        "agreement_under_rotation_p5": round(float(np.percentile(agreement, 5)), 4),
    }


def main(shared: Path, folder: Path, target: Path) -> None:
    """Measure and write one JSON file."""
    pack = Pack(folder)
    children = held_out_children(shared)
    some = children[::3]
    changes: dict[str, Change] = {
        "rotation -10": rotated(-10),
        "rotation -5": rotated(-5),
        "rotation +5": rotated(5),
        "rotation +10": rotated(10),
        "MONOCHROME1": monochrome1,
        "wrong polarity": wrong_polarity,
        "low exposure": low_exposure,
        "cropped by a tenth": cropped,
    }
    started = time.monotonic()
    report: dict[str, object] = {"held-out children": measure(pack, children, unchanged)}
    report["seconds per film"] = round((time.monotonic() - started) / len(children), 3)
    for group in sorted({film.group for film in children}):
        films = [film for film in children if film.group == group]
        report[f"held-out children, {group}"] = measure(pack, films, unchanged)
    for name, change in changes.items():
        report[f"every third held-out child, {name}"] = measure(pack, some, change)
    report["adults, no masks"] = plausibility(pack, adults(shared))
    target.write_text(json.dumps(report, indent=1), encoding="utf-8")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
