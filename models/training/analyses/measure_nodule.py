"""``nodule``: phantoms of known volume, clicks beside the middle, the demonstration CT."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from app.core.reader_input import NamedPoint, ReaderInput
from app.demo.studies import ensure_demo
from app.inference.analyses.contract import AnalysisInput
from app.inference.analyses.nodule import NODULE, SOLID_PART
from models.training.analyses.studies import Image, dice, dicom, number, ran
from tests.support.nodule_phantoms import Kind, NoduleCase, NodulePhantom, make

PACK = "nodule"
DIAMETERS = (4.0, 6.0, 8.0, 12.0, 20.0)
KINDS: tuple[tuple[Kind, str], ...] = (
    ("isolated", "isolated"), ("juxtapleural", "on the pleura"),
    ("juxtavascular", "beside a vessel"), ("ground-glass", "ground glass"),
    ("part-solid", "part-solid, core 45 % of the diameter"),
)  # fmt: skip
SEEDS = (1, 2, 3)
CLICKS = ((2.5, 0.0, 0.0), (-2.5, 0.0, 0.0), (0.0, 2.5, 0.0), (0.0, -2.5, 0.0), (0.0, 0.0, 2.5))


def figures(studies: Path) -> Iterator[str]:
    """The lines of the card: the middle of three phantoms with other noise and other places."""
    del studies
    yield "| class, slices | " + " | ".join(f"{d:g} mm" for d in DIAMETERS) + " |"
    yield "|---|" + "---|" * len(DIAMETERS)
    for kind, name in KINDS:
        for slices in (0.7, 1.5):
            cells = [_cell(kind, d, slices) for d in DIAMETERS]
            yield f"| {name}, {slices:g} mm | " + " | ".join(cells) + " |"
    yield ""
    yield from _clicks()
    yield from _demonstration()


def _cell(kind: Kind, diameter: float, slices: float) -> str:
    if kind in ("part-solid", "ground-glass") and diameter < 6:
        return ""
    errors, cores, overlaps, refused = [], [], [], 0
    for seed in SEEDS:
        case = NoduleCase(
            kind, diameter, slices, seed=seed,
            offset=(0.3 * seed - 0.4, 0.2 - 0.2 * seed, 0.2 * seed),
            core_mm=0.45 * diameter if kind == "part-solid" else 0.0,
        )  # fmt: skip
        phantom = make(case)
        found = ran(PACK, _given(phantom))
        if isinstance(found, str):
            refused += 1
            continue
        volume = number(found, "nodule_volume", NODULE) or 0.0
        errors.append(100 * (volume / phantom.volume_mm3 - 1))
        overlaps.append(dice(found.masks[NODULE], phantom.inside))
        core = number(found, "nodule_volume", SOLID_PART)
        if core is not None:
            cores.append(100 * (core / phantom.solid_mm3 - 1))
    if not errors:
        return "refused"
    text = f"{np.median(errors):+.0f} % ({min(errors):+.0f} to {max(errors):+.0f})"
    if kind == "part-solid":
        text += f", core {np.median(cores):+.0f} %" if cores else ", no core"
    return text + (f", {refused} of {len(SEEDS)} refused" if refused else "")


def _given(made: NodulePhantom, shift: tuple[float, ...] = (0.0, 0.0, 0.0)) -> AnalysisInput:
    x, y, z = (float(n) for n in np.add(made.center_lps, shift))
    reader = ReaderInput(points=(NamedPoint("nodule", (x, y, z)),))
    return AnalysisInput(made.hu, made.geometry, reader)


def _clicks() -> Iterator[str]:
    phantom = make(NoduleCase("isolated", 8.0))
    volumes = [
        number(found, "nodule_volume", NODULE) or 0.0
        for shift in ((0.0, 0.0, 0.0), *CLICKS)
        if not isinstance(found := ran(PACK, _given(phantom, shift)), str)
    ]
    spread = 100 * (max(volumes) / min(volumes) - 1)
    yield (
        f"Isolated, 8 mm: {len(volumes)} of {1 + len(CLICKS)} clicks up to 2.5 mm beside the "
        f"middle read, volumes within {spread:.1f} %."
    )


def _demonstration() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        demo = ensure_demo(Path(folder))
        now, prior = dicom(demo.ct), dicom(demo.prior_ct)
    for name, image, truth in (("now", now, demo.truth.ct), ("prior", prior, demo.truth.prior_ct)):
        yield _nodule_of(name, image, truth.nodule.centre_lps, truth.nodule.volume_mm3)


def _nodule_of(name: str, image: Image, at: tuple[float, ...], true: float) -> str:
    volumes, refused = [], 0
    for shift in ((0.0, 0.0, 0.0), *CLICKS):
        x, y, z = (float(n) for n in np.add(at, shift))
        found = ran(PACK, image.given(ReaderInput(points=(NamedPoint("nodule", (x, y, z)),))))
        if isinstance(found, str):
            refused += 1
        else:
            volumes.append(number(found, "nodule_volume", NODULE) or 0.0)
    spacing = image.geometry.spacing_ijk[2]
    if not volumes:
        return f"Demonstration CT ({name}, slices of {spacing:g} mm): refused."
    error = 100 * (np.asarray([min(volumes), max(volumes)]) / true - 1)
    return (
        f"Demonstration CT ({name}, slices of {spacing:g} mm, truth {true:.1f} mm3): "
        f"{min(volumes):.1f} to {max(volumes):.1f} mm3 ({error[0]:+.1f} to {error[1]:+.1f} %) from "
        f"{len(volumes)} clicks, {refused} refused."
    )
