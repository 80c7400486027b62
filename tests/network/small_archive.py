"""A small archive made of pynetdicom, for manners that Orthanc does not have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pynetdicom import AE

from app.network.peers import DimsePeer


@contextmanager
def small_archive(
    handlers: Sequence[Any], classes: Sequence[str], *, both_roles: Sequence[str] = ()
) -> Iterator[DimsePeer]:
    """An archive that serves ``classes``; it sends objects of ``both_roles`` on request."""
    entity = AE("SMALL")
    for uid in classes:
        entity.add_supported_context(uid)
    for uid in both_roles:
        entity.add_supported_context(uid, scu_role=True, scp_role=True)
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=list(handlers))
    assert server is not None
    try:
        port = int(server.server_address[1])
        yield DimsePeer("small", "SMALL", "127.0.0.1", port, timeout_s=10.0)
    finally:
        server.shutdown()
