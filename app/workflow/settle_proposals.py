"""What new proposals of a pack do to the findings that are there: replace, join or stand beside.

Decided findings are never touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.core.finding import Finding
from app.core.segmentation import Mask
from app.core.study import SeriesRef
from app.inference.same_lesion import Places, merge_proposals
from app.workflow.session import StudySession


@dataclass(frozen=True, slots=True)
class Settled:
    """``gone`` findings are superseded; ``changed`` ones gain or lose the proposal of a model;
    ``split`` stood inside another one and now stand alone; ``added`` are new.
    """

    gone: tuple[Finding, ...]
    changed: tuple[Finding, ...]
    split: tuple[Finding, ...]
    added: tuple[Finding, ...]


def settle(
    session: StudySession,
    pack_id: str,
    source: SeriesRef,
    new: Sequence[Finding],
    masks: Mapping[str, Mask],
) -> Settled:
    """Undecided proposals of the pack on the stack are superseded; the new ones join the same
    lesion of another pack, or are added. Nothing is stored.
    """
    gone, changed, split = [], {}, []
    present: list[Finding] = []
    for finding in session.findings:
        is_ours = finding.provenance.pack == pack_id and session.ref_of(finding) == source
        if finding.state == "proposed" and is_ours:
            gone.append(finding)
            if finding.others:  # the next model's proposal takes its place as it was made
                split.append(replace(finding.others[0], others=finding.others[1:]))
                present.append(split[-1])
            continue
        kept = tuple(
            other
            for other in finding.others
            if other.provenance.pack != pack_id or session.ref_of(other) != source
        )
        if finding.state == "proposed" and kept != finding.others:
            finding = replace(finding, others=kept)
            changed[finding.uid] = finding
        present.append(finding)
    joined, added = merge_proposals(present, new, _places(session, present, masks))
    by_uid = {finding.uid: finding for finding in joined}
    changed |= {uid: f for uid, f in by_uid.items() if uid not in {one.uid for one in split}}
    split = [by_uid.get(one.uid, one) for one in split]
    return Settled(tuple(gone), tuple(changed.values()), tuple(split), added)


def every_proposal(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Each proposal on its own, those inside merged findings too, as the models made them."""
    flat: list[Finding] = []
    for finding in findings:
        flat.append(replace(finding, others=()))
        flat.extend(finding.others)
    return tuple(flat)


def _places(session: StudySession, present: Sequence[Finding], masks: Mapping[str, Mask]) -> Places:
    """Masks and grids of what may be one lesion: only lesions are looked at."""
    known = dict(masks)
    grids = {}
    for finding in present:
        content = finding.proposal.content
        if content.significance == "descriptive" or finding.state != "proposed":
            continue
        region = content.region
        if region is not None and region.mask_sha256 and region.mask_sha256 not in known:
            known[region.mask_sha256] = session.stored_mask(
                region.mask_sha256, session.ref_of(finding)
            )
    for series in session.study.series:
        for stack in series.stacks:
            grids[series.series_instance_uid, stack.index] = stack.geometry
    return Places(known, grids)
