"""A DICOMweb peer: where it is, how it knows us, and what it is trusted by."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

WebAuth = Literal["none", "basic", "bearer"]


@dataclass(frozen=True, slots=True)
class WebPeer:
    """A DICOMweb service (PS3.18) at ``url``, the part before ``/studies``.

    ``secret`` is the password of ``user`` or the bearer token; neither it nor ``proxy_secret``
    shows in ``repr``. ``proxy``: empty is the system's, ``direct`` is none, else its address.
    ``ca_file``: PEM of the authorities that vouch for the peer, None: those that ship with the
    program. ``client_certificate`` holds its key, or ``client_key`` does. ``timeout_s`` is how
    long the peer may take to answer or may fall silent, not how long a transfer may last.
    """

    name: str
    url: str
    auth: WebAuth = "none"
    user: str = ""
    proxy: str = ""
    proxy_user: str = ""
    ca_file: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None
    timeout_s: float = 30.0
    secret: str = field(default="", repr=False, compare=False)
    proxy_secret: str = field(default="", repr=False, compare=False)
