"""The outbox: each object once per peer, every state on disk, nothing forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.core.report import Message
from app.store.outbox import OutgoingObject, Promise
from app.store.store import Store
from tests.support.domain import FixedClock

NOW, LATER = "2026-11-20T10:00:00.000+00:00", "2026-11-20T11:00:00.000+00:00"


@pytest.fixture
def store(tmp_path: Path):
    opened = Store(tmp_path, clock=FixedClock())
    yield opened
    opened.close()


def _objects(store: Store, count: int = 2) -> list[OutgoingObject]:
    return [
        OutgoingObject(store.folder / "outbox" / f"{n}.dcm", "1.2", "1.2.840.1", f"1.2.{n}")
        for n in range(count)
    ]


def test_an_object_is_queued_once_per_peer(store: Store) -> None:
    objects = _objects(store)
    for _twice in range(2):
        store.outbox.put("PACS", objects, at_utc=NOW)
        store.outbox.put("Archive", objects, at_utc=NOW)
    assert len(store.outbox.all()) == 4
    assert [item.path for item in store.outbox.due(NOW, peer="PACS")] == [o.path for o in objects]
    (first, *_rest) = store.outbox.due(NOW, peer="PACS")
    store.outbox.claim(first.number, at_utc=NOW)
    store.outbox.settle(first.number, "sent", at_utc=NOW)
    store.outbox.put("PACS", objects, at_utc=LATER)
    assert len(store.outbox.due(LATER, peer="PACS")) == 1


def test_one_of_two_senders_gets_it(store: Store) -> None:
    store.outbox.put("PACS", _objects(store, 1), at_utc=NOW)
    (item,) = store.outbox.due(NOW)
    assert store.outbox.claim(item.number, at_utc=NOW)
    assert not store.outbox.claim(item.number, at_utc=NOW)
    assert store.outbox.due(NOW) == ()
    assert store.outbox.release(at_utc=NOW) == 1
    assert len(store.outbox.due(NOW)) == 1


def test_what_waits_is_due_later_and_says_why(store: Store) -> None:
    store.outbox.put("PACS", _objects(store, 1), at_utc=NOW)
    (item,) = store.outbox.due(NOW)
    why = Message("busy", "занят")
    store.outbox.settle(item.number, "queued", at_utc=NOW, next_at_utc=LATER, reason=why)
    assert store.outbox.due(NOW) == ()
    (waiting,) = store.outbox.due(LATER)
    assert (waiting.attempts, waiting.reason) == (1, why)
    store.outbox.settle(item.number, "failed", at_utc=LATER, reason=why)
    assert store.outbox.counts()["failed"] == 1
    assert store.outbox.retry(at_utc=NOW) == 1
    (again,) = store.outbox.due(NOW)
    assert again.attempts == 0


def test_rows_survive_a_restart_and_the_library_may_move(store: Store, tmp_path: Path) -> None:
    store.outbox.put("PACS", _objects(store, 1), at_utc=NOW)
    store.close()
    moved = tmp_path.parent / f"{tmp_path.name}-moved"
    tmp_path.rename(moved)
    again = Store(moved, clock=FixedClock())
    assert [item.path for item in again.outbox.all()] == [moved / "outbox" / "0.dcm"]
    again.close()


def test_a_promise_is_kept_whole_and_once(store: Store) -> None:
    promise = Promise("report-1", "1.2", "main", ("PACS", "Архив"))
    store.outbox.promise(promise, at_utc=NOW)
    assert store.outbox.promises() == (promise,)
    objects = _objects(store)
    store.outbox.keep_promise(promise, dict.fromkeys(promise.peers, objects), at_utc=NOW)
    assert store.outbox.promises() == ()
    assert store.outbox.counts() == {
        "queued": 4, "sending": 0, "sent": 0, "committed": 0, "failed": 0,
    }  # fmt: skip


def test_counts_of_the_archive_are_kept_by_series(store: Store) -> None:
    store.expected.put("1.2", {"1.2.1": 300, "1.2.2": 5}, peer="PACS", at_utc=NOW)
    store.expected.put("1.2", {"1.2.2": 6}, peer="PACS", at_utc=LATER)
    assert store.expected.of_study("1.2") == {"1.2.1": 300, "1.2.2": 6}
    assert store.expected.of_study("1.3") == {}
    assert store.expected.received("1.2") == {}
