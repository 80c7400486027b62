"""The same four questions to a peer of either kind: DIMSE or DICOMweb."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress, no_progress
from app.network import dicomweb, stow
from app.network import echo as dimse_echo
from app.network import find as dimse_find
from app.network import retrieve as dimse_retrieve
from app.network import send as dimse_send
from app.network.answers import (
    EchoResult,
    Found,
    FoundImage,
    FoundSeries,
    Level,
    RetrieveOutcome,
    RetrieveRequest,
    SendOutcome,
)
from app.network.inbox import Inbox
from app.network.peers import DimsePeer
from app.network.questions import Limits
from app.network.web_peer import WebPeer

Peer = DimsePeer | WebPeer


def echo(peer: Peer) -> EchoResult:
    """Whether the peer is there and knows us. Raises ``NetworkFault``."""
    return dicomweb.echo(peer) if isinstance(peer, WebPeer) else dimse_echo.echo(peer)


def find(
    peer: Peer,
    level: Level,
    query: Mapping[str, str],
    *,
    limit: int | None = None,
    cancel: CancelToken | None = None,
) -> tuple[Found, ...]:
    """What matches ``query``, DICOM keywords to values or patterns. Raises ``NetworkFault``."""
    if isinstance(peer, WebPeer):
        return dicomweb.search(peer, level, query, limit=limit, cancel=cancel)
    return dimse_find.find(peer, level, query, limit=limit, cancel=cancel)


def objects_per_series(
    peer: Peer, request: RetrieveRequest, *, cancel: CancelToken | None = None
) -> dict[str, int]:
    """How many objects the peer has of each series asked for, by series UID.

    Counted one by one where the peer does not keep count. Raises ``NetworkFault``.
    """
    study = {"StudyInstanceUID": request.study_instance_uid}
    if request.series_instance_uid is not None:
        study["SeriesInstanceUID"] = request.series_instance_uid
    found = [s for s in find(peer, "series", study, cancel=cancel) if isinstance(s, FoundSeries)]
    counts = {s.series_instance_uid: s.instances for s in found if s.series_instance_uid}
    if all(count is not None for count in counts.values()):
        return {uid: count or 0 for uid, count in counts.items()}
    counted: dict[str, int] = {}
    for image in images_of(peer, request, cancel=cancel):
        counted[image.series_instance_uid] = counted.get(image.series_instance_uid, 0) + 1
    return counted


def get(
    peer: Peer,
    request: RetrieveRequest,
    inbox: Inbox,
    *,
    on_object: Callable[[Path], None] | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> RetrieveOutcome:
    """Retrieve into ``inbox`` over a connection that we open.

    Raises ``NetworkFault`` where nothing came at all; else the outcome says what is missing.
    """
    if isinstance(peer, WebPeer):
        return dicomweb.retrieve(
            peer, request, inbox, on_object=on_object, progress=progress, cancel=cancel
        )
    return dimse_retrieve.get(
        peer, request, inbox, on_object=on_object, progress=progress, cancel=cancel
    )


def send(
    peer: Peer,
    paths: Sequence[Path],
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> SendOutcome:
    """Send files; what the peer did not take is named with the reason. Raises ``NetworkFault``."""
    if isinstance(peer, WebPeer):
        return stow.store(peer, paths, progress=progress, cancel=cancel)
    return dimse_send.send(peer, paths, progress=progress, cancel=cancel)


def images_of(
    peer: Peer, request: RetrieveRequest, *, cancel: CancelToken | None = None
) -> tuple[FoundImage, ...]:
    """Every object that the peer has of the study or series. Raises ``NetworkFault``."""
    if isinstance(peer, DimsePeer):
        with dimse_find.open_for_search(peer) as link:
            return dimse_find.images_of(
                link, request.study_instance_uid, request.series_instance_uid, Limits(cancel)
            )
    query = {"StudyInstanceUID": request.study_instance_uid}
    if request.series_instance_uid is not None:
        query["SeriesInstanceUID"] = request.series_instance_uid
    found = dicomweb.search(peer, "image", query, cancel=cancel)
    return tuple(image for image in found if isinstance(image, FoundImage))
