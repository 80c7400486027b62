"""Opening a connection to a model server; here the wire is chosen and its library imported."""

from __future__ import annotations

import time
from typing import Final

from app.core.errors import ServerFault
from app.inference.remote.faults import fault
from app.inference.remote.protocol import Client
from app.inference.remote.server import ModelServer

_ASK_AGAIN_SECONDS: Final = 30.0


def connect(server: ModelServer) -> Client:
    """A client for the server; nothing is sent yet. ``ServerFault`` for unusable PEM files."""
    if server.is_grpc:
        from app.inference.remote.grpc_client import GrpcClient

        return GrpcClient(server)
    from app.inference.remote.http_client import HttpClient

    return HttpClient(server)


def require_ready(client: Client, server: ModelServer) -> None:
    """Raise ``ServerFault`` unless the server runs and takes requests."""
    if not (client.is_live() and client.is_ready()):
        raise fault(
            server,
            "runs and is not ready",
            "запущен, но не готов",
            hint=(
                "It may still be loading its models, or one of them failed to load.",
                "Возможно, он ещё загружает модели или одна из них не загрузилась.",
            ),
            may_pass=True,
        )


class Absences:
    """Servers that did not answer a moment ago: they are not waited for with every image."""

    def __init__(self) -> None:
        self._faults: dict[tuple[str, ...], tuple[float, ServerFault]] = {}

    def recent(self, server: ModelServer) -> ServerFault | None:
        """What was wrong with the server, where that is less than half a minute ago."""
        at, found = self._faults.get(_key(server), (0.0, None))
        return found if found and time.monotonic() - at < _ASK_AGAIN_SECONDS else None

    def note(self, server: ModelServer, found: ServerFault) -> None:
        """Remember a fault."""
        self._faults[_key(server)] = (time.monotonic(), found)

    def forget(self, server: ModelServer) -> None:
        """It answers again."""
        self._faults.pop(_key(server), None)


def _key(server: ModelServer) -> tuple[str, ...]:
    """What decides whether a connection comes about; other settings are tried at once."""
    return (server.url, server.ca_file, server.certificate, server.key)
