"""Objects to a peer: C-STORE (PS3.4 annex B), each as it is, or without loss in another form.

A peer that does not take the compressed form of an object gets it decoded; nothing is ever
compressed again. Each object has its own outcome.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.uid import ExplicitVRLittleEndian

from app.core.errors import AppError, DicomReadError, NetworkFault, PeerUnavailable
from app.core.report import Message
from app.dicom.files.headers import read_dataset
from app.dicom.tolerant import quiet, words_of
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress, no_progress
from app.network import lossless, wire_faults
from app.network.answers import FailedObject, SendOutcome
from app.network.associations import MAXIMUM_CONTEXTS, Link, Proposal, associate
from app.network.peers import DimsePeer
from app.network.syntaxes import UNCOMPRESSED

_SERVICE: Final = Message("the storage (C-STORE)", "приём объектов (C-STORE)")
_HAS_IT_ALREADY: Final = 0x0111
_PASSING: Final = {0x0110, 0x0213}  # failures of the moment, as all of A7xx
_CANCELLED: Final = Message(
    "It was not sent: the work was cancelled.", "Не отправлено: работа отменена."
)


@dataclass(frozen=True, slots=True)
class _Item:
    """A file to send. ``is_plain``: its meta information says what its data set says."""

    path: Path
    sop_class_uid: str
    transfer_syntax_uid: str
    is_plain: bool


class _Tally:
    """What became of the files so far."""

    def __init__(self, count: int, progress: Progress) -> None:
        self._count = count
        self._progress = progress
        self.sent: list[Path] = []
        self.failed: list[FailedObject] = []
        self.converted: list[Path] = []
        self.warnings: dict[Message, None] = {}
        self.was_connected = False

    def succeeded(self, item: _Item, status: int) -> None:
        self.sent.append(item.path)
        if status != 0:
            self.warnings[wire_faults.status_message(status)] = None
        self._tell()

    def fail(self, path: Path, reason: Message, *, may_retry: bool) -> None:
        self.failed.append(FailedObject(path, reason, may_retry))
        self._tell()

    def outcome(self) -> SendOutcome:
        return SendOutcome(
            tuple(self.sent), tuple(self.failed), tuple(self.converted), tuple(self.warnings)
        )

    def _tell(self) -> None:
        done = len(self.sent) + len(self.failed)
        self._progress(done / max(self._count, 1), f"Sent {len(self.sent)} of {self._count}")


def send(
    peer: DimsePeer,
    paths: Sequence[Path],
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> SendOutcome:
    """Send DICOM files. Raises ``NetworkFault`` where not even a connection came about.

    Afterwards everything is in the outcome: a connection that is lost in the middle leaves the
    rest as failed, to be tried again; so does the user's cancel.
    """
    tally = _Tally(len(paths), progress)
    items = list(_readable(paths, tally))
    fault: NetworkFault | None = None
    for batch in _batches(items):
        try:
            if isinstance(fault, PeerUnavailable):
                raise fault  # it is not there any more: nobody tries again
            with associate(peer, Proposal(_SERVICE, _contexts(batch))) as link:
                _send_batch(link, batch, tally, cancel)
        except NetworkFault as error:
            fault = error
            may_retry = isinstance(error, PeerUnavailable)
            for item in _undone(batch, tally):
                tally.fail(item.path, wire_faults.message_of(error), may_retry=may_retry)
    if fault is not None and not tally.was_connected:
        raise fault
    return tally.outcome()


def _send_batch(
    link: Link, batch: Sequence[_Item], tally: _Tally, cancel: CancelToken | None
) -> None:
    link.on_waiting(lambda: cancel is None or not cancel.is_cancelled)
    tally.was_connected = True
    accepted = frozenset(link.accepted)
    with tempfile.TemporaryDirectory(prefix="overread-send-") as folder:
        for item in batch:
            if cancel is not None and cancel.is_cancelled:
                tally.fail(item.path, _CANCELLED, may_retry=True)
                continue
            try:
                path = _form_for(link.peer, item, accepted, Path(folder))
            except AppError as error:
                tally.fail(item.path, wire_faults.message_of(error), may_retry=False)
                continue
            answer = link.request(link.association.send_c_store, path)
            if "Status" not in answer and cancel is not None and cancel.is_cancelled:
                tally.fail(item.path, _CANCELLED, may_retry=True)
                continue
            _note(link, item, link.status_of(answer), tally)
            if path != item.path:
                tally.converted.append(item.path)
                path.unlink()


def _note(link: Link, item: _Item, status: int, tally: _Tally) -> None:
    if status in (0, _HAS_IT_ALREADY) or status & 0xF000 == 0xB000:
        tally.succeeded(item, status)
        return
    why = wire_faults.status_message(status)
    reason = Message(
        f"{link.peer.name} did not take it: {why.en}.", f"{link.peer.name} не принял: {why.ru}."
    )
    may_retry = status & 0xFF00 == 0xA700 or status in _PASSING
    tally.fail(item.path, reason, may_retry=may_retry)


def _form_for(
    peer: DimsePeer, item: _Item, accepted: frozenset[tuple[str, str]], folder: Path
) -> Path:
    """The file itself, or a copy in a form that the peer takes. Raises ``AppError``."""
    if item.is_plain and (item.sop_class_uid, item.transfer_syntax_uid) in accepted:
        return item.path
    for syntax in UNCOMPRESSED:
        if (item.sop_class_uid, syntax) in accepted:
            target = folder / "object.dcm"
            lossless.rewrite(item.path, syntax, target)
            return target
    raise NetworkFault(
        f"{peer.name} does not take objects of this kind.",
        ru=f"{peer.name} не принимает объекты этого вида.",
        hint="Ask its administrator to allow this SOP class, or choose another peer.",
        hint_ru="Попросите администратора разрешить этот класс SOP или выберите другой узел.",
        technical_detail=item.sop_class_uid,
    )


def _readable(paths: Sequence[Path], tally: _Tally) -> Iterator[_Item]:
    for path in paths:
        try:
            yield _item(path)
        except AppError as error:
            tally.fail(path, wire_faults.message_of(error), may_retry=False)


def _item(path: Path) -> _Item:
    """What a file holds. Raises ``DicomReadError``."""
    ds = read_dataset(path, pixels=False)
    class_uid = (words_of(ds, "SOPClassUID") or ("",))[0]
    instance_uid = (words_of(ds, "SOPInstanceUID") or ("",))[0]
    if not class_uid or not instance_uid:
        raise DicomReadError(
            f"{path.name} does not say what it is, so it cannot be sent.",
            ru=f"{path.name} не содержит сведений о типе объекта, его нельзя отправить.",
        )
    syntax = str(ds.file_meta.get("TransferSyntaxUID", ExplicitVRLittleEndian))
    stated = "", "", ""
    try:
        with quiet():
            meta = read_file_meta_info(path)
        stated = (
            str(meta.get("MediaStorageSOPClassUID", "")),
            str(meta.get("MediaStorageSOPInstanceUID", "")),
            str(meta.get("TransferSyntaxUID", "")),
        )
    except (InvalidDicomError, OSError, ValueError, EOFError):
        pass  # no meta information: it is written anew
    return _Item(path, class_uid, syntax, stated == (class_uid, instance_uid, syntax))


def _batches(items: Sequence[_Item]) -> Iterator[list[_Item]]:
    """Files that share an association: those of one kind together, at most 128 contexts."""
    kinds: dict[tuple[str, str], list[_Item]] = {}
    for item in items:
        kinds.setdefault((item.sop_class_uid, item.transfer_syntax_uid), []).append(item)
    batch: list[_Item] = []
    for kind in sorted(kinds):
        if batch and len(_contexts([*batch, *kinds[kind][:1]])) > MAXIMUM_CONTEXTS:
            yield batch
            batch = []
        batch += kinds[kind]
    if batch:
        yield batch


def _contexts(batch: Sequence[_Item]) -> list[tuple[str, Sequence[str]]]:
    """Each kind in its own syntax, and each class uncompressed in case that one is refused."""
    kinds = dict.fromkeys((item.sop_class_uid, item.transfer_syntax_uid) for item in batch)
    classes = dict.fromkeys(class_uid for class_uid, _ in kinds)
    own: list[tuple[str, Sequence[str]]] = [(class_uid, (syntax,)) for class_uid, syntax in kinds]
    return own + [(class_uid, UNCOMPRESSED) for class_uid in classes]


def _undone(batch: Sequence[_Item], tally: _Tally) -> list[_Item]:
    done = {*tally.sent, *(failed.path for failed in tally.failed)}
    return [item for item in batch if item.path not in done]
