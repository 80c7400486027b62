"""The audit trail fails to verify on any change."""

from __future__ import annotations

from dataclasses import fields, replace

from hypothesis import given
from hypothesis import strategies as st

from app.core.audit import AuditEvent, chain, verify


def _trail(count: int) -> list[AuditEvent]:
    events: list[AuditEvent] = []
    for n in range(count):
        events.append(
            chain(
                events[-1] if events else None,
                at_utc=f"2026-11-20T10:00:{n:02d}+00:00",
                actor="Dr Petrov",
                action="finding.accept",
                subject_uid=f"2.25.{n}",
                details={"state": "accepted", "pack": "tiny"},
            )
        )
    return events


def _flip(value: object, position: int) -> object:
    if isinstance(value, int):
        return value + 1 + position
    if isinstance(value, dict):
        key = sorted(value)[position % len(value)]
        return value | {key: _flip(value[key], position)}
    text = str(value)
    at = position % len(text)
    return text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]


@given(
    st.integers(1, 6),
    st.data(),
    st.sampled_from([field.name for field in fields(AuditEvent)]),
    st.integers(0, 100),
)
def test_any_single_changed_character_is_found(
    count: int, data: st.DataObject, field: str, position: int
) -> None:
    events = _trail(count)
    n = data.draw(st.integers(0, count - 1))
    events[n] = replace(events[n], **{field: _flip(getattr(events[n], field), position)})
    broken = verify(events)
    assert broken is not None
    assert broken.seq <= n + 2


def test_a_whole_trail_verifies() -> None:
    assert verify(_trail(5)) is None
    assert verify([]) is None


def test_a_missing_event_is_named() -> None:
    events = _trail(5)
    del events[2]
    broken = verify(events)
    assert broken is not None
    assert broken.seq == 3


def test_a_trail_cut_at_its_beginning_is_found() -> None:
    assert verify(_trail(5)[1:]) is not None
