"""Measures the pack through the program's own pre- and post-processing.

    python -m models.training.cxr_pneumonia_children.evaluate SHARED_DATA PACK WORK [PART ...]

Held-out films (the val split of pneumonia.csv, other patients) were used for nothing before.
Calibration and thresholds come from the calibration patients (``calibrate``).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from app.inference.pipeline import PipelineOutput
from models.training import figures
from models.training.cxr_pneumonia_children.data import HELD_OUT, TRAIN, split_of
from models.training.films import Picture, archive, gray, index, rows_of
from models.training.pack import Pack

OPACITY = 1
EVERY = 5  # outlined film is used in the tests on changes
PLACE = 8  # the margin of a film, in hundredths of its side, in the tests on borders


@dataclass(frozen=True)
class ChildFilm:
    """A film, its patient, cause (empty: normal), and the lungs where they were outlined."""

    name: str
    patient: str
    cause: str
    pixels: Picture
    lungs: npt.NDArray[np.bool_] | None
    squashed: bool
    is_monochrome1: bool = False


Change = Callable[[ChildFilm], ChildFilm]


def films_of(shared: Path, split: int) -> list[ChildFilm]:
    """The films of one split (``data.split_of``)."""
    rows = rows_of(shared / "cxr-pneumonia-children" / "pneumonia.csv")
    masked = {row["image"]: row["mask"] for row in rows_of(shared / "cxr-lungs" / "lungs.csv")}
    film_of = archive(shared / "cxr-lungs" / "images.zip")
    mask_of = archive(shared / "cxr-lungs" / "masks.zip")
    found = []
    for row in rows:
        if split_of(row) != split:
            continue
        mask = masked.get(row["image"])
        found.append(
            ChildFilm(
                row["image"],
                row["patient_id"],
                row["cause"],
                gray(film_of(row["image"])),
                index(mask_of(mask)) > 0 if mask else None,
                row["aspect"] == "squashed",
            )
        )
    return found


def run(pack: Pack, film: ChildFilm) -> PipelineOutput:
    """Scores, attention and flags of one film."""
    return pack.run(film.pixels, is_monochrome1=film.is_monochrome1)


def score(pack: Pack, film: ChildFilm) -> float:
    """The score of the opacity."""
    return run(pack, film).scores[pack.manifest.label(OPACITY).name.en]


def bordered(value: int) -> Change:
    """The outer part of the film painted over; where it would cover lung, not further than it."""

    def change(film: ChildFilm) -> ChildFilm:
        height, width = film.pixels.shape
        down, across = height * PLACE // 100, width * PLACE // 100
        keep = np.zeros(film.pixels.shape, bool)
        keep[down : height - down, across : width - across] = True
        if film.lungs is not None:
            keep |= film.lungs
        return replace(film, pixels=np.where(keep, film.pixels, value).astype(np.uint8))

    return change


def stretched(across: float) -> Change:
    """The film so many times as wide."""

    def change(film: ChildFilm) -> ChildFilm:
        height, width = film.pixels.shape
        size = (round(width * across), height)
        return replace(film, pixels=np.array(Image.fromarray(film.pixels).resize(size)), lungs=None)

    return change


def coarse(film: ChildFilm) -> ChildFilm:
    """The detail of a film of 160 pixels."""
    picture = Image.fromarray(film.pixels)
    small = picture.copy()
    small.thumbnail((160, 160), Image.Resampling.BILINEAR)
    return replace(film, pixels=np.array(small.resize(picture.size, Image.Resampling.BILINEAR)))


def monochrome1(film: ChildFilm) -> ChildFilm:
    """Inverted values, and the header says so."""
    return replace(film, pixels=255 - film.pixels, is_monochrome1=True)


def other_exposure(film: ChildFilm) -> ChildFilm:
    """Gamma 1.6, half the range, a little noise."""
    noise = np.random.default_rng(len(film.name)).normal(0, 2, film.pixels.shape)
    values = (film.pixels / 255.0) ** 1.6 * 128 + 20 + noise
    return replace(film, pixels=np.clip(values, 0, 255).astype(np.uint8))


def marked(film: ChildFilm) -> ChildFilm:
    """A bright marker in a corner and a dark one in another."""
    pixels = film.pixels.copy()
    height, width = pixels.shape
    side = max(6, min(height, width) // 10)
    pixels[4 : 4 + side, 4 : 4 + side] = 255
    pixels[-side:, -side:] = 0
    return replace(film, pixels=pixels)


def without_lungs(film: ChildFilm) -> ChildFilm:
    """Only the surroundings: the box of the lungs is painted with the film's median."""
    assert film.lungs is not None
    rows, columns = np.nonzero(film.lungs)
    pixels = film.pixels.copy()
    pixels[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = np.median(pixels)
    return replace(film, pixels=pixels)


def classified(pack: Pack, scores: figures.Numbers, films: list[ChildFilm]) -> dict[str, object]:
    """Area under the curve with its interval, and every operating point."""
    return {**summary(scores, films), "points": points(pack, scores, films)}


def summary(scores: figures.Numbers, films: list[ChildFilm]) -> dict[str, object]:
    """Counts, area and its interval by patient."""
    ill = np.array([film.cause != "" for film in films])
    low, high = figures.area_interval(scores, ill, [film.patient for film in films])
    return {
        "films": len(films),
        "patients": len({film.patient for film in films}),
        "ill": int(ill.sum()),
        "area": round(figures.area_under(scores, ill), 4),
        "area_low": round(low, 4),
        "area_high": round(high, 4),
        "calibration_error": round(figures.calibration_error(scores, ill), 4),
        "mean_score": round(float(scores.mean()), 4),
    }


def points(
    pack: Pack, scores: figures.Numbers, films: list[ChildFilm]
) -> dict[str, dict[str, list[float]]]:
    """Sensitivity and specificity with their intervals at each operating point."""
    ill = np.array([film.cause != "" for film in films])
    found = {}
    for point in pack.manifest.operating_points:
        above = scores >= point.threshold
        found[point.name] = {
            "threshold": [point.threshold],
            "sens": _rounded(figures.wilson(int(above[ill].sum()), int(ill.sum()))),
            "spec": _rounded(figures.wilson(int((~above)[~ill].sum()), int((~ill).sum()))),
        }
    return found


def _rounded(values: tuple[float, ...]) -> list[float]:
    return [round(value, 4) for value in values]


def moved(pack: Pack, films: list[ChildFilm], plain: figures.Numbers, change: Change) -> object:
    """What a change that means nothing does to the score."""
    scores = np.array([score(pack, change(film)) for film in films])
    ill = np.array([film.cause != "" for film in films])
    shift = scores - plain
    threshold = pack.manifest.operating_point(OPACITY)
    assert threshold is not None
    crossed = (scores >= threshold.threshold) != (plain >= threshold.threshold)
    return {
        "films": len(films),
        "area": round(figures.area_under(scores, ill), 4),
        "mean_shift_normal": round(float(shift[~ill].mean()), 4),
        "mean_shift_ill": round(float(shift[ill].mean()), 4),
        "mean_absolute_shift": round(float(np.abs(shift).mean()), 4),
        "crossed_the_threshold": round(float(crossed.mean()), 4),
    }


def surroundings(pack: Pack, films: list[ChildFilm]) -> dict[str, object]:
    """What can be told with the lungs painted over, and how often the pack says so."""
    outputs = [run(pack, without_lungs(film)) for film in films]
    name = pack.manifest.label(OPACITY).name.en
    scores = np.array([output.scores[name] for output in outputs])
    ill = np.array([film.cause != "" for film in films])
    refused = [any(flag.id == "unlike-training" for flag in output.flags) for output in outputs]
    return {
        "films": len(films),
        "area": round(figures.area_under(scores, ill), 4),
        "refused": _rounded(figures.wilson(sum(refused), len(refused))),
    }


def border_pixels_alone(train: list[ChildFilm], films: list[ChildFilm]) -> float:
    """Area that a linear model reaches on nothing but the border: how strong the trap is."""

    def border(film: ChildFilm) -> npt.NDArray[np.float64]:
        small = np.array(Image.fromarray(film.pixels).resize((48, 48), Image.Resampling.BILINEAR))
        keep = np.ones((48, 48), bool)
        keep[4:-4, 4:-4] = False
        return np.append(small[keep] / 255.0, 1.0)

    x = np.stack([border(film) for film in train])
    y = np.array([1.0 if film.cause else -1.0 for film in train])
    weights = np.linalg.solve(x.T @ x + 3.0 * np.eye(x.shape[1]), x.T @ y)
    scores = np.array([border(film) @ weights for film in films])
    return round(figures.area_under(scores, np.array([f.cause != "" for f in films])), 4)


def attention_inside(pack: Pack, films: list[ChildFilm]) -> dict[str, object]:
    """The share of the attention that lies on the outlined lungs, and the lungs' share of it all.

    Of ill films; the box of the lungs (what the network can see at all) is the comparison.
    """
    inside, by_chance = [], []
    for film in films:
        assert film.lungs is not None
        attention = dict(run(pack, film).attention)[OPACITY][0]
        inside.append(attention[film.lungs].sum() / max(float(attention.sum()), 1e-6))
        by_chance.append(film.lungs[attention > 0].mean())
    return {
        "films": len(films),
        "attention_on_lungs": round(float(np.mean(inside)), 4),
        "lungs_share_of_view": round(float(np.mean(by_chance)), 4),
    }


def held_out(pack: Pack, films: list[ChildFilm]) -> dict[str, object]:
    """Every held-out film, and parts of them."""
    started = time.monotonic()
    scores = np.array([score(pack, film) for film in films])
    seconds = round((time.monotonic() - started) / len(films), 3)
    groups = {
        "held-out": [True] * len(films),
        "held-out, normal and bacterial": [film.cause != "viral" for film in films],
        "held-out, normal and viral": [film.cause != "bacterial" for film in films],
        "held-out, true aspect": [not film.squashed for film in films],
        "held-out, squashed copies": [film.squashed for film in films],
    }
    report: dict[str, object] = {"seconds per film": seconds}
    for name, chosen in groups.items():
        members = [film for film, is_in in zip(films, chosen, strict=True) if is_in]
        report[name] = classified(pack, scores[np.array(chosen)], members)
    return report


def changed(pack: Pack, films: list[ChildFilm], trained: list[ChildFilm]) -> dict[str, object]:
    """What changes that mean nothing do, and what the surroundings alone tell."""
    some = [film for film in films if film.lungs is not None][::EVERY]
    plain = np.array([score(pack, film) for film in some])
    changes: dict[str, Change] = {
        "border black": bordered(0),
        "border gray": bordered(128),
        "border white": bordered(255),
        "0.8 times as wide": stretched(0.8),
        "1.25 times as wide": stretched(1.25),
        "coarse": coarse,
        "other exposure": other_exposure,
        "markers painted in": marked,
        "MONOCHROME1": monochrome1,
    }
    report: dict[str, object] = {}
    ill = np.array([film.cause != "" for film in some])
    report["unchanged"] = {
        "films": len(some),
        "area": round(figures.area_under(plain, ill), 4),
    }
    for name, change in changes.items():
        report[f"changed: {name}"] = moved(pack, some, plain, change)
    report["lungs painted over"] = surroundings(pack, some)
    report["border pixels alone, linear model"] = border_pixels_alone(trained, films)
    report["attention"] = attention_inside(pack, [film for film in some if film.cause])
    return report


PARTS = ("held-out", "changed")


def main(shared: Path, folder: Path, work: Path, parts: list[str]) -> None:
    """Measure; write WORK/pneumonia-<part>.json."""
    pack = Pack(folder)
    films = films_of(shared, HELD_OUT)
    for part in parts:
        if part == "held-out":
            report = held_out(pack, films)
        else:
            report = changed(pack, films, films_of(shared, TRAIN))
        text = json.dumps(report, indent=1)
        (work / f"pneumonia-{part}.json").write_text(text, encoding="utf-8")
        print(text, flush=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), sys.argv[4:] or list(PARTS))
