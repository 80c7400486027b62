"""``ct-body``: phantoms of known tissues; real slices beside reference masks of organs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from app.core.reader_input import NamedPoint, ReaderInput
from app.inference.analyses.contract import AnalysisInput, AnalysisOutput
from app.inference.analyses.ct_body import BONE, MUSCLE, SUBCUTANEOUS, VISCERAL
from app.measure.body_composition import MUSCLE_HU
from models.training.analyses.studies import BoolArray, Image, dice, dicom, nifti, number, ran
from tests.support.abdomen_phantom import MASKS, AbdomenPlan, abdomen

PACK = "ct-body"
PLAN = AbdomenPlan()
PHANTOMS = (
    ("fat 22 mm, wall 14 mm, 1 mm pixels, noise 12 HU", PLAN),
    ("the same, no organ against the wall", replace(PLAN, full=False)),
    ("fat 8 mm, wall 8 mm", replace(PLAN, fat_mm=8.0, wall_mm=8.0)),
    ("a gap of 15 mm in the wall in front", replace(PLAN, gap_mm=15.0)),
    ("noise 25 HU", replace(PLAN, noise_hu=25.0)),
    ("0.7 mm pixels", replace(PLAN, pixel_mm=0.7)),
    ("fat 35 mm: a narrow cavity, a kidney touches the quadratus", replace(PLAN, fat_mm=35.0)),
)
BACK, PSOAS = (86, 87), (88, 89)  # TotalSegmentator's classes
VERTEBRAE = {27: "L5", 28: "L4", 29: "L3", 30: "L2", 31: "L1", 32: "T12", 33: "T11"}
ORGANS = {
    1: "spleen", 2: "kidney", 3: "kidney", 4: "gallbladder", 5: "liver", 6: "stomach",
    7: "pancreas", 18: "small bowel", 19: "duodenum", 20: "colon", 52: "aorta", 63: "vena cava",
    64: "portal vein",
}  # fmt: skip


def figures(studies: Path) -> Iterator[str]:
    """The lines of the card."""
    yield "| phantom | muscle | visceral fat | subcutaneous fat | bone |"
    yield "|---|---|---|---|---|"
    for name, plan in PHANTOMS:
        yield _phantom(name, plan)
    yield ""
    yield from _reference(studies / "organ-masks")
    yield from _levels("whole abdomen, 3 mm", studies / "organ-masks" / "example_ct.nii.gz", 2)
    for name in ("ct-20-slices-j2k", "ct-liver-seg-sr", "ct-abdomen-200"):
        yield from _levels(name, studies / f"{name}.zip", 4)


def _phantom(name: str, plan: AbdomenPlan) -> str:
    made = abdomen(plan)
    reader = ReaderInput(points=(NamedPoint("level", made.level),))
    found = ran(PACK, AnalysisInput(made.hu, made.geometry, reader))
    if isinstance(found, str):
        return f"| {name} | refused: {found} | | | |"
    cells = []
    for label, tissue in zip((MUSCLE, VISCERAL, SUBCUTANEOUS, BONE), MASKS, strict=True):
        mask, true = found.masks[label][1], made.truth[tissue]
        error = 100 * (np.count_nonzero(mask) / np.count_nonzero(true) - 1)
        cells.append(f"{error:+.1f} %, {dice(mask, true):.3f}")
    return f"| {name} | " + " | ".join(cells) + " |"


def _at(image: Image, k: int) -> AnalysisOutput | str:
    """The slice ``k``, counted as stored."""
    i, j, _ = image.geometry.size_ijk
    reader = ReaderInput(points=(NamedPoint("level", image.point(i / 2, j / 2, k)),))
    return ran(PACK, image.given(reader))


def _reference(masks: Path) -> Iterator[str]:
    """Slices of the upper lumbar spine: muscle beside the reference masks of muscles and organs.

    The masks belong to the last 30 slices of ``example_ct``, whatever its origin says: there the
    voxels are those of ``example_ct_sm``.
    """
    if not (masks / "example_seg.nii.gz").exists():
        yield "Reference masks: not on this machine."
        return
    image, part = nifti(masks / "example_ct.nii.gz"), nifti(masks / "example_ct_sm.nii.gz")
    first = len(image.values) - len(part.values)
    if not np.array_equal(image.values[first:], part.values):
        raise ValueError("example_ct_sm is not the end of example_ct")
    labels = nifti(masks / "example_seg.nii.gz").values.astype(int)
    yield "| slice, vertebra | back muscles found | psoas found | muscle that is an organ |"
    yield "|---|---|---|---|"
    for n in range(len(labels)):
        found = _at(image, first + n)
        plane = labels[n]
        vertebra = "/".join(
            name for label, name in VERTEBRAE.items() if (plane == label).sum() > 15
        )
        if isinstance(found, str):
            yield f"| {first + n}, {vertebra} | refused: {found} | | |"
            continue
        muscle, hu = found.masks[MUSCLE][first + n], image.values[first + n]
        lean = (hu >= MUSCLE_HU[0]) & (hu <= MUSCLE_HU[1])
        yield (
            f"| {first + n}, {vertebra} | {_share(muscle, np.isin(plane, BACK) & lean)} | "
            f"{_share(muscle, np.isin(plane, PSOAS) & lean)} | {_wrong(muscle, plane)} |"
        )
    yield ""


def _share(found: BoolArray, true: BoolArray) -> str:
    count = int(np.count_nonzero(true))
    return f"{100 * np.count_nonzero(found & true) / count:.0f} % of {count}" if count else "-"


def _wrong(muscle: BoolArray, plane: np.ndarray) -> str:
    total = int(np.count_nonzero(muscle))
    wrong: dict[str, int] = {}
    for label, name in ORGANS.items():
        count = int(np.count_nonzero(muscle & (plane == label)))
        if count:
            wrong[name] = wrong.get(name, 0) + count
    share = 100 * sum(wrong.values()) / max(1, total)
    most = max(wrong, key=lambda name: wrong[name]) if wrong else ""
    return f"{share:.1f} % of {total}" + (f", most {most}" if most else "")


def _levels(name: str, path: Path, step: int) -> Iterator[str]:
    """Read or refused, slice by slice."""
    if not path.exists():
        yield f"{name}: not on this machine."
        return
    image = nifti(path) if path.name.endswith(".nii.gz") else dicom(path)
    said: dict[str, list[int]] = {}
    areas = []
    for k in range(0, len(image.values), step):
        found = _at(image, k)
        if isinstance(found, str):
            said.setdefault(found, []).append(k)
        else:
            areas.append(number(found, "muscle_area") or 0.0)
            status = found.flags[0].id if found.flags else "valid"
            said.setdefault(f"read, {status}", []).append(k)
    yield f"{name}, every {step}. of {len(image.values)} slices:"
    for text, slices in said.items():
        yield f"- {text}: {len(slices)} ({slices[0]} to {slices[-1]})"
    if areas:
        yield f"- muscle {min(areas):.0f} to {max(areas):.0f} cm2"
    yield ""
