"""Making and changing accounts: the first is an administrator, who makes the others.

Every step goes into the audit trail with a hash of the account as it then is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from app.core.errors import AccountError, NotPermitted
from app.core.passwords import SHORTEST, hash_password
from app.core.signing import ROLES, Role, Signer
from app.core.users import User, UserSource
from app.workflow.context import AppContext
from app.workflow.identify import identify, subject_of

_LOGIN: Final = re.compile(r"[\w.@-]{1,64}(\\[\w.@-]{1,64})?\Z")
_LONGEST_PASSWORD: Final = 1024
_LONGEST_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class NewUser:
    """An account to make. ``name`` stands under reports; ``system``: no password of its own."""

    login: str
    name: str
    roles: tuple[Role, ...]
    password: str = field(default="", repr=False)
    source: UserSource = "local"


def authorise(context: AppContext, login: str, password: str) -> Signer:
    """An administrator, identified now. Raises ``NotIdentified``, ``NotPermitted``."""
    signer = identify(context, login, password)
    require_administrator(signer)
    return signer


def require_administrator(by: Signer | None) -> None:
    """Raise ``NotPermitted`` for anybody else."""
    if by is None or not by.is_administrator:
        raise NotPermitted(
            "Only an administrator manages accounts.",
            ru="Учётными записями управляет только администратор.",
            hint="Ask an administrator of this library.",
            hint_ru="Обратитесь к администратору этой базы данных.",
        )


def roles_of(text: str) -> tuple[Role, ...]:
    """Roles from a list such as "radiologist,administrator". Raises ``AccountError``."""
    named = [part.strip().lower() for part in text.split(",")]
    chosen = tuple(role for role in ROLES if role in named)
    if len(chosen) != len(named):
        raise _no_such_role()
    return chosen


def needs_first(context: AppContext) -> bool:
    """Whether the library has no account yet: the next one is its first administrator."""
    return not context.store.users.all()


def add_user(context: AppContext, wanted: NewUser, by: Signer | None) -> User:
    """Make an account. ``by``: the administrator; None for the first account only.

    Raises ``AccountError``, ``NotPermitted``.
    """
    login = wanted.login.strip().casefold()
    name = wanted.name.strip()
    if not _LOGIN.match(login):
        raise AccountError(
            "A login is made of letters, digits and . _ - @.",
            ru="Имя входа состоит из букв, цифр и знаков . _ - @.",
            hint="For instance petrov.",
            hint_ru="Например, petrov.",
        )
    if not name or len(name) > _LONGEST_NAME:
        raise AccountError(
            "An account needs the name that stands under reports.",
            ru="Учётной записи нужно имя, которое будет стоять под заключениями.",
            hint="For instance Petrov^Ivan.",
            hint_ru="Например, Петров^Иван^Сергеевич.",
        )
    roles = _roles(wanted.roles)
    if needs_first(context):
        if "administrator" not in roles:
            raise AccountError(
                "The first account is an administrator, who makes the others.",
                ru="Первая учётная запись — администратор; он создаёт остальные.",
                hint="Give it the role administrator; it may be a radiologist too.",
                hint_ru="Дайте ей роль администратора; она может быть и врачом.",
            )
    else:
        require_administrator(by)
    digest = "" if wanted.source == "system" else _hash(wanted.password, login)
    with context.store.transaction():
        if context.store.users.get(login) is not None:
            raise AccountError(
                "There is an account with this login.",
                ru="Учётная запись с таким именем входа уже есть.",
                hint="Choose another login, or change that account.",
                hint_ru="Выберите другое имя входа или измените ту запись.",
            )
        user = User(login, name, roles, wanted.source, digest)
        _put(context, user, "user.added", by)
    return user


def set_roles(context: AppContext, login: str, roles: Sequence[Role], by: Signer) -> User:
    """Give an account other roles; an administrator is always left."""
    require_administrator(by)
    user = replace(_known(context, login), roles=_roles(roles))
    if "administrator" not in user.roles:
        _require_other_administrator(context, user.login)
    return _put(context, user, "user.role", by)


def set_password(context: AppContext, login: str, password: str, by: Signer) -> User:
    """Set a password: an administrator any, everybody their own; it unlocks the account."""
    user = _known(context, login)
    if by.login != user.login:
        require_administrator(by)
    if user.source == "system":
        raise AccountError(
            "The password of this account is kept by the operating system.",
            ru="Пароль этой учётной записи хранит операционная система.",
            hint="Change it there.",
            hint_ru="Измените его там.",
        )
    changed = replace(user, password_hash=_hash(password, user.login), failures=0)
    return _put(context, changed, "user.password", by)


def disable(context: AppContext, login: str, by: Signer) -> User:
    """Nobody signs with this account any more; what it signed stays."""
    require_administrator(by)
    user = _known(context, login)
    _require_other_administrator(context, user.login)
    return _put(context, replace(user, is_disabled=True), "user.disabled", by)


def enable(context: AppContext, login: str, by: Signer) -> User:
    """The account may sign again."""
    require_administrator(by)
    changed = replace(_known(context, login), is_disabled=False, failures=0)
    return _put(context, changed, "user.enabled", by)


def unlock(context: AppContext, login: str, by: Signer) -> User:
    """Forget the wrong passwords."""
    require_administrator(by)
    return _put(context, replace(_known(context, login), failures=0), "user.unlocked", by)


def _put(context: AppContext, user: User, action: str, by: Signer | None) -> User:
    with context.store.transaction():
        context.store.users.put(user)
        context.store.audit.append(
            by.login if by else user.login, action, subject_of(user.login),
            {
                "user_sha256": user.sha256,
                "roles": ",".join(user.roles),
                "account": context.user,
            },
        )  # fmt: skip
    return user


def _known(context: AppContext, login: str) -> User:
    user = context.store.users.get(login.strip().casefold())
    if user is None:
        raise AccountError(
            "There is no account with this login.",
            ru="Учётной записи с таким именем входа нет.",
            hint="overread users list shows them.",
            hint_ru="Список: overread users list.",
        )
    return user


def _roles(roles: Sequence[Role]) -> tuple[Role, ...]:
    chosen = tuple(role for role in ROLES if role in roles)
    if not chosen or len(set(roles)) != len(chosen):
        raise _no_such_role()
    if "radiologist" in chosen and "resident" in chosen:
        raise AccountError(
            "Nobody is radiologist and resident at once.",
            ru="Нельзя быть одновременно врачом-рентгенологом и ординатором.",
            hint="Choose one of the two.",
            hint_ru="Выберите одно из двух.",
        )
    return chosen


def _no_such_role() -> AccountError:
    return AccountError(
        "An account needs a role: radiologist, resident or administrator.",
        ru="Учётной записи нужна роль: radiologist, resident или administrator.",
        hint="Several are possible, such as radiologist,administrator.",
        hint_ru="Можно несколько, например radiologist,administrator.",
    )


def _hash(password: str, login: str) -> str:
    if not SHORTEST <= len(password) <= _LONGEST_PASSWORD:
        raise AccountError(
            f"A password has at least {SHORTEST} characters.",
            ru=f"В пароле не меньше {SHORTEST} знаков.",
            hint="A sentence that you remember is a good password.",
            hint_ru="Хороший пароль — предложение, которое легко запомнить.",
        )
    if password.casefold() == login or len(set(password)) < 4:
        raise AccountError(
            "This password is guessed at once.",
            ru="Такой пароль угадывается сразу.",
            hint="A sentence that you remember is a good password.",
            hint_ru="Хороший пароль — предложение, которое легко запомнить.",
        )
    return hash_password(password)


def _require_other_administrator(context: AppContext, login: str) -> None:
    others = [
        user
        for user in context.store.users.all()
        if user.login != login and "administrator" in user.roles and not user.is_disabled
    ]
    if not others:
        raise AccountError(
            "The last administrator stays.",
            ru="Последний администратор остаётся.",
            hint="Make another administrator first.",
            hint_ru="Сначала назначьте другого администратора.",
        )
