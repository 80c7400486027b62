"""STOW-RS (PS3.18 10.5): objects to a DICOMweb peer, as they are, each with its own answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from pydicom.errors import InvalidDicomError

from app.core.errors import NetworkFault
from app.core.report import Message
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress, no_progress
from app.network import web_faults
from app.network.answers import FailedObject, SendOutcome
from app.network.multipart import FilesBody
from app.network.web_answers import Answered, Refusal, header_of, rows_of, stored_and_refused
from app.network.web_peer import WebPeer
from app.network.web_session import WebSession

# what goes in one STOW request: answers come per request, and proxies have limits
_BATCH_BYTES: Final = 32 << 20
_BATCH_OBJECTS: Final = 50


def store(
    peer: WebPeer,
    paths: Sequence[Path],
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> SendOutcome:
    """STOW-RS: the files as they are, in requests of limited size; each with its own answer.

    Raises ``NetworkFault`` where the peer cannot be reached or takes nothing of us at all. After
    that everything is in the outcome: what a broken line or a cancelled work left may be sent
    again, and an object sent twice is one object there.
    """
    token = cancel or CancelToken()
    readable, failed = _readable(paths)
    sent: list[Path] = []
    warnings: list[Message] = []
    why_not: Message | None = None
    with WebSession(peer) as session:
        for batch in _batches(readable):
            if why_not is None and token.is_cancelled:
                why_not = _CANCELLED
            answered = Answered(set(), {}, is_changed=False)
            if why_not is None:
                try:
                    answered = _store_each(session, batch)
                except NetworkFault as fault:
                    if not sent:
                        raise
                    why_not = Message(fault.message, fault.ru)
            for path, uid in batch.items():
                if uid in answered.stored:
                    sent.append(path)
                    continue
                passing = Refusal(why_not or _NOT_CONFIRMED, may_retry=True)
                failed.append(FailedObject(path, *answered.refused.get(uid, passing)))
            if answered.is_changed:
                warnings.append(
                    Message(
                        f"{peer.name} stored objects with changes of its own.",
                        f"{peer.name} сохранил объекты со своими изменениями.",
                    )
                )
            done = len(sent) + len(failed)
            progress(done / len(paths), f"{done} of {len(paths)} objects")
    return SendOutcome(tuple(sent), tuple(failed), warnings=tuple(dict.fromkeys(warnings)))


_CANCELLED: Final = Message(
    "It was not sent: the work was cancelled.", "Не отправлено: работа отменена."
)
_NOT_CONFIRMED: Final = Message(
    "the peer did not confirm that it stored it", "узел не подтвердил сохранение"
)
_NOT_READ: Final = Message("its file cannot be read", "файл не читается")
_NOT_DICOM: Final = Message("it is not a DICOM object", "это не объект DICOM")


def _readable(paths: Sequence[Path]) -> tuple[dict[Path, str], list[FailedObject]]:
    """The files with their SOP instance UIDs; what is no DICOM file with the reason."""
    readable: dict[Path, str] = {}
    failed = []
    for path in dict.fromkeys(paths):
        try:
            readable[path] = str(header_of(path).SOPInstanceUID)
        except OSError:
            failed.append(FailedObject(path, _NOT_READ, may_retry=True))
        except (InvalidDicomError, AttributeError, ValueError, EOFError):
            failed.append(FailedObject(path, _NOT_DICOM, may_retry=False))
    return readable, failed


def _batches(files: Mapping[Path, str]) -> Iterator[dict[Path, str]]:
    batch: dict[Path, str] = {}
    room = _BATCH_BYTES
    for path, uid in files.items():
        size = path.stat().st_size
        # one answer names a UID once: the same object twice goes in two requests
        if batch and (size > room or len(batch) == _BATCH_OBJECTS or uid in batch.values()):
            yield batch
            batch, room = {}, _BATCH_BYTES
        batch[path] = uid
        room -= size
    if batch:
        yield batch


def _store_each(session: WebSession, batch: Mapping[Path, str]) -> Answered:
    """Together; what the answer passes over, one by one.

    Orthanc 1.10 ends a request silently at the first object that it cannot write.
    """
    answered = _store_batch(session, batch)
    if len(batch) > 1:
        for path, uid in batch.items():
            if uid not in answered.stored and uid not in answered.refused:
                alone = _store_batch(session, {path: uid})
                answered = Answered(
                    answered.stored | alone.stored,
                    answered.refused | alone.refused,
                    answered.is_changed or alone.is_changed,
                )
    return answered


def _store_batch(session: WebSession, batch: Mapping[Path, str]) -> Answered:
    body = FilesBody(tuple(batch))
    headers = {"Content-Type": body.content_type, "Accept": "application/dicom+json"}
    with session.answer("POST", "studies", data=body, headers=headers) as response:
        # 202: some were refused; 409: all were. Both say which and why in the body.
        if response.status_code != 409:
            session.require_success(response)
        rows = rows_of(session.peer, response)
    answered = stored_and_refused(rows[0] if rows else {})
    if response.status_code == 409 and not answered.refused:
        raise web_faults.of_status(session.peer, 409)
    return answered
