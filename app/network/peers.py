"""DICOM peers: who they are, where they listen, and how we call ourselves there."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from app.core.errors import InputError

OUR_AE_TITLE: Final = "OVERREAD"
_FORM: Final = re.compile(
    r"(?P<aet>[^@]*)@(?:\[(?P<ipv6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^:\[\]\s]+)):(?P<port>\d+)"
)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files of a TLS connection.

    ``ca_file``: who is trusted to sign the other side's certificate (None: the system's list; a
    listener then asks for no certificate). ``certificate`` and ``key`` are our own; a peer may
    want them, a listener needs them. ``check_host``: the certificate must name the peer's host.
    """

    ca_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    check_host: bool = True


@dataclass(frozen=True, slots=True)
class DimsePeer:
    """A DICOM application entity on the network; ``name`` is what the user calls it.

    ``timeout_s`` is the longest silence that is endured, not the length of an operation.
    Raises ``InputError`` where an AE title or the port cannot be.
    """

    name: str
    ae_title: str
    host: str
    port: int
    calling_ae_title: str = OUR_AE_TITLE
    tls: TlsFiles | None = field(default=None, repr=False)
    timeout_s: float = 30.0

    def __post_init__(self) -> None:
        check_ae_title(self.ae_title)
        check_ae_title(self.calling_ae_title)
        if not 1 <= self.port <= 65535:
            raise _no_port()

    @property
    def address(self) -> str:
        """``AET@host:port``, as ``parse_peer`` reads it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.ae_title}@{host}:{self.port}"


def parse_peer(text: str) -> DimsePeer:
    """The peer of ``AET@host:port``. Raises ``InputError`` that says what is wrong with it."""
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise InputError(
            f"'{text}' is no address of a DICOM peer.",
            ru=f"«{text}» — не адрес узла DICOM.",
            hint="Write AET@host:port, for example ORTHANC@192.168.1.20:4242.",
            hint_ru="Формат: AET@адрес:порт, например ORTHANC@192.168.1.20:4242.",
        )
    ae_title = match["aet"].strip()
    return DimsePeer(
        name=ae_title,
        ae_title=ae_title,
        host=match["ipv6"] or match["host"],
        port=int(match["port"]),
    )


def check_ae_title(title: str) -> None:
    """Raise ``InputError`` unless ``title`` is an AE title (PS3.5 6.2, VR AE)."""
    plain = title.isascii() and title.isprintable() and "\\" not in title
    if not plain or title != title.strip() or not 1 <= len(title) <= 16:
        raise InputError(
            f"'{title}' is no AE title.",
            ru=f"«{title}» — недопустимый AE-заголовок.",
            hint="An AE title has 1 to 16 Latin letters, digits or signs, and no backslash.",
            hint_ru="Допустимо от 1 до 16 латинских букв, цифр и знаков, без обратной черты.",
        )


def _no_port() -> InputError:
    return InputError(
        "The port of a DICOM peer is a number from 1 to 65535.",
        ru="Порт узла DICOM — число от 1 до 65535.",
        hint="Ask the administrator of the peer; 104, 11112 and 4242 are usual.",
        hint_ru="Уточните у администратора узла; обычные порты — 104, 11112 и 4242.",
    )
