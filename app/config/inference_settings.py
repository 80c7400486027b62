"""Where and how models run, as the settings file writes it: the table ``[inference]``."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)  # fmt: skip

_PACK_ID: Final = r"^[a-z0-9][a-z0-9-]{1,62}$"
_MODEL: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}(/[0-9]{1,18})?$"


def check_server_url(text: str) -> str:
    """``grpc://host:port``, ``grpcs://``, ``http://`` or ``https://``; no slash at its end."""
    try:
        parts = urlsplit(text)
        port = parts.port
        is_whole = parts.scheme in ("grpc", "grpcs", "http", "https") and bool(parts.hostname)
    except ValueError:
        is_whole, port = False, None
    if not is_whole or any(character.isspace() for character in text):
        raise ValueError("this is not an address such as grpcs://gpu.example:8001")
    if parts.username is not None or parts.password is not None:
        raise ValueError("user and password do not belong into the address of a model server")
    if parts.query or parts.fragment:
        raise ValueError("the address of a model server has no ? and no # part")
    if parts.scheme.startswith("grpc") and (port is None or parts.path.strip("/")):
        raise ValueError("a gRPC address is host and port only, such as grpcs://gpu.example:8001")
    return text.rstrip("/")


class ModelServerSettings(BaseModel):
    """A server of the KServe v2 inference protocol, a table ``[[inference.servers]]``.

    ``models`` maps pack ids to models there (``name`` or ``name/version``). See docs/servers.md.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    url: Annotated[str, AfterValidator(check_server_url)]
    models: dict[
        Annotated[str, StringConstraints(pattern=_PACK_ID)],
        Annotated[str, StringConstraints(pattern=_MODEL)],
    ] = Field(default_factory=dict)
    # auto: whenever a pack of models runs; asked: only when the server is named
    use: Literal["auto", "asked"] = "auto"
    ca_file: str = ""
    certificate: str = ""
    key: str = ""
    # of one request, and of finding out whether the server is there
    timeout_s: float = Field(default=60.0, ge=1.0, le=3600.0, strict=False)
    connect_s: float = Field(default=5.0, ge=0.5, le=60.0, strict=False)
    # also models that do not say which weights they have
    unproven_weights: bool = False
    # this machine computes what the server does not
    fall_back: bool = True

    @model_validator(mode="after")
    def _files_belong_to_tls(self) -> Self:
        files = self.ca_file or self.certificate or self.key
        if files and not self.url.startswith(("grpcs:", "https:")):
            raise ValueError("certificates need an address of grpcs:// or https://")
        return self


ProviderName = Literal["tensorrt", "cuda", "directml", "coreml", "openvino", "cpu"]


class InferenceSettings(BaseModel):
    """The table ``[inference]``."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    servers: Annotated[tuple[ModelServerSettings, ...], Field(strict=False)] = ()
    # execution providers in the order in which they are tried; empty: all that need no preparation
    providers: Annotated[tuple[ProviderName, ...], Field(strict=False)] = ()
    # results of studies that arrive, and of the next in the list, before they are asked for
    prefetch: bool = True
    # how much of what was computed is kept; 0: nothing
    result_cache_mb: int = Field(default=2048, ge=0, le=1_000_000)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = Counter(server.name for server in self.servers)
        twice = [name for name, count in names.items() if count > 1]
        if twice:
            raise ValueError(f"two model servers have the name {twice[0]}")
        return self
