"""Editing the mask of a finding: one stroke, one undoable change, measured anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from app.core.errors import InputError
from app.core.finding import Decision, Finding, Region, decide
from app.core.measurement import Measurement
from app.core.segmentation import Mask, MaskPatch
from app.core.volume import Volume
from app.imaging.labelmap import content_sha256
from app.workflow.finding_change import FindingChange
from app.workflow.finding_step import FindingStep
from app.workflow.open_study import load_volume
from app.workflow.remeasure import ratios_remeasured, remeasured, siblings
from app.workflow.review import MEASURED_AGAIN
from app.workflow.session import StudySession


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
    """Give the finding another mask (of the same grid), measured anew; one undoable change.

    Ratios that other findings share with it are taken anew in the same change.
    """
    before = session.finding(uid)
    sha256 = content_sha256(mask.voxels)
    region = before.current.region or Region("segment")
    if region.mask_sha256 == sha256:
        return
    session.require_unsigned()
    volume = session.volume(mask.source) or load_volume(session.context, session.study, mask.source)
    content = replace(
        before.current,
        region=replace(region, kind="segment", mask_sha256=sha256),
        measurements=remeasured(session, before, mask, volume),
    )
    after = decide(before, _edit(session), content)
    session.run(
        FindingChange(
            session, "stroke", before, after,
            also=tuple(_followers(session, before, mask)),
            details={"mask_sha256": sha256},
            masks={sha256: mask},
            size_bytes=max(size_bytes, 1024),
        )
    )  # fmt: skip


def remeasure_live(
    session: StudySession, uid: str, mask: Mask, volume: Volume
) -> tuple[Measurement, ...]:
    """What the finding would measure with this mask; nothing is stored. Main thread."""
    return remeasured(session, session.finding(uid), mask, volume)


def _followers(session: StudySession, edited: Finding, mask: Mask) -> Iterator[FindingStep]:
    """The findings whose ratios follow from the mask: an undecided one stays undecided."""
    if not edited.provenance.pack:
        return
    for other in siblings(session, edited):
        if other.uid == edited.uid:
            continue
        numbers = ratios_remeasured(session, other, {edited.uid: mask})
        if numbers == other.current.measurements:
            continue
        content = replace(other.current, measurements=numbers)
        after = (
            replace(other, current=content)
            if other.state == "proposed"
            else decide(other, _edit(session, MEASURED_AGAIN), content)
        )
        yield FindingStep(other, after, "finding.remeasured")


def _edit(session: StudySession, reason: str = "") -> Decision:
    return Decision("edit", session.context.user, session.context.clock.now_utc(), reason)
