"""Which server computes which packs: what the administrator entered, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

from app.core.errors import UsageFault

SCHEMES: Final = ("grpc", "grpcs", "http", "https")


@dataclass(frozen=True, slots=True)
class ModelServer:
    """A server of the KServe v2 protocol.

    ``url`` is ``grpc://host:port``, ``grpcs://`` (TLS), ``http://`` or ``https://``. ``models``
    maps pack ids to model names on the server, ``name`` or ``name/version``. ``use`` says when it
    computes: ``auto`` whenever a mapped pack runs, ``asked`` only when it is named. The PEM files
    are empty where they are not used; ``ca_file`` empty: the authorities of the system.
    ``timeout_s`` limits one request, ``connect_s`` finding out whether the server is there.
    ``unproven_weights`` allows models that do not say which weights they have; ``fall_back``
    lets this machine compute what the server does not.
    """

    name: str
    url: str
    models: Mapping[str, str] = field(default_factory=dict)
    use: Literal["auto", "asked"] = "auto"
    ca_file: str = ""
    certificate: str = ""
    key: str = ""
    timeout_s: float = 60.0
    connect_s: float = 5.0
    unproven_weights: bool = False
    fall_back: bool = True

    @property
    def is_grpc(self) -> bool:
        """Whether it is called over gRPC, else over HTTP."""
        return self.url.startswith("grpc")

    @property
    def is_encrypted(self) -> bool:
        """Whether it is called over TLS."""
        return self.url.startswith(("grpcs:", "https:"))

    @property
    def host(self) -> str:
        """Host name or address, without the port."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The port; of HTTP also the usual one."""
        return urlsplit(self.url).port or (443 if self.is_encrypted else 80)

    @property
    def address(self) -> str:
        """``host:port``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """The model of a pack on a server: what a run is sent to. Goes through the pipe to the worker.

    A pack of several graphs (folds) is as many models there: ``model-fold0``, ``model-fold1``...
    """

    server: ModelServer
    model: str
    version: str = ""

    def models(self, graphs: int) -> tuple[str, ...]:
        """The names of the models of a pack with so many graphs."""
        return fold_names(self.model, graphs)

    @property
    def device(self) -> str:
        """How results name it: ``kserve:host:port/model``, with ``/version`` where one is asked."""
        version = f"/{self.version}" if self.version else ""
        return f"kserve:{self.server.address}/{self.model}{version}"


@dataclass(frozen=True, slots=True)
class ServerBook:
    """All servers of the settings. ``asked`` names the one that was asked for, empty: none."""

    servers: tuple[ModelServer, ...] = ()
    asked: str = ""

    def server(self, name: str) -> ModelServer:
        """The server of this name; ``UsageFault`` naming those that there are."""
        for server in self.servers:
            if server.name == name:
                return server
        names = ", ".join(server.name for server in self.servers)
        raise UsageFault(
            f'There is no model server "{name}".',
            ru=f"Сервера моделей «{name}» нет.",
            hint=f"In the settings: {names or 'none'}.",
            hint_ru=f"В настройках: {names or 'нет ни одного'}.",
        )

    def model_for(self, pack_id: str) -> RemoteModel | None:
        """Where a pack runs, or None: on this machine.

        Raises ``UsageFault`` where the server that was asked for has no model for the pack.
        """
        if self.asked:
            server = self.server(self.asked)
            if pack_id not in server.models:
                raise UsageFault(
                    f'The model server "{server.name}" has no model for the pack "{pack_id}".',
                    ru=f"На сервере моделей «{server.name}» нет модели для пакета «{pack_id}».",
                    hint="Add it to the models of the server in the settings.",
                    hint_ru="Добавьте её в models этого сервера в настройках.",
                )
            return remote_model(server, pack_id)
        for server in self.servers:
            if server.use == "auto" and pack_id in server.models:
                return remote_model(server, pack_id)
        return None


def fold_names(model: str, graphs: int) -> tuple[str, ...]:
    """One name per graph of a pack; the plain one where there is one graph."""
    return (model,) if graphs == 1 else tuple(f"{model}-fold{n}" for n in range(graphs))


def remote_model(server: ModelServer, pack_id: str) -> RemoteModel:
    """The model of a pack on a server that has one (KeyError else)."""
    name, _, version = server.models[pack_id].partition("/")
    return RemoteModel(server, name, version)
