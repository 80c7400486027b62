"""Images from a peer: C-GET over the same association, C-MOVE to our listener (PS3.4 annex C).

The peer is asked first what it has, so that what did not come is known by name (D18), and so that
C-GET can agree on exactly these SOP classes, each in every transfer syntax: objects arrive as the
peer keeps them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pydicom.dataset import Dataset
from pynetdicom import StoragePresentationContexts, evt

from app.core.errors import AppError, NetworkFault, PeerUnavailable
from app.core.report import Message
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress, no_progress
from app.network import wire_faults
from app.network.answers import FoundImage, RetrieveOutcome, RetrieveRequest
from app.network.associations import MAXIMUM_CONTEXTS, Link, Proposal, associate
from app.network.find import images_of, open_for_search
from app.network.inbox import Inbox
from app.network.listener import Listener
from app.network.peers import DimsePeer
from app.network.questions import (
    CANCELLED,
    MESSAGE_ID,
    PENDING,
    QUERY_SYNTAXES,
    CancelWatch,
    Limits,
    is_failure,
    put_keys,
)
from app.network.reception import Arrivals, OnObject, Reception
from app.network.syntaxes import RECEIVED_SYNTAXES

STUDY_ROOT_GET: Final = "1.2.840.10008.5.1.4.1.2.2.3"
STUDY_ROOT_MOVE: Final = "1.2.840.10008.5.1.4.1.2.2.2"
# What a peer that keeps its SOP classes to itself may send: the usual ones and some newer.
_USUAL_CLASSES: Final = (
    *(str(context.abstract_syntax) for context in StoragePresentationContexts),
    "1.2.840.10008.5.1.4.1.1.30",  # parametric map
    "1.2.840.10008.5.1.4.1.1.66.7",  # label map segmentation
    "1.2.840.10008.5.1.4.1.1.88.35",  # extensible SR
)
_LONGEST_VALUE: Final = 60_000  # of UI in explicit VR, with some room (PS3.5 7.1.2)
_GET: Final = Message("the retrieval (C-GET)", "получение снимков (C-GET)")
_MOVE: Final = Message("the retrieval (C-MOVE)", "получение снимков (C-MOVE)")


@dataclass(slots=True)
class _Counts:
    """Sub-operations as the peer counts them in its last answer; None: it did not say."""

    status: int = 0xFF00
    remaining: int | None = None
    completed: int = 0
    failed: int = 0

    def take(self, status: int, answer: Dataset) -> None:
        self.status = status
        self.remaining = answer.get("NumberOfRemainingSuboperations", self.remaining)
        completed = answer.get("NumberOfCompletedSuboperations")
        if completed is not None:
            self.completed = int(completed) + int(answer.get("NumberOfWarningSuboperations") or 0)
        self.failed = int(answer.get("NumberOfFailedSuboperations", self.failed))

    @property
    def total(self) -> int | None:
        """How many objects the operation was about."""
        if self.remaining is None and self.status in PENDING:
            return None
        remaining = 0 if self.status not in PENDING and self.status != CANCELLED else self.remaining
        return (remaining or 0) + self.completed + self.failed


def get(
    peer: DimsePeer,
    request: RetrieveRequest,
    inbox: Inbox,
    *,
    on_object: OnObject | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> RetrieveOutcome:
    """Retrieve into ``inbox`` over one association; nobody needs to know our address.

    ``on_object(path)`` is called for each complete object while the next ones come. Raises
    ``NetworkFault`` where nothing came at all; after that the outcome says what is missing.
    """
    images = _listed(peer, request, cancel)
    classes = sorted({image.sop_class_uid for image in images or () if image.sop_class_uid})
    contexts = _storage_contexts(classes)
    reception = Reception(on_object)
    proposal = Proposal(
        _GET,
        [(STUDY_ROOT_GET, QUERY_SYNTAXES), *contexts],
        required=STUDY_ROOT_GET,
        received_classes=sorted({uid for uid, _ in contexts}),
        handlers=[(evt.EVT_C_STORE, reception.take)],
        inbox=inbox,
    )
    with (
        # All that comes over this association belongs to it, unless single images were named.
        reception.watching(request.sop_instance_uids, peer.ae_title) as arrivals,
        associate(peer, proposal) as link,
    ):
        retrieval = _Retrieval(link, _GET, images, arrivals, progress)
        answers = link.request(
            link.association.send_c_get, _identifier(request), STUDY_ROOT_GET, msg_id=MESSAGE_ID
        )
        return retrieval.follow(answers, CancelWatch(link, STUDY_ROOT_GET, cancel))


def move(
    peer: DimsePeer,
    request: RetrieveRequest,
    listener: Listener,
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> RetrieveOutcome:
    """Have the peer send to ``listener``, which runs and whose AE title and port the peer knows.

    The listener's inbox and ``on_object`` take the objects; the outcome counts those that arrived.
    Raises as ``get``.
    """
    images = _listed(peer, request, cancel)
    proposal = Proposal(_MOVE, [(STUDY_ROOT_MOVE, QUERY_SYNTAXES)])
    with (
        listener.watching(_uids(images), peer.ae_title) as arrivals,
        associate(peer, proposal) as link,
    ):
        retrieval = _Retrieval(link, _MOVE, images, arrivals, progress)
        answers = link.request(
            link.association.send_c_move,
            _identifier(request),
            listener.settings.ae_title,
            STUDY_ROOT_MOVE,
            msg_id=MESSAGE_ID,
        )
        return retrieval.follow(answers, CancelWatch(link, STUDY_ROOT_MOVE, cancel))


class _Retrieval:
    """One running C-GET or C-MOVE, from its answers to the outcome."""

    def __init__(
        self,
        link: Link,
        service: Message,
        images: Sequence[FoundImage] | None,
        arrivals: Arrivals,
        progress: Progress,
    ) -> None:
        self._link = link
        self._service = service
        self._listed = _uids(images)
        self._is_listed = images is not None
        self._arrivals = arrivals
        self._progress = progress
        self._counts = _Counts()
        self._seen = 0

    def follow(
        self, answers: Iterator[tuple[Dataset, Dataset | None]], watch: CancelWatch
    ) -> RetrieveOutcome:
        """Wait for the last answer. Raises where nothing came at all."""
        self._link.on_waiting(lambda: self._look(watch))
        fault: AppError | None = None
        try:
            for answer, _ in answers:
                if "Status" not in answer and watch.is_cancelled:
                    break
                self._counts.take(self._link.status_of(answer), answer)
        except NetworkFault as error:
            fault = error
        status = self._counts.status
        if fault is None and is_failure(status) and not watch.is_cancelled:
            fault = self._arrivals.fault
            fault = fault or wire_faults.of_status(self._link.peer, self._service, status)
        received = self._arrivals.received
        if fault is not None and not received:
            if not self._is_listed or self._listed:
                raise fault
            fault = None  # the peer has nothing of it: that is the answer
        return self._outcome(received, fault, watch.is_cancelled)

    def _look(self, watch: CancelWatch) -> bool:
        """While the peer is waited for: what arrived meanwhile?"""
        count = len(self._arrivals.received)
        if count != self._seen:
            self._seen = count
            self._link.keep_waiting()
            expected = self._expected()
            if expected:
                text = f"Received {count} of {expected} images"
                self._progress(min(count / expected, 1.0), text)
            else:
                self._progress(0.0, f"Received {count} images")
        return watch()

    def _expected(self) -> int | None:
        total = self._counts.total
        if total is None and not self._is_listed:
            return None
        return max(len(self._listed), total or 0)

    def _outcome(
        self, received: frozenset[str], fault: AppError | None, is_cancelled: bool
    ) -> RetrieveOutcome:
        expected = self._expected()
        failed = max(expected - len(received), 0) if expected is not None else self._counts.failed
        return RetrieveOutcome(
            expected=expected,
            received=len(received),
            failed=failed,
            warnings=tuple(self._warnings(len(received), expected, fault)),
            missing=tuple(sorted(self._listed - received)),
            cancelled=is_cancelled,
        )

    def _warnings(
        self, received: int, expected: int | None, fault: AppError | None
    ) -> Iterator[Message]:
        name, counts = self._link.peer.name, self._counts
        if fault is not None:
            yield wire_faults.message_of(fault)
        if self._arrivals.fault is not None and self._arrivals.fault is not fault:
            yield wire_faults.message_of(self._arrivals.fault)
        if expected == 0:
            yield Message(f"{name} has no such images.", f"{name}: таких снимков нет.")
        elif expected is None:
            yield Message(
                f"{name} did not say how many images there are.",
                f"{name} не сообщил, сколько всего снимков.",
            )
        elif received < expected:
            yield Message(
                f"{name} has {expected} images, {received} of them arrived.",
                f"{name}: всего снимков {expected}, получено {received}.",
            )
        if counts.failed:
            yield Message(
                f"{name} could not send {counts.failed} of them.",
                f"{name} не смог отправить снимков: {counts.failed}.",
            )
        if counts.total is not None and counts.status == 0 and counts.total < len(self._listed):
            yield Message(
                f"{name} listed {len(self._listed)} images and sent {counts.total}.",
                f"{name} перечислил снимков: {len(self._listed)}, отправил: {counts.total}.",
            )


def _listed(
    peer: DimsePeer, request: RetrieveRequest, cancel: CancelToken | None
) -> tuple[FoundImage, ...] | None:
    """What the peer has of it; None where it does not answer such questions."""
    try:
        with open_for_search(peer) as link:
            images = images_of(
                link, request.study_instance_uid, request.series_instance_uid, Limits(cancel)
            )
    except PeerUnavailable:
        raise
    except NetworkFault:
        return None  # a peer that sends but does not let search: the retrieval says what is wrong
    wanted = frozenset(request.sop_instance_uids)
    return tuple(image for image in images if not wanted or image.sop_instance_uid in wanted)


def _uids(images: Sequence[FoundImage] | None) -> frozenset[str]:
    return frozenset(image.sop_instance_uid for image in images or ())


def _storage_contexts(classes: Sequence[str]) -> list[tuple[str, Sequence[str]]]:
    """Contexts for what will come: each class in each syntax, as far as the 128 contexts go."""
    room = MAXIMUM_CONTEXTS - 1
    if not classes:
        return [(uid, RECEIVED_SYNTAXES) for uid in _USUAL_CLASSES[:room]]
    each = min(max(room // len(classes), 1), len(RECEIVED_SYNTAXES))
    contexts: list[tuple[str, Sequence[str]]] = []
    for uid in classes[:room]:
        contexts += [(uid, (syntax,)) for syntax in RECEIVED_SYNTAXES[: each - 1]]
        contexts.append((uid, RECEIVED_SYNTAXES[each - 1 :]))
    return contexts


def _identifier(request: RetrieveRequest) -> Dataset:
    identifier = Dataset()
    keys = {"StudyInstanceUID": request.study_instance_uid}
    level = "STUDY"
    if request.series_instance_uid is not None:
        level = "SERIES"
        keys["SeriesInstanceUID"] = request.series_instance_uid
    named = "\\".join(request.sop_instance_uids)
    if 0 < len(named) <= _LONGEST_VALUE:  # else the whole series comes, which is no harm
        level = "IMAGE"
        keys["SOPInstanceUID"] = named
    identifier.QueryRetrieveLevel = level
    put_keys(identifier, keys)
    return identifier
