"""Pictures of findings: the slice that shows each best, drawn without a display."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.core.finding import Finding
from app.core.segmentation import Mask
from app.core.study import Stack
from app.core.volume import Volume
from app.workflow.open_study import load_volume
from app.workflow.session import StudySession
from app.workflow.volume_cache import find_stack


@dataclass(frozen=True, slots=True)
class FindingImage:
    """A PNG of one finding."""

    finding: Finding
    k: int
    png: bytes


def key_images(session: StudySession) -> tuple[FindingImage, ...]:
    """An image of each finding that is in the report and has a place; none without rendering."""
    context = session.context
    if context.snapshots is None:
        return ()
    renderer = context.snapshots()
    images = []
    for finding in session.findings:
        if not finding.is_in_report:
            continue
        ref = session.ref_of(finding)
        _series, stack = find_stack(session.study, ref)
        volume = load_volume(context, session.study, ref)
        mask = session.mask(finding.uid)
        k = best_slice(finding, mask, stack, volume)
        if k is not None:
            shown = mask if mask is not None else box_on_slice(finding, volume, k)
            images.append(FindingImage(finding, k, renderer.render_finding(volume, k, shown)))
    return tuple(images)


def box_on_slice(finding: Finding, volume: Volume, k: int) -> Mask | None:
    """The finding's box where it cuts slice ``k``, as a mask to be outlined; None without one."""
    region = finding.current.region
    if region is None or len(region.box_lps) != 2:  # two opposite corners
        return None
    (x0, y0, z0), (x1, y1, z1) = region.box_lps
    corners = np.array([(x, y, z) for x in (x0, x1) for y in (y0, y1) for z in (z0, z1)])
    if not region.box_is_pixels:
        if volume.geometry is None:
            return None
        corners = volume.geometry.lps_to_ijk(corners)
    _, rows, columns = volume.voxels.shape[:3]
    lower = np.maximum(np.rint(corners.min(axis=0)).astype(int), 0)
    upper = np.minimum(np.rint(corners.max(axis=0)).astype(int) + 1, (columns, rows, k + 1))
    voxels = np.zeros(volume.voxels.shape[:3], np.uint8)
    voxels[k, lower[1] : upper[1], lower[0] : upper[0]] = 1
    mask = Mask(voxels, volume.source)
    return None if mask.is_empty else mask


def best_slice(finding: Finding, mask: Mask | None, stack: Stack, volume: Volume) -> int | None:
    """The slice (from 0) with most of the mask, else that of the region; None: nowhere."""
    if mask is not None and not mask.is_empty:
        return int(np.argmax(mask.voxels.sum(axis=(1, 2), dtype=np.int64)))
    count = volume.voxels.shape[0]
    region = finding.current.region
    if region is not None and region.slice is not None:
        for k, frame in enumerate(stack.frames[:count]):
            same = frame.instance.sop_instance_uid == region.slice.sop_instance_uid
            if same and frame.frame == region.slice.frame:
                return k
    if region is not None and region.box_lps and volume.geometry is not None:
        center = np.asarray(region.box_lps, dtype=np.float64).mean(axis=0)
        k = round(float(volume.geometry.lps_to_ijk(center)[2]))
        return k if 0 <= k < count else None
    # a finding of the whole image has a picture where there is one image only
    return 0 if count == 1 else None
