"""DICOMweb (PS3.18): search and retrieve, with the values of the DIMSE side. ``stow`` stores.

``requests`` carries it, not dicomweb-client: that one parses and rewrites every object, takes a
body that was cut off for whole, and sends a Host header without the port.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

import requests

from app.core.errors import Cancelled, InputError, NetworkFault
from app.core.report import Message
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress, no_progress
from app.network import web_faults
from app.network.answers import (
    EchoResult,
    Found,
    FoundImage,
    Level,
    RetrieveOutcome,
    RetrieveRequest,
)
from app.network.inbox import Inbox
from app.network.multipart import BrokenMultipart, Parts, parameter
from app.network.web_answers import MORE_FIELDS, UID_TAG, Row, found_of, header_of, rows_of, text
from app.network.web_peer import WebPeer
from app.network.web_session import WebSession

_PAGE: Final = 500
_JSON: Final = "application/dicom+json, application/json;q=0.9"
# as the peer has it, whatever its encoding; then without the wish, for servers that refuse it
_AS_STORED: Final = (
    'multipart/related; type="application/dicom"; transfer-syntax=*',
    'multipart/related; type="application/dicom"',
)

_OTHER_FORM: Final = (400, 406, 415)
_NOT_THERE: Final = (204, 404, 410)


def echo(peer: WebPeer) -> EchoResult:
    """Whether a DICOMweb service answers there. Raises ``NetworkFault``, ``InputError``."""
    started = time.perf_counter()
    with WebSession(peer) as session, session.get("studies", _JSON, [("limit", "1")]) as response:
        rows_of(peer, response)
        server = response.headers.get("Server", "")
    return EchoResult(time.perf_counter() - started, server)


def search(
    peer: WebPeer,
    level: Level,
    query: Mapping[str, str],
    *,
    is_fuzzy: bool = False,
    limit: int | None = None,
    cancel: CancelToken | None = None,
) -> tuple[Found, ...]:
    """What matches ``query``, DICOM keywords to values or patterns (PS3.4 C.2.2.2).

    Study and series UIDs of the query narrow the path. ``is_fuzzy``: names are matched as the
    peer sees fit. All pages are read, up to ``limit`` rows. Raises ``NetworkFault``, ``Cancelled``.
    """
    token = cancel or CancelToken()
    path, rest = _path(level, query)
    if "PatientName" in rest:
        # Orthanc 1.10 compares %5E as it stands and finds nobody; "?" is any one character
        rest["PatientName"] = rest["PatientName"].replace("^", "?")
    wishes = [*rest.items(), *(("includefield", name) for name in MORE_FIELDS[level])]
    if is_fuzzy:
        wishes.append(("fuzzymatching", "true"))
    rows: dict[str, Row] = {}
    with WebSession(peer) as session:
        while limit is None or len(rows) < limit:
            token.raise_if_cancelled()
            wanted = _PAGE if limit is None else min(_PAGE, limit - len(rows))
            page = [*wishes, ("limit", str(wanted)), ("offset", str(len(rows)))]
            with session.get(path, _JSON, page) as response:
                fresh = {text(row, UID_TAG[level]): row for row in rows_of(peer, response)}
            # the only sure end: a peer may cap its pages lower, or not know offsets at all
            new = {uid: row for uid, row in fresh.items() if uid and uid not in rows}
            if not new:
                break
            rows |= new
    given = {key: query[key] for key in ("StudyInstanceUID", "SeriesInstanceUID") if key in query}
    found = (found_of(level, _with_given(row, given)) for row in rows.values())
    return tuple(found)[:limit]


def retrieve(
    peer: WebPeer,
    request: RetrieveRequest,
    inbox: Inbox,
    *,
    on_object: Callable[[Path], None] | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> RetrieveOutcome:
    """WADO-RS into the inbox, object by object, in the encoding that the peer has.

    ``on_object`` is called with each complete file. Where the connection breaks after the first
    object, the outcome says so and names what is missing; before it, and where the peer refuses,
    ``NetworkFault`` is raised. Raises ``DiskFull``, ``EnvironmentFault`` of the inbox too.
    """
    with WebSession(peer) as session:
        return _Retrieval(
            session, request, inbox, on_object, progress, cancel or CancelToken()
        ).run()


class _Retrieval:
    """One retrieval while it runs."""

    def __init__(
        self,
        session: WebSession,
        request: RetrieveRequest,
        inbox: Inbox,
        on_object: Callable[[Path], None] | None,
        progress: Progress,
        cancel: CancelToken,
    ) -> None:
        self._session = session
        self._request = request
        self._inbox = inbox
        self._on_object = on_object
        self._progress = progress
        self._cancel = cancel
        self._expected = self._listed()
        self._received: set[str] = set()
        self._lost = 0
        self._warnings: dict[Message, None] = {}

    def run(self) -> RetrieveOutcome:
        for path in self._paths():
            if self._cancel.is_cancelled:
                break
            try:
                self._get(path)
            except NetworkFault as fault:
                if not self._received:
                    raise
                self._warn(Message(fault.message, fault.ru))
                self._lost += 1
                break
            except Cancelled:
                break
        return self._outcome()

    def _listed(self) -> frozenset[str] | None:
        """The instances that the peer has of what is asked for; None where it does not tell."""
        wanted = self._request
        if wanted.sop_instance_uids:
            return frozenset(wanted.sop_instance_uids)
        query = {"StudyInstanceUID": wanted.study_instance_uid}
        if wanted.series_instance_uid is not None:
            query["SeriesInstanceUID"] = wanted.series_instance_uid
        with suppress(NetworkFault):  # a peer that only delivers is a peer too
            found = search(self._session.peer, "image", query, cancel=self._cancel)
            uids = frozenset(image.sop_instance_uid for image in found
                             if isinstance(image, FoundImage))  # fmt: skip
            return uids or None
        return None

    def _paths(self) -> Iterator[str]:
        wanted = self._request
        path = f"studies/{_segment(wanted.study_instance_uid)}"
        if wanted.series_instance_uid is not None:
            path += f"/series/{_segment(wanted.series_instance_uid)}"
        if not wanted.sop_instance_uids:
            yield path
        for uid in wanted.sop_instance_uids:
            yield f"{path}/instances/{_segment(uid)}"

    def _get(self, path: str) -> None:
        for accept in _AS_STORED:
            with self._session.answer("GET", path, headers={"Accept": accept}) as response:
                status = response.status_code
                if status in _OTHER_FORM and accept != _AS_STORED[-1]:
                    continue
                if status in _NOT_THERE:
                    if self._request.sop_instance_uids:
                        return  # it is named among the missing
                    raise web_faults.of_status(self._session.peer, 404)
                self._session.require_success(response)
                self._take(response)
            return

    def _take(self, response: requests.Response) -> None:
        peer = self._session.peer
        if response.status_code == 206:
            self._warn(
                Message(
                    f"{peer.name} says that it delivers only a part.",
                    f"{peer.name} сообщает, что передаёт только часть.",
                )
            )
        try:
            for part_type, blocks in _parts(peer, response, self._session):
                if self._cancel.is_cancelled:
                    return
                if part_type in ("", "application/dicom", "application/octet-stream"):
                    self._keep(blocks)
        except BrokenMultipart as fault:
            raise web_faults.cut_off(peer, str(fault)) from fault

    def _keep(self, blocks: Iterator[bytes]) -> None:
        try:
            path = self._inbox.receive(self._until_cancelled(blocks))
        except InputError as fault:
            self._warn(Message(fault.message, fault.ru))
            self._lost += 1
            return
        self._received.add(header_of(path).SOPInstanceUID)
        if self._expected:
            done = len(self._received) / len(self._expected)
            self._progress(done, f"{len(self._received)} of {len(self._expected)} objects")
        if self._on_object is not None:
            self._on_object(path)

    def _until_cancelled(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        for block in blocks:
            self._cancel.raise_if_cancelled()
            yield block

    def _warn(self, message: Message) -> None:
        self._warnings[message] = None

    def _outcome(self) -> RetrieveOutcome:
        missing = sorted((self._expected or frozenset()) - self._received)
        return RetrieveOutcome(
            expected=None if self._expected is None else len(self._expected),
            received=len(self._received),
            # where the peer does not list what it has, what is known to be lost counts
            failed=max(len(missing), self._lost),
            warnings=tuple(self._warnings),
            missing=tuple(missing),
            cancelled=self._cancel.is_cancelled,
        )


def _path(level: Level, query: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The resource of a search and the keys that are left for the query (PS3.18 10.6.1)."""
    rest = {key: value for key, value in query.items() if value}
    path = "studies"
    if level != "study" and "StudyInstanceUID" in rest:
        path += "/" + _segment(rest.pop("StudyInstanceUID"))
        if level == "image" and "SeriesInstanceUID" in rest:
            path += "/series/" + _segment(rest.pop("SeriesInstanceUID"))
        return f"{path}/{'series' if level == 'series' else 'instances'}", rest
    return {"study": "studies", "series": "series", "image": "instances"}[level], rest


def _segment(uid: str) -> str:
    """A UID as one part of a path, whatever a peer or a user calls a UID."""
    return quote(uid, safe="")


def _with_given(row: Row, given: Mapping[str, str]) -> Row:
    """The row with the UIDs that the path named: a peer need not repeat them."""
    tags = {"StudyInstanceUID": "0020000D", "SeriesInstanceUID": "0020000E"}
    return {tags[key]: {"vr": "UI", "Value": [uid]} for key, uid in given.items()} | dict(row)


def _parts(
    peer: WebPeer, response: requests.Response, session: WebSession
) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Type and blocks of each object of an answer; one object alone may come without parts."""
    content_type = response.headers.get("Content-Type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/dicom":
        yield kind, session.blocks(response)
        return
    boundary = parameter(content_type, "boundary")
    if kind != "multipart/related" or not boundary:
        raise web_faults.not_dicomweb(peer, kind or "no content type")
    for part_type, blocks in Parts(session.blocks(response), boundary):
        yield part_type.partition(";")[0].strip().lower(), blocks
