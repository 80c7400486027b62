"""Passwords of verbs that sign or manage accounts: asked at the terminal, or read from a pipe."""

from __future__ import annotations

import argparse
import getpass
import sys

from app.cli.language import in_language
from app.core.errors import UsageFault


def add_password_option(parser: argparse.ArgumentParser) -> None:
    """``--password-stdin``."""
    parser.add_argument(
        "--password-stdin", action="store_true",
        help="read passwords from standard input, one a line, in the order in which they are asked",
    )  # fmt: skip


def ask_password(prompt: str, *, from_stdin: bool, twice: bool = False) -> str:
    """One password; ``prompt`` says whose. Raises ``UsageFault`` where nobody can be asked."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise UsageFault(
            "A password is needed, and there is no terminal to ask for it.",
            ru="Нужен пароль, а спросить его негде: нет терминала.",
            hint="Give it on standard input with --password-stdin.",
            hint_ru="Передайте его через стандартный ввод с --password-stdin.",
        )
    given = getpass.getpass(f"{prompt}: ")
    if twice and getpass.getpass(f"{in_language('once more', 'ещё раз')}: ") != given:
        raise UsageFault(
            "The two passwords differ.",
            ru="Пароли не совпадают.",
            hint="Nothing was changed; try again.",
            hint_ru="Ничего не изменено; повторите.",
        )
    return given
