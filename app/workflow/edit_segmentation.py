"""Editing the mask of a finding: one stroke, one undoable change, measured anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from app.core.errors import InputError
from app.core.finding import Decision, FindingContent, Region, decide
from app.core.geometry import Geometry
from app.core.measurement import Measurement
from app.core.segmentation import Mask, MaskArray, MaskPatch
from app.core.volume import Volume
from app.imaging.labelmap import bounding_box, content_sha256
from app.measure.methods import METHODS, OF_TWO_MASKS
from app.measure.registry import ATTENUATION, DENSITIES, measure_mask
from app.workflow.finding_change import FindingChange
from app.workflow.open_study import load_volume
from app.workflow.session import StudySession

# twice the distance from the border at which a structure counts as cut off, and more
_MARGIN_VOXELS: Final = 8


def apply_stroke(session: StudySession, uid: str, patch: MaskPatch) -> None:
    """Change the mask as the stroke did. Main thread; on disk when this returns.

    The finding becomes ``edited``, its measurements are taken from the new mask. Raises
    ``InputError`` where the finding has no mask, ``AlreadySigned``.
    """
    mask = session.mask(uid)
    if mask is None:
        raise InputError(
            "This finding has no mask to edit.",
            ru="У этой находки нет маски.",
            hint="Add a finding of your own with the brush.",
            hint_ru="Добавьте свою находку кистью.",
        )
    set_mask(session, uid, patch.apply(mask), size_bytes=patch.size_bytes)


def set_mask(session: StudySession, uid: str, mask: Mask, *, size_bytes: int = 0) -> None:
    """Give the finding another mask (of the same grid), measured anew; one undoable change."""
    before = session.finding(uid)
    sha256 = content_sha256(mask.voxels)
    region = before.current.region or Region("segment")
    if region.mask_sha256 == sha256:
        return
    volume = session.volume(mask.source) or load_volume(session.context, session.study, mask.source)
    content = replace(
        before.current,
        region=replace(region, kind="segment", mask_sha256=sha256),
        measurements=_remeasured(session, before.current, mask, volume),
    )
    decision = Decision("edit", session.context.user, session.context.clock.now_utc())
    after = decide(before, decision, content)
    session.run(
        FindingChange(
            session, "stroke", before, after,
            details={"mask_sha256": sha256},
            masks={sha256: mask},
            size_bytes=max(size_bytes, 1024),
        )
    )  # fmt: skip


def remeasure_live(
    session: StudySession, uid: str, mask: Mask, volume: Volume
) -> tuple[Measurement, ...]:
    """What the finding would measure with this mask; nothing is stored. Any thread."""
    return _remeasured(session, session.finding(uid).current, mask, volume)


def _remeasured(
    session: StudySession, content: FindingContent, mask: Mask, volume: Volume
) -> tuple[Measurement, ...]:
    """The same kinds as before, from the new mask.

    What the mask alone does not give (a ratio of two masks) has no value any more: the old number
    would not fit the outline.
    """
    before = content.measurements
    kinds = [item.kind for item in before if item.kind in METHODS and item.kind not in OF_TWO_MASKS]
    voxels, part = _around(mask, volume)
    taken = measure_mask(
        voxels,
        geometry=part.geometry,
        pixel_spacing_mm=part.pixel_spacing_mm,
        spacing_source=part.spacing_source,
        values=part.modality_values() if {*DENSITIES, *ATTENUATION} & set(kinds) else None,
        what=kinds if before else None,
        quantity=part.quantity,
    )
    if not before:
        return taken
    new = {item.kind: item for item in taken}
    return tuple(
        _like(item, new[item.kind]) if item.kind in new else _no_longer_fits(item)
        for item in before
    )


def _around(mask: Mask, volume: Volume) -> tuple[MaskArray, Volume]:
    """Mask and volume cut to the mask's surroundings: the whole of a CT would take a second.

    The margin is wide enough that what reaches the border of the image still does, and what does
    not reaches none. Films stay whole: their points are pixels.
    """
    box = bounding_box(mask.voxels)
    geometry = volume.geometry
    if box is None or geometry is None:
        return mask.voxels, volume
    low = [max(0, n - _MARGIN_VOXELS) for n in box.lower_ijk]
    high = [
        min(size, n + _MARGIN_VOXELS)
        for n, size in zip(box.upper_ijk, geometry.size_ijk, strict=True)
    ]
    cut = tuple(slice(a, b) for a, b in zip(reversed(low), reversed(high), strict=True))
    part = Geometry.from_arrays(
        [b - a for a, b in zip(low, high, strict=True)],
        geometry.spacing_ijk,
        geometry.ijk_to_lps(low),
        geometry.direction,
        geometry.frame_of_reference_uid,
    )
    return mask.voxels[cut], replace(volume, voxels=volume.voxels[cut], geometry=part)


def _like(old: Measurement, new: Measurement) -> Measurement:
    """Reference and earlier value stay with the kind; the status of a quality flag stays too."""
    status = new.status
    if new.value is not None and old.status in ("truncated_fov", "wrong_protocol", "low_quality"):
        status = old.status
    return replace(new, status=status, reference=old.reference, previous=old.previous)


def _no_longer_fits(item: Measurement) -> Measurement:
    if item.value is None:
        return item
    note = "Measured before the outline was edited."
    return replace(item, value=None, status="failed", note=note, points_lps=())
