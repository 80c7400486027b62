"""Will the peer keep it? Storage commitment, push model (PS3.4 annex J).

We ask by N-ACTION; the peer reports by N-EVENT-REPORT, over the same association or one of its
own to our listener, at once or much later.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import evt

from app.core.report import Message
from app.dicom.tolerant import integer_of, items_of, quiet, words_of
from app.jobs.cancel import CancelToken
from app.network import wire_faults
from app.network.associations import Link, Proposal, associate
from app.network.listener import STORAGE_COMMITMENT, Listener, OnReport, take_report
from app.network.peers import DimsePeer
from app.network.questions import QUERY_SYNTAXES

_SERVICE: Final = Message("storage commitment", "подтверждение хранения")
_WELL_KNOWN_INSTANCE: Final = "1.2.840.10008.1.20.1.1"
_REQUEST: Final = 1
_LOOK_SECONDS: Final = 0.05


class SopRef(NamedTuple):
    """An instance that is to be kept."""

    sop_class_uid: str
    sop_instance_uid: str


class NotCommitted(NamedTuple):
    """An instance for which the peer takes no responsibility, and why."""

    sop_instance_uid: str
    reason: Message


@dataclass(frozen=True, slots=True)
class CommitmentResult:
    """What the peer said of one request.

    ``is_answered`` False: it took the request and has not reported yet; its report may come to a
    listener that expects ``transaction_uid``.
    """

    transaction_uid: str
    is_answered: bool
    committed: tuple[str, ...] = ()
    failed: tuple[NotCommitted, ...] = ()


def request(
    peer: DimsePeer,
    refs: Sequence[SopRef],
    listener: Listener | None = None,
    *,
    wait_s: float = 60.0,
    cancel: CancelToken | None = None,
) -> CommitmentResult:
    """Ask the peer to take responsibility for ``refs`` and wait for its report.

    Without a running ``listener`` only a report over the same association is heard. Raises
    ``NetworkFault``: no connection, no such service, or the request itself refused.
    """
    waiting = _Waiting(str(generate_uid()))
    proposal = Proposal(
        _SERVICE,
        [(STORAGE_COMMITMENT, QUERY_SYNTAXES)],
        handlers=[(evt.EVT_N_EVENT_REPORT, waiting.take)],
    )
    if listener is not None:
        listener.expect_report(waiting.transaction_uid, waiting.note)
    try:
        with associate(peer, proposal) as link:
            _ask(link, waiting.transaction_uid, refs)
            return waiting.result(wait_s, cancel)
    finally:
        if listener is not None:
            listener.expect_report(waiting.transaction_uid, None)


def result_of(report: Dataset) -> CommitmentResult:
    """What a report says (PS3.4 J.3.3)."""
    failed = tuple(
        NotCommitted(uid, wire_faults.status_message(integer_of(item, "FailureReason", 0x0110)))
        for item in items_of(report, "FailedSOPSequence")
        for uid in words_of(item, "ReferencedSOPInstanceUID")
    )
    committed = tuple(
        uid
        for item in items_of(report, "ReferencedSOPSequence")
        for uid in words_of(item, "ReferencedSOPInstanceUID")
    )
    transaction_uid = (words_of(report, "TransactionUID") or ("",))[0]
    return CommitmentResult(transaction_uid, True, committed, failed)


class _Waiting:
    """One request until its report comes, from whichever thread."""

    def __init__(self, transaction_uid: str) -> None:
        self.transaction_uid: Final = transaction_uid
        self._lock = threading.Lock()
        self._answered = threading.Event()
        self._result = CommitmentResult(transaction_uid, False)

    def note(self, event_type: int, report: Dataset) -> None:
        """Take the report of our transaction."""
        with quiet():
            self._result = result_of(report)
        self._answered.set()

    def take(self, event: evt.Event) -> tuple[int, None]:
        """Handler of ``EVT_N_EVENT_REPORT`` on our own association."""
        waiting: dict[str, OnReport] = {self.transaction_uid: self.note}
        return take_report(event, waiting, self._lock)

    def result(self, wait_s: float, cancel: CancelToken | None) -> CommitmentResult:
        """Wait for the report, but no longer than ``wait_s`` and until cancelled."""
        deadline = time.monotonic() + wait_s
        while time.monotonic() < deadline and not (cancel is not None and cancel.is_cancelled):
            if self._answered.wait(_LOOK_SECONDS):
                break
        return self._result


def _ask(link: Link, transaction_uid: str, refs: Sequence[SopRef]) -> None:
    information = Dataset()
    information.TransactionUID = transaction_uid
    items = []
    for ref in refs:
        item = Dataset()
        item.ReferencedSOPClassUID = ref.sop_class_uid
        item.ReferencedSOPInstanceUID = ref.sop_instance_uid
        items.append(item)
    information.ReferencedSOPSequence = items
    answer, _ = link.request(
        link.association.send_n_action,
        information,
        _REQUEST,
        STORAGE_COMMITMENT,
        _WELL_KNOWN_INSTANCE,
    )
    status = link.status_of(answer)
    if status != 0:
        raise wire_faults.of_status(link.peer, _SERVICE, status)
