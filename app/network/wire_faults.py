"""Why a peer did not do what was asked, in words: which peer, which reason, what to do."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import Final

from app.core.errors import AppError, NetworkFault, PeerUnavailable
from app.core.message import number_ru
from app.core.report import Message
from app.network.peers import DimsePeer

_NO_ROUTE: Final = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.ENETDOWN}
# OpenSSL's X509_V_ERR_*.
_NOT_YET_VALID, _EXPIRED = 9, 10
_OTHER_HOST: Final = {62, 64}
_UNTRUSTED: Final = {2, 18, 19, 20, 21, 27}


def message_of(error: AppError) -> Message:
    """An error as a sentence for a list of outcomes."""
    return Message(error.text("en"), error.text("ru"))


def of_connection(peer: DimsePeer, error: OSError) -> NetworkFault:
    """No connection, or it broke: by what the operating system or OpenSSL said."""
    if isinstance(error, ssl.SSLError):
        return of_tls(peer, error)
    if isinstance(error, socket.gaierror):
        return NetworkFault(
            f"{peer.name}: no computer of the name {peer.host} is known.",
            ru=f"{peer.name}: компьютер с именем {peer.host} не найден.",
            hint="Check the host name, or write its IP address.",
            hint_ru="Проверьте имя или укажите IP-адрес.",
            technical_detail=str(error),
        )
    if isinstance(error, ConnectionRefusedError):
        return PeerUnavailable(
            f"{peer.name}: nothing listens at {peer.host}, port {peer.port}.",
            ru=f"{peer.name}: по адресу {peer.host}, порт {peer.port}, никто не отвечает.",
            hint="Check the port, and whether the peer's DICOM service runs.",
            hint_ru="Проверьте порт и то, что служба DICOM узла запущена.",
            technical_detail=str(error),
        )
    if isinstance(error, TimeoutError) or error.errno in _NO_ROUTE:
        return PeerUnavailable(
            f"{peer.name}: {peer.host} cannot be reached.",
            ru=f"{peer.name}: {peer.host} недоступен.",
            hint="Check the address, the network and the firewall, then try again.",
            hint_ru="Проверьте адрес, сеть и межсетевой экран и повторите.",
            technical_detail=str(error),
        )
    return lost(peer, str(error))


def of_tls(peer: DimsePeer, error: ssl.SSLError) -> NetworkFault:
    """The TLS handshake failed."""
    detail = f"{error.reason or ''} {getattr(error, 'verify_message', '')}".strip() or str(error)
    code = getattr(error, "verify_code", 0)
    if code in (_EXPIRED, _NOT_YET_VALID):
        return NetworkFault(
            f"{peer.name}: its certificate has expired or is not valid yet.",
            ru=f"{peer.name}: срок действия сертификата узла истёк или ещё не наступил.",
            hint="Ask for a new certificate; check the date of this computer too.",
            hint_ru="Запросите новый сертификат; проверьте и дату на этом компьютере.",
            technical_detail=detail,
        )
    if code in _OTHER_HOST:
        return NetworkFault(
            f"{peer.name}: its certificate was issued for another computer than {peer.host}.",
            ru=f"{peer.name}: сертификат узла выдан не для {peer.host}.",
            hint="Write the host name that stands in the certificate.",
            hint_ru="Укажите имя компьютера, которое стоит в сертификате.",
            technical_detail=detail,
        )
    if code in _UNTRUSTED:
        return NetworkFault(
            f"{peer.name}: its certificate is signed by nobody whom you trust.",
            ru=f"{peer.name}: сертификат узла подписан неизвестным издателем.",
            hint="Give the certificate of the hospital's authority (ca_file) of this peer.",
            hint_ru="Укажите для узла сертификат удостоверяющего центра больницы (ca_file).",
            technical_detail=detail,
        )
    if "ALERT" in (error.reason or "") and "VERSION" not in (error.reason or ""):
        return NetworkFault(
            f"{peer.name} refuses our certificate, or we gave none.",
            ru=f"{peer.name} не принимает наш сертификат, или он не задан.",
            hint="Give a certificate and key that the peer trusts.",
            hint_ru="Укажите сертификат и ключ, которым доверяет узел.",
            technical_detail=detail,
        )
    return NetworkFault(
        f"{peer.name} does not speak TLS at port {peer.port}, or an outdated version of it.",
        ru=f"{peer.name}: порт {peer.port} не поддерживает TLS или его версия устарела.",
        hint="Check the port, or switch TLS off for this peer.",
        hint_ru="Проверьте порт или отключите TLS для этого узла.",
        technical_detail=detail,
    )


def silent(peer: DimsePeer) -> NetworkFault:
    """Connected, and then no answer within the time."""
    return PeerUnavailable(
        f"{peer.name} did not answer within {peer.timeout_s:g} seconds.",
        ru=f"{peer.name} не ответил за {number_ru(peer.timeout_s)} с.",
        hint="Try again later, or allow more time for this peer in the settings.",
        hint_ru="Повторите позже или увеличьте время ожидания для узла в настройках.",
    )


def lost(peer: DimsePeer, detail: str = "") -> NetworkFault:
    """The connection ended in the middle of the work."""
    return PeerUnavailable(
        f"The connection to {peer.name} was lost.",
        ru=f"Соединение с {peer.name} прервано.",
        hint="Try again; what had arrived before is kept.",
        hint_ru="Повторите; полученное до обрыва сохранено.",
        technical_detail=detail,
    )


def broken_off(peer: DimsePeer) -> NetworkFault:
    """The peer ended the association itself: it died, or it serves us no such request."""
    ours = peer.calling_ae_title
    return PeerUnavailable(
        f"The connection to {peer.name} was lost.",
        ru=f"Соединение с {peer.name} прервано.",
        hint=f"Try again; what had arrived before is kept. If it breaks off each time, it may not "
        f"allow {ours} to ask: its administrator can register this AE title.",
        hint_ru="Повторите; полученное до обрыва сохранено. Если обрыв повторяется, узел, "
        f"возможно, не разрешает запросы от {ours}: администратор узла может "
        "зарегистрировать этот AE-заголовок.",
    )


def closed_unasked(peer: DimsePeer) -> NetworkFault:
    """The peer took the connection and closed it without a word on our request."""
    hint = "Check the port; perhaps this peer expects TLS, or is starting just now."
    hint_ru = "Проверьте порт; возможно, узел требует TLS или ещё запускается."
    if peer.tls is not None:
        hint = "Perhaps it wants a certificate of ours that it trusts: give certificate and key."
        hint_ru = "Возможно, узлу нужен наш сертификат: укажите сертификат и ключ."
    return NetworkFault(
        f"{peer.name} closed the connection without an answer.",
        ru=f"{peer.name} закрыл соединение без ответа.",
        hint=hint,
        hint_ru=hint_ru,
    )


def rejected(peer: DimsePeer, source: int, reason: int) -> NetworkFault:
    """The peer refused the association (PS3.8 9.3.4)."""
    detail = f"rejected: source {source}, reason {reason}"
    if (source, reason) == (1, 7):
        return NetworkFault(
            f"{peer.name} does not know itself by the AE title '{peer.ae_title}'.",
            ru=f"{peer.name} не признаёт свой AE-заголовок «{peer.ae_title}».",
            hint="Ask for the peer's AE title and correct it in the settings.",
            hint_ru="Уточните AE-заголовок узла и исправьте его в настройках.",
            technical_detail=detail,
        )
    if (source, reason) == (1, 3):
        return NetworkFault(
            f"{peer.name} does not know us by the AE title '{peer.calling_ae_title}'.",
            ru=f"{peer.name} не знает нас под AE-заголовком «{peer.calling_ae_title}».",
            hint="Ask its administrator to add this AE title with this computer's address.",
            hint_ru="Попросите администратора узла добавить этот заголовок и адрес компьютера.",
            technical_detail=detail,
        )
    if source == 3:
        return PeerUnavailable(
            f"{peer.name} is busy: it accepts no more connections now.",
            ru=f"{peer.name} занят и сейчас не принимает новых соединений.",
            hint="Try again in a minute.",
            hint_ru="Повторите через минуту.",
            technical_detail=detail,
        )
    return NetworkFault(
        f"{peer.name} refused the connection and did not say why.",
        ru=f"{peer.name} отклонил соединение, не назвав причины.",
        hint=f"Ask its administrator whether '{peer.calling_ae_title}' may connect to "
        f"'{peer.ae_title}'.",
        hint_ru=f"Узнайте у администратора, разрешён ли доступ с «{peer.calling_ae_title}» "
        f"к «{peer.ae_title}».",
        technical_detail=detail,
    )


def nothing_in_common(peer: DimsePeer, service: Message) -> NetworkFault:
    """The peer accepted the association and none of the services in it."""
    return NetworkFault(
        f"{peer.name} does not offer {service.en} to us.",
        ru=f"{peer.name} не предоставляет нам {service.ru}.",
        hint="Ask its administrator to allow it, or choose another peer.",
        hint_ru="Попросите администратора разрешить эту службу или выберите другой узел.",
    )


def of_status(peer: DimsePeer, service: Message, status: int) -> NetworkFault:
    """A failure status of an operation (PS3.7 annex C, PS3.4 annexes B, C, J, K).

    The peer's own comment (0000,0902) is left out: it may name the patient.
    """
    why = _why(status)
    kind = PeerUnavailable if status & 0xFF00 == 0xA700 else NetworkFault
    return kind(
        f"{peer.name} failed at {service.en}: {why.en} (status {status:04X}).",
        ru=f"{peer.name}: ошибка — {service.ru}: {why.ru} (статус {status:04X}).",
        hint="Ask its administrator; the status says where to look.",
        hint_ru="Обратитесь к администратору узла и назовите статус.",
    )


def status_message(status: int) -> Message:
    """A status in words, with its number."""
    why = _why(status)
    return Message(f"{why.en} (status {status:04X})", f"{why.ru} (статус {status:04X})")


def _why(status: int) -> Message:
    return _STATUS_WORDS.get(status) or _STATUS_WORDS.get(status & 0xFF00) or _UNSPECIFIED


_UNSPECIFIED: Final = Message("it gave no known reason", "причина не названа")
_STATUS_WORDS: Final = {
    0x0105: Message("no such attribute", "нет такого атрибута"),
    0x0106: Message("a value is not valid", "недопустимое значение"),
    0x0110: Message("an error inside the peer", "внутренняя ошибка узла"),
    0x0111: Message("it has this object already", "объект уже есть"),
    0x0112: Message("it has no such object", "такого объекта нет"),
    0x0117: Message("the UID of the object is not valid", "недопустимый UID объекта"),
    0x0122: Message("it does not take this kind of object", "такой вид объектов не принимается"),
    0x0124: Message("we are not authorised to", "нет разрешения"),
    0x0210: Message("it sees the same request twice", "повторный запрос"),
    0x0211: Message("it does not know this operation", "операция не поддерживается"),
    0x0213: Message("its resources are limited", "ограничены ресурсы узла"),
    0xA700: Message("it is out of space or memory", "не хватает места или памяти"),
    0xA701: Message("it cannot count the matches", "не удалось подсчитать совпадения"),
    0xA702: Message("it could not send all images", "не удалось отправить все снимки"),
    0xA801: Message(
        "it does not know the AE title that was to receive the images",
        "узел не знает AE-заголовок получателя снимков",
    ),
    0xA900: Message("the object or the query does not fit its kind", "данные не подходят службе"),
    0xAA02: Message("it cannot send the images to us", "снимки нельзя передать"),
    0xAA04: Message("some of the images are unknown to it", "часть снимков узлу неизвестна"),
    0xC000: Message("it could not read or do what we sent", "не удалось прочитать или выполнить"),
}
