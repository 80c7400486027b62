"""Decisions that come from outside: a rule, or a file of decided findings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from app.core.errors import IdentityConflict, InputError
from app.core.finding import Finding, FindingContent
from app.core.findings_json import findings_from_json
from app.core.study import SeriesRef
from app.workflow import review
from app.workflow.session import StudySession

AcceptRule = Literal["all", "none", "above"]


def decide_by_rule(session: StudySession, rule: AcceptRule) -> int:
    """Accept undecided findings: all, none, or those that reach their operating point."""
    if rule == "none":
        return 0
    chosen = [
        finding
        for finding in session.findings
        if finding.state == "proposed" and (rule == "all" or finding.is_above_threshold)
    ]
    for finding in chosen:
        review.accept(session, finding.uid)
    return len(chosen)


def read_decisions(path: Path, study_instance_uid: str) -> tuple[Finding, ...]:
    """The findings of a ``findings.json``. Raises ``IdentityConflict`` for another study's."""
    try:
        data = json.loads(path.read_text("utf-8-sig"))
    except OSError as fault:
        raise InputError(
            f"The findings file {path} cannot be read.",
            ru=f"Файл находок {path} не читается.",
            hint="Check the path.",
            hint_ru="Проверьте путь.",
        ) from fault
    except ValueError as fault:
        raise InputError(
            f"The findings file {path} is not JSON.",
            ru=f"Файл находок {path} не является JSON.",
            hint="Give a findings.json written by overread infer or overread read.",
            hint_ru="Укажите findings.json, записанный overread infer или overread read.",
        ) from fault
    named = str(data.get("study_instance_uid") or "") if isinstance(data, Mapping) else ""
    if named and named != study_instance_uid:
        raise IdentityConflict(
            "The findings file belongs to another study.",
            ru="Файл находок относится к другому исследованию.",
            hint="Give the findings of the study that is read.",
            hint_ru="Укажите находки читаемого исследования.",
        )
    return findings_from_json(data, study_instance_uid=study_instance_uid)


def decide_by_findings(session: StudySession, given: tuple[Finding, ...]) -> int:
    """Decide as in ``given``; accepted ones that no model proposed here are added.

    A finding is the same if its uid is, or if the same pack proposed the same thing on the same
    side and stack. Returns the number of decisions.
    """
    count = 0
    taken: set[str] = set()
    for wanted in given:
        if wanted.state == "proposed":
            continue
        found = _match(session, wanted, taken)
        reason = wanted.decision.reason if wanted.decision is not None else ""
        if found is None:
            if wanted.is_in_report:
                uid = review.add(session, _placed(session, wanted), _place(session, wanted), None)
                taken.add(uid)
                count += 1
            continue
        taken.add(found.uid)
        if wanted.state == "rejected":
            review.reject(session, found.uid, reason)
        elif wanted.state == "accepted" or _same_words(wanted.current, found.current):
            review.accept(session, found.uid)
        else:
            # the outline stays that of the finding here: a file carries no masks
            content = replace(wanted.current, region=found.current.region)
            review.edit(session, found.uid, content)
        count += 1
    return count


def _match(session: StudySession, wanted: Finding, taken: set[str]) -> Finding | None:
    free = [f for f in session.findings if f.uid not in taken and f.state == "proposed"]
    for finding in free:
        if finding.uid == wanted.uid:
            return finding
    for finding in free:
        if _proposed_key(finding) == _proposed_key(wanted) and wanted.is_from_model:
            return finding
    return None


def _proposed_key(finding: Finding) -> tuple[object, ...]:
    content = finding.proposal.content
    what = content.concept.value if content.concept else content.label.en
    return (
        what, content.laterality, finding.series_instance_uid, finding.stack,
        finding.provenance.pack,
    )  # fmt: skip


def _same_words(a: FindingContent, b: FindingContent) -> bool:
    return replace(a, region=None) == replace(b, region=None)


def _place(session: StudySession, wanted: Finding) -> SeriesRef:
    study = session.study
    series = study.find_series(wanted.series_instance_uid)
    if series is None:
        imaged = [s for s in study.series if s.stacks]
        series = imaged[0] if imaged else None
    uid = series.series_instance_uid if series is not None else ""
    return SeriesRef(study.study_instance_uid, uid, wanted.stack if series is not None else 0)


def _placed(session: StudySession, wanted: Finding) -> FindingContent:
    """The content without a mask that the library does not hold."""
    region = wanted.current.region
    if region is not None and region.mask_sha256:
        if session.context.store.blobs.has(region.mask_sha256):
            return wanted.current
        return replace(wanted.current, region=None)
    return wanted.current
