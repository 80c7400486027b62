"""Finishes the pack: makes the golden sample in code and writes sizes and hashes into the manifest.

    python -m models.training.cxr_lung_fields.seal PACK_FOLDER [--keep-golden]

The golden film is the program's own demonstration radiograph; what the pack answers on it is kept
as the expected mask, so a changed runtime or a damaged file shows.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pydicom
from PIL import Image

from app.demo.radiograph import FilmPlan
from app.demo.studies import write_film_only
from app.inference.manifest import parse_manifest
from models.training.cxr_lung_fields.evaluate import LEFT, RIGHT, Film, Pack

GOLDEN_SIDE = 512


def golden_film() -> Film:
    """The demonstration radiograph, 8 bit, 512 pixels on its long side."""
    with tempfile.TemporaryDirectory() as folder:
        write_film_only(Path(folder), FilmPlan())
        image = pydicom.dcmread(next(Path(folder).iterdir()))
    values = image.pixel_array.astype(np.float32)
    low, high = np.percentile(values, (0.5, 99.5))
    gray = (np.clip((values - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    picture = Image.fromarray(gray)
    picture.thumbnail((GOLDEN_SIDE, GOLDEN_SIDE), Image.Resampling.BILINEAR)
    return Film("demonstration", "golden", np.array(picture), None)


def write_golden(folder: Path) -> None:
    """golden/input.png and golden/expected.png (0 background, 1 right lung, 2 left lung)."""
    film = golden_film()
    output = Pack(folder).run(film)
    expected = np.zeros(film.pixels.shape, np.uint8)
    for label in (RIGHT, LEFT):
        expected[output.masks[label][0] > 0] = label
    Image.fromarray(film.pixels).save(folder / "golden" / "input.png")
    Image.fromarray(expected).save(folder / "golden" / "expected.png")


def write_hashes(folder: Path) -> None:
    """Sizes and SHA-256 of every file that the manifest names."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    for row in manifest["files"]:
        content = (folder / row["path"]).read_bytes()
        row["bytes"], row["sha256"] = len(content), hashlib.sha256(content).hexdigest()
    text = json.dumps(manifest, ensure_ascii=False, indent=1) + "\n"
    path.write_text(text, encoding="utf-8")
    parse_manifest(path.read_bytes())


if __name__ == "__main__":
    pack = Path(sys.argv[1])
    if "--keep-golden" not in sys.argv:
        write_golden(pack)
    write_hashes(pack)
