"""Make the golden samples of the packs without weights, and seal the hashes of their files."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

from app.core.reader_input import NamedPoint, ReaderInput
from app.imaging.nifti import write_nifti
from app.inference.analyses.contract import AnalysisInput, AnalysisOutput
from app.inference.analyses.registry import find_analysis
from tests.support.abdomen_phantom import AbdomenPlan, abdomen
from tests.support.ct_phantoms import ChestPlan, calcium_phantom, chest
from tests.support.nodule_phantoms import NoduleCase, make

MODELS = Path(__file__).resolve().parents[2]
ROLES = {"card.md": "card", "card.ru.md": "card", "LICENSE.txt": "licence"}


def seal(folder: Path) -> None:
    """Write every file of the pack with size and hash into its manifest."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    files = []
    for file in sorted(p for p in folder.rglob("*") if p.is_file() and p != path):
        name = file.relative_to(folder).as_posix()
        role = ROLES.get(name, "golden" if name.startswith("golden/") else "other")
        content = file.read_bytes()
        files.append(
            {"path": name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content),
             "role": role}
        )  # fmt: skip
    manifest["files"] = files
    path.write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", "utf-8")


def write_sample(
    pack_id: str, given: AnalysisInput, labels: tuple[int, ...], reader: ReaderInput | None = None
) -> AnalysisOutput:
    """Run the analysis on the sample and keep image, labels and reader's input."""
    golden = MODELS / pack_id / "golden"
    golden.mkdir(parents=True, exist_ok=True)
    made = find_analysis(pack_id)(given)
    expected = np.zeros(given.values.shape, np.uint8)
    for label in labels:
        expected[made.masks[label]] = label
    write_nifti(golden / "input.nii.gz", given.values.astype(np.int16), given.geometry)
    write_nifti(golden / "expected.nii.gz", expected, given.geometry)
    if reader is not None:
        text = json.dumps(reader.to_json(), indent=1, ensure_ascii=False)
        (golden / "reader.json").write_text(text + "\n", "utf-8")
    return made


def lung_density() -> None:
    """A small chest, smooth on purpose: it packs to a few kilobytes."""
    made = chest(ChestPlan(spacing=(5.0, 5.0, 5.0), noise_hu=0.0))
    write_sample("ct-lung-density", AnalysisInput(made.hu, made.geometry), (1, 2, 4))
    seal(MODELS / "ct-lung-density")


def nodule() -> None:
    """A part-solid nodule beside a vessel, without noise."""
    made = make(NoduleCase("part-solid", 14.0, 1.2, 1.0, noise_hu=0.0, field_mm=60.0, core_mm=7.0))
    x, y, z = made.center_lps
    reader = ReaderInput(points=(NamedPoint("nodule", (x + 2.0, y - 1.0, z + 1.0)),))
    write_sample("nodule", AnalysisInput(made.hu, made.geometry, reader), (1,), reader)
    seal(MODELS / "nodule")


def calcium() -> None:
    """Two vessels with calcium of known size in soft tissue."""
    made, reader = calcium_phantom()
    write_sample("ct-calcium", AnalysisInput(made.hu, made.geometry, reader), (1, 2, 3, 4), reader)
    seal(MODELS / "ct-calcium")


def body() -> None:
    """An abdomen without noise at 2 mm; the level is its second slice."""
    made = abdomen(AbdomenPlan(pixel_mm=2.0, noise_hu=0.0))
    reader = ReaderInput(points=(NamedPoint("level", made.level),))
    write_sample("ct-body", AnalysisInput(made.hu, made.geometry, reader), (1, 2, 3, 4), reader)
    seal(MODELS / "ct-body")


SAMPLES = {
    "ct-lung-density": lung_density, "nodule": nodule, "ct-calcium": calcium, "ct-body": body,
}  # fmt: skip

if __name__ == "__main__":
    for name in sys.argv[1:] or SAMPLES:
        SAMPLES[name]()
