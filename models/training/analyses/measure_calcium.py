"""``ct-calcium``: squares of known area and density, and spots as a scanner blurs them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from app.core.acquisition import Acquisition
from app.core.reader_input import NamedBox, ReaderInput
from app.inference.analyses.contract import AnalysisInput
from app.inference.analyses.ct_calcium import ALL, VESSELS
from models.training.analyses.studies import number, ran
from tests.support.ct_phantoms import calcium_phantom

PACK = "ct-calcium"
CT = Acquisition("CT", kvp=120.0, contrast=False, slice_thickness_mm=3.0)
AREA = 0.7 * 0.7
PEAK_WEIGHT = ((400.0, 4), (300.0, 3), (200.0, 2), (130.0, 1))


def figures(studies: Path) -> Iterator[str]:
    """The lines of the card."""
    del studies
    made, reader = calcium_phantom()
    score, volume = dict.fromkeys((*VESSELS, "all"), 0.0), dict.fromkeys((*VESSELS, "all"), 0.0)
    for vessel, hu, pixels, slices in made.spots:
        if pixels * AREA < 1.0:
            continue
        weight = next(w for limit, w in PEAK_WEIGHT if hu >= limit)
        for key in (vessel, "all"):
            score[key] += pixels * AREA * weight * slices
            volume[key] += pixels * AREA * slices * 3.0
    yield "| phantom | Agatston: calculated, found | volume: calculated, found (mm3) |"
    yield "|---|---|---|"
    found = ran(PACK, AnalysisInput(made.hu, made.geometry, reader, CT))
    if isinstance(found, str):
        yield f"| squares | refused: {found} | |"
        return
    for name, label in (*VESSELS.items(), ("all", ALL)):
        if score[name] or number(found, "agatston", label) is not None:
            yield (
                f"| squares, {name} | {score[name]:.2f}, {number(found, 'agatston', label):.2f} | "
                f"{volume[name]:.2f}, {number(found, 'coronary_calcium_volume', label):.2f} |"
            )
    yield ""
    yield from _noise()


def _noise() -> Iterator[str]:
    """What noise alone makes of soft tissue without calcium."""
    made, reader = calcium_phantom()
    boxes = tuple(NamedBox(box.name, box.lps) for box in reader.boxes)
    given = ReaderInput(boxes=boxes, choices=reader.choices)
    for noise in (10.0, 20.0, 30.0, 40.0):
        scores = []
        for seed in range(10):
            hu = np.where((made.hu > 100), np.float32(40.0), made.hu)
            hu = hu + np.random.default_rng(seed).normal(0.0, noise, hu.shape).astype(np.float32)
            found = ran(PACK, AnalysisInput(hu.astype(np.float32), made.geometry, given, CT))
            scores.append(0.0 if isinstance(found, str) else number(found, "agatston", ALL) or 0.0)
        yield (
            f"No calcium, white noise of {noise:g} HU, ten phantoms: score {np.mean(scores):.1f} "
            f"in the mean, {max(scores):.1f} at most."
        )
