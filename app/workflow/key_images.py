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
            images.append(FindingImage(finding, k, renderer.render_finding(volume, k, mask)))
    return tuple(images)


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
