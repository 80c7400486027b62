"""The time of a signature comes from a checked clock: it must not go back, nor differ."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Final

from app.core.errors import DoubtfulClock
from app.core.report import Message
from app.core.signing import ClockState
from app.workflow.context import AppContext

# less is a correction such as time services make
_STEP_BACK_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class ClockStatus:
    """What is known of the clock, and what is wrong with it (None: nothing is known to be)."""

    now_utc: str
    state: ClockState
    problem: Message | None = None


def clock_status(context: AppContext) -> ClockStatus:
    """Hold the clock against the trail and the time server; up to a second where one is set."""
    now = context.clock.now_utc()
    synchronised = context.time_witness.is_synchronised()
    state: ClockState = (
        "unknown" if synchronised is None else "synchronised" if synchronised else "unsynchronised"
    )
    back = _seconds(context.store.audit.latest_time()) - _seconds(now)
    if back > _STEP_BACK_S:
        return ClockStatus(
            now, state,
            Message(
                f"The clock of this machine went back by {_span(back, 'en')}.",
                f"Часы этого компьютера переведены назад на {_span(back, 'ru')}.",
            ),
        )  # fmt: skip
    offset = context.time_witness.offset_s()
    if offset is not None and abs(offset) > context.settings.signing.clock_tolerance_s:
        return ClockStatus(
            now, state,
            Message(
                f"The clock of this machine differs from the time server by"
                f" {_span(abs(offset), 'en')}.",
                f"Часы этого компьютера расходятся с сервером времени на"
                f" {_span(abs(offset), 'ru')}.",
            ),
        )  # fmt: skip
    return ClockStatus(now, "synchronised" if offset is not None else state)


def require_clock(context: AppContext, reason: str) -> ClockState:
    """The state that goes into the signature. Raises ``DoubtfulClock`` where the clock is wrong
    and ``reason`` is empty."""
    status = clock_status(context)
    if status.problem is None:
        return status.state
    if not reason.strip():
        raise DoubtfulClock(
            status.problem.en,
            ru=status.problem.ru,
            hint="Correct the clock, or give a reason to sign with this time.",
            hint_ru="Исправьте часы или укажите причину подписания с этим временем.",
        )
    return "overridden"


def accept_clock(context: AppContext, actor: str, subject_uid: str, reason: str) -> None:
    """Note that a doubtful clock was accepted; from here on the trail is held against it anew."""
    digest = hashlib.sha256(reason.encode("utf-8")).hexdigest()
    context.store.audit.append(actor, "clock.accepted", subject_uid, {"reason_sha256": digest})


def _seconds(at_utc: str) -> float:
    try:
        return dt.datetime.fromisoformat(at_utc).timestamp()
    except ValueError:  # an empty trail, or a damaged entry, which its verification tells
        return float("-inf")


def _span(seconds: float, language: str) -> str:
    whole = round(seconds)
    units = ((86400, "d", "сут"), (3600, "h", "ч"), (60, "min", "мин"), (1, "s", "с"))
    for size, en, ru in units:
        if whole >= 2 * size or size == 1:
            return f"{round(whole / size)} {ru if language == 'ru' else en}"
    raise AssertionError
