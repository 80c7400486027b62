"""Peers as the settings file writes them: ``[[peers]]`` tables of kind ``dimse`` or ``web``.

No secret stands here: passwords and tokens live in the secrets file (``app.config.secrets``).
"""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

PEER_NAME_FORM = r"^[^\s@:/\\\"']([^@:/\\\"'\x00-\x1f]*[^\s@:/\\\"'])?$"


def check_ae_title(text: str) -> str:
    """The title without outer blanks; PS3.5 6.2, VR AE: 1 to 16 characters, no backslash."""
    title = text.strip()
    if not 1 <= len(title) <= 16 or "\\" in title or not title.isascii() or not title.isprintable():
        raise ValueError("an AE title has 1 to 16 plain characters and no backslash")
    return title


def check_web_url(text: str) -> str:
    """The URL without a slash at its end. The words never repeat what was given."""
    try:
        parts = urlsplit(text)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        is_whole = False
    if not is_whole or any(character.isspace() for character in text):
        raise ValueError("this is not an address such as https://pacs.example/dicom-web")
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "user and password do not belong into the address: set user, and the secret with "
            "'overread peers secret'"
        )
    if parts.query or parts.fragment:
        raise ValueError("the address of the service has no ? and no # part")
    return text.rstrip("/")


def _check_proxy(text: str) -> str:
    return text if text in ("", "direct") else check_web_url(text)


AeTitle = Annotated[str, AfterValidator(check_ae_title)]
PeerName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=PEER_NAME_FORM)]


class _Peer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: PeerName
    ca_file: str = ""
    timeout_s: float = Field(default=30.0, ge=1.0, le=3600.0, strict=False)


class DimsePeerSettings(_Peer):
    """A peer of the DICOM message service.

    ``calling_ae_title`` empty: the workstation's own. With ``tls`` the peer is held to a
    certificate of ``ca_file`` (empty: those of the system); ``certificate`` and ``key`` are the
    workstation's own PEM files where the peer asks for them. ``commitment``: it confirms storage.
    """

    kind: Literal["dimse"] = "dimse"
    ae_title: AeTitle
    host: Annotated[str, StringConstraints(min_length=1, pattern=r"^[^\s@/]+$")]
    port: int = Field(ge=1, le=65535)
    calling_ae_title: Literal[""] | AeTitle = ""
    tls: bool = False
    certificate: str = ""
    key: str = ""
    commitment: bool = False


class WebPeerSettings(_Peer):
    """A DICOMweb service (PS3.18) at ``url``, the part before ``/studies``.

    ``proxy``: empty is the system's, ``direct`` is none, else its address. ``client_certificate``
    is a PEM file, with the key inside or in ``client_key``.
    """

    kind: Literal["web"] = "web"
    url: Annotated[str, AfterValidator(check_web_url)]
    auth: Literal["none", "basic", "bearer"] = "none"
    user: str = ""
    proxy: Annotated[str, AfterValidator(_check_proxy)] = ""
    proxy_user: str = ""
    client_certificate: str = ""
    client_key: str = ""


PeerSettings = Annotated[DimsePeerSettings | WebPeerSettings, Field(discriminator="kind")]
