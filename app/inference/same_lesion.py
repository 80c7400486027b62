"""The same lesion seen by several models: one finding, every proposal kept as it was made.

Pure. Only what is called a lesion is merged (not plain anatomy), only what nobody has decided yet,
and only where codes, sides and places agree; on doubt two findings stay two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from app.core.codes import Code
from app.core.finding import Finding, FindingContent
from app.core.geometry import Geometry
from app.core.segmentation import Mask
from app.inference.boxes import FloatArray, overlaps

_IOU: Final = 0.3
_CENTER_SHARE: Final = 0.5  # of the smaller one's half diagonal
_MOST_APART_MM: Final = 10.0
_SAME_PLACE_MM: Final = 1e-6
# Codes of PS3.16 and SNOMED CT that two models use for one and the same lesion.
_COMPATIBLE: Final[tuple[frozenset[tuple[str, str]], ...]] = (
    frozenset({("27925004", "SCT"), ("4147007", "SCT")}),  # nodule, mass
    frozenset({("112001", "DCM"), ("112120", "DCM")}),  # opacity, ground glass opacity
    frozenset({("50960005", "SCT"), ("1386000", "SCT")}),  # hemorrhage, intracranial
    frozenset({("85659009", "SCT"), ("67362008", "SCT")}),  # aneurysm, aortic aneurysm
)


@dataclass(frozen=True, slots=True)
class Places:
    """Where findings lie: their masks by hash, and the grid of each stack (series, index)."""

    masks: Mapping[str, Mask]
    grids: Mapping[tuple[str, int], Geometry | None]


def merge_proposals(
    present: Sequence[Finding], new: Sequence[Finding], places: Places
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """``(changed, added)``: findings of ``present`` that took a proposal in, and new ones.

    A proposal joins the first undecided finding of another model that is the same lesion.
    """
    changed: dict[str, Finding] = {}
    added: list[Finding] = []
    taken: set[str] = set()
    for proposal in new:
        for finding in present:
            latest = changed.get(finding.uid, finding)
            if latest.uid not in taken and is_same_lesion(latest, proposal, places):
                changed[latest.uid] = replace(latest, others=(*latest.others, proposal))
                taken.add(latest.uid)  # two lesions of one model never become one
                break
        else:
            added.append(proposal)
    return tuple(changed.values()), tuple(added)


def is_same_lesion(finding: Finding, proposal: Finding, places: Places) -> bool:
    """Whether an undecided finding and a new proposal of another model mean one lesion."""
    packs = {finding.provenance.pack, *(o.provenance.pack for o in finding.others)}
    if (
        finding.state != "proposed"
        or not finding.is_from_model
        or proposal.provenance.pack in packs
        or finding.study_instance_uid != proposal.study_instance_uid
    ):
        return False
    one, other = finding.proposal.content, proposal.proposal.content
    if "descriptive" in (one.significance, other.significance):
        return False
    if not _same_concept(one.concept, other.concept):
        return False
    if one.laterality and other.laterality and one.laterality != other.laterality:
        return False
    return _same_place(finding, proposal, places)


def _same_concept(one: Code | None, other: Code | None) -> bool:
    if one is None or other is None:
        return False
    pair = {(one.value, one.scheme), (other.value, other.scheme)}
    return len(pair) == 1 or any(pair <= group for group in _COMPATIBLE)


def _same_place(finding: Finding, proposal: Finding, places: Places) -> bool:
    one, other = finding.proposal.content, proposal.proposal.content
    if one.region is None or other.region is None:
        return False
    kinds = {one.region.kind, other.region.kind}
    same_stack = _stack(finding) == _stack(proposal)
    if kinds == {"image"}:
        return same_stack and one.region.slice == other.region.slice
    if "image" in kinds:
        return False
    if one.region.box_is_pixels or other.region.box_is_pixels:
        same_image = same_stack and one.region.slice == other.region.slice
        if not same_image:
            return False
    if kinds == {"segment"} and same_stack:
        masks = [places.masks.get(c.region.mask_sha256) for c in (one, other) if c.region]
        if masks[0] is not None and masks[1] is not None:
            return _mask_iou(masks[0], masks[1]) >= _IOU
    extents = [_extent(f, places) for f in (finding, proposal)]
    if extents[0] is None or extents[1] is None:
        return False
    if extents[0].frame != extents[1].frame:
        return False
    return _extents_agree(extents[0].corners, extents[1].corners)


@dataclass(frozen=True, slots=True)
class _Extent:
    """Least and greatest corner, and the frame in which they are numbers."""

    frame: str
    corners: FloatArray


def _stack(finding: Finding) -> tuple[str, int]:
    return finding.series_instance_uid, finding.stack


def _extent(finding: Finding, places: Places) -> _Extent | None:
    content: FindingContent = finding.proposal.content
    region = content.region
    geometry = places.grids.get(_stack(finding))
    pixels = f"{finding.series_instance_uid}/{finding.stack}"
    if region is None:
        return None
    if region.box_lps:
        points = np.asarray(region.box_lps, dtype=np.float64)
        if region.box_is_pixels:
            return _Extent(pixels, np.stack([points.min(axis=0), points.max(axis=0)]))
        frame = geometry.frame_of_reference_uid if geometry else ""
        if not frame:
            return None
        return _Extent(frame, np.stack([points.min(axis=0), points.max(axis=0)]))
    mask = places.masks.get(region.mask_sha256)
    if mask is None or not mask.voxels.any():
        return None
    where = np.argwhere(mask.voxels)
    ends = np.stack([where.min(axis=0) - 0.5, where.max(axis=0) + 0.5])[:, ::-1]
    if geometry is None:
        return _Extent(pixels, ends * np.asarray([1.0, 1.0, 0.0]))
    corners = geometry.ijk_to_lps(_box_corners(ends))
    return _Extent(
        geometry.frame_of_reference_uid, np.stack([corners.min(axis=0), corners.max(axis=0)])
    )


def _box_corners(ends: FloatArray) -> FloatArray:
    grid = np.stack(np.meshgrid(*ends.T, indexing="ij"), axis=-1)
    return np.asarray(grid.reshape(-1, 3), dtype=np.float64)


def _mask_iou(one: Mask, other: Mask) -> float:
    if one.voxels.shape != other.voxels.shape:
        return 0.0
    union = int(np.count_nonzero(np.logical_or(one.voxels, other.voxels)))
    shared = int(np.count_nonzero(np.logical_and(one.voxels, other.voxels)))
    return shared / union if union else 0.0


def _iou(one: FloatArray, other: FloatArray) -> float:
    return float(overlaps(one, other[None])[0])


def _extents_agree(one: FloatArray, other: FloatArray) -> bool:
    """By overlap, or for small and flat things by the distance of their centres."""
    used = ((one[1] - one[0]) > 0) & ((other[1] - other[0]) > 0)
    is_flat = (used | (np.abs(one - other).max(axis=0) < _SAME_PLACE_MM)).all()
    if used.any() and is_flat and _iou(one[:, used], other[:, used]) >= _IOU:
        return True
    apart = float(np.linalg.norm(one.mean(axis=0) - other.mean(axis=0)))
    smaller = min(float(np.linalg.norm(ends[1] - ends[0])) / 2 for ends in (one, other))
    return apart <= min(_CENTER_SHARE * smaller, _MOST_APART_MM)
