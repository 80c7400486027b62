"""Draft, check, sign, addendum: nothing stale, nothing blocked, nothing changed afterwards."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from app.core.errors import (
    AlreadySigned,
    IdentityConflict,
    OpenDiscrepancies,
    ReportError,
    StaleCheck,
    UnsupportedLanguage,
)
from app.core.report import CheckResult, Override
from app.core.study import Study
from app.store.store import Store
from app.workflow import review
from app.workflow.check_report import check_now, check_text
from app.workflow.compose_report import draft
from app.workflow.context import AppContext
from app.workflow.run_models import apply_result, run_pack
from app.workflow.session import StudySession
from app.workflow.sign_report import (
    SignRequest,
    addendum,
    addendum_check,
    sign,
    signed_document,
    verify_signed,
)
from tests.flows.conftest import PACK, only_ref
from tests.support.domain import effusion

TEXT = (
    "CHEST X-RAY\nFINDINGS:\nThere is a left pleural effusion.\n"
    "IMPRESSION:\nLeft pleural effusion.\n"
)


def _blocks(check: CheckResult) -> list[str]:
    return [item.rule for item in check.discrepancies if item.severity == "block"]


@pytest.fixture
def reviewed(session: StudySession, study: Study) -> StudySession:
    """One accepted effusion on the left, a text that says so."""
    review.add(session, effusion(measurements=()), only_ref(study), None)
    session.set_report_text(TEXT)
    return session


def _request(check: CheckResult, *overrides: Override) -> SignRequest:
    return SignRequest("Dr Petrov", "author", check, overrides)


def test_a_draft_states_what_was_accepted_and_links_each_sentence(
    context: AppContext, session: StudySession, study: Study
) -> None:
    uids = apply_result(session, run_pack(context, study, PACK, only_ref(study)))
    review.accept(session, uids[0])
    review.reject(session, uids[1], "artefact")
    changed: list[str] = []
    session.report_changed.connect(lambda: changed.append(session.report_text))
    report = draft(session, "ru")
    assert changed == [report.text]
    assert session.language == "ru"
    assert {link.finding_uid for link in report.links} == {uids[0]}
    assert all(link.text in report.text for link in report.links)
    assert check_now(session).language == "ru"
    assert session.is_check_current


def test_a_clean_report_is_signed_and_frozen(context: AppContext, reviewed: StudySession) -> None:
    check = check_now(reviewed)
    assert _blocks(check) == []
    report = sign(reviewed, _request(check))
    assert (report.state, report.version) == ("signed", 1)
    assert report.signature.name == "Dr Petrov"
    assert verify_signed(context, report)
    frozen = signed_document(context, report)
    assert frozen["text"] == TEXT
    assert frozen["check"]["findings_sha256"] == check.findings_sha256
    assert frozen["findings"]["findings"][0]["state"] == "accepted"
    event = context.store.audit.last()
    assert event.action == "report.signed"
    assert event.details["content_sha256"] == report.content_sha256
    assert context.store.audit.verify() is None


def test_nothing_changes_after_signing(reviewed: StudySession, study: Study) -> None:
    uid = reviewed.findings[0].uid
    sign(reviewed, _request(check_now(reviewed)))
    before = (reviewed.findings, reviewed.report)
    with pytest.raises(AlreadySigned):
        reviewed.set_report_text("other")
    with pytest.raises(AlreadySigned):
        review.reject(reviewed, uid, "artefact")
    with pytest.raises(AlreadySigned):
        review.add(reviewed, effusion(), only_ref(study), None)
    with pytest.raises(AlreadySigned):
        draft(reviewed)
    with pytest.raises(AlreadySigned):
        reviewed.undo()
    with pytest.raises(AlreadySigned):
        reviewed.set_language("ru")
    with pytest.raises(AlreadySigned):
        sign(reviewed, _request(check_now(reviewed)))
    assert (reviewed.findings, reviewed.report) == before
    assert reviewed.history.undo_label is None


def test_a_model_result_after_signing_is_dropped(
    context: AppContext, reviewed: StudySession, study: Study
) -> None:
    outcome = run_pack(context, study, PACK, only_ref(study))
    sign(reviewed, _request(check_now(reviewed)))
    assert apply_result(reviewed, outcome) == ()


def test_a_check_of_another_text_or_other_findings_is_stale(
    reviewed: StudySession, study: Study
) -> None:
    check = check_now(reviewed)
    reviewed.set_report_text(TEXT + "\n")
    assert not reviewed.is_check_current
    with pytest.raises(StaleCheck):
        sign(reviewed, _request(check))
    check = check_now(reviewed)
    review.add(reviewed, effusion(laterality="right"), only_ref(study), None)
    with pytest.raises(StaleCheck):
        sign(reviewed, _request(check))
    assert not reviewed.is_signed


def test_a_stale_result_of_a_lane_is_dropped(reviewed: StudySession) -> None:
    heard: list[CheckResult] = []
    reviewed.check_finished.connect(heard.append)
    old = check_text(reviewed.report_text, reviewed.findings, reviewed.facts, "en")
    reviewed.set_report_text(TEXT.replace("left", "right"))
    assert not reviewed.set_check(old)
    assert heard == []
    new = check_text(reviewed.report_text, reviewed.findings, reviewed.facts, "en")
    assert reviewed.set_check(new)
    assert heard == [new]


def test_a_blocked_report_is_signed_only_with_a_reason_for_each_block(
    context: AppContext, reviewed: StudySession
) -> None:
    reviewed.set_report_text(TEXT.replace("left", "right").replace("Left", "Right"))
    check = check_now(reviewed)
    assert "laterality-vs-finding" in _blocks(check)
    with pytest.raises(OpenDiscrepancies) as caught:
        sign(reviewed, _request(check))
    assert caught.value.exit_code == 1
    blocks = [item for item in check.discrepancies if item.severity == "block"]
    empty = [Override(item.id, item.rule, "  ") for item in blocks]
    with pytest.raises(OpenDiscrepancies):
        sign(reviewed, _request(check, *empty))
    reasons = [Override(item.id, item.rule, "mirror image") for item in blocks]
    report = sign(reviewed, _request(check, *reasons))
    assert report.overrides == tuple(reasons)
    assert verify_signed(context, report)
    actions = [event.action for event in context.store.audit.events()]
    assert actions.count("report.override") == len(blocks)
    trail = [str(event.details) for event in context.store.audit.events()]
    assert not any("mirror" in details for details in trail)


def test_an_addendum_is_a_new_version_that_names_the_old(
    context: AppContext, reviewed: StudySession
) -> None:
    with pytest.raises(ReportError):
        addendum(reviewed, "too early", "Dr Petrov")
    first = sign(reviewed, _request(check_now(reviewed)))
    second = addendum(reviewed, "No change in the assessment.", "Dr Ivanova")
    assert (second.state, second.version) == ("amended", 2)
    assert second.predecessor_uid == first.uid
    assert second.text.startswith(TEXT.rstrip())
    assert "No change in the assessment." in second.text
    assert reviewed.report == second
    assert verify_signed(context, first)
    assert verify_signed(context, second)
    study_uid = reviewed.study.study_instance_uid
    assert context.store.reports.versions(study_uid, reviewed.reading) == (first, second)
    third = addendum(reviewed, "Told the ward by phone.", "Dr Ivanova")
    assert third.predecessor_uid == second.uid


def test_an_addendum_is_checked_too(reviewed: StudySession) -> None:
    sign(reviewed, _request(check_now(reviewed)))
    with pytest.raises(OpenDiscrepancies):
        addendum(reviewed, "IMPRESSION: [___]", "Dr Petrov")
    before = reviewed.report
    check = addendum_check(reviewed, "IMPRESSION: [___]")
    assert "placeholder-left" in _blocks(check)
    assert reviewed.report == before
    reasons = [
        Override(item.id, item.rule, "quoted form")
        for item in check.discrepancies
        if item.severity == "block"
    ]
    second = addendum(reviewed, "IMPRESSION: [___]", "Dr Petrov", overrides=reasons)
    assert set(second.overrides) >= set(reasons)
    with pytest.raises(ReportError, match="empty"):
        addendum(reviewed, " ", "Dr Petrov")


def test_d08_a_blocked_study_is_not_signed(context: AppContext, study: Study) -> None:
    session = StudySession(context, replace(study, blocked="two patients"))
    session.set_report_text(TEXT)
    with pytest.raises(IdentityConflict):
        sign(session, _request(check_now(session)))


@pytest.mark.parametrize(("signer", "text"), [("  ", TEXT), ("Dr Petrov", " \n")])
def test_a_signature_needs_a_name_and_a_text(
    reviewed: StudySession, signer: str, text: str
) -> None:
    reviewed.set_report_text(text)
    with pytest.raises(ReportError):
        sign(reviewed, SignRequest(signer, "author", check_now(reviewed)))


def test_a_third_language_is_not_signed(session: StudySession) -> None:
    session.set_report_text("BEFUND: Der Thorax ist unauffällig, kein Erguss rechts und links.")
    with pytest.raises(UnsupportedLanguage):
        check_text(session.report_text, session.findings, session.facts, "en")
    check = check_text("FINDINGS: none.", session.findings, session.facts, "en")
    with pytest.raises(UnsupportedLanguage):
        sign(session, _request(check))


def test_a_report_in_the_other_language_is_not_signed_unread(session: StudySession) -> None:
    check = check_text("FINDINGS: none.", session.findings, session.facts, "en")
    session.set_report_text("ОПИСАНИЕ: плевральный выпот слева.\nЗАКЛЮЧЕНИЕ: выпот слева.")
    assert session.language == "en"
    with pytest.raises(UnsupportedLanguage):
        sign(session, _request(check))


def test_a_report_signed_in_another_window_is_not_signed_again(
    context: AppContext, reviewed: StudySession, study: Study
) -> None:
    other = StudySession(context, study)
    sign(reviewed, _request(check_now(reviewed)))
    with pytest.raises(AlreadySigned):
        sign(other, _request(check_now(other)))
    with pytest.raises(AlreadySigned):
        other.set_report_text("typed in the other window")


def test_a_signed_report_changed_behind_the_back_is_found(
    context: AppContext, reviewed: StudySession
) -> None:
    report = sign(reviewed, _request(check_now(reviewed)))
    db = sqlite3.connect(context.store.folder / Store.DATABASE_NAME)
    db.execute("DROP TRIGGER reports_signed_never_change")
    changes = (
        "UPDATE reports SET text = replace(text, 'left', 'right')",
        "UPDATE reports SET document = replace(document, 'left', 'right')",
    )
    for change in changes:
        db.execute(change)
        db.commit()
        changed = context.store.reports.latest(report.study_instance_uid, reviewed.reading)
        assert not verify_signed(context, changed)
        with pytest.raises(ReportError, match="does not match"):
            signed_document(context, changed)
    # even with a hash that fits: the trail knows the right one
    document = context.store.reports.document(report.uid)
    db.execute("UPDATE reports SET content_sha256 = ?", (sha256(document.encode()).hexdigest(),))
    db.commit()
    db.close()
    changed = context.store.reports.latest(report.study_instance_uid, reviewed.reading)
    assert not verify_signed(context, changed)


def test_a_signed_study_opens_signed(
    context: AppContext, reviewed: StudySession, study: Study, tmp_path: Path
) -> None:
    report = sign(reviewed, _request(check_now(reviewed)))
    again = StudySession(context, study)
    assert again.report == report
    assert again.is_signed
