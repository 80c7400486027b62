"""Exit codes of the command line, a public contract."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process exit status means."""

    DONE = 0
    ANSWER_IS_NO = 1
    USAGE = 2
    INPUT = 3
    ENVIRONMENT = 4
    BUG = 70
