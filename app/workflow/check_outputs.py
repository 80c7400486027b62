"""Can what is signed leave? Letterhead, certificates and receivers of the settings, looked at."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image

from app.config.report_settings import (
    CertificateSettings,
    FolderTarget,
    MllpTarget,
    ReportSettings,
)
from app.core.errors import AppError
from app.core.ports import SecretStore
from app.core.report import Message
from app.network.peers import TlsFiles
from app.network.tls import client_context
from app.workflow.report_pdf import secret_name

_CONNECT_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class OutputCheck:
    """One thing of the settings, whether it is in order, and a sentence."""

    name: str
    is_ok: bool
    text: Message


def check_outputs(settings: ReportSettings, secrets: SecretStore) -> Iterator[OutputCheck]:
    """A line for each. Nothing is sent, no token is opened: a wrong PIN would count."""
    if settings.letterhead.logo:
        yield _logo(Path(settings.letterhead.logo).expanduser())
    for certificate in settings.certificates:
        yield _certificate(certificate, secrets)
    for target in settings.targets:
        yield _folder(target) if isinstance(target, FolderTarget) else _line(target)


def _logo(path: Path) -> OutputCheck:
    try:
        with Image.open(path) as picture:
            picture.verify()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        words = Message("cannot be read and is left out", "не читается и не печатается")
        return OutputCheck("logo", False, words)
    return OutputCheck("logo", True, Message("can be read", "читается"))


def _certificate(certificate: CertificateSettings, secrets: SecretStore) -> OutputCheck:
    name = f"certificate {certificate.user}".strip()
    path = Path(certificate.file or certificate.module).expanduser()
    if not path.is_file():
        return OutputCheck(name, False, Message("the file is not there", "файл не найден"))
    if certificate.file and secrets.get(secret_name(certificate)):
        return _dates(name, path, secrets.get(secret_name(certificate)))
    words = Message(
        "is there; the window asks for the password",
        "на месте; пароль запрашивается в программе",
    )
    return OutputCheck(name, True, words)


def _dates(name: str, path: Path, password: str) -> OutputCheck:
    from cryptography.hazmat.primitives.serialization import pkcs12

    try:
        found = pkcs12.load_pkcs12(path.read_bytes(), password.encode("utf-8")).cert
    except (OSError, ValueError):
        found = None
    if found is None:
        words = Message("cannot be opened with its password", "не открывается этим паролем")
        return OutputCheck(name, False, words)
    last = found.certificate.not_valid_after_utc
    return OutputCheck(
        name, True, Message(f"valid until {last:%Y-%m-%d}", f"действует до {last:%d.%m.%Y}")
    )


def _folder(target: FolderTarget) -> OutputCheck:
    folder = Path(target.folder).expanduser()
    if folder.is_dir() and not os.access(folder, os.W_OK):
        words = Message("the folder cannot be written to", "в папку нельзя записывать")
        return OutputCheck(target.name, False, words)
    if folder.is_dir():
        return OutputCheck(target.name, True, Message("the folder is there", "папка доступна"))
    return OutputCheck(target.name, False, Message("the folder is not there", "папка недоступна"))


def _line(target: MllpTarget) -> OutputCheck:
    """With TLS the handshake too: a receiver that is not trusted would never get a report."""
    try:
        with socket.create_connection((target.host, target.port), _CONNECT_S) as line:
            if target.tls:
                with client_context(_files(target)).wrap_socket(line, server_hostname=target.host):
                    pass
    except AppError as fault:
        return OutputCheck(
            target.name, False, Message(fault.message.rstrip("."), fault.ru.rstrip("."))
        )
    except ssl.SSLError:
        words = Message(
            "answers, but not with a certificate that is trusted",
            "отвечает, но его сертификату нельзя доверять",
        )
        return OutputCheck(target.name, False, words)
    except OSError:
        return OutputCheck(target.name, False, Message("does not answer", "не отвечает"))
    return OutputCheck(target.name, True, Message("accepts connections", "принимает соединения"))


def _files(target: MllpTarget) -> TlsFiles:
    paths = (target.ca_file, target.certificate, target.key)
    ca_file, own, key = (Path(path).expanduser() if path else None for path in paths)
    return TlsFiles(ca_file, own, key)
