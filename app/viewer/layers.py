"""Findings as they lie over an image: what is drawn of each, by its state.

State is never told by colour alone: proposed is dashed, accepted solid, edited solid with a corner
mark, rejected hidden unless asked for, then dotted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from app.core.finding import Finding, FindingState
from app.core.geometry import Float64Array, Geometry, Triple
from app.core.segmentation import Mask
from app.core.study import SeriesRef

Line = Literal["dashed", "solid", "dotted"]


@dataclass(frozen=True, slots=True)
class LayerStyle:
    """How the outline of one state is drawn."""

    line: Line
    corner_mark: bool = False


STYLES: dict[FindingState, LayerStyle] = {
    "proposed": LayerStyle("dashed"),
    "accepted": LayerStyle("solid"),
    "edited": LayerStyle("solid", corner_mark=True),
    "rejected": LayerStyle("dotted"),
}


@dataclass(frozen=True, slots=True)
class FindingLayer:
    """One finding over the images of ``ref``: its mask, or a box (two corners in LPS).

    ``origin`` names pack and version, empty for a person's finding. ``is_attention``: the mask is
    where a classifier looked, and is shaded, not outlined.
    """

    uid: str
    number: int
    title: str
    state: FindingState
    is_unverified_ai: bool
    is_selected: bool
    ref: SeriesRef
    mask: Mask | None = None
    mask_key: str = ""
    box_lps: tuple[Triple, ...] = ()
    origin: str = ""
    is_attention: bool = False

    @property
    def style(self) -> LayerStyle:
        """How its outline is drawn."""
        return STYLES[self.state]


def finding_layers(
    findings: Iterable[Finding],
    *,
    numbers: Mapping[str, int],
    mask_of: Callable[[str], Mask | None],
    language: str,
    selected_uid: str | None,
    show_rejected: bool,
    attention_of: Callable[[str], Mask | None] = lambda _uid: None,
) -> tuple[FindingLayer, ...]:
    """The layers of ``findings`` with their ``numbers``, rejected ones only on request."""
    layers = []
    for finding in findings:
        if finding.state == "rejected" and not show_rejected:
            continue
        region = finding.current.region
        mask = mask_of(finding.uid) if region and region.kind == "segment" else None
        attention = attention_of(finding.uid) if region and mask is None else None
        key = region.attention_sha256 if region and attention is not None else None
        layers.append(
            FindingLayer(
                uid=finding.uid,
                number=numbers[finding.uid],
                title=finding.current.label.text(language),
                state=finding.state,
                is_unverified_ai=finding.is_from_model and finding.state == "proposed",
                is_selected=finding.uid == selected_uid,
                ref=SeriesRef(
                    finding.study_instance_uid, finding.series_instance_uid, finding.stack
                ),
                mask=attention if mask is None else mask,
                mask_key=key or (region.mask_sha256 if region else ""),
                box_lps=region.box_lps if region else (),
                origin=f"{finding.provenance.pack} {finding.provenance.version}".strip(),
                is_attention=attention is not None,
            )
        )
    return tuple(layers)


def box_on_image(layer: FindingLayer, grid: Geometry, index: int) -> Float64Array | None:
    """The four corners (LPS, shape (4, 3)) in which the box cuts image ``index``, or None."""
    if len(layer.box_lps) != 2:
        return None
    corners = np.asarray(
        [[layer.box_lps[a][0], layer.box_lps[b][1], layer.box_lps[c][2]]
         for a in (0, 1) for b in (0, 1) for c in (0, 1)]
    )  # fmt: skip
    inside = grid.lps_to_ijk(corners)
    low, high = inside.min(axis=0), inside.max(axis=0)
    if not low[2] - 0.5 <= index <= high[2] + 0.5:
        return None
    ring = [(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])]
    return grid.ijk_to_lps([(u, v, index) for u, v in ring])


def center_lps(layer: FindingLayer, space: Geometry) -> Float64Array | None:
    """A point of the finding to bring on screen: inside its largest image of the mask."""
    if layer.mask is not None and not layer.mask.is_empty:
        voxels = layer.mask.voxels
        k = int(voxels.reshape(voxels.shape[0], -1).sum(axis=1).argmax())
        rows, columns = np.nonzero(voxels[k])
        return space.ijk_to_lps((float(columns.mean()), float(rows.mean()), float(k)))
    if layer.box_lps:
        return np.asarray(np.mean(layer.box_lps, axis=0), dtype=np.float64)
    return None
