"""What can go wrong with a DICOMweb peer, in words. No URL path is quoted: it may name patients."""

from __future__ import annotations

import ssl
from typing import Final

from app.core.errors import NetworkFault, PeerUnavailable
from app.network.web_peer import WebPeer

_STATUS: Final[dict[int, tuple[str, str, str, str]]] = {
    # status: sentence, the same in Russian, what to do, the same in Russian
    400: (
        "does not understand the request",
        "не понимает запрос",
        "Ask its administrator whether it offers this DICOMweb service.",
        "Спросите администратора, поддерживается ли эта служба DICOMweb.",
    ),
    403: (
        "knows this account and does not allow it to do this",
        "не разрешает этой учётной записи такое действие",
        "Ask its administrator for the permission.",
        "Попросите администратора выдать разрешение.",
    ),
    404: (
        "does not hold what was asked for, or offers no DICOMweb at this address",
        "не содержит запрошенного, или по этому адресу нет DICOMweb",
        "Check the address (it ends before /studies) and the UIDs.",
        "Проверьте адрес (часть до /studies) и идентификаторы.",
    ),
    406: (
        "cannot deliver objects in a form that Overread reads",
        "не может выдать объекты в подходящем виде",
        "Retrieve the study over DIMSE, or ask its administrator.",
        "Получите исследование по DIMSE или обратитесь к администратору.",
    ),
    409: (
        "refuses the objects",
        "отклоняет объекты",
        "Ask its administrator which objects it takes.",
        "Спросите администратора, какие объекты принимаются.",
    ),
    413: (
        "refuses the request because it is too large",
        "отклоняет запрос как слишком большой",
        "Ask its administrator to raise the limit.",
        "Попросите администратора увеличить предел.",
    ),
    407: (
        "cannot be reached: the proxy asks for a user and password",
        "недоступен: прокси требует имя и пароль",
        "Set proxy_user and the proxy's secret of this peer.",
        "Задайте proxy_user и секрет прокси для этого узла.",
    ),
    507: (
        "has no space left",
        "заполнен: нет места",
        "Tell its administrator; what was sent before is stored.",
        "Сообщите администратору; отправленное раньше сохранено.",
    ),
}  # fmt: skip
_MISSING_SERVICE: Final = (
    "does not offer this DICOMweb service",
    "не поддерживает эту службу DICOMweb",
    "Use its DIMSE address, or ask its administrator.",
    "Используйте его адрес DIMSE или обратитесь к администратору.",
)
_BUSY: Final = (
    "is busy or not ready",
    "занят или не готов",
    "Try again in a while.",
    "Повторите попытку позже.",
)
_FAILED: Final = (
    "failed inside",
    "сообщает о внутренней ошибке",
    "Try again; if it stays, tell its administrator.",
    "Повторите; если не поможет, сообщите администратору.",
)
_UNAUTHORISED: Final = {
    "none": (
        "asks for a user and password or for a token",
        "требует имя и пароль или токен",
        "Set auth for this peer in the settings and its secret.",
        "Задайте для узла auth в настройках и секрет.",
    ),
    "basic": (
        "does not accept the user or the password",
        "не принимает имя или пароль",
        "Check the user, and set the secret anew.",
        "Проверьте имя и задайте секрет заново.",
    ),
    "bearer": (
        "does not accept the token: it is wrong or has expired",
        "не принимает токен: он неверен или истёк",
        "Set a new token as the secret of this peer.",
        "Задайте новый токен как секрет узла.",
    ),
}


def of_status(peer: WebPeer, status: int, redirected_to: str = "") -> NetworkFault:
    """The fault for an HTTP status that is no success."""
    if status == 401:
        words = _UNAUTHORISED[peer.auth]
    elif 300 <= status < 400:
        words = (
            f"has moved to {redirected_to or 'another address'}",
            f"переехал на {redirected_to or 'другой адрес'}",
            "Correct the address of this peer in the settings.",
            "Исправьте адрес узла в настройках.",
        )
    elif status in (405, 501):
        words = _MISSING_SERVICE
    elif status in (429, 502, 503, 504):
        words = _BUSY
    elif status in _STATUS:
        words = _STATUS[status]
    elif status >= 500:
        words = _FAILED
    else:
        words = _STATUS[400]
    kind = PeerUnavailable if status >= 500 and status not in (501, 505) else NetworkFault
    return _fault(peer, words, f"HTTP {status}", PeerUnavailable if status == 429 else kind)


def timeout(peer: WebPeer, is_connecting: bool) -> NetworkFault:
    """No answer in time."""
    seconds = f"{peer.timeout_s:g}"
    words = (
        ("cannot be reached: nothing answers there", "недоступен: по этому адресу нет ответа")
        if is_connecting
        else (f"fell silent for {seconds} s", f"не отвечает {seconds} с")
    )
    return _fault(
        peer,
        (
            *words,
            "Check the network, or raise timeout_s of this peer.",
            "Проверьте сеть или увеличьте timeout_s этого узла.",
        ),
        "timeout",
        kind=PeerUnavailable,
    )


def unknown_host(peer: WebPeer) -> NetworkFault:
    """The name does not resolve."""
    return _fault(
        peer,
        (
            "cannot be found: the name of its host is not known here",
            "не найден: имя хоста неизвестно",
            "Check the address and the name service (DNS).",
            "Проверьте адрес и службу имён (DNS).",
        ),
        kind=PeerUnavailable,
    )


def refused(peer: WebPeer) -> NetworkFault:
    """Nothing listens at the port."""
    return _fault(
        peer,
        (
            "cannot be reached: its host is there, nothing listens at the port",
            "недоступен: хост отвечает, порт закрыт",
            "Check the port, and that the service runs.",
            "Проверьте порт и работу службы.",
        ),
        kind=PeerUnavailable,
    )


def unreachable(peer: WebPeer, detail: str) -> NetworkFault:
    """No way to the host."""
    return _fault(
        peer,
        (
            "cannot be reached over the network",
            "недоступен по сети",
            "Check cable, VPN and firewall.",
            "Проверьте кабель, VPN и межсетевой экран.",
        ),
        detail,
        kind=PeerUnavailable,
    )


def cut_off(peer: WebPeer, detail: str = "") -> NetworkFault:
    """The connection ended in the middle."""
    return _fault(
        peer,
        (
            "closed the connection before everything was transferred",
            "закрыл соединение до конца передачи",
            "Repeat: what has arrived is kept, only the rest matters.",
            "Повторите: полученное сохранено.",
        ),
        detail,
        kind=PeerUnavailable,
    )


def not_dicomweb(peer: WebPeer, detail: str = "") -> NetworkFault:
    """Something answers, in another language."""
    return _fault(
        peer,
        (
            "answers, but not as DICOMweb",
            "отвечает, но это не DICOMweb",
            "Check the address: it ends before /studies.",
            "Проверьте адрес: нужна часть до /studies.",
        ),
        detail,
    )


def proxy(peer: WebPeer, root: BaseException) -> NetworkFault:
    """The proxy is not there or refuses."""
    # the proxy's own words ("Tunnel connection failed: 407 ...") come as text only
    if "407" in str(root):
        return of_status(peer, 407)
    return _fault(
        peer,
        (
            "cannot be reached: the proxy does not answer or refuses",
            "недоступен: прокси не отвечает или отказывает",
            'Check the proxy of this peer; proxy = "direct" uses none.',
            'Проверьте прокси узла; proxy = "direct" — без прокси.',
        ),
        type(root).__name__,
        kind=PeerUnavailable,
    )


def tls(peer: WebPeer, root: BaseException) -> NetworkFault:
    """The secure connection does not come about; the reason as far as the library tells."""
    text = str(root).upper()
    detail = getattr(root, "reason", "") or type(root).__name__
    if isinstance(root, ssl.SSLCertVerificationError):
        reason = root.verify_message or "certificate"
        if root.verify_code == 10:
            words = ("certificate has expired", "срок сертификата истёк")
        elif root.verify_code in (62, 63, 64):
            words = ("certificate is for another host", "сертификат выдан другому хосту")
        else:
            words = (
                "certificate is not vouched for by a known authority",
                "сертификат не подтверждён известным центром",
            )
        return _fault(
            peer,
            (
                f"is not trusted: its {words[0]}",
                f"не проходит проверку: {words[1]}",
                "If it is a private one, set ca_file of this peer to the PEM of its authority.",
                "Если сертификат частный, укажите ca_file — PEM его центра.",
            ),
            str(reason),
        )
    if isinstance(root, ssl.SSLEOFError):
        return _fault(
            peer,
            (
                "broke off the secure connection: it may want a certificate of this workstation",
                "прервал защищённое соединение: возможно, нужен сертификат рабочей станции",
                "Set client_certificate of this peer, or ask its administrator.",
                "Задайте client_certificate этого узла или обратитесь к администратору.",
            ),
            "EOF",
        )
    if "CERTIFICATE_REQUIRED" in text or "HANDSHAKE_FAILURE" in text or "BAD_CERTIFICATE" in text:
        return _fault(
            peer,
            (
                "asks for a certificate of this workstation, or refuses the one given",
                "требует сертификат рабочей станции или отклоняет данный",
                "Set client_certificate of this peer.",
                "Задайте client_certificate этого узла.",
            ),
            str(detail),
        )
    if "WRONG_VERSION_NUMBER" in text or "HTTP_REQUEST" in text or "RECORD_LAYER" in text:
        return _fault(
            peer,
            (
                "does not speak TLS at this port",
                "не использует TLS на этом порту",
                "Use http:// in its address, or the port for https.",
                "Укажите http:// или порт для https.",
            ),
            str(detail),
        )
    return _fault(
        peer,
        (
            "and this workstation agree on no secure connection",
            "не устанавливает защищённое соединение",
            "Check the certificate files of this peer.",
            "Проверьте файлы сертификатов узла.",
        ),
        str(detail),
    )


def _fault(
    peer: WebPeer,
    words: tuple[str, str, str, str],
    detail: str = "",
    kind: type[NetworkFault] = NetworkFault,
) -> NetworkFault:
    english, russian, hint, hint_ru = words
    return kind(
        f"{peer.name} {english}.",
        ru=f"{peer.name} {russian}.",
        hint=hint,
        hint_ru=hint_ru,
        technical_detail=detail,
    )
