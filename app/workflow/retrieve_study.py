"""A study from a peer: into the inbox, from there into the library while it comes.

What the peer has is asked first and kept, so that a study that is not whole says so until the rest
has come (D18); retrieving again completes it, and what is there already is there once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.config.settings import Settings
from app.core.errors import InputError, NetworkFault
from app.core.study import Completeness
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress, no_progress
from app.network import any_peer, retrieve
from app.network.answers import RetrieveOutcome, RetrieveRequest
from app.network.any_peer import Peer
from app.network.inbox import Inbox
from app.network.listener import Listener, ListenerSettings
from app.network.web_peer import WebPeer
from app.workflow.context import AppContext
from app.workflow.import_inbox import InboxImporter, TakenIn, inbox_of

Method = Literal["get", "move"]


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What to retrieve from whom. ``method`` move: the peer sends to our listener (DIMSE only).

    ``listener`` is one that runs already and feeds the library; None: one is started for this.
    """

    peer: Peer
    request: RetrieveRequest
    method: Method = "get"
    listener: Listener | None = None


@dataclass(frozen=True, slots=True)
class RetrievedStudy:
    """How it ended. ``completeness`` is that of the whole study as the library now has it."""

    outcome: RetrieveOutcome
    completeness: Completeness
    taken_in: TakenIn


@dataclass(frozen=True, slots=True)
class Arrived:
    """A portion of the study is in the library: what the viewer can show now."""

    study_instance_uid: str
    completeness: Completeness


def retrieve_study(
    context: AppContext,
    wanted: Retrieval,
    *,
    on_arrived: Callable[[Arrived], None] | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> RetrievedStudy:
    """Retrieve into the library. Blocks; ``on_arrived`` is called from a thread of its own.

    Raises ``NetworkFault`` where nothing came, ``DiskFull`` and ``StoreError`` where the library
    cannot take it (what has come then waits in the inbox).
    """
    token = cancel or CancelToken()
    uid = wanted.request.study_instance_uid
    note_expected(context, wanted.peer, wanted.request, cancel=token)

    def taken_in(taken: TakenIn) -> None:
        if on_arrived is not None and uid in taken.studies:
            on_arrived(Arrived(uid, completeness_of(context, uid)))

    inbox = inbox_of(context)
    with InboxImporter(context, inbox, taken_in) as importer:

        def received(path: Path) -> None:
            importer.put(path)
            if importer.fault is not None:
                token.cancel()

        outcome = _received(wanted, inbox, context.settings, received, progress, token)
    context.store.audit.append(
        context.user, "study.retrieved", uid,
        {"peer": wanted.peer.name, "received": str(outcome.received),
         "expected": str(outcome.expected if outcome.expected is not None else "")},
    )  # fmt: skip
    return RetrievedStudy(outcome, completeness_of(context, uid), importer.total)


def retrieve_to_folder(
    context: AppContext,
    wanted: Retrieval,
    folder: Path,
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> RetrieveOutcome:
    """Retrieve files into ``folder``; the library keeps only what the study should consist of."""
    token = cancel or CancelToken()
    note_expected(context, wanted.peer, wanted.request, cancel=token)
    return _received(wanted, Inbox(folder), context.settings, lambda _path: None, progress, token)


def note_expected(
    context: AppContext,
    peer: Peer,
    request: RetrieveRequest,
    *,
    cancel: CancelToken | None = None,
) -> None:
    """Ask the peer what the study consists of and keep it; a peer that does not say is no fault.

    A peer that cannot be reached at all is told by the retrieval itself.
    """
    counts: dict[str, int] = {}
    with contextlib.suppress(NetworkFault):
        counts = any_peer.objects_per_series(peer, request, cancel=cancel)
    if counts:
        context.store.expected.put(
            request.study_instance_uid, counts, peer=peer.name, at_utc=context.clock.now_utc()
        )


def completeness_of(context: AppContext, study_instance_uid: str) -> Completeness:
    """Received and expected objects of a study of the library, by what its archive said."""
    expected = context.store.expected.of_study(study_instance_uid)
    received = context.store.expected.received(study_instance_uid)
    if not expected:
        return Completeness(sum(received.values()))
    there = sum(min(received.get(uid, 0), count) for uid, count in expected.items())
    return Completeness(there, sum(expected.values()), "archive")


def _received(
    wanted: Retrieval,
    inbox: Inbox,
    settings: Settings,
    on_object: Callable[[Path], None],
    progress: Progress,
    cancel: CancelToken,
) -> RetrieveOutcome:
    if wanted.method == "get":
        return any_peer.get(
            wanted.peer, wanted.request, inbox,
            on_object=on_object, progress=progress, cancel=cancel,
        )  # fmt: skip
    if isinstance(wanted.peer, WebPeer):
        raise InputError(
            "A DICOMweb peer is not asked to move: it answers over the same connection.",
            ru="Для узла DICOMweb перемещение (move) не нужно: он отвечает по тому же соединению.",
            hint="Leave --method out, or use get.",
            hint_ru="Не указывайте --method или задайте get.",
        )
    running = wanted.listener
    if running is not None:
        return retrieve.move(wanted.peer, wanted.request, running, progress=progress, cancel=cancel)
    listening = ListenerSettings(ae_title=settings.ae_title, port=settings.listen_port)
    own = Listener(listening, inbox, on_object)
    own.start()
    try:
        return retrieve.move(wanted.peer, wanted.request, own, progress=progress, cancel=cancel)
    finally:
        own.stop()
