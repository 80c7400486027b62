"""Asking with C-FIND: keys of a query, the answers one by one, cancelling (PS3.4 C.4.1)."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import pydicom.config
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from app.core.errors import InputError
from app.core.report import Message
from app.jobs.cancel import CancelToken
from app.network import wire_faults
from app.network.associations import Link

QUERY_SYNTAXES: Final = (str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian))
MESSAGE_ID: Final = 1
PENDING: Final = (0xFF00, 0xFF01)
CANCELLED: Final = 0xFE00
_UTF8: Final = "ISO_IR 192"
_GRACE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop asking: the user cancels, or there are ``answers`` answers."""

    cancel: CancelToken | None = None
    answers: int | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """One C-FIND: the information model, the service in words, and the keys."""

    model_uid: str
    service: Message
    identifier: Dataset


class CancelWatch:
    """Sends one C-CANCEL when the user cancels, then allows the peer some seconds to obey.

    It makes itself the ``tick`` of ``link``.
    """

    def __init__(self, link: Link, model_uid: str, cancel: CancelToken | None) -> None:
        self._link = link
        self._model_uid = model_uid
        self._cancel = cancel
        self._asked_at: float | None = None
        link.on_waiting(self)

    def __call__(self) -> bool:
        """Whether to wait on for the peer's answer."""
        if self.is_cancelled:
            self.ask()
        return self._asked_at is None or time.monotonic() - self._asked_at < _GRACE_SECONDS

    @property
    def is_cancelled(self) -> bool:
        """Whether the user cancelled."""
        return self._cancel is not None and self._cancel.is_cancelled

    def ask(self) -> None:
        """Ask the peer to stop; once."""
        if self._asked_at is None:
            self._asked_at = time.monotonic()
            if self._link.association.is_established:
                self._link.association.send_c_cancel(MESSAGE_ID, query_model=self._model_uid)

    def raise_if_cancelled(self) -> None:
        """Raise ``Cancelled`` where the user cancelled."""
        if self._cancel is not None:
            self._cancel.raise_if_cancelled()


def ask(link: Link, question: Question, limits: Limits) -> Iterator[Dataset]:
    """The answers of the peer as they come.

    Texts are asked for in UTF-8; a peer that refuses this is asked again without a character set
    where the query is plain ASCII. Raises ``NetworkFault`` and ``Cancelled``.
    """
    watch = CancelWatch(link, question.model_uid, limits.cancel)
    identifier = question.identifier
    identifier.SpecificCharacterSet = _UTF8
    status, count = yield from _answers(link, question, watch, limits)
    if is_failure(status) and count == 0 and _is_plain(identifier):
        del identifier.SpecificCharacterSet
        status, count = yield from _answers(link, question, watch, limits)
    watch.raise_if_cancelled()
    if is_failure(status):
        raise wire_faults.of_status(link.peer, question.service, status)


def put_keys(identifier: Dataset, keys: Mapping[str, str]) -> None:
    """Set keys by their DICOM keywords. Raises ``InputError`` for what is none or cannot be."""
    for keyword, value in keys.items():
        tag = tag_for_keyword(keyword)
        try:
            if tag is None:
                raise ValueError(keyword)  # noqa: TRY301 - the one sentence for both
            # Ranges and wildcards are no valid values of their VR, but valid in a query.
            ignore = pydicom.config.IGNORE
            value_of_key = value.strip()
            vr = dictionary_VR(tag)
            identifier.add(DataElement(tag, vr, value_of_key, validation_mode=ignore))
        except (ValueError, TypeError, OverflowError) as error:
            raise InputError(
                f"Nobody can be asked for {keyword} with this value.",
                ru=f"Поиск по {keyword} с таким значением невозможен.",
                hint="Use DICOM keywords, such as PatientID or StudyDate.",
                hint_ru="Используйте ключевые слова DICOM, например PatientID или StudyDate.",
            ) from error


def _answers(
    link: Link, question: Question, watch: CancelWatch, limits: Limits
) -> Generator[Dataset, None, tuple[int, int]]:
    """The answers; the final status and their number as the generator's value."""
    count = 0
    status = 0
    answers = link.request(
        link.association.send_c_find, question.identifier, question.model_uid, msg_id=MESSAGE_ID
    )
    for answer, identifier in answers:
        if "Status" not in answer:
            watch.raise_if_cancelled()
        status = link.status_of(answer)
        if status in PENDING and identifier is not None and not watch.is_cancelled:
            if limits.answers is None or count < limits.answers:
                count += 1
                yield identifier
            else:
                watch.ask()
    return status, count


def is_failure(status: int) -> bool:
    """Whether a status is neither success, nor pending, nor cancelled, nor a warning (Bxxx)."""
    return status not in (0, CANCELLED) and status not in PENDING and status & 0xF000 != 0xB000


def _is_plain(identifier: Dataset) -> bool:
    return all(str(element.value).isascii() for element in identifier)
