"""Signatures, reasons, communications and links of a report as JSON: stored, signed and printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from app.core.communication import Communication
from app.core.report import Override, Report, SentenceLink, Signature

Json = dict[str, Any]


def signature_to_json(signature: Signature | None) -> Json | None:
    """A signature; what says nothing (no account, no reason) is left out."""
    if signature is None:
        return None
    row: Json = {
        "name": signature.name,
        "at": signature.at_utc,
        "meaning": signature.meaning,
        "identity": signature.identity,
        "clock": signature.clock,
    }
    for key in ("login", "role", "clock_reason"):
        if getattr(signature, key):
            row[key] = getattr(signature, key)
    return row


def signature_from_json(row: object) -> Signature | None:
    """A stored signature; of the first form too (a list of name, time and meaning)."""
    if row is None:
        return None
    if isinstance(row, Sequence):
        return Signature(*row)
    if not isinstance(row, Mapping):
        raise TypeError("a signature is an object")
    return Signature(
        row["name"], row["at"], row["meaning"], row.get("login", ""), row.get("role", ""),
        row["identity"], row["clock"], row.get("clock_reason", ""),
    )  # fmt: skip


def overrides_to_json(overrides: Sequence[Override]) -> list[Json]:
    """The reasons for letting discrepancies stand."""
    return [asdict(item) for item in overrides]


def communications_to_json(records: Sequence[Communication]) -> list[Json]:
    """Who was told of critical results."""
    return [asdict(record) | {"finding_uids": list(record.finding_uids)} for record in records]


def communications_from_json(rows: Sequence[Mapping[str, Any]]) -> tuple[Communication, ...]:
    """The records of ``communications_to_json``."""
    return tuple(
        Communication(**{**row, "finding_uids": tuple(row["finding_uids"])}) for row in rows
    )


def report_to_json(report: Report) -> Json:
    """What is stored of a version beside its text, state and hash."""
    return {
        "language": report.language,
        "links": [[link.text, link.finding_uid, link.content_sha256] for link in report.links],
        "overrides": [
            [item.discrepancy_id, item.rule, item.reason] for item in report.overrides
        ],
        "signature": signature_to_json(report.signature),
        "predecessor_uid": report.predecessor_uid,
        "change": report.change,
        "change_reason": report.change_reason,
        "prior_signatures": [signature_to_json(item) for item in report.prior_signatures],
        "communications": communications_to_json(report.communications),
        "template_id": report.template_id,
    }  # fmt: skip


def report_from_json(row: Mapping[str, Any], payload: Mapping[str, Any]) -> Report:
    """A version from its columns and ``report_to_json``; what the first form lacks is empty."""
    prior = (signature_from_json(item) for item in payload.get("prior_signatures", ()))
    return Report(
        uid=row["uid"],
        study_instance_uid=row["study_instance_uid"],
        version=row["version"],
        language=payload["language"],
        text=row["text"],
        state=row["state"],
        links=tuple(SentenceLink(*link) for link in payload["links"]),
        overrides=tuple(Override(*item) for item in payload["overrides"]),
        signature=signature_from_json(payload["signature"]),
        predecessor_uid=payload["predecessor_uid"],
        content_sha256=row["content_sha256"],
        change=payload.get("change", "addendum" if payload["predecessor_uid"] else "original"),
        change_reason=payload.get("change_reason", ""),
        prior_signatures=tuple(item for item in prior if item is not None),
        communications=communications_from_json(payload.get("communications", ())),
        template_id=payload.get("template_id", ""),
    )
