"""``overread users``: the accounts of those who sign."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.language import in_language
from app.cli.opened_library import opened_library
from app.cli.password_input import add_password_option, ask_password

if TYPE_CHECKING:
    from app.core.signing import Role, Signer
    from app.core.users import User
    from app.workflow.context import AppContext

SCHEMA = "overread.users/1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--data", type=Path, default=None, help="folder of the local library")
    shared.add_argument("--json", action="store_true", help="one JSON object instead of text")
    acting = argparse.ArgumentParser(add_help=False)
    acting.add_argument("login", metavar="LOGIN")
    acting.add_argument("--as", dest="by", default="", metavar="LOGIN", help="who does it")
    add_password_option(acting)
    does = parser.add_subparsers(
        dest="does", required=True, metavar="list|add|role|password|disable|enable|unlock"
    )
    does.add_parser("list", parents=[shared], help="all accounts; passwords are not shown")
    add = does.add_parser(
        "add", parents=[shared, acting], help="an account; the first is an administrator"
    )
    add.add_argument("--name", required=True, help="as it stands under reports: Petrov^Ivan")
    add.add_argument("--role", required=True, metavar="ROLE,ROLE", help=_ROLES)
    add.add_argument(
        "--system", action="store_true", help="of the operating system, without own password"
    )
    role = does.add_parser("role", parents=[shared, acting], help="other roles")
    role.add_argument("roles", metavar="ROLE,ROLE", help=_ROLES)
    does.add_parser("password", parents=[shared, acting], help="a new password")
    does.add_parser("disable", parents=[shared, acting], help="nobody signs with it any more")
    does.add_parser("enable", parents=[shared, acting], help="it may sign again")
    does.add_parser("unlock", parents=[shared, acting], help="forget its wrong passwords")


_ROLES = "radiologist, resident, administrator"


def run(args: argparse.Namespace) -> int:
    """List or change accounts; what was changed is printed."""
    from app.cli.exit_codes import ExitCode

    with opened_library(args.data) as context:
        if args.does == "list":
            users: tuple[User, ...] = context.store.users.all()
        else:
            users = (_change(context, args),)
        rows = [_row(context, user) for user in users]
        identity = context.settings.signing.identity
    if args.json:
        answer = {"schema": SCHEMA, "identity": identity, "users": rows}
        print(json.dumps(answer, ensure_ascii=False))
        return ExitCode.DONE
    for row in rows:
        state = row["state"] if row["trusted"] else in_language("CHANGED OUTSIDE", "ИЗМЕНЕНА ИЗВНЕ")
        roles = ", ".join(row["roles"])
        print(f"{row['login']:20}  {row['name']:28}  {roles:28}  {row['source']:6}  {state}")
    if not rows:
        print(
            in_language(
                "There are no accounts: a report is signed with a name alone.",
                "Учётных записей нет: заключение подписывается только именем.",
            )
        )
    return ExitCode.DONE


def _change(context: AppContext, args: argparse.Namespace) -> User:
    from app.workflow import accounts

    if args.does == "add":
        return _add(context, args)
    if args.does == "password":
        by = _identified(context, args, args.by or args.login)
        return accounts.set_password(context, args.login, _new_password(args), by)
    by = _administrator(context, args)
    if args.does == "role":
        return accounts.set_roles(context, args.login, _roles(args.roles), by)
    act = {
        "disable": accounts.disable, "enable": accounts.enable, "unlock": accounts.unlock,
    }[args.does]  # fmt: skip
    return act(context, args.login, by)


def _add(context: AppContext, args: argparse.Namespace) -> User:
    from app.workflow.accounts import NewUser, add_user, needs_first

    by = None if needs_first(context) else _administrator(context, args)
    password = "" if args.system else _new_password(args)
    wanted = NewUser(
        args.login, args.name, _roles(args.role), password,
        source="system" if args.system else "local",
    )  # fmt: skip
    return add_user(context, wanted, by)


def _administrator(context: AppContext, args: argparse.Namespace) -> Signer:
    from app.workflow.accounts import require_administrator

    by = _identified(context, args, args.by)
    require_administrator(by)
    return by


def _identified(context: AppContext, args: argparse.Namespace, who: str) -> Signer:
    from app.core.errors import UsageFault
    from app.workflow.identify import asks_password, identify

    if context.settings.signing.identity != "local":
        who = context.logon.account()
    if not who:
        raise UsageFault(
            "Say which administrator does this.",
            ru="Укажите, какой администратор это делает.",
            hint="Give --as LOGIN.",
            hint_ru="Добавьте --as LOGIN.",
        )
    password = ""
    if asks_password(context):
        prompt = in_language(f"Password of {who}", f"Пароль {who}")
        password = ask_password(prompt, from_stdin=args.password_stdin)
    return identify(context, who, password)


def _new_password(args: argparse.Namespace) -> str:
    prompt = in_language(f"New password of {args.login}", f"Новый пароль {args.login}")
    return ask_password(prompt, from_stdin=args.password_stdin, twice=True)


def _roles(text: str) -> tuple[Role, ...]:
    from app.workflow.accounts import roles_of

    return roles_of(text)


def _row(context: AppContext, user: User) -> dict[str, Any]:
    from app.workflow.identify import is_locked, is_trusted

    state = "disabled" if user.is_disabled else "locked" if is_locked(context, user) else "active"
    return {
        "login": user.login,
        "name": user.name,
        "roles": list(user.roles),
        "source": user.source,
        "state": state,
        "trusted": is_trusted(context, user),
    }
