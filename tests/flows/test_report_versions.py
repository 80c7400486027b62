"""Preliminary, co-signed, corrected, extended: each a version of its own, none changes silently."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.core.errors import AlreadySigned, DiskFull, NotPermitted, ReportError
from app.core.report import Override, Report
from app.store.store import Store
from app.workflow import review
from app.workflow.check_report import check_now
from app.workflow.communicate import (
    CommunicationRequest,
    record_communication,
    untold_findings,
    withdraw_communication,
)
from app.workflow.context import AppContext
from app.workflow.export import export
from app.workflow.report_versions import compare, compare_stored, version_of, versions
from app.workflow.revise import begin_revision, discard_revision
from app.workflow.session import StudySession
from app.workflow.sign_report import (
    AddendumRequest,
    SignRequest,
    add_addendum,
    require_intact,
    sign,
    signed_document,
    verify_signed,
)
from tests.support.domain import STUDY_UID, effusion, header_study
from tests.support.signing import PASSWORD, account, cheap_hashes
from tests.support.workflow_context import context_in
from tests.unit.workflow.conftest import REF

TEXT = (
    "CHEST X-RAY\nFINDINGS:\nThere is a left pleural effusion.\n"
    "IMPRESSION:\nLeft pleural effusion.\n"
)


@pytest.fixture(autouse=True)
def _cheap() -> Iterator[None]:
    with cheap_hashes():
        yield


@pytest.fixture
def context(tmp_path: Path) -> Iterator[AppContext]:
    with context_in(tmp_path, user="station") as opened:
        account(opened, "petrov", "Petrov^Ivan", "radiologist")
        account(opened, "sidorov", "Sidorov^Oleg", "resident")
        yield opened


@pytest.fixture
def session(context: AppContext) -> StudySession:
    """One accepted effusion on the left, a text that says so."""
    made = StudySession(context, header_study())
    review.add(made, effusion(measurements=()), REF, None)
    made.set_report_text(TEXT)
    return made


def signed(session: StudySession, who: str, meaning: str) -> Report:
    return sign(
        session,
        SignRequest(who, meaning, check_now(session), session.overrides, password=PASSWORD),
    )


def told(session: StudySession, **changes: object) -> CommunicationRequest:
    values: dict = {
        "finding_uids": tuple(finding.uid for finding in session.findings),
        "told": "Ivanova^Olga", "told_role": "attending physician", "by": "Petrov^Ivan",
        "at_utc": "2026-11-20T10:00:00+00:00", "way": "telephone", "read_back": True,
    }  # fmt: skip
    return CommunicationRequest(**(values | changes))


def test_resident_cosignature_correction_addendum(
    context: AppContext, session: StudySession
) -> None:
    first = signed(session, "sidorov", "preliminary")
    assert (first.state, first.version) == ("preliminary", 1)
    assert not session.is_signed
    assert session.is_locked
    with pytest.raises(AlreadySigned, match="preliminary"):
        session.set_report_text("other")
    with pytest.raises(ReportError, match="Only a signed report"):
        add_addendum(session, AddendumRequest("More.", "petrov", password=PASSWORD))

    begin_revision(session)
    assert session.report is not None
    assert (session.report.version, session.report.state) == (2, "draft")
    session.set_report_text(TEXT.replace("a left", "a small left"))
    seen = compare(session, first, session.report)
    assert [(p.kind, p.text) for p in seen.text if p.kind != "same"] == [("added", " small")]
    with pytest.raises(NotPermitted):  # somebody else's text is co-signed, not signed as one's own
        signed(session, "petrov", "author")
    with pytest.raises(NotPermitted):
        signed(session, "sidorov", "cosignature")
    second = signed(session, "petrov", "cosignature")
    assert (second.state, second.change) == ("signed", "cosignature")
    assert [(s.login, s.meaning) for s in second.signatures] == [
        ("sidorov", "preliminary"),
        ("petrov", "cosignature"),
    ]
    assert session.is_signed

    with pytest.raises(ReportError, match="needs a reason"):
        begin_revision(session)
    begin_revision(session, "wrong side")
    assert session.is_being_corrected
    assert session.final_report == second
    with pytest.raises(ReportError, match="being written"):
        export(session, context.store.folder / "out")
    session.set_report_text(TEXT.replace("pleural effusion", "pleural effusion, as before"))
    with pytest.raises(NotPermitted):
        signed(session, "sidorov", "correction")
    third = signed(session, "petrov", "correction")
    assert (third.state, third.change) == ("amended", "correction")
    assert (third.change_reason, third.predecessor_uid) == ("wrong side", second.uid)
    assert [s.meaning for s in third.signatures] == ["preliminary", "cosignature", "correction"]

    with pytest.raises(NotPermitted):
        add_addendum(session, AddendumRequest("No change.", "sidorov", password=PASSWORD))
    fourth = add_addendum(session, AddendumRequest("No change.", "petrov", password=PASSWORD))
    assert (fourth.state, fourth.change, fourth.change_reason) == ("amended", "addendum", "")
    rows = versions(context, fourth.study_instance_uid, session.reading)
    assert [row.report for row in rows] == [first, second, third, fourth]
    assert all(row.is_intact for row in rows)
    assert context.store.audit.verify() is None


def test_the_author_takes_a_preliminary_report_back_and_signs_again(session: StudySession) -> None:
    signed(session, "sidorov", "preliminary")
    begin_revision(session)
    session.set_report_text(TEXT.replace("a left", "a large left"))
    again = signed(session, "sidorov", "preliminary")
    assert (again.state, again.version) == ("preliminary", 2)
    begin_revision(session)
    assert signed(session, "petrov", "cosignature").version == 3


def test_what_the_senior_changes_in_findings_is_shown(session: StudySession) -> None:
    first = signed(session, "sidorov", "preliminary")
    begin_revision(session)
    (finding,) = session.findings
    review.edit(session, finding.uid, effusion(laterality="right", measurements=()))
    added = review.add(session, effusion(laterality="left"), REF, None)
    seen = compare(session, first, session.report)
    (changed, new) = sorted(seen.findings, key=lambda change: change.kind, reverse=True)
    assert (changed.kind, changed.uid) == ("changed", finding.uid)
    fields = {item.field.en: (item.before.en, item.after.en) for item in changed.fields}
    assert fields == {"decision": ("accepted", "edited"), "side": ("left", "right")}
    assert {item.field.ru: item.after.ru for item in changed.fields}["сторона"] == "справа"
    assert (new.kind, new.uid) == ("added", added)


def test_a_discarded_correction_leaves_everything_as_it_was_signed(
    context: AppContext, session: StudySession
) -> None:
    first = signed(session, "petrov", "author")
    findings = session.findings
    begin_revision(session, "typing error")
    review.edit(session, findings[0].uid, effusion(laterality="right"))
    review.add(session, effusion(laterality="left"), REF, None)
    session.set_report_text("something else")
    assert discard_revision(session) == first
    assert session.report == first
    assert session.is_signed
    assert {f.uid: f for f in session.findings} == {f.uid: f for f in findings}
    require_intact(session)
    reopened = StudySession(context, header_study())
    assert reopened.report == first
    require_intact(reopened)
    assert session.history.undo_label is None
    with pytest.raises(ReportError):
        discard_revision(session)
    begin_revision(session, "now really")
    assert session.report.version == 2
    assert context.store.audit.verify() is None


def test_a_revision_survives_a_restart(context: AppContext, session: StudySession) -> None:
    signed(session, "petrov", "author")
    begin_revision(session, "side")
    session.set_report_text(TEXT + "More.\n")
    again = StudySession(context, header_study())
    assert again.is_being_corrected
    assert again.report.change_reason == "side"
    assert signed(again, "petrov", "correction").text == TEXT + "More.\n"


def test_a_critical_finding_is_signed_when_somebody_was_told(
    context: AppContext, session: StudySession
) -> None:
    review.edit(
        session, session.findings[0].uid, effusion(significance="critical", measurements=())
    )
    rule = "critical-without-communication"
    assert rule in [item.rule for item in check_now(session).discrepancies]
    assert [f.uid for f in untold_findings(session)] == [session.findings[0].uid]
    with pytest.raises(ReportError, match="blocks"):
        signed(session, "petrov", "author")
    record = record_communication(session, told(session, into_text=False))
    assert session.report_text == TEXT
    assert rule not in [item.rule for item in check_now(session).discrepancies]
    withdraw_communication(session, record.uid)
    assert rule in [item.rule for item in check_now(session).discrepancies]
    second = record_communication(session, told(session))
    assert "Ivanova Olga (attending physician)" in session.report_text
    session.undo()  # the sentence goes, the record stays
    assert session.communications == (second,)
    report = signed(session, "petrov", "author")
    assert report.communications == (second,)
    frozen = signed_document(context, report)
    assert frozen["communications"][0]["told"] == "Ivanova^Olga"
    with pytest.raises(AlreadySigned):
        withdraw_communication(session, second.uid)
    trail = [event for event in context.store.audit.events() if event.action.startswith("critical")]
    assert [event.action for event in trail] == [
        "critical.communicated", "critical.communication-withdrawn", "critical.communicated",
    ]  # fmt: skip
    assert "Ivanova" not in str([event.details for event in trail])


def test_a_critical_finding_is_signed_with_a_reason_instead(session: StudySession) -> None:
    review.edit(
        session, session.findings[0].uid, effusion(significance="critical", measurements=())
    )
    for item in check_now(session).discrepancies:
        if item.severity == "block":
            session.set_override(Override(item.id, item.rule, "known for a week"))
    assert signed(session, "petrov", "author").overrides


def test_who_is_told_after_signing_stands_in_the_addendum(session: StudySession) -> None:
    first = signed(session, "petrov", "author")
    record = record_communication(session, told(session))
    assert session.report == first
    second = add_addendum(session, AddendumRequest("Told by phone.", "petrov", password=PASSWORD))
    assert (first.communications, second.communications) == ((), (record,))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"told": " "}, "names"),
        ({"by": ""}, "names"),
        ({"finding_uids": ()}, "finding"),
        ({"finding_uids": ("9.9",)}, "finding"),
        ({"at_utc": "yesterday"}, "time"),
        ({"at_utc": "2026-11-20T10:00:00"}, "time"),
        ({"at_utc": "2031-01-01T10:00:00+00:00"}, "time"),
    ],
)
def test_a_record_that_says_too_little(
    session: StudySession, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(ReportError, match=words):
        record_communication(session, told(session, **changes))
    assert session.communications == ()


PARTS = {
    "text": "UPDATE reports SET text = replace(text, 'left', 'right')",
    "state": "UPDATE reports SET state = 'amended'",
    "version": "UPDATE reports SET version = 7",
    "signer": "UPDATE reports SET payload = replace(payload, 'Petrov^Ivan', 'Ivanov^Ivan')",
    "role": "UPDATE reports SET payload = replace(payload, 'radiologist', 'resident')",
    "meaning": "UPDATE reports SET payload = replace(payload, '\"author\"', '\"approval\"')",
    "time": "UPDATE reports SET payload = replace(payload, 'T10:', 'T11:')",
    "reason": "UPDATE reports SET payload = replace(payload, 'seen together', 'seen')",
    "communication": "UPDATE reports SET payload = replace(payload, 'Ivanova^Olga', 'Petrova')",
    "language": "UPDATE reports SET payload = replace(payload, '\"en\"', '\"ru\"')",
    "frozen finding": "UPDATE reports SET document = replace(document, '\"left\"', '\"right\"')",
    "frozen check": "UPDATE reports SET document = replace(document, 'severity', 'severitx')",
}


@pytest.mark.parametrize("part", PARTS)
def test_tampering_with_any_frozen_part_is_found(
    context: AppContext, session: StudySession, part: str
) -> None:
    session.set_report_text(TEXT + "XXX\n")
    for item in check_now(session).discrepancies:
        session.set_override(Override(item.id, item.rule, "seen together"))
    record_communication(session, told(session, into_text=False))
    report = signed(session, "petrov", "author")
    assert report.overrides
    assert verify_signed(context, report)
    with closing(sqlite3.connect(context.store.folder / Store.DATABASE_NAME)) as db:
        db.execute("DROP TRIGGER reports_signed_never_change")
        before = db.execute("SELECT * FROM reports").fetchall()
        db.execute(PARTS[part])
        assert db.execute("SELECT * FROM reports").fetchall() != before
        db.commit()
    changed = context.store.reports.latest(report.study_instance_uid, session.reading)
    assert not verify_signed(context, changed)
    (row,) = versions(context, report.study_instance_uid, session.reading)
    assert row.is_intact is False


def test_a_changed_predecessor_breaks_its_successor(
    context: AppContext, session: StudySession
) -> None:
    first = signed(session, "sidorov", "preliminary")
    begin_revision(session)
    second = signed(session, "petrov", "cosignature")
    with closing(sqlite3.connect(context.store.folder / Store.DATABASE_NAME)) as db:
        db.execute("DROP TRIGGER reports_signed_never_change")
        db.execute(
            "UPDATE reports SET document = replace(document, 'left', 'right') WHERE uid = ?",
            (first.uid,),
        )
        db.commit()
    assert not verify_signed(context, second)
    with pytest.raises(ReportError, match="does not match"):
        begin_revision(session, "correction")


def test_a_changed_finding_is_not_signed_on(context: AppContext, session: StudySession) -> None:
    signed(session, "petrov", "author")
    with closing(sqlite3.connect(context.store.folder / Store.DATABASE_NAME)) as db:
        db.execute("UPDATE findings SET payload = replace(payload, '\"left\"', '\"right\"')")
        db.commit()
    reopened = StudySession(context, header_study())
    with pytest.raises(ReportError, match="does not match"):
        add_addendum(reopened, AddendumRequest("More.", "petrov", password=PASSWORD))
    with pytest.raises(ReportError, match="does not match"):
        begin_revision(reopened, "side")


def test_two_versions_are_compared_from_the_library(
    context: AppContext, session: StudySession
) -> None:
    first = signed(session, "petrov", "author")
    second = add_addendum(session, AddendumRequest("No change.", "petrov", password=PASSWORD))
    rows = versions(context, first.study_instance_uid, session.reading)
    seen = compare_stored(context, version_of(rows, 1), version_of(rows, 2), session.reading)
    assert "".join(p.text for p in seen.text if p.kind != "removed") == second.text
    assert seen.findings == ()
    assert compare_stored(context, first, first, session.reading).is_same


@pytest.mark.parametrize("failing", range(1, 4))
def test_a_signature_that_fails_halfway_leaves_a_draft(
    context: AppContext, session: StudySession, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    session.set_report_text(TEXT + "XXX\n")
    for item in check_now(session).discrepancies:
        session.set_override(Override(item.id, item.rule, "seen together"))
    check, draft, last = check_now(session), session.report, context.store.audit.last()
    append, count = context.store.audit.append, itertools.count(1)

    def full(*given: object) -> object:
        if next(count) == failing:
            raise DiskFull("full", ru="диск")
        return append(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(context.store.audit, "append", full)
    try:
        sign(session, SignRequest("petrov", "author", check, session.overrides, PASSWORD))
    except DiskFull:
        assert session.report == draft
        assert context.store.reports.latest(STUDY_UID, session.reading) == draft
        assert context.store.audit.last() == last
    else:
        assert session.is_signed
        assert verify_signed(context, session.report)
    assert context.store.audit.verify() is None
