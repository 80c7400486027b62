"""What was received goes into the library; only then does it leave the inbox.

A crash between the two leaves the object in the inbox; the next import finds it known and takes it
out. What cannot be read is put aside in the inbox's folder ``unreadable``, never thrown away.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pydicom

from app.core.errors import AppError, InputError
from app.core.report import Message
from app.dicom.files.scan import SkippedFile
from app.network.inbox import Inbox
from app.workflow.context import AppContext
from app.workflow.import_studies import import_paths

_BATCH: Final = 64
_PAUSE_S: Final = 0.2
_UNREADABLE: Final = "unreadable"
_TAKING_IN: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class TakenIn:
    """Objects that are in the library now: how many, of which studies; what was put aside."""

    objects: int = 0
    studies: tuple[str, ...] = ()
    put_aside: tuple[SkippedFile, ...] = ()


OnTakenIn = Callable[[TakenIn], None]


def inbox_of(context: AppContext) -> Inbox:
    """The inbox of the library. Raises ``EnvironmentFault``."""
    return Inbox(
        context.store.folder / "inbox",
        reserve_bytes=context.settings.disk_reserve_mb * 2**20,
    )


def import_inbox(context: AppContext, inbox: Inbox | None = None) -> TakenIn:
    """Take in what an earlier program left in the inbox. Call it at the start; any thread."""
    inbox = inbox or inbox_of(context)
    inbox.recover()
    total = TakenIn()
    paths = inbox.objects()
    for start in range(0, len(paths), _BATCH):
        total = _together(total, take_in(context, inbox, paths[start : start + _BATCH]))
    return total


def take_in(context: AppContext, inbox: Inbox, paths: Sequence[Path]) -> TakenIn:
    """Import complete objects of the inbox and remove them there.

    One portion at a time; what another program took in meanwhile is left out. Raises ``DiskFull``
    and ``StoreError``; what was not imported then stays in the inbox.
    """
    with _TAKING_IN:
        return _take_in(context, inbox, [path for path in paths if path.exists()])


def _take_in(context: AppContext, inbox: Inbox, paths: Sequence[Path]) -> TakenIn:
    if not paths:
        return TakenIn()
    reasons: dict[Path, Message] = {}
    with contextlib.suppress(InputError):  # nothing of it is readable: all of it is put aside
        left_out = import_paths(context, paths, copy=True).scan
        reasons = {item.path: item.reason for item in (*left_out.skipped, *left_out.unreadable)}
    known = context.store.files.known(paths)
    unread = [path for path in paths if path not in known and path.exists()]
    aside = tuple(
        SkippedFile(_put_aside(inbox, path), reasons.get(path, _NOT_READ)) for path in unread
    )
    # what the library reads in the inbox itself stays there
    taken = [path for path in paths if path in known and _is_elsewhere(context, inbox, path)]
    studies = sorted({row.study_instance_uid for rows in known.values() for row in rows})
    with context.store.transaction():
        context.store.files.forget_passing(taken)
        for uid in studies:
            context.store.studies.refresh(uid)
    for path in taken:
        inbox.take(path)
    context.prefetch.arrived(studies)
    return TakenIn(len(known), tuple(studies), aside)


_NOT_READ: Final = Message(
    "The received object cannot be read; it was put aside.",
    "Полученный объект не читается; он отложен.",
)


class InboxImporter:
    """Imports objects while they come, in a thread of its own; ``put`` never waits.

    ``on_taken_in`` is called in that thread after each portion. Use it as a context manager: the
    end waits until everything put before is in the library, then raises what went wrong.
    """

    def __init__(
        self, context: AppContext, inbox: Inbox, on_taken_in: OnTakenIn | None = None
    ) -> None:
        self._context = context
        self._inbox = inbox
        self._on_taken_in = on_taken_in
        self._waiting: queue.SimpleQueue[Path | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="inbox-importer")
        self.total = TakenIn()
        self.fault: AppError | None = None

    def __enter__(self) -> InboxImporter:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Import the rest and end. Raises the fault of an import unless another is on its way."""
        self._waiting.put(None)
        self._thread.join()
        if self.fault is not None and _exception[0] is None:
            raise self.fault

    def put(self, path: Path) -> None:
        """A complete object of the inbox; any thread."""
        self._waiting.put(path)

    def _run(self) -> None:
        is_over = False
        while not is_over:
            paths, is_over = self._portion()
            if paths and self.fault is None:
                try:
                    taken = take_in(self._context, self._inbox, paths)
                except AppError as fault:
                    self.fault = fault  # the objects stay in the inbox
                    continue
                self.total = _together(self.total, taken)
                if self._on_taken_in is not None:
                    self._on_taken_in(taken)

    def _portion(self) -> tuple[list[Path], bool]:
        """What came within a moment, and whether that was the last."""
        first = self._waiting.get()
        if first is None:
            return [], True
        paths, ends_at = {first: None}, time.monotonic() + _PAUSE_S
        while len(paths) < _BATCH and (left := ends_at - time.monotonic()) > 0:
            try:
                path = self._waiting.get(timeout=left)
            except queue.Empty:
                break
            if path is None:
                return list(paths), True
            paths[path] = None
        return list(paths), False


def _is_elsewhere(context: AppContext, inbox: Inbox, path: Path) -> bool:
    """Whether the library has the object of this file in another one, on the disk now."""
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPInstanceUID"])
    except FileNotFoundError:
        return True  # another program took it in
    return any(
        inbox.folder not in one.path.parents and one.path.exists()
        for one in context.store.files.with_uid(str(header.get("SOPInstanceUID", "")))
    )


def _put_aside(inbox: Inbox, path: Path) -> Path:
    folder = inbox.folder / _UNREADABLE
    folder.mkdir(exist_ok=True)
    return path.replace(folder / path.name)


def _together(one: TakenIn, other: TakenIn) -> TakenIn:
    return TakenIn(
        one.objects + other.objects,
        tuple(sorted({*one.studies, *other.studies})),
        one.put_aside + other.put_aside,
    )
