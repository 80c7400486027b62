"""The chained audit trail: each event holds the hash of the one before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

GENESIS_HASH = "0" * 64


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One entry; ``details`` holds ids and hashes, never patient data."""

    seq: int
    at_utc: str
    actor: str
    action: str
    subject_uid: str
    details: Mapping[str, str]
    previous_hash: str
    hash: str


def event_hash(
    seq: int,
    at_utc: str,
    actor: str,
    action: str,
    subject_uid: str,
    details: Mapping[str, str],
    previous_hash: str,
) -> str:
    """SHA-256 over the canonical JSON of all fields and the previous hash."""
    body = json.dumps(
        [seq, at_utc, actor, action, subject_uid, dict(sorted(details.items())), previous_hash],
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return hashlib.sha256(body.encode("utf-8")).hexdigest()


def chain(
    previous: AuditEvent | None,
    *,
    at_utc: str,
    actor: str,
    action: str,
    subject_uid: str,
    details: Mapping[str, str],
) -> AuditEvent:
    """The next event after ``previous`` (None: the first)."""
    seq = 1 if previous is None else previous.seq + 1
    previous_hash = GENESIS_HASH if previous is None else previous.hash
    digest = event_hash(seq, at_utc, actor, action, subject_uid, details, previous_hash)
    return AuditEvent(seq, at_utc, actor, action, subject_uid, dict(details), previous_hash, digest)


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """The first event at which the trail does not hold together, and why."""

    seq: int
    reason: str


def verify(events: Iterable[AuditEvent]) -> BrokenLink | None:
    """None if the trail is whole, else its first broken link."""
    expected_seq, previous_hash = 1, GENESIS_HASH
    for event in events:
        if event.seq != expected_seq:
            return BrokenLink(expected_seq, f"event {expected_seq} is missing")
        if event.previous_hash != previous_hash:
            return BrokenLink(event.seq, "the hash of the previous event does not match")
        digest = event_hash(
            event.seq, event.at_utc, event.actor, event.action, event.subject_uid,
            event.details, event.previous_hash,
        )  # fmt: skip
        if digest != event.hash:
            return BrokenLink(event.seq, "the event was changed after it was written")
        expected_seq, previous_hash = expected_seq + 1, event.hash
    return None
