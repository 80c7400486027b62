"""Writing a pack's manifest: sizes and hashes of its files, golden scores."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from PIL import Image

from app.inference.manifest import parse_manifest
from models.training.films import Picture
from models.training.pack import Pack


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Fill in sizes and SHA-256 of the listed files, write, and check that it parses.

    Raises ``ModelPackError`` where the manifest is not valid; the file is written all the same.
    """
    for row in manifest["files"]:
        content = (folder / row["path"]).read_bytes()
        row["bytes"], row["sha256"] = len(content), hashlib.sha256(content).hexdigest()
    path = folder / "manifest.json"
    text = json.dumps(manifest, ensure_ascii=False, indent=1) + "\n"
    path.write_text(text, encoding="utf-8")
    parse_manifest(path.read_bytes())


def weights_hash(manifest: dict[str, Any]) -> str:
    """The SHA-256 of the weights as the manifest has it."""
    return next(str(row["sha256"]) for row in manifest["files"] if row["role"] == "weights")


def write_golden(folder: Path, picture: Picture) -> None:
    """``golden/input.png`` and the scores that the pack gives it, into the manifest."""
    target = folder / "golden" / "input.png"
    target.parent.mkdir(exist_ok=True)
    Image.fromarray(picture).save(target)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["golden"]["scores"] = {}
    write_manifest(folder, manifest)
    scores = Pack(folder).run(picture).scores
    manifest["golden"]["scores"] = {name: round(value, 4) for name, value in scores.items()}
    write_manifest(folder, manifest)
