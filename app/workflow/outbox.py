"""What is signed goes out: promised with the signature, written, queued, sent, tried again.

The signature notes the promise in its own transaction. From then on every step is on the disk:
objects are written once and keep their UIDs, so whatever is repeated after a crash or a broken
connection is one object at the peer.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pydicom

from app.config.peer_settings import DimsePeerSettings
from app.core.errors import AppError, Cancelled, EnvironmentFault, PeerUnavailable
from app.core.report import Message
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress, no_progress
from app.network import any_peer, commitment
from app.network.any_peer import Peer
from app.network.commitment import CommitmentResult, SopRef
from app.network.listener import Listener
from app.network.peers import DimsePeer
from app.store.outbox import OutboxItem, OutboxState, OutgoingObject, Promise
from app.workflow.context import AppContext
from app.workflow.deliver_documents import Delivered, deliver_document, document_of, sent_to
from app.workflow.export import ExportKind, export
from app.workflow.open_study import open_stored
from app.workflow.patience import Patience, pause_s
from app.workflow.peers import book_of
from app.workflow.report_pdf import certificates_without_password
from app.workflow.session import StudySession

# what only a person can mend is tried this often, an absent peer for ever
_TRIES: Final = 8
_COMMITMENT_WAIT_S: Final = 20.0
# the desk after signing and the background sender may take up the same promise
_KEEPING: Final = threading.Lock()
_log = logging.getLogger("overread.outbox")


@dataclass(frozen=True, slots=True)
class OutboxRun:
    """What one run did: objects sent, committed, refused for good; tried again later."""

    sent: int = 0
    committed: int = 0
    failed: int = 0
    waiting: int = 0


def queue_signed(session: StudySession) -> int:
    """Write what was signed in this session and queue it; how many objects. A lane of its own.

    Nothing where no peer is chosen. Raises what ``export`` raises; the promise then stays, and
    ``keep_promises`` takes it up.
    """
    report = session.report
    return sum(
        _keep(session, promised)
        for promised in session.context.store.outbox.promises()
        if report is not None and promised.report_uid == report.uid
    )


def keep_promises(context: AppContext, *, patience: Patience | None = None) -> int:
    """Write and queue what a program that ended left promised; how many objects. A lane.

    A study whose images are gone stays promised: nothing signed is forgotten. What waits for a
    correction or for a password is not even opened.
    """
    count = 0
    for promised in context.store.outbox.promises():
        if _is_waiting(context, promised):
            continue
        if patience is not None and not patience.is_due(promised.report_uid):
            continue
        try:
            study = open_stored(context, promised.study_instance_uid)
            session = StudySession(context, study, reading=promised.reading)
            try:
                count += _keep(session, promised)
            finally:
                session.close()
        except AppError as fault:
            _log.warning("a signed report cannot be queued yet: %s", fault.code)
            if patience is not None:
                patience.failed(promised.report_uid)
    return count


def _is_waiting(context: AppContext, promised: Promise) -> bool:
    """Whether a person has to do something first: end a correction, give a password."""
    versions = context.store.reports.versions(promised.study_instance_uid, promised.reading)
    if not versions or not versions[-1].is_final:
        return bool(versions)
    settings = context.settings.report
    wanted = {kind for one in settings.targets for kind in sent_to(one)} | set(settings.objects)
    needs_pdf = bool(wanted & {"pdf", "fhir"}) or settings.hl7.embed_pdf
    return needs_pdf and bool(certificates_without_password(context, versions[-1]))


def run_outbox(
    context: AppContext,
    *,
    listener: Listener | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> OutboxRun:
    """Send what is due, peer by peer; a peer that is away does not keep the others waiting.

    ``listener`` hears reports of storage commitment that come over a connection of their own.
    Raises ``StoreError``; faults of peers are kept with the objects. A lane of its own.
    """
    token = cancel or CancelToken()
    box = context.store.outbox
    total = _ask_again(context, listener, token)
    due = box.due(context.clock.now_utc())
    names = dict.fromkeys(item.peer for item in due)
    for n, name in enumerate(names):
        progress(n / len(names), name)
        mine = [item for item in due if item.peer == name]
        claimed = [
            item
            for item in mine
            if item.kind == "dicom" and box.claim(item.number, at_utc=context.clock.now_utc())
        ]
        if claimed:
            total = _sum(total, _Delivery(context, name, claimed, listener, token).run())
        documents = [item for item in mine if item.kind != "dicom"]
        if documents:
            total = _sum(total, _deliver(context, name, documents, token))
    return total


def _deliver(
    context: AppContext, name: str, items: Sequence[OutboxItem], cancel: CancelToken
) -> OutboxRun:
    """Documents one by one, in the order of the versions; a receiver that is away ends the turn."""
    box, total = context.store.outbox, OutboxRun()
    for item in items:
        if cancel.is_cancelled:
            break
        if box.is_behind(item) or not box.claim(item.number, at_utc=context.clock.now_utc()):
            continue
        delivery = _Delivery(context, name, [item], None, cancel)
        said = deliver_document(context, item)
        total = _sum(total, delivery.take(item, said))
        if said.is_away:
            break
    return total


def _ask_again(context: AppContext, listener: Listener | None, cancel: CancelToken) -> OutboxRun:
    """Ask about what peers took and did not confirm yet."""
    total = OutboxRun()
    for peer in context.settings.peers:
        if isinstance(peer, DimsePeerSettings) and peer.commitment:
            items = context.store.outbox.unconfirmed(context.clock.now_utc(), peer=peer.name)
            if items:
                delivery = _Delivery(context, peer.name, items, listener, cancel)
                total = _sum(total, delivery.ask_again())
    return total


class OutboxSender:
    """Sends in the background, in a thread of its own, until it is stopped.

    ``wake`` after something was queued; what waits for a later try is looked at by itself.
    """

    def __init__(
        self, context: AppContext, *, every_s: float = 15.0, listener: Listener | None = None
    ) -> None:
        self._context = context
        self._every_s = every_s
        self._listener = listener
        self._token = CancelToken()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="outbox")

    def start(self) -> None:
        """Take up what an earlier program left, and begin."""
        self._thread.start()

    def wake(self) -> None:
        """Look now; any thread."""
        self._wake.set()

    def stop(self) -> None:
        """End after the object that is being sent."""
        self._token.cancel()
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        patience = Patience()
        with contextlib.suppress(AppError):
            recover(self._context)
        while not self._token.is_cancelled:
            try:
                keep_promises(self._context, patience=patience)
                run_outbox(self._context, listener=self._listener, cancel=self._token)
            except AppError as fault:  # the library itself: perhaps it is free again later
                _log.warning("the outbox rests: %s", fault.code)
            self._wake.wait(self._every_s)
            self._wake.clear()


def recover(context: AppContext) -> int:
    """Queue again what was being sent when the last program ended; once, at the start."""
    return context.store.outbox.release(at_utc=context.clock.now_utc())


class _Delivery:
    """Claimed objects on their way to one peer."""

    def __init__(
        self,
        context: AppContext,
        name: str,
        items: Sequence[OutboxItem],
        listener: Listener | None,
        cancel: CancelToken,
    ) -> None:
        self._context = context
        self._name = name
        self._items = {item.path: item for item in items}
        self._listener = listener
        self._cancel = cancel
        self._sent = self._committed = self._failed = self._waiting = 0

    def run(self) -> OutboxRun:
        try:
            peer = book_of(self._context).peer(self._name)
            outcome = any_peer.send(peer, tuple(self._items), cancel=self._cancel)
        except Cancelled:
            for item in self._items.values():
                self._later(item, None, pause=0.0)
            return self._result()
        except AppError as fault:
            reason = Message(fault.text("en"), fault.text("ru"))
            for item in self._items.values():
                self._not_sent(item, reason, may_retry=isinstance(fault, EnvironmentFault),
                               is_away=isinstance(fault, PeerUnavailable))  # fmt: skip
            return self._result()
        for failure in outcome.failed:
            self._not_sent(self._items[failure.path], failure.reason, may_retry=failure.may_retry)
        delivered = [self._items[path] for path in outcome.sent]
        for item in delivered:
            self._settle(item, "sent")
        self._sent = len(delivered)
        if delivered and self._wants_commitment():
            self._commit(peer, delivered)
        return self._result()

    def take(self, item: OutboxItem, said: Delivered) -> OutboxRun:
        """Record what a receiver of documents said."""
        if said.reason is None:
            self._settle(item, "sent")
            self._sent += 1
        else:
            self._not_sent(item, said.reason, may_retry=said.may_retry, is_away=said.is_away)
        return self._result()

    def ask_again(self) -> OutboxRun:
        """Storage commitment for what was sent before."""
        with contextlib.suppress(AppError):  # the peer was removed or its files are gone
            self._commit(book_of(self._context).peer(self._name), tuple(self._items.values()))
        return self._result()

    def _wants_commitment(self) -> bool:
        known = {peer.name: peer for peer in self._context.settings.peers}.get(self._name)
        return isinstance(known, DimsePeerSettings) and known.commitment

    def _commit(self, peer: Peer, items: Sequence[OutboxItem]) -> None:
        if not isinstance(peer, DimsePeer):
            return
        refs = [SopRef(item.sop_class_uid, item.sop_instance_uid) for item in items]
        try:
            answer = commitment.request(
                peer, refs, self._listener, wait_s=_COMMITMENT_WAIT_S, cancel=self._cancel
            )
        except AppError as fault:
            answer = CommitmentResult("", is_answered=False)
            _log.warning("storage commitment: %s", fault.code)
        refused = {item.sop_instance_uid: item.reason for item in answer.failed}
        for item in items:
            if item.sop_instance_uid in answer.committed:
                self._settle(item, "committed")
                self._committed += 1
            elif item.sop_instance_uid in refused:
                self._not_sent(item, refused[item.sop_instance_uid], may_retry=True)
            else:
                self._context.store.outbox.ask_later(
                    item.number, next_at_utc=self._in(pause_s(item.attempts + 1))
                )

    def _not_sent(
        self, item: OutboxItem, reason: Message, *, may_retry: bool, is_away: bool = False
    ) -> None:
        if is_away or (may_retry and item.attempts + 1 < _TRIES):
            self._later(item, reason, pause=pause_s(item.attempts + 1))
        else:
            self._settle(item, "failed", reason)
            self._failed += 1

    def _later(self, item: OutboxItem, reason: Message | None, *, pause: float) -> None:
        self._context.store.outbox.settle(
            item.number, "queued", at_utc=self._in(0.0), reason=reason, next_at_utc=self._in(pause)
        )
        self._waiting += 1

    def _in(self, seconds: float) -> str:
        """The time in so many seconds."""
        now = dt.datetime.fromisoformat(self._context.clock.now_utc())
        return (now + dt.timedelta(seconds=seconds)).isoformat(timespec="milliseconds")

    def _settle(self, item: OutboxItem, state: OutboxState, reason: Message | None = None) -> None:
        now = self._context.clock.now_utc()
        with self._context.store.transaction():
            self._context.store.outbox.settle(item.number, state, at_utc=now, reason=reason)
            self._context.store.audit.append(
                self._context.user, f"object.{state}", item.study_instance_uid,
                {"peer": item.peer, "object": item.sop_instance_uid},
            )  # fmt: skip

    def _result(self) -> OutboxRun:
        return OutboxRun(self._sent, self._committed, self._failed, self._waiting)


def _keep(session: StudySession, promised: Promise) -> int:
    context = session.context
    box = context.store.outbox
    with _KEEPING:
        if promised not in box.promises():
            return 0
        outgoing = _written(session, promised)
        box.keep_promise(promised, outgoing, at_utc=context.clock.now_utc())
    return sum(len(objects) for objects in {id(o): o for o in outgoing.values()}.values())


def _written(session: StudySession, promised: Promise) -> dict[str, Sequence[OutgoingObject]]:
    """Everything that was promised, written, by receiver; the PDF is made once for all."""
    context = session.context
    settings = context.settings.report
    targets = {one.name: one for one in settings.targets if one.name in promised.peers}
    peers = [name for name in promised.peers if name not in targets]
    documents = {kind for one in targets.values() for kind in sent_to(one)}
    kinds: set[ExportKind] = {*documents, *(settings.objects if peers else ())}
    folder = context.store.folder / "outbox" / promised.report_uid
    written = export(session, folder, kinds)
    objects = [_outgoing(path) for path in written if path.suffix == ".dcm"]
    outgoing: dict[str, Sequence[OutgoingObject]] = dict.fromkeys(peers, objects)
    for name, target in targets.items():
        outgoing[name] = [document_of(session, folder, kind) for kind in sent_to(target)]
    return outgoing


def _outgoing(path: Path) -> OutgoingObject:
    header = pydicom.dcmread(
        path,
        stop_before_pixels=True,
        specific_tags=["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID"],
    )
    return OutgoingObject(path, header.StudyInstanceUID, header.SOPClassUID, header.SOPInstanceUID)


def _sum(one: OutboxRun, other: OutboxRun) -> OutboxRun:
    return OutboxRun(
        one.sent + other.sent,
        one.committed + other.committed,
        one.failed + other.failed,
        one.waiting + other.waiting,
    )
