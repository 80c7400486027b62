"""Who signs: by name, by account and password, or as the operating system's user."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Final, NoReturn

from app.core.errors import NotIdentified, NotPermitted, ReportError
from app.core.passwords import matches
from app.core.report import Report
from app.core.signing import Signer
from app.core.users import User
from app.workflow.context import AppContext

_SENIOR_MEANINGS: Final = ("author", "approval")


def has_accounts(context: AppContext) -> bool:
    """Whether signers need an account: false is the mode of one user, who gives a name."""
    return bool(_accounts(context)) or context.settings.signing.identity != "local"


def asks_password(context: AppContext) -> bool:
    """Whether a password is asked when a report is signed."""
    mode = context.settings.signing.identity
    return mode == "system" or (mode == "local" and has_accounts(context))


def identify(context: AppContext, who: str, password: str = "") -> Signer:
    """Who this is; a failure is noted in the trail, too many lock the account for a while.

    ``who`` is a name in the mode of one user, else a login. Raises ``NotIdentified``, or
    ``EnvironmentFault`` where the operating system cannot be asked. Main thread; with an account
    it takes about half a second.
    """
    mode = context.settings.signing.identity
    if mode == "local":
        if not has_accounts(context):
            return Signer(who.strip())
        return _by_password(context, who.strip().casefold(), password)
    return _by_system(context, who.strip(), password, asks=mode == "system")


def seen_as(context: AppContext, who: str) -> Signer | None:
    """Whom a login claims to be, before any password; for what a form offers. None: nobody."""
    if not has_accounts(context):
        return Signer(who.strip())
    mode = context.settings.signing.identity
    login = (who.strip() if mode == "local" else context.logon.account()).casefold()
    user = context.store.users.get(login)
    if user is None or user.is_disabled:
        return None if _accounts(context) else Signer(login, login)
    return Signer(user.name, user.login, user.roles)


def permitted_meanings(context: AppContext, signer: Signer, before: Report | None) -> list[str]:
    """What the signature of this person can mean on a version that follows ``before``."""
    if signer.roles and not (signer.is_senior or signer.is_resident):
        return []
    if before is not None and before.is_final:
        may = signer.is_senior or not context.settings.signing.require_cosignature
        return ["correction", "addendum"] if may else []
    if signer.is_resident:
        if context.settings.signing.require_cosignature:
            return ["preliminary"]
        return ["author", "preliminary"]
    if before is not None and not _is_by(before, signer):
        return ["cosignature"]
    return list(_SENIOR_MEANINGS)


def require_permitted(
    context: AppContext, signer: Signer, meaning: str, before: Report | None
) -> None:
    """Raise ``NotPermitted`` where the role of ``signer`` does not allow this signature."""
    allowed = permitted_meanings(context, signer, before)
    if meaning in allowed:
        return
    if not allowed and not signer.is_resident:
        raise NotPermitted(
            "An administrator manages accounts and does not sign reports.",
            ru="Администратор управляет учётными записями и не подписывает заключения.",
            hint="Sign as a radiologist, or give the account that role.",
            hint_ru="Подпишите как врач-рентгенолог или добавьте эту роль учётной записи.",
        )
    if signer.is_resident:
        raise NotPermitted(
            "A resident's report is final only with the co-signature of a radiologist.",
            ru="Заключение ординатора становится окончательным после подписи врача-рентгенолога.",
            hint="Sign it as preliminary; a radiologist reviews and co-signs it.",
            hint_ru="Подпишите его предварительно; врач проверит его и подпишет.",
        )
    raise NotPermitted(
        "A signature of this meaning does not fit this version of the report.",
        ru="Подпись с таким значением не подходит к этой версии заключения.",
        hint="Choose one of: " + ", ".join(allowed) + ".",
        hint_ru="Выберите одно из: " + ", ".join(allowed) + ".",
    )


def is_trusted(context: AppContext, user: User) -> bool:
    """Whether the account is as an administrator left it, by the trail."""
    last = ""
    for event in context.store.audit.events(subject_uid=subject_of(user.login)):
        last = event.details.get("user_sha256", last)
    return last == user.sha256


def require_trusted(context: AppContext, user: User) -> None:
    """Raise ``NotIdentified`` where the account was changed outside of the program."""
    if not is_trusted(context, user):
        raise NotIdentified(
            "This account was changed outside of the program and is not trusted.",
            ru="Учётная запись изменена вне программы и не считается достоверной.",
            hint="An administrator has to set role and password again.",
            hint_ru="Администратор должен заново задать роль и пароль.",
        )


def subject_of(login: str) -> str:
    """How the audit trail names an account."""
    return f"user:{login}"


def _accounts(context: AppContext) -> tuple[User, ...]:
    source = "local" if context.settings.signing.identity == "local" else "system"
    return tuple(user for user in context.store.users.all() if user.source == source)


def _by_password(context: AppContext, login: str, password: str) -> Signer:
    user = context.store.users.get(login)
    if user is None or user.source != "local" or user.is_disabled:
        _refuse(context, login, "unknown" if user is None else "disabled")
    require_trusted(context, user)
    _require_unlocked(context, user)
    if not matches(password, user.password_hash):
        _count_failure(context, user)
    _forget_failures(context, user)
    return Signer(user.name, user.login, user.roles, "password")


def _by_system(context: AppContext, who: str, password: str, *, asks: bool) -> Signer:
    login = context.logon.account().casefold()
    user = context.store.users.get(login)
    known = _accounts(context)
    if known and (user is None or user.source != "system" or user.is_disabled):
        _refuse(context, login, "unknown" if user is None else "disabled")
    if user is not None and user.source == "system":
        require_trusted(context, user)
        _require_unlocked(context, user)
        name, roles = user.name, user.roles
    else:
        name, roles = context.settings.user or context.logon.account(), ()
    if who.casefold() not in (login, name.casefold(), context.logon.account().casefold()):
        raise ReportError(
            "Here the user of the operating system signs, and this is somebody else.",
            ru="Здесь подписывает пользователь операционной системы, а указано другое имя.",
            hint=f"Sign as {name}, or log in to the computer as the other person.",
            hint_ru=f"Подпишите как {name} или войдите в систему под другим именем.",
        )
    if not asks:
        return Signer(name, login, roles, "system-session")
    if not context.logon.check(password):
        _count_failure(context, user or User(login, name, (), "system"), keep=user is not None)
    if user is not None:
        _forget_failures(context, user)
    return Signer(name, login, roles, "system-password")


def is_locked(context: AppContext, user: User) -> bool:
    """Whether too many wrong passwords close the account for now."""
    rules = context.settings.signing
    if user.failures < rules.lock_after:
        return False
    waited = _at(context.clock.now_utc()) - _at(user.failed_at_utc)
    return waited < dt.timedelta(minutes=rules.lock_minutes)


def _require_unlocked(context: AppContext, user: User) -> None:
    if is_locked(context, user):
        # a clock that went back must not lengthen the wait
        now = context.clock.now_utc()
        if _at(user.failed_at_utc) > _at(now):
            context.store.users.put(replace(user, failed_at_utc=now))
        raise _locked(context)
    if user.failures >= context.settings.signing.lock_after:
        context.store.users.put(replace(user, failures=0))


def _count_failure(context: AppContext, user: User, *, keep: bool = True) -> NoReturn:
    store, now = context.store, context.clock.now_utc()
    known = store.users.get(user.login) or user
    failures = known.failures % context.settings.signing.lock_after + 1
    locks = keep and failures >= context.settings.signing.lock_after
    with store.transaction():
        if keep:
            store.users.put(replace(known, failures=failures, failed_at_utc=now))
        store.audit.append(
            context.user, "signer.refused", subject_of(user.login),
            {"reason": "password", "failures": str(failures)},
        )  # fmt: skip
        if locks:
            store.audit.append(context.user, "user.locked", subject_of(user.login), {})
    if locks:
        raise _locked(context)
    raise _not_identified()


def _forget_failures(context: AppContext, user: User) -> None:
    known = context.store.users.get(user.login)
    if known is not None and known.failures:
        context.store.users.put(replace(known, failures=0))


def _refuse(context: AppContext, login: str, reason: str) -> NoReturn:
    # whoever knocks is noted; a login that does not exist may be a password typed into its field
    subject = subject_of(login) if reason == "disabled" else "user"
    context.store.audit.append(context.user, "signer.refused", subject, {"reason": reason})
    raise _not_identified()


def _not_identified() -> NotIdentified:
    return NotIdentified(
        "Login and password do not fit.",
        ru="Имя входа и пароль не подходят.",
        hint="Try again; several failures lock the account for a while.",
        hint_ru="Повторите; после нескольких ошибок запись временно блокируется.",
    )


def _locked(context: AppContext) -> NotIdentified:
    minutes = context.settings.signing.lock_minutes
    fault = NotIdentified(
        "This account is locked after too many wrong passwords.",
        ru="Учётная запись заблокирована: слишком много неверных паролей.",
        hint=f"Wait {minutes} minutes, or let an administrator unlock it.",
        hint_ru=f"Подождите {minutes} мин или попросите администратора снять блокировку.",
    )
    fault.locked = True
    return fault


def _at(at_utc: str) -> dt.datetime:
    return dt.datetime.fromisoformat(at_utc)


def _is_by(report: Report, signer: Signer) -> bool:
    return report.signature is not None and report.signature.login == signer.login
