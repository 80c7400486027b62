"""Contact sheets of held-out films with their attention, for a person's eye.

python -m models.training.cxr_pneumonia_children.sheets SHARED_DATA PACK WORK
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from models.training.cxr_pneumonia_children.data import HELD_OUT
from models.training.cxr_pneumonia_children.evaluate import OPACITY, ChildFilm, films_of, run
from models.training.pack import Pack

TILE = 150
ACROSS, DOWN = 10, 4


def tile(pack: Pack, film: ChildFilm) -> npt.NDArray[np.uint8]:
    """The film with its attention in red, and its score."""
    output = run(pack, film)
    attention = dict(output.attention)[OPACITY][0]
    color = np.repeat(film.pixels[:, :, None], 3, axis=2).astype(np.float32)
    color[:, :, 0] += attention * 130
    color[:, :, 1:] *= 1 - 0.35 * attention[:, :, None]
    picture = Image.fromarray(np.clip(color, 0, 255).astype(np.uint8)).resize((TILE, TILE))
    text = f"{film.cause or 'normal'} {next(iter(output.scores.values())):.2f}"
    ImageDraw.Draw(picture).text((3, 2), text, fill=(255, 255, 0))
    return np.array(picture)


def main(shared: Path, folder: Path, work: Path) -> None:
    """``attention.png``: normal films above, ill ones below."""
    pack = Pack(folder)
    films = films_of(shared, HELD_OUT)
    half = ACROSS * DOWN // 2
    chosen = []
    for is_ill in (False, True):
        group = [film for film in films if bool(film.cause) == is_ill]
        chosen += group[:: max(1, len(group) // half)][:half]
    tiles = [tile(pack, film) for film in chosen]
    rows = [np.concatenate(tiles[n : n + ACROSS], 1) for n in range(0, len(tiles), ACROSS)]
    Image.fromarray(np.concatenate(rows)).save(work / "attention.png")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
