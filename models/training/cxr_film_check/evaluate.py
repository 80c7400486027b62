"""Measures the pack through the program's own pre- and post-processing.

    python -m models.training.cxr_film_check.evaluate SHARED LUNG_FIELD_PACK PACK WORK [PART ...]

Test films: the held-out children of lungs.csv and a third of the adults, by patient
(``data.adult_split``); the test sources of ``negatives``. A *good* film shows both lungs whole: no
lung lies along the edge of the film.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image

from app.demo.radiograph import FilmPlan
from app.demo.studies import write_film_only
from models.training import figures
from models.training.cxr_film_check.cuts import (
    CUT_SHARE,
    SIDES,
    Area,
    cut_share,
    cut_to,
    touches_edge,
)
from models.training.cxr_film_check.splits import TEST, adult_split, child_split
from models.training.films import LungFinder, Picture, archive, gray, index, rows_of
from models.training.pack import Pack

QUARTER, HALF, THREE_QUARTERS, MIRRORED, INVERTED, CUT_OFF, NOT_CHEST = range(1, 8)
Change = Callable[[Picture], Picture]


@dataclass(frozen=True)
class GoodFilm:
    """A film with its lungs (1 right, 2 left) and its group."""

    pixels: Picture
    lungs: Picture
    group: str

    @property
    def is_whole(self) -> bool:
        """Whether both lungs are there and lie inside the film."""
        has_both = all(bool((self.lungs == lung).any()) for lung in (1, 2))
        return has_both and not touches_edge(self.lungs, whole(self.pixels))


def whole(pixels: Picture) -> Area:
    """The area of the film."""
    height, width = pixels.shape
    return Area(0, height, 0, width)


def films_of(
    shared: Path, lung_pack: Path, split: int, parts: list[str] | None = None
) -> Iterator[GoodFilm]:
    """Children with their masks, adults with what the lung-field pack finds; those of ``parts``."""
    groups = {part.partition(":")[0] for part in parts or ["children", "adults"]}
    film_of = archive(shared / "cxr-lungs" / "images.zip")
    mask_of = archive(shared / "cxr-lungs" / "masks.zip")
    for row in rows_of(shared / "cxr-lungs" / "lungs.csv"):
        if "children" in groups and child_split(row) == split:
            pixels, lungs = gray(film_of(row["image"])), index(mask_of(row["mask"]))
            yield GoodFilm(pixels, lungs, "children")
    finder = LungFinder(lung_pack)
    film_of = archive(shared / "cxr-adult-unlabelled" / "images.zip")
    for row in rows_of(shared / "cxr-adult-unlabelled" / "films.csv"):
        if "adults" in groups and adult_split(row) == split:
            pixels = gray(film_of(row["image"]))
            yield GoodFilm(pixels, finder.lungs(pixels), "adults")


def turned(quarters: int) -> Change:
    """By so many quarters, counter-clockwise."""
    return lambda film: np.ascontiguousarray(np.rot90(film, quarters))


def mirrored(film: Picture) -> Picture:
    """Left and right exchanged."""
    return np.ascontiguousarray(film[:, ::-1])


def inverted(film: Picture) -> Picture:
    """Black and white exchanged, and nothing says so."""
    return np.asarray(255 - film, np.uint8)


def tilted(film: Picture) -> Picture:
    """By five degrees: still a good film."""
    return np.array(Image.fromarray(film).rotate(5, Image.Resampling.BILINEAR))


def dark(film: Picture) -> Picture:
    """Gamma 2 and half the range: still a good film."""
    return np.asarray((film / 255.0) ** 2 * 128, np.uint8)


def upside_down(film: Picture) -> Picture:
    """Turned by 180 degrees and mirrored."""
    return np.ascontiguousarray(film[::-1])


# Every change with the heads that have to speak.
CHANGES: dict[str, tuple[Change, tuple[int, ...]]] = {
    "turned by 90": (turned(1), (QUARTER,)),
    "turned by 180": (turned(2), (HALF,)),
    "turned by 270": (turned(3), (THREE_QUARTERS,)),
    "mirrored": (mirrored, (MIRRORED,)),
    "inverted": (inverted, (INVERTED,)),
    "upside down": (upside_down, (HALF, MIRRORED)),
    "mirrored and inverted": (lambda film: inverted(mirrored(film)), (MIRRORED, INVERTED)),
    "turned by 90 and inverted": (lambda film: inverted(turned(1)(film)), (QUARTER, INVERTED)),
}
HARMLESS: dict[str, Change] = {"tilted by 5 degrees": tilted, "dark": dark}


def heads_of(pack: Pack, pixels: Picture) -> set[int]:
    """The heads that speak."""
    return {index for flag in pack.run(pixels).flags for index in flag.labels}


def cut(film: GoodFilm, side: str, share: float) -> Picture | None:
    """The film without that share of the more affected lung, or None where it cannot be."""
    area = cut_to(film.lungs, whole(film.pixels), side, share)
    if area.bottom - area.top < 40 or area.right - area.left < 40:
        return None
    if cut_share(film.lungs, area) < CUT_SHARE:
        return None
    rows = slice(round(area.top), round(area.bottom))
    return np.ascontiguousarray(film.pixels[rows, round(area.left) : round(area.right)])


def close(film: GoodFilm) -> Picture:
    """Cut to the lungs and three hundredths of the film around them: all of them still there."""
    rows, columns = np.nonzero(film.lungs)
    margin = round(0.03 * max(film.pixels.shape))
    return film.pixels[
        max(0, rows.min() - margin) : rows.max() + 1 + margin,
        max(0, columns.min() - margin) : columns.max() + 1 + margin,
    ]


def rate(hits: list[bool]) -> dict[str, float | int]:
    """A rate with its interval."""
    value, low, high = figures.wilson(sum(hits), len(hits))
    return {
        "hits": sum(hits), "n": len(hits),
        "rate": round(value, 4), "low": round(low, 4), "high": round(high, 4),
    }  # fmt: skip


def alarms(found: list[set[int]]) -> dict[str, object]:
    """How often anything was said, and which head said it."""
    by_head = {
        name: sum(head in heads for heads in found)
        for name, head in (
            ("turned by 90", QUARTER), ("turned by 180", HALF), ("turned by 270", THREE_QUARTERS),
            ("mirrored", MIRRORED), ("inverted", INVERTED), ("cut off", CUT_OFF),
            ("no chest film", NOT_CHEST),
        )
    }  # fmt: skip
    return {**rate([bool(heads) for heads in found]), "by head": by_head}


def of_group(pack: Pack, films: list[GoodFilm]) -> dict[str, object]:
    """False alarms, every change, and cuts, of one group of test films."""
    good = [film for film in films if film.is_whole]
    report: dict[str, object] = {
        "films": len(films),
        "alarms on good films": alarms([heads_of(pack, film.pixels) for film in good]),
        "alarms on films with lung at the edge": alarms(
            [heads_of(pack, film.pixels) for film in films if not film.is_whole]
        ),
    }
    few = good[::3]
    for name, (change, wanted) in CHANGES.items():
        some = few if len(wanted) > 1 else good
        found = [heads_of(pack, change(film.pixels)) for film in some]
        report[name] = rate([set(wanted) <= heads for heads in found])
    for name, harmless in HARMLESS.items():
        report[name] = alarms([heads_of(pack, harmless(film.pixels)) for film in few])
    report["cut close to the lungs"] = alarms([heads_of(pack, close(film)) for film in few])
    for share in (0.12, 0.3):
        for side in SIDES:
            made = [cut(film, side, share) for film in few]
            found = [CUT_OFF in heads_of(pack, film) for film in made if film is not None]
            report[f"{share:.0%} of a lung cut off, {side}"] = rate(found)
    return report


def others(pack: Pack, work: Path) -> dict[str, object]:
    """What is no chest film, by kind (``negatives.npz`` of ``data``, test sources)."""
    data = np.load(work / "negatives.npz")
    chosen = np.flatnonzero(data["split"] == TEST)
    found: dict[str, list[bool]] = {}
    for n in chosen:
        height, width = data["size"][n]
        top, left = (320 - height) // 2, (320 - width) // 2
        picture = data["films"][n][top : top + height, left : left + width]
        found.setdefault(str(data["kind"][n]), []).append(NOT_CHEST in heads_of(pack, picture))
    everything = [hit for hits in found.values() for hit in hits]
    return {"all": rate(everything)} | {kind: rate(hits) for kind, hits in sorted(found.items())}


def known_films(pack: Pack, shared: Path) -> dict[str, list[int]]:
    """The demonstration film and the adult films of the studies: which heads speak."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        write_film_only(Path(folder), FilmPlan())
        image = pydicom.dcmread(next(Path(folder).iterdir()))
        found["demonstration film"] = sorted(heads_of(pack, as_bytes(image)))
    with zipfile.ZipFile(shared / "studies" / "cxr-dx.zip") as file:
        for name in sorted(file.namelist()):
            if not name.endswith("/"):
                with file.open(name) as entry:
                    found[Path(name).name] = sorted(
                        heads_of(pack, as_bytes(pydicom.dcmread(entry)))
                    )
    return found


def as_bytes(image: pydicom.Dataset) -> Picture:
    """The film of 8 bit, bones bright."""
    values = image.pixel_array.astype(np.float32)
    low, high = np.percentile(values, (0.5, 99.5))
    film = np.clip((values - low) / (high - low), 0, 1) * 255
    if image.PhotometricInterpretation == "MONOCHROME1":
        film = 255 - film
    return film.astype(np.uint8)


def merged(first: dict[str, object], second: dict[str, object]) -> dict[str, object]:
    """Two reports as one: rates of the same name are added up."""
    made = dict(first)
    for key, value in second.items():
        old = made.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            made[key] = merged(old, value)
        elif isinstance(value, int | float) and isinstance(old, int | float):
            made[key] = old + value
        else:
            made[key] = value
    if "hits" in made and "n" in made:
        _, *limits = figures.wilson(int(str(made["hits"])), int(str(made["n"])))
        made["rate"] = round(int(str(made["hits"])) / max(1, int(str(made["n"]))), 4)
        made["low"], made["high"] = (round(value, 4) for value in limits)
    return made


PARTS = ("adults", "children", "others")


def main(shared: Path, lung_pack: Path, folder: Path, work: Path, parts: list[str]) -> None:
    """Measure; write WORK/film-<part>.json. ``children:0`` and ``children:1`` are halves of it."""
    pack = Pack(folder)
    films = list(films_of(shared, lung_pack, TEST, parts))
    for part in parts:
        started = time.monotonic()
        name, _, half = part.partition(":")
        if name == "others":
            report: dict[str, object] = {"known films": known_films(pack, shared)}
            report["no chest film"] = others(pack, work)
        else:
            group = [film for film in films if film.group == name]
            report = {name: of_group(pack, group[int(half) :: 2] if half else group)}
        text = json.dumps(report, indent=1)
        (work / f"film-{part.replace(':', '-')}.json").write_text(text, encoding="utf-8")
        print(text, f"{(time.monotonic() - started) / 60:.1f} minutes", flush=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:5]), sys.argv[5:] or list(PARTS))
