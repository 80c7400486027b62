"""Recording who was told of a critical result: the record, its sentence, its event. Main thread."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from typing import Final

from app.core.communication import Communication, CommunicationWay
from app.core.errors import ReportError
from app.core.finding import Finding
from app.core.report_json import communications_to_json
from app.reporting.communication import (
    communication_sentence,
    with_communication,
    without_communication,
)  # fmt: skip
from app.workflow.session import StudySession

_FUTURE: Final = dt.timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class CommunicationRequest:
    """What the form asks: as in ``Communication``. ``into_text``: the report says it too."""

    finding_uids: tuple[str, ...]
    told: str
    told_role: str
    by: str
    at_utc: str
    way: CommunicationWay
    read_back: bool
    note: str = ""
    into_text: bool = True


def critical_findings(session: StudySession) -> tuple[Finding, ...]:
    """The findings of which somebody has to be told."""
    return tuple(
        finding
        for finding in session.findings
        if finding.is_in_report
        and finding.current.significance == "critical"
        and finding.current.presence != "absent"
    )


def untold_findings(session: StudySession) -> tuple[Finding, ...]:
    """The critical findings of which no record says that somebody was told."""
    told = session.communicated
    return tuple(finding for finding in critical_findings(session) if finding.uid not in told)


def record_communication(session: StudySession, request: CommunicationRequest) -> Communication:
    """Keep the record for good; on disk when this returns. Undo does not take it back.

    A draft gets the sentence; a signed report stays, and its addendum carries the record. Raises
    ``ReportError`` for what is missing or cannot be.
    """
    _require_whole(session, request)
    context = session.context
    record = Communication(
        context.uids.new_uid(), request.finding_uids, request.told.strip(),
        request.told_role.strip(), request.by.strip(), request.at_utc, request.way,
        request.read_back, request.note.strip(), context.user, context.clock.now_utc(),
    )  # fmt: skip
    study = session.study.study_instance_uid
    text = json.dumps(communications_to_json((record,)), ensure_ascii=False, sort_keys=True)
    with context.store.transaction():
        context.store.communications.put(study, session.reading, record)
        for uid in record.finding_uids:
            context.store.audit.append(
                context.user, "critical.communicated", uid,
                {
                    "study": study,
                    "record": record.uid,
                    "record_sha256": hashlib.sha256(text.encode("utf-8")).hexdigest(),
                    "told_at": record.at_utc,
                    "way": record.way,
                    "read_back": "yes" if record.read_back else "no",
                },
            )  # fmt: skip
    if request.into_text and not session.is_locked:
        sentence = sentence_of(session, record)
        session.set_report_text(
            with_communication(session.report_text, sentence, session.language)
        )  # fmt: skip
    session.read_communications()
    return record


def withdraw_communication(session: StudySession, uid: str) -> None:
    """The record was wrong: it counts no more, its sentence goes; both acts stay on the disk.

    Raises ``AlreadySigned`` where a signed version rests on it.
    """
    session.require_unsigned()
    context, study = session.context, session.study.study_instance_uid
    record = next((item for item in session.communications if item.uid == uid), None)
    if record is None:
        return
    with context.store.transaction():
        context.store.communications.withdraw(study, session.reading, uid)
        for finding in record.finding_uids:
            context.store.audit.append(
                context.user, "critical.communication-withdrawn", finding,
                {"study": study, "record": uid},
            )  # fmt: skip
    text = without_communication(
        session.report_text, sentence_of(session, record), session.language
    )
    session.set_report_text(text)
    session.read_communications()


def sentence_of(session: StudySession, record: Communication) -> str:
    """The record as the report says it."""
    return communication_sentence(record, session.findings, session.language)


def _require_whole(session: StudySession, request: CommunicationRequest) -> None:
    if not request.finding_uids or not all(map(session.has_finding, request.finding_uids)):
        raise ReportError(
            "The record names no finding of this study.",
            ru="В записи не указана находка этого исследования.",
            hint="Choose the finding that was told of.",
            hint_ru="Выберите находку, о которой сообщено.",
        )
    if not request.told.strip() or not request.by.strip():
        raise ReportError(
            "The record needs the names of who was told and of who told.",
            ru="В записи нужно указать, кому и кто сообщил.",
            hint="Write both names.",
            hint_ru="Укажите оба имени.",
        )
    try:
        at = dt.datetime.fromisoformat(request.at_utc)
        now = dt.datetime.fromisoformat(session.context.clock.now_utc())
        is_possible = at <= now + _FUTURE
    except (ValueError, TypeError):  # no time, or one without its zone
        is_possible = False
    if not is_possible:
        raise ReportError(
            "The time at which it was told is not possible.",
            ru="Указано невозможное время сообщения.",
            hint="Give date and time of the call; it cannot lie ahead.",
            hint_ru="Укажите дату и время сообщения; оно не может быть в будущем.",
        )
