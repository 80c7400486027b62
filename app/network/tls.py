"""TLS of the DICOM connections, as we call and as we are called (PS3.15 annex B).

The empty password keeps OpenSSL from asking for one at the terminal.
"""

from __future__ import annotations

import ssl

from app.core.errors import EnvironmentFault
from app.network.peers import TlsFiles


def client_context(files: TlsFiles) -> ssl.SSLContext:
    """For calling a peer: TLS 1.2 or newer, its certificate always verified.

    Raises ``EnvironmentFault`` where a file is missing or no certificate.
    """
    try:
        context = ssl.create_default_context(cafile=files.ca_file)
        if files.certificate is not None:
            context.load_cert_chain(files.certificate, files.key, password="")
    except (OSError, ValueError) as error:
        raise _bad_files(error) from error
    context.check_hostname = files.check_host
    # Python 3.13 began to refuse certificates that lack formal extensions, as those of hospitals'
    # own authorities often do; signature, dates and name are verified all the same.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """For being called; with a ``ca_file`` every caller must show a certificate of it.

    Raises ``EnvironmentFault`` where a file is missing or no certificate, or there is none of ours.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if files.certificate is None:
        raise EnvironmentFault(
            "Receiving over TLS needs a certificate of this workstation.",
            ru="Для приёма по TLS нужен сертификат этой рабочей станции.",
            hint="Give certificate and key in the settings.",
            hint_ru="Укажите сертификат и ключ в настройках.",
        )
    try:
        context.load_cert_chain(files.certificate, files.key, password="")
        if files.ca_file is not None:
            context.load_verify_locations(files.ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ValueError) as error:
        raise _bad_files(error) from error
    return context


def _bad_files(error: Exception) -> EnvironmentFault:
    return EnvironmentFault(
        "A certificate or key file cannot be read, or the two do not belong together.",
        ru="Файл сертификата или ключа не читается, или они не подходят друг к другу.",
        hint="Check the paths in the settings; the files must be PEM, the key without a password.",
        hint_ru="Проверьте пути в настройках; нужны файлы PEM, ключ без пароля.",
        technical_detail=f"{type(error).__name__}: {error}",
    )
