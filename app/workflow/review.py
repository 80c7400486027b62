"""Deciding about findings: accept, edit, reject, reopen, add. Main thread only.

Each call is one transaction with its audit event, then the signal; each can be undone. A refused
decision raises ``InvalidTransition``, a signed report ``AlreadySigned``; nothing changes then.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Final

from app.core.errors import IdentityConflict
from app.core.finding import (
    Decision,
    DecisionKind,
    Finding,
    FindingContent,
    Proposal,
    Region,
    decide,
)  # fmt: skip
from app.core.provenance import Provenance
from app.core.report import Message
from app.core.segmentation import Mask
from app.core.study import SeriesRef
from app.imaging.labelmap import content_sha256
from app.workflow.finding_change import FindingChange
from app.workflow.session import StudySession

REJECT_REASONS: Final[tuple[tuple[str, Message], ...]] = (
    ("normal-structure", Message("normal structure", "нормальная структура")),
    ("artefact", Message("artefact", "артефакт")),
    ("outside-organ", Message("outside the organ", "вне органа")),
    ("known-unchanged", Message("known and unchanged", "известно, без динамики")),
    ("not-significant", Message("real, but not significant", "есть, но незначимо")),
    ("duplicate", Message("already listed", "уже есть в списке")),
    ("wrong-type", Message("real, but of another kind", "есть, но другого рода")),
)
MEASURED_AGAIN: Final = "measured-again"
_REASON_TEXTS: Final[dict[str, Message]] = {
    **dict(REJECT_REASONS),
    MEASURED_AGAIN: Message("measured again", "измерено заново"),
}


def reason_text(reason: str, language: str) -> str:
    """The words of a stored reason: of a known id, or the free text as it was typed."""
    known = _REASON_TEXTS.get(reason)
    return reason if known is None else known.text(language)


def accept(session: StudySession, uid: str) -> None:
    """Accept the finding as it is."""
    _decide(session, uid, "accept")


def reject(session: StudySession, uid: str, reason: str) -> None:
    """Reject the finding; ``reason`` is an id of ``REJECT_REASONS`` or free text."""
    _decide(session, uid, "reject", reason=reason.strip())


def reopen(session: StudySession, uid: str) -> None:
    """Back to undecided, with the content that was proposed."""
    _decide(session, uid, "reopen")


def edit(session: StudySession, uid: str, content: FindingContent) -> None:
    """Accept the finding with other content; the proposal stays beside it."""
    if content != session.finding(uid).current:
        _decide(session, uid, "edit", content=content)


def add(session: StudySession, content: FindingContent, ref: SeriesRef, mask: Mask | None) -> str:
    """Add a finding of one's own, accepted at once; its uid."""
    if ref.study_instance_uid != session.study.study_instance_uid:
        raise IdentityConflict(
            "The image on which the finding was drawn belongs to another study.",
            ru="Снимок, на котором отмечена находка, относится к другому исследованию.",
            hint="Select an image of the open study.",
            hint_ru="Выберите снимок открытого исследования.",
        )
    now = session.context.clock.now_utc()
    masks: dict[str, Mask] = {}
    if mask is not None:
        sha256 = content_sha256(mask.voxels)
        masks[sha256] = mask
        region = content.region or Region("segment")
        content = replace(content, region=replace(region, kind="segment", mask_sha256=sha256))
    volume = session.volume(ref)
    finding = Finding(
        uid=session.context.uids.new_uid(),
        tracking_uid=session.context.uids.new_uid(),
        study_instance_uid=ref.study_instance_uid,
        series_instance_uid=ref.series_instance_uid,
        stack=ref.stack,
        proposal=Proposal(content),
        current=content,
        state="proposed",
        provenance=Provenance(
            "person",
            at_utc=now,
            person=session.context.user,
            lossy=volume.lossy if volume is not None else "",
        ),
    )
    finding = decide(finding, Decision("accept", session.context.user, now))
    session.run(FindingChange(session, "add", None, finding, masks=masks))
    return finding.uid


def _decide(
    session: StudySession,
    uid: str,
    kind: DecisionKind,
    *,
    reason: str = "",
    content: FindingContent | None = None,
) -> None:
    before = session.finding(uid)
    decision = Decision(kind, session.context.user, session.context.clock.now_utc(), reason)
    after = decide(before, decision, content)
    session.run(FindingChange(session, kind, before, after, details=_reason_details(reason)))


def _reason_details(reason: str) -> dict[str, str]:
    """The trail gets the id of a listed reason, of free text only its hash: it may name people."""
    if not reason:
        return {}
    if reason in _REASON_TEXTS:
        return {"reason": reason}
    return {"reason_sha256": hashlib.sha256(reason.encode("utf-8")).hexdigest()}
