"""Errors in what is stated at all: left out, denied, undecided, not told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

from benchmarks.report_blind.phrases import denials
from benchmarks.report_blind.rendering import Edit, like
from benchmarks.report_blind.slips import Slip, changed_finding, loose, pieces, stated, whole_text
from benchmarks.report_blind.source import Report

# One denial would deny the other as well.
_KIN = (
    {"con", "pna", "opa", "ggo", "ate", "ctn"}, {"nod", "mas"}, {"frx", "rib", "sku"},
    {"hdi", "pdi"}, {"kst", "urt"}, {"sdh", "edh", "ich", "sah"}, {"taa", "ath", "aaa"},
    {"asc", "air"}, {"urt", "hyn"}, {"cst", "pla"}, {"eff", "htx"}, {"ipf", "fib"},
)  # fmt: skip


def _told(report: Report, gone_uid: str) -> set[int]:
    """The line about who was told goes with the last critical finding."""
    left = [
        f for f in report.accepted() if f["significance"] == "critical" and f["uid"] != gone_uid
    ]
    return set() if left else set(report.indices("comm"))


def _kin(report: Report, uid: str) -> bool:
    """Whether another accepted finding would be denied by the same sentence."""
    code = report.codes[uid]
    near = {code}.union(*(group for group in _KIN if code in group))
    others = [f["uid"] for f in report.accepted() if f["uid"] != uid]
    return any(report.codes[other] in near for other in others)


def _weight(finding: dict[str, Any]) -> str:
    return "block" if finding["significance"] in ("critical", "significant") else "warn"


def omitted(report: Report, _: Random) -> Iterator[Slip]:
    """Every sentence about an accepted finding is left out."""
    for finding in report.accepted():
        uid = finding["uid"]
        if loose(report, uid) and stated(report, uid):
            edit = Edit(gone=frozenset(pieces(report, uid)) | _told(report, uid))
            yield Slip("omitted-finding", report, edit, _weight(finding), (), (uid,))


def _denied(report: Report, uid: str, at: int, rnd: Random) -> str:
    sentence = rnd.choice(denials(report.codes[uid], report.language))
    sentence = like(sentence, whole_text(report))
    old = report.parts[at].text.rstrip()
    return sentence if old.endswith((".", "»")) else sentence.rstrip(".")


def negated(report: Report, rnd: Random) -> Iterator[Slip]:
    """An accepted finding is denied."""
    for finding in report.accepted():
        uid = finding["uid"]
        where = stated(report, uid, impression=False) or stated(report, uid)
        if not where or not loose(report, uid) or _kin(report, uid):
            continue
        if not denials(report.codes[uid], report.language):
            continue
        at = where[0]
        gone = (set(pieces(report, uid)) - {at}) | _told(report, uid)
        edit = Edit(gone=frozenset(gone), texts={at: _denied(report, uid, at, rnd)})
        yield Slip("negated-finding", report, edit, "block", (at,), (uid,))


def rejected(report: Report, _: Random) -> Iterator[Slip]:
    """The text states what the radiologist rejected."""
    for finding in report.accepted():
        uid = finding["uid"]
        if not _kin(report, uid) and stated(report, uid):
            changed = changed_finding(report, uid, {"state": "rejected"})
            parts = tuple(stated(report, uid))
            yield Slip("rejected-finding-asserted", changed, Edit(), "warn", parts, (uid,))


def impression_denies(report: Report, rnd: Random) -> Iterator[Slip]:
    """The impression denies what the findings state."""
    for finding in report.accepted():
        uid = finding["uid"]
        above = stated(report, uid, impression=False)
        below = stated(report, uid, impression=True)
        if not above or not below or _kin(report, uid) or not loose(report, uid):
            continue
        if not denials(report.codes[uid], report.language):
            continue
        at = below[0]
        remarks = set(pieces(report, uid)) - set(above) - {at}
        gone = {other for other in remarks if other > above[-1]}
        edit = Edit(gone=frozenset(gone), texts={at: _denied(report, uid, at, rnd)})
        kind, parts = "impression-contradicts-findings", (*above, at)
        yield Slip(kind, report, edit, "warn", parts, (uid,))
        others = tuple(f for f in report.findings if f["uid"] != uid)
        unlisted = replace(report, findings=others)
        yield Slip(kind, unlisted, edit, "warn", parts, (), "text only")


def missing_from_impression(report: Report, _: Random) -> Iterator[Slip]:
    """A significant finding is in the findings only."""
    for finding in report.accepted():
        uid = finding["uid"]
        above = stated(report, uid, impression=False)
        below = [at for at in pieces(report, uid) if above and at > above[-1]]
        if finding["significance"] not in ("critical", "significant") or not above:
            continue
        said = [at for at in below if report.parts[at].in_impression]
        if not said or any(report.parts[at].fixed for at in below):
            continue
        advice = [at for at in below if at > said[0]]
        edit = Edit(gone=frozenset({*said, *advice}))
        severity = "block" if finding["significance"] == "critical" else "warn"
        kind = "significant-finding-missing-from-impression"
        yield Slip(kind, report, edit, severity, (), (uid,))


def undecided(report: Report, _: Random) -> Iterator[Slip]:
    """A significant finding is still a proposal, in the text or not."""
    for finding in report.accepted():
        uid = finding["uid"]
        if _weight(finding) != "block":
            continue
        changed = changed_finding(report, uid, {"state": "proposed"})
        kind = "undecided-significant-finding"
        yield Slip(kind, changed, Edit(), "block", (), (uid,), "in the text")
        if loose(report, uid):
            edit = Edit(gone=frozenset(pieces(report, uid)) | _told(report, uid))
            yield Slip(kind, changed, edit, "block", (), (uid,), "not in the text")


def not_told(report: Report, _: Random) -> Iterator[Slip]:
    """A critical finding, and nobody was told."""
    told = report.indices("comm")
    critical = tuple(f["uid"] for f in report.accepted() if f["significance"] == "critical")
    if told and critical:
        kind = "critical-without-communication"
        yield Slip(kind, report, Edit(gone=frozenset(told)), "block", (), critical)
