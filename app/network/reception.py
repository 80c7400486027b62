"""What happens to each object that a peer sends: into the inbox, then told on, then confirmed.

The peer hears "success" only after the object lies complete on the disk.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

from pynetdicom import evt
from pynetdicom.dimse_primitives import C_STORE

from app.core.errors import AppError, DiskFull
from app.network.wire import IncomingObject

OnObject = Callable[[Path], None]

_SUCCESS: Final = 0x0000
_PROCESSING_FAILURE: Final = 0x0110
_OUT_OF_RESOURCES: Final = 0xA700
_log = logging.getLogger("overread.network")


class Arrivals:
    """The objects that arrived during one retrieval. Any thread may read."""

    def __init__(self, expected: Collection[str], sender: str) -> None:
        self._expected = frozenset(expected)
        self._sender = sender
        self._lock = threading.Lock()
        self._received: set[str] = set()
        self._fault: AppError | None = None

    @property
    def received(self) -> frozenset[str]:
        """SOP instance UIDs that lie complete in the inbox."""
        with self._lock:
            return frozenset(self._received)

    @property
    def fault(self) -> AppError | None:
        """Why we could not keep an object, if that happened: the first reason."""
        with self._lock:
            return self._fault

    def concerns(self, sop_instance_uid: str, sender: str) -> bool:
        """Whether an object belongs to this retrieval."""
        return sop_instance_uid in self._expected or (not self._expected and sender == self._sender)

    def note(self, sop_instance_uid: str, fault: AppError | None) -> None:
        """Count an object, or why it was not kept."""
        with self._lock:
            if fault is None:
                self._received.add(sop_instance_uid)
            else:
                self._fault = self._fault or fault


class Reception:
    """Answers C-STORE requests. ``on_object`` is called in the association's thread."""

    def __init__(self, on_object: OnObject | None = None) -> None:
        self._on_object = on_object
        self._lock = threading.Lock()
        self._watching: list[Arrivals] = []

    @contextmanager
    def watching(self, expected: Collection[str], sender: str) -> Iterator[Arrivals]:
        """Count what arrives of ``expected``; where that is empty, all that ``sender`` sends."""
        arrivals = Arrivals(expected, sender)
        with self._lock:
            self._watching.append(arrivals)
        try:
            yield arrivals
        finally:
            with self._lock:
                self._watching.remove(arrivals)

    def take(self, event: evt.Event) -> int:
        """Handler of ``EVT_C_STORE``: keep the object and return the status (PS3.4 B.2.3)."""
        request = cast(C_STORE, event.request)
        uid = str(request.AffectedSOPInstanceUID)
        incoming = request.DataSet
        fault: AppError | None = None
        path = None
        try:
            if isinstance(incoming, IncomingObject):
                path = incoming.commit(uid)
        except AppError as error:
            fault = error
            _log.warning("an object was refused: %s", error.code)
        sender = str(event.assoc.remote["ae_title"]).strip()
        with self._lock:
            concerned = [one for one in self._watching if one.concerns(uid, sender)]
        for arrivals in concerned:
            arrivals.note(uid, fault)
        if fault is not None or path is None:
            return _OUT_OF_RESOURCES if isinstance(fault, DiskFull) else _PROCESSING_FAILURE
        if self._on_object is not None:
            self._on_object(path)
        return _SUCCESS
