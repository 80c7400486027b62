"""``ct-lung-density``: phantom chests, the demonstration CT, reference masks of real lungs."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from app.demo.studies import ensure_demo
from app.inference.analyses.contract import AnalysisInput
from app.inference.analyses.ct_lung_density import LEFT, RIGHT
from models.training.analyses.studies import dice, dicom, nifti, ran
from tests.support.ct_phantoms import ChestPlan, chest

PACK = "ct-lung-density"
LOBES = {RIGHT: (12, 13, 14), LEFT: (10, 11)}  # TotalSegmentator's classes


def figures(studies: Path) -> Iterator[str]:
    """The lines of the card."""
    yield "| on | right | left |"
    yield "|---|---|---|"
    for mm in (2.0, 3.0, 4.0, 5.0):
        yield _phantom(f"phantom chest, {mm:g} mm voxels, Dice", ChestPlan((mm, mm, mm)))
    for half in (6.0, 12.0):
        plan = ChestPlan((4.0, 4.0, 4.0), bridge_mm=half)
        yield _phantom(f"phantom chest, lungs joined by {2 * half:g} mm, Dice", plan)
    yield _demonstration()
    yield from _reference(studies / "organ-masks")
    yield from _whole(studies / "ct-abdomen-200.zip")


def _phantom(name: str, plan: ChestPlan) -> str:
    made = chest(plan)
    found = ran(PACK, AnalysisInput(made.hu, made.geometry))
    if isinstance(found, str):
        return f"| {name} | refused: {found} | |"
    right, left = dice(found.masks[RIGHT], made.right), dice(found.masks[LEFT], made.left)
    return f"| {name} | {right:.4f} | {left:.4f} |"


def _demonstration() -> str:
    with tempfile.TemporaryDirectory() as folder:
        demo = ensure_demo(Path(folder))
        image = dicom(demo.ct)
    found = ran(PACK, image.given())
    if isinstance(found, str):
        return f"| demonstration CT | refused: {found} | |"
    ml = image.geometry.voxel_volume_mm3 / 1000.0
    errors = [
        100 * (np.count_nonzero(found.masks[side]) * ml / true - 1)
        for side, true in (
            (RIGHT, demo.truth.ct.right_lung_ml), (LEFT, demo.truth.ct.left_lung_ml)
        )
    ]  # fmt: skip
    return f"| demonstration CT, error of the volume | {errors[0]:+.1f} % | {errors[1]:+.1f} % |"


def _reference(masks: Path) -> Iterator[str]:
    if not (masks / "example_seg.nii.gz").exists():
        yield "| reference masks | not on this machine | |"
        return
    image, reference = nifti(masks / "example_ct_sm.nii.gz"), nifti(masks / "example_seg.nii.gz")
    found = ran(PACK, image.given())
    if isinstance(found, str):
        yield f"| reference masks | refused: {found} | |"
        return
    true = {side: np.isin(reference.values, lobes) for side, lobes in LOBES.items()}
    yield (
        f"| reference masks of lung bases, Dice | {dice(found.masks[RIGHT], true[RIGHT]):.3f} "
        f"| {dice(found.masks[LEFT], true[LEFT]):.3f} |"
    )
    error = {
        side: 100 * (np.count_nonzero(found.masks[side]) / np.count_nonzero(true[side]) - 1)
        for side in LOBES
    }
    yield f"| the same, error of the volume | {error[RIGHT]:+.1f} % | {error[LEFT]:+.1f} % |"


def _whole(path: Path) -> Iterator[str]:
    if not path.exists():
        yield "| 512 x 512 x 200 | not on this machine | |"
        return
    image = dicom(path)
    begin = time.process_time()
    found = ran(PACK, image.given())
    took = time.process_time() - begin
    size = " x ".join(str(n) for n in image.geometry.size_ijk)
    yield f"| {size}, processor time | {took:.1f} s | |"
    if not isinstance(found, str):
        flags = ", ".join(flag.id for flag in found.flags)
        yield f"| the same, flags | {flags or 'none'} | |"
