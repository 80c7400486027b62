"""What can go wrong with a model server, in words; and why a connection does not come about."""

from __future__ import annotations

import socket
import ssl
from typing import Final

from app.core.errors import ServerFault
from app.core.message import number_ru
from app.inference.remote.server import ModelServer

_RIGHT_PORT: Final = (
    "Check the address: grpc:// for the gRPC port, http:// for the HTTP port.",
    "Проверьте адрес: grpc:// для порта gRPC, http:// для порта HTTP.",
)
_ITS_LOG: Final = (
    "Ask its administrator to look into its log.",
    "Попросите администратора посмотреть его журнал.",
)


def fault(
    server: ModelServer,
    en: str,
    ru: str,
    *,
    hint: tuple[str, str] = ("", ""),
    may_pass: bool = False,
    detail: str = "",
) -> ServerFault:
    """``The model server "NAME" <en>.`` with what to do; ``detail`` never reaches the screen."""
    error = ServerFault(
        f'The model server "{server.name}" {en}.',
        ru=f"Сервер моделей «{server.name}» {ru}.",
        hint=hint[0],
        hint_ru=hint[1],
        technical_detail=detail[:500],
    )
    error.may_pass = may_pass
    return error


def too_slow(server: ModelServer, seconds: float) -> ServerFault:
    """It did not answer within its limit."""
    return fault(
        server,
        f"did not answer within {seconds:g} s",
        f"не ответил за {number_ru(seconds)} с",
        hint=(
            "It may be busy; its timeout_s in the settings sets the limit.",
            "Возможно, он занят; предел задаёт timeout_s в настройках.",
        ),
    )


def unreachable(server: ModelServer, detail: str = "") -> ServerFault:
    """No connection came about, or it broke; looks why, so that the words fit."""
    wire = "gRPC" if server.is_grpc else "HTTP"
    return why_unreachable(server) or fault(
        server,
        f"takes connections at {server.address} and does not answer over {wire}",
        f"принимает соединения по адресу {server.address}, но не отвечает по {wire}",
        hint=_RIGHT_PORT,
        may_pass=True,
        detail=detail,
    )


def refused(server: ModelServer, said: str) -> ServerFault:
    """It answers with an error of its own."""
    return fault(
        server,
        "answered with an error",
        "ответил ошибкой",
        hint=_ITS_LOG,
        detail=said,
    )


def not_understood(server: ModelServer, what: str) -> ServerFault:
    """What came back is not of the protocol."""
    return fault(
        server,
        "does not speak the KServe v2 inference protocol at this address",
        "не поддерживает по этому адресу протокол KServe v2",
        hint=_RIGHT_PORT,
        detail=what,
    )


def bad_answer(server: ModelServer, what: str) -> ServerFault:
    """The bytes of an output do not fill the shape that is said of them."""
    return fault(
        server,
        "gave back an output that contradicts itself",
        "вернул выход, который противоречит сам себе",
        hint=_ITS_LOG,
        detail=what,
    )


def no_such_model(server: ModelServer, model: str) -> ServerFault:
    """The model is not there, or not in this version."""
    return fault(
        server,
        f'has no model "{model}"',
        f"не имеет модели «{model}»",
        hint=(
            "Put the model there (overread servers export-triton), or correct models in the "
            "settings.",
            "Разместите её там (overread servers export-triton) или исправьте models в настройках.",
        ),
    )


def tls_context(server: ModelServer) -> ssl.SSLContext:
    """The context for calling a server. Raises ``ServerFault`` for files that do not do."""
    try:
        context = ssl.create_default_context(cafile=server.ca_file or None)
        if server.certificate:
            context.load_cert_chain(server.certificate, server.key or None, password="")
    except (OSError, ValueError) as error:
        raise fault(
            server,
            "cannot be called: a certificate or key file of its settings cannot be read, or the "
            "two do not belong together",
            "нельзя вызвать: файл сертификата или ключа из его настроек не читается, или они не "
            "подходят друг к другу",
            hint=(
                "Check the paths in the settings; they must be PEM, the key without a password.",
                "Проверьте пути в настройках; нужны файлы PEM, ключ без пароля.",
            ),
            detail=f"{type(error).__name__}: {error}",
        ) from error
    # as for the network peers: hospitals' own authorities often lack formal extensions
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def why_unreachable(server: ModelServer) -> ServerFault | None:
    """Connect by hand to learn what is wrong; None where a connection comes about after all."""
    try:
        with socket.create_connection((server.host, server.port), server.connect_s) as line:
            if server.is_encrypted and not _shake_hands(server, line):
                return _certificate_wanted(server, "it closed the line after the handshake")
    except ssl.SSLCertVerificationError as error:
        return _bad_certificate(server, error)
    except ssl.SSLError as error:
        return _tls_failed(server, error)
    except socket.gaierror as error:
        return fault(
            server,
            f"is not found: there is no host {server.host}",
            f"не найден: узла {server.host} нет",
            hint=("Check the url in the settings.", "Проверьте url в настройках."),
            detail=str(error),
        )
    except TimeoutError as error:
        return fault(
            server,
            f"does not answer at {server.address}",
            f"не отвечает по адресу {server.address}",
            hint=(
                "Is the machine on, and does a firewall let us through?",
                "Включена ли машина и пропускает ли межсетевой экран?",
            ),
            may_pass=True,
            detail=str(error),
        )
    except ConnectionError as error:
        return fault(
            server,
            f"refuses the connection at {server.address}",
            f"отклоняет соединение по адресу {server.address}",
            hint=(
                "Does the server run, and is the port right?",
                "Запущен ли сервер и верен ли порт?",
            ),
            may_pass=True,
            detail=str(error),
        )
    except OSError as error:
        return fault(
            server,
            f"cannot be reached at {server.address}",
            f"недоступен по адресу {server.address}",
            hint=("Check the network.", "Проверьте сеть."),
            may_pass=True,
            detail=str(error),
        )
    return None


def _shake_hands(server: ModelServer, line: socket.socket) -> bool:
    """Whether the server stays on the line after the handshake."""
    context = tls_context(server)
    if server.is_grpc:
        context.set_alpn_protocols(["h2"])
    with context.wrap_socket(line, server_hostname=server.host) as wrapped:
        # TLS 1.3: whether our own certificate was taken shows only with the first thing read
        wrapped.settimeout(0.5)
        try:
            return bool(wrapped.recv(1))
        except TimeoutError:
            return True


def _bad_certificate(server: ModelServer, error: ssl.SSLCertVerificationError) -> ServerFault:
    reason = {
        10: ("has expired", "истёк"),
        62: (f"is not for the name {server.host}", f"выдан не для имени {server.host}"),
        64: (f"is not for the address {server.host}", f"выдан не для адреса {server.host}"),
    }.get(
        error.verify_code,
        (
            "is not vouched for by an authority that we trust",
            "не подтверждён доверенным центром",
        ),
    )
    return fault(
        server,
        f"cannot be trusted: its certificate {reason[0]}",
        f"не внушает доверия: его сертификат {reason[1]}",
        hint=(
            "Nothing was sent. Give the certificate of its authority as ca_file, or ask its "
            "administrator for a correct certificate.",
            "Ничего не отправлено. Укажите сертификат центра в ca_file или попросите "
            "администратора выдать верный сертификат.",
        ),
        detail=error.verify_message,
    )


def _tls_failed(server: ModelServer, error: ssl.SSLError) -> ServerFault:
    wants = ("CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE", "BAD_CERTIFICATE", "UNKNOWN_CA")
    if any(word in str(error).upper().replace(" ", "_") for word in wants):
        return _certificate_wanted(server, str(error))
    return fault(
        server,
        "does not speak TLS at this address",
        "не использует TLS по этому адресу",
        hint=(
            "Check the port, or use grpc:// or http:// if the line is protected otherwise.",
            "Проверьте порт или укажите grpc:// или http://, если линия защищена иначе.",
        ),
        detail=str(error),
    )


def _certificate_wanted(server: ModelServer, detail: str) -> ServerFault:
    return fault(
        server,
        "does not accept our certificate, or wants one",
        "не принимает наш сертификат или требует его",
        hint=(
            "Set certificate and key of this workstation for it in the settings.",
            "Задайте для него certificate и key этой станции в настройках.",
        ),
        detail=detail,
    )
