"""A study from a peer: into the inbox, from there into the library while it comes.

What the peer has is asked first and kept, so that a study that is not whole says so until the rest
has come (D18); retrieving again completes it, and what is there already is there once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from app.config.settings import Settings
from app.core.errors import InputError, NetworkFault
from app.core.study import Completeness
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress, no_progress, part_of
from app.network import any_peer, retrieve
from app.network.answers import FoundImage, RetrieveOutcome, RetrieveRequest
from app.network.any_peer import Peer
from app.network.inbox import Inbox
from app.network.listener import Listener
from app.network.web_peer import WebPeer
from app.workflow.context import AppContext
from app.workflow.import_inbox import InboxImporter, TakenIn, inbox_of
from app.workflow.peers import listener_settings

Method = Literal["get", "move"]
_AT_ONCE: Final = 64


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
    """How it ended. ``completeness`` is that of the whole study as the library now has it.

    ``there_already`` objects were in the library before and were not asked for again.
    """

    outcome: RetrieveOutcome
    completeness: Completeness
    taken_in: TakenIn
    there_already: int = 0


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
    _require_possible(wanted)
    token = cancel or CancelToken()
    uid = wanted.request.study_instance_uid
    note_expected(context, wanted.peer, wanted.request, cancel=token)

    def taken_in(taken: TakenIn) -> None:
        if on_arrived is not None and uid in taken.studies:
            on_arrived(Arrived(uid, context.store.expected.completeness(uid)))

    inbox = inbox_of(context)
    with InboxImporter(context, inbox, taken_in) as importer:

        def received(path: Path) -> None:
            importer.put(path)
            if importer.fault is not None:
                token.cancel()

        there, requests = _wanted_of(context, wanted, token)
        parts = []
        for n, request in enumerate(requests):
            step = part_of(progress, n / len(requests), (n + 1) / len(requests))
            part = replace(wanted, request=request)
            parts.append(_received(part, inbox, context.settings, received, step, token))
            if not parts[-1].is_complete:
                break  # the line is broken or the user stopped it
        outcome = _together(parts)
    context.store.audit.append(
        context.user, "study.retrieved", uid,
        {"peer": wanted.peer.name, "received": str(outcome.received),
         "expected": str(outcome.expected if outcome.expected is not None else "")},
    )  # fmt: skip
    return RetrievedStudy(outcome, context.store.expected.completeness(uid), importer.total, there)


def retrieve_to_folder(
    context: AppContext,
    wanted: Retrieval,
    folder: Path,
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> RetrieveOutcome:
    """Retrieve files into ``folder``; the library keeps only what the study should consist of."""
    _require_possible(wanted)
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


def _require_possible(wanted: Retrieval) -> None:
    if wanted.method == "move" and isinstance(wanted.peer, WebPeer):
        raise InputError(
            "A DICOMweb peer is not asked to move: it answers over the same connection.",
            ru="Для узла DICOMweb перемещение (move) не нужно: он отвечает по тому же соединению.",
            hint="Leave --method out, or use get.",
            hint_ru="Не указывайте --method или задайте get.",
        )


def _wanted_of(
    context: AppContext, wanted: Retrieval, cancel: CancelToken
) -> tuple[int, tuple[RetrieveRequest, ...]]:
    """How many objects are there already, and what to ask for: the rest, or simply all.

    Only a study of which the most part is there is asked for object by object.
    """
    whole, uid = wanted.request, wanted.request.study_instance_uid
    here = {
        one.sop_instance_uid
        for one in context.store.files.of_study(uid)
        if not one.is_missing and one.path.exists()
    }
    if not here or whole.sop_instance_uids:
        return 0, (whole,)
    listed: tuple[FoundImage, ...] = ()
    with contextlib.suppress(NetworkFault):
        listed = any_peer.images_of(wanted.peer, whole, cancel=cancel)
    there = sum(image.sop_instance_uid in here for image in listed)
    if there * 2 < len(listed) or not listed:
        return 0, (whole,)
    missing: dict[str, list[str]] = {}
    for image in listed:
        if image.sop_instance_uid not in here:
            missing.setdefault(image.series_instance_uid, []).append(image.sop_instance_uid)
    return there, tuple(
        RetrieveRequest(uid, series, tuple(uids[start : start + _AT_ONCE]))
        for series, uids in missing.items()
        for start in range(0, len(uids), _AT_ONCE)
    )


def _together(parts: Sequence[RetrieveOutcome]) -> RetrieveOutcome:
    expected = [part.expected for part in parts]
    return RetrieveOutcome(
        expected=None if None in expected else sum(count or 0 for count in expected),
        received=sum(part.received for part in parts),
        failed=sum(part.failed for part in parts),
        warnings=tuple(dict.fromkeys(words for part in parts for words in part.warnings)),
        missing=tuple(uid for part in parts for uid in part.missing),
        cancelled=any(part.cancelled for part in parts),
    )


def _received(
    wanted: Retrieval,
    inbox: Inbox,
    settings: Settings,
    on_object: Callable[[Path], None],
    progress: Progress,
    cancel: CancelToken,
) -> RetrieveOutcome:
    if wanted.method == "get" or isinstance(wanted.peer, WebPeer):
        return any_peer.get(
            wanted.peer, wanted.request, inbox,
            on_object=on_object, progress=progress, cancel=cancel,
        )  # fmt: skip
    running = wanted.listener
    if running is not None:
        return retrieve.move(wanted.peer, wanted.request, running, progress=progress, cancel=cancel)
    own = Listener(listener_settings(settings), inbox, on_object)
    own.start()
    try:
        return retrieve.move(wanted.peer, wanted.request, own, progress=progress, cancel=cancel)
    finally:
        own.stop()
