"""Who may sign: accounts, passwords, lock-out, roles, the operating system's user, the clock."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.bootstrap import build_context
from app.config.signing_settings import SigningSettings
from app.core.errors import AccountError, DoubtfulClock, NotIdentified, NotPermitted, ReportError
from app.core.report import Report
from app.store.store import Store
from app.workflow.accounts import (
    NewUser,
    add_user,
    authorise,
    disable,
    enable,
    set_password,
    set_roles,
    unlock,
)
from app.workflow.check_report import check_now
from app.workflow.checked_clock import clock_status
from app.workflow.context import AppContext
from app.workflow.identify import asks_password, has_accounts, identify
from app.workflow.session import StudySession
from app.workflow.sign_report import SignRequest, sign, verify_signed
from tests.support.domain import CountedUids, header_study
from tests.support.signing import (
    ADMIN,
    ADMIN_PASSWORD,
    PASSWORD,
    SetClock,
    ToldLogon,
    ToldTime,
    account,
    cheap_hashes,
)

TEXT = "CHEST X-RAY\nFINDINGS:\nThe lungs are clear.\nIMPRESSION:\nNo acute finding.\n"


@pytest.fixture(autouse=True)
def _cheap() -> Iterator[None]:
    with cheap_hashes():
        yield


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def context(tmp_path: Path, clock: SetClock) -> Iterator[AppContext]:
    made = build_context(
        data_folder=tmp_path, user="station", built_in_packs=tmp_path / "none", clock=clock,
        uids=CountedUids(),
    )  # fmt: skip
    made.time_witness = ToldTime()
    made.logon = ToldLogon()
    yield made
    made.close()


@pytest.fixture
def session(context: AppContext) -> StudySession:
    made = StudySession(context, header_study())
    made.set_report_text(TEXT)
    return made


def rules(context: AppContext, **values: object) -> None:
    changed = SigningSettings(**values)  # type: ignore[arg-type]
    context.settings = context.settings.model_copy(update={"signing": changed})


def signed(
    session: StudySession, who: str, password: str = "", *, meaning: str = "author", why: str = ""
) -> Report:
    return sign(
        session,
        SignRequest(who, meaning, check_now(session), password=password, clock_reason=why),
    )


def events(context: AppContext, action: str) -> list[dict[str, str]]:
    return [dict(e.details) for e in context.store.audit.events() if e.action == action]


def test_without_accounts_a_name_is_enough_and_the_trail_says_so(
    context: AppContext, session: StudySession
) -> None:
    assert not has_accounts(context)
    report = signed(session, "Dr Petrov")
    assert report.signature is not None
    assert (report.signature.name, report.signature.identity) == ("Dr Petrov", "declared")
    assert (report.signature.login, report.signature.role) == ("", "")
    (event,) = events(context, "report.signed")
    assert (event["identity"], event["account"]) == ("declared", "station")


def test_the_first_account_is_an_administrator_and_ends_the_mode_of_one_user(
    context: AppContext, session: StudySession
) -> None:
    with pytest.raises(AccountError, match="first account"):
        add_user(context, NewUser("petrov", "Petrov^Ivan", ("radiologist",), PASSWORD), None)
    account(context, "petrov", "Petrov^Ivan", "radiologist")
    assert has_accounts(context)
    with pytest.raises(NotIdentified):
        signed(session, "Dr Petrov")
    report = signed(session, "PETROV", PASSWORD)
    assert report.signature is not None
    assert (report.signature.name, report.signature.login) == ("Petrov^Ivan", "petrov")
    assert (report.signature.role, report.signature.identity) == ("radiologist", "password")
    (event,) = events(context, "report.signed")
    assert (event["identity"], event["role"]) == ("password", "radiologist")
    assert verify_signed(context, report)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"login": "pe trov"}, "login"),
        ({"login": ""}, "login"),
        ({"name": " "}, "name"),
        ({"roles": ()}, "role"),
        ({"roles": ("radiologist", "resident")}, "at once"),
        ({"password": "short"}, "8 characters"),
        ({"password": "aaaaaaaaaaaa"}, "guessed"),
        ({"login": "sidorovich", "password": "Sidorovich"}, "guessed"),
        ({"login": ADMIN}, "is an account"),
    ],
)
def test_an_account_that_cannot_be(
    context: AppContext, changes: dict[str, object], words: str
) -> None:
    account(context, "petrov", "Petrov^Ivan", "radiologist")
    by = authorise(context, ADMIN, ADMIN_PASSWORD)
    values = {
        "login": "new", "name": "New", "roles": ("resident",), "password": PASSWORD,
    } | changes  # fmt: skip
    before = context.store.users.all()
    with pytest.raises(AccountError, match=words):
        add_user(context, NewUser(**values), by)  # type: ignore[arg-type]
    assert context.store.users.all() == before


def test_only_an_administrator_manages_and_one_always_stays(context: AppContext) -> None:
    account(context, "petrov", "Petrov^Ivan", "radiologist")
    by = authorise(context, ADMIN, ADMIN_PASSWORD)
    petrov = identify(context, "petrov", PASSWORD)
    with pytest.raises(NotPermitted):
        authorise(context, "petrov", PASSWORD)
    for attempt in (
        lambda: add_user(context, NewUser("x", "X", ("resident",), PASSWORD), petrov),
        lambda: add_user(context, NewUser("x", "X", ("resident",), PASSWORD), None),
        lambda: set_roles(context, "petrov", ("administrator",), petrov),
        lambda: set_password(context, ADMIN, PASSWORD, petrov),
        lambda: disable(context, ADMIN, petrov),
    ):
        with pytest.raises(NotPermitted):
            attempt()
    with pytest.raises(AccountError, match="last administrator"):
        disable(context, ADMIN, by)
    with pytest.raises(AccountError, match="last administrator"):
        set_roles(context, ADMIN, ("radiologist",), by)
    set_password(context, "petrov", "another good sentence", petrov)
    assert identify(context, "petrov", "another good sentence").login == "petrov"
    disable(context, "petrov", by)
    with pytest.raises(NotIdentified):
        identify(context, "petrov", "another good sentence")
    enable(context, "petrov", by)
    assert identify(context, "petrov", "another good sentence").name == "Petrov^Ivan"
    assert context.store.audit.verify() is None
    trail = "".join(str(event.details) for event in context.store.audit.events())
    assert "another" not in trail
    assert "scrypt" not in trail


def test_wrong_passwords_lock_the_account_for_a_while(
    context: AppContext, session: StudySession, clock: SetClock
) -> None:
    account(context, "petrov", "Petrov^Ivan", "radiologist")
    for _ in range(4):
        with pytest.raises(NotIdentified, match="do not fit"):
            signed(session, "petrov", "guess")
    with pytest.raises(NotIdentified, match="locked") as caught:
        signed(session, "petrov", "guess")
    assert caught.value.locked
    with pytest.raises(NotIdentified, match="locked"):
        signed(session, "petrov", PASSWORD)
    assert not session.is_locked
    assert len(events(context, "signer.refused")) == 5
    assert len(events(context, "user.locked")) == 1
    clock.set("2026-11-20T10:20")
    assert signed(session, "petrov", PASSWORD).state == "signed"
    user = context.store.users.get("petrov")
    assert user is not None
    assert user.failures == 0


def test_an_administrator_unlocks(context: AppContext) -> None:
    account(context, "petrov", "Petrov^Ivan", "radiologist")
    for _ in range(5):
        with pytest.raises(NotIdentified):
            identify(context, "petrov", "guess")
    unlock(context, "petrov", authorise(context, ADMIN, ADMIN_PASSWORD))
    assert identify(context, "petrov", PASSWORD).is_senior


def test_failures_are_forgotten_by_a_right_password(context: AppContext) -> None:
    account(context, "petrov", "Petrov^Ivan", "radiologist")
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(NotIdentified, match="do not fit"):
                identify(context, "petrov", "guess")
        assert identify(context, "petrov", PASSWORD)


def test_an_account_changed_behind_the_back_does_not_sign(
    context: AppContext, session: StudySession
) -> None:
    account(context, "sidorov", "Sidorov^Oleg", "resident")
    db = sqlite3.connect(context.store.folder / Store.DATABASE_NAME)
    db.execute("""UPDATE users SET roles = '["radiologist"]' WHERE login = 'sidorov'""")
    db.commit()
    db.close()
    with pytest.raises(NotIdentified, match="outside"):
        signed(session, "sidorov", PASSWORD)
    set_roles(context, "sidorov", ("radiologist",), authorise(context, ADMIN, ADMIN_PASSWORD))
    assert signed(session, "sidorov", PASSWORD).state == "signed"


def test_an_administrator_alone_signs_nothing(context: AppContext, session: StudySession) -> None:
    account(context, "petrov", "Petrov^Ivan", "radiologist")
    with pytest.raises(NotPermitted, match="does not sign"):
        signed(session, ADMIN, ADMIN_PASSWORD)
    by = authorise(context, ADMIN, ADMIN_PASSWORD)
    set_roles(context, ADMIN, ("administrator", "radiologist"), by)
    assert signed(session, ADMIN, ADMIN_PASSWORD).signature.role == "radiologist"


def test_a_resident_finalises_only_where_the_site_lets_them(
    context: AppContext, session: StudySession
) -> None:
    account(context, "sidorov", "Sidorov^Oleg", "resident")
    for meaning in ("author", "approval", "cosignature", "correction"):
        with pytest.raises(NotPermitted, match="resident"):
            signed(session, "sidorov", PASSWORD, meaning=meaning)
    rules(context, require_cosignature=False)
    assert signed(session, "sidorov", PASSWORD).state == "signed"


@pytest.mark.parametrize("meaning", ["cosignature", "correction", "preliminary", "whatever", ""])
def test_a_meaning_that_does_not_fit(session: StudySession, meaning: str) -> None:
    with pytest.raises(NotPermitted):
        signed(session, "Dr Petrov", meaning=meaning)


def test_the_user_of_the_system_signs_with_the_password_of_the_system(
    context: AppContext, session: StudySession
) -> None:
    rules(context, identity="system")
    assert asks_password(context)
    with pytest.raises(NotIdentified):
        signed(session, "petrov", "wrong")
    with pytest.raises(ReportError, match="somebody else"):
        signed(session, "Dr Sidorov", PASSWORD)
    report = signed(session, "petrov", PASSWORD)
    assert report.signature.identity == "system-password"
    assert report.signature.login == "petrov"


def test_the_session_of_the_system_is_trusted_where_the_site_says_so(
    context: AppContext, session: StudySession
) -> None:
    rules(context, identity="system-session")
    assert not asks_password(context)
    assert signed(session, "petrov").signature.identity == "system-session"


def test_system_users_have_roles_once_there_are_accounts(
    context: AppContext, session: StudySession
) -> None:
    rules(context, identity="system")
    boss = NewUser("boss", "Chief^Anna", ("administrator", "radiologist"), source="system")
    add_user(context, boss, by=None)
    with pytest.raises(NotIdentified):  # petrov has no account
        signed(session, "petrov", PASSWORD)
    context.logon = ToldLogon("boss")
    by = authorise(context, "boss", PASSWORD)
    add_user(context, NewUser("petrov", "Petrov^Ivan", ("resident",), source="system"), by)
    context.logon = ToldLogon("petrov")
    with pytest.raises(NotPermitted):
        signed(session, "petrov", PASSWORD)
    report = signed(session, "Petrov^Ivan", PASSWORD, meaning="preliminary")
    assert (report.signature.name, report.signature.role) == ("Petrov^Ivan", "resident")


def test_a_clock_that_went_back_blocks_until_there_is_a_reason(
    context: AppContext, session: StudySession, clock: SetClock
) -> None:
    clock.set("2026-11-20T08:00")
    assert "went back by 2 h" in clock_status(context).problem.en
    with pytest.raises(DoubtfulClock, match="went back"):
        signed(session, "Dr Petrov")
    assert not session.is_locked
    report = signed(session, "Dr Petrov", why="it was on summer time")
    assert report.signature.clock == "overridden"
    assert report.signature.clock_reason == "it was on summer time"
    assert len(events(context, "clock.accepted")) == 1
    # from here on the time that was accepted counts
    assert clock_status(context).problem is None
    assert verify_signed(context, report)


def test_opening_a_study_with_the_wrong_clock_hides_nothing(
    context: AppContext, session: StudySession, clock: SetClock
) -> None:
    clock.set("2026-11-20T07:00")
    again = StudySession(context, header_study())
    with pytest.raises(DoubtfulClock):
        signed(again, "Dr Petrov")


def test_a_clock_that_differs_from_the_time_server_blocks(
    context: AppContext, session: StudySession
) -> None:
    context.time_witness = ToldTime(synchronised=True, offset=-400.0)
    with pytest.raises(DoubtfulClock, match="differs from the time server by 7 min"):
        signed(session, "Dr Petrov")
    context.time_witness = ToldTime(synchronised=False, offset=0.2)
    assert signed(session, "Dr Petrov").signature.clock == "synchronised"


@pytest.mark.parametrize(
    ("said", "state"), [(True, "synchronised"), (False, "unsynchronised"), (None, "unknown")]
)
def test_what_the_system_says_of_its_clock_stands_in_the_signature(
    context: AppContext, session: StudySession, said: bool | None, state: str
) -> None:
    context.time_witness = ToldTime(synchronised=said)
    assert signed(session, "Dr Petrov").signature.clock == state
