"""The peers of the settings, with their secrets: found by name, changed, asked whether they answer.

A peer on the command line may also be ``AET@host:port`` or the URL of a DICOMweb service.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from app.config.peer_settings import DimsePeerSettings, PeerSettings, WebPeerSettings
from app.config.settings import Settings, save_settings
from app.core.errors import InputError
from app.core.ports import SecretStore
from app.core.report import Message
from app.network import any_peer
from app.network.answers import EchoResult
from app.network.any_peer import Peer
from app.network.listener import ListenerSettings
from app.network.peers import DimsePeer, TlsFiles, parse_peer
from app.network.web_peer import WebPeer
from app.workflow.context import AppContext

_ADAPTER: Final[TypeAdapter[PeerSettings]] = TypeAdapter(PeerSettings)


@dataclass(slots=True)
class PeerBook:
    """The peers in the settings of ``folder``; ``settings`` are those last saved."""

    folder: Path
    settings: Settings
    secrets: SecretStore

    def peer(self, text: str) -> Peer:
        """The peer named ``text`` in the settings, or that of an address.

        Raises ``InputError`` where it is neither.
        """
        for known in self.settings.peers:
            if known.name == text:
                return self._made(known)
        if "://" in text:
            return self._made(_checked({"kind": "web", "name": _host(text), "url": text}))
        if "@" in text:
            return replace(parse_peer(text), calling_ae_title=self.settings.ae_title)
        names = ", ".join(peer.name for peer in self.settings.peers)
        raise InputError(
            f"There is no peer named {text}.",
            ru=f"Узла с именем {text} нет.",
            hint=f"Known: {names or 'none'}. Or give AET@host:port or an https:// address.",
            hint_ru=f"Известны: {names or 'нет'}. Можно указать AET@хост:порт или адрес https://.",
        )

    def keep(self, values: Mapping[str, Any], *, replaces: str = "", auto_send: bool) -> str:
        """Add a peer, or put it in the place of ``replaces``; its name.

        ``values`` are those of a ``[[peers]]`` table. Raises ``InputError`` that names the field.
        """
        peer = _checked(values)
        peers = [known for known in self.settings.peers if known.name != replaces]
        if any(known.name == peer.name for known in peers):
            raise InputError(
                f"There is a peer named {peer.name} already.",
                ru=f"Узел с именем {peer.name} уже есть.",
                hint="Choose another name, or remove the other one.",
                hint_ru="Выберите другое имя или удалите прежний узел.",
            )
        places = [known.name for known in self.settings.peers]
        peers.insert(places.index(replaces) if replaces in places else len(peers), peer)
        sends = [n for n in self.settings.auto_send_to if n not in (replaces, peer.name)]
        self._save(tuple(peers), (*sends, peer.name) if auto_send else tuple(sends))
        if replaces and replaces != peer.name:
            self._move_secrets(replaces, peer.name)
        return peer.name

    def remove(self, name: str) -> None:
        """Forget a peer and its secrets. Raises ``InputError`` where there is none."""
        peers = tuple(peer for peer in self.settings.peers if peer.name != name)
        if len(peers) == len(self.settings.peers):
            raise InputError(
                f"There is no peer named {name}.",
                ru=f"Узла с именем {name} нет.",
                hint="overread peers list shows all.",
                hint_ru="Все узлы: overread peers list.",
            )
        self._save(peers, tuple(n for n in self.settings.auto_send_to if n != name))
        self.secrets.remove(name)
        self.secrets.remove(proxy_secret_name(name))

    def _save(self, peers: tuple[PeerSettings, ...], auto_send_to: tuple[str, ...]) -> None:
        changed = self.settings.model_copy(update={"peers": peers, "auto_send_to": auto_send_to})
        save_settings(self.folder, changed)
        self.settings = changed

    def _move_secrets(self, old: str, new: str) -> None:
        for before, after in ((old, new), (proxy_secret_name(old), proxy_secret_name(new))):
            secret = self.secrets.get(before)
            if secret:
                self.secrets.put(after, secret)
                self.secrets.remove(before)

    def _made(self, peer: PeerSettings) -> Peer:
        if isinstance(peer, WebPeerSettings):
            return _web(peer, self.secrets)
        return _dimse(peer, self.settings)


def proxy_secret_name(name: str) -> str:
    """Under which name the password of a peer's proxy is kept."""
    return f"{name}/proxy"


def listener_settings(settings: Settings) -> ListenerSettings:
    """How this workstation is called by peers."""
    own, key = _file(settings.listen_certificate), _file(settings.listen_key)
    return ListenerSettings(
        ae_title=settings.ae_title,
        port=settings.listen_port,
        tls=TlsFiles(_file(settings.listen_ca_file), own, key) if own is not None else None,
    )


def book_of(context: AppContext) -> PeerBook:
    """The peers of a running program."""
    return PeerBook(context.store.folder, context.settings, context.secrets)


def keep_peer(
    context: AppContext,
    values: Mapping[str, Any],
    *,
    replaces: str = "",
    secret: str = "",
    auto_send: bool = False,
) -> str:
    """Save a peer and its secret (empty: it has none); its name. Raises ``InputError``."""
    book = book_of(context)
    name = book.keep(values, replaces=replaces, auto_send=auto_send)
    context.settings = book.settings
    if secret:
        context.secrets.put(name, secret)
    else:
        context.secrets.remove(name)
    return name


def remove_peer(context: AppContext, name: str) -> None:
    """Forget a peer and its secrets."""
    book = book_of(context)
    book.remove(name)
    context.settings = book.settings


def ask_peer(context: AppContext, name: str) -> Message:
    """Ask the peer whether it is there; what it answered. Raises ``NetworkFault``. Any thread."""
    return answered(book_of(context).peer(name))


def answered(peer: Peer) -> Message:
    """``ask_peer`` of a peer that is at hand."""
    return words_of(peer, any_peer.echo(peer))


def words_of(peer: Peer, result: EchoResult) -> Message:
    """What an answer of the peer means."""
    who = f" ({result.implementation})" if result.implementation else ""
    return Message(
        f"{peer.name} answers{who} in {result.seconds * 1000:.0f} ms.",
        f"{peer.name} отвечает{who} за {result.seconds * 1000:.0f} мс.",
    )


def _checked(values: Mapping[str, Any]) -> PeerSettings:
    try:
        return _ADAPTER.validate_python(dict(values))
    except ValidationError as fault:
        first = fault.errors()[0]
        field = ".".join(str(part) for part in first["loc"][1:]) or "kind"
        why = first["msg"].removeprefix("Value error, ")
        # "from None": the fault of pydantic repeats what was given, a secret maybe
        raise InputError(
            f"The field {field} of the peer is not valid: {why}.",
            ru=f"Поле {field} узла заполнено неверно: {why}.",
            hint="Correct it.",
            hint_ru="Исправьте его.",
        ) from None


def _dimse(peer: DimsePeerSettings, settings: Settings) -> DimsePeer:
    files = TlsFiles(_file(peer.ca_file), _file(peer.certificate), _file(peer.key))
    return DimsePeer(
        name=peer.name,
        ae_title=peer.ae_title,
        host=peer.host,
        port=peer.port,
        calling_ae_title=peer.calling_ae_title or settings.ae_title,
        tls=files if peer.tls else None,
        timeout_s=peer.timeout_s,
    )


def _web(peer: WebPeerSettings, secrets: SecretStore) -> WebPeer:
    return WebPeer(
        name=peer.name,
        url=peer.url,
        auth=peer.auth,
        user=peer.user,
        proxy=peer.proxy,
        proxy_user=peer.proxy_user,
        ca_file=_file(peer.ca_file),
        client_certificate=_file(peer.client_certificate),
        client_key=_file(peer.client_key),
        timeout_s=peer.timeout_s,
        secret=secrets.get(peer.name),
        proxy_secret=secrets.get(proxy_secret_name(peer.name)) if peer.proxy_user else "",
    )


def _host(url: str) -> str:
    """The host of an address as the name of a peer; whether it is one is checked with the rest."""
    with suppress(ValueError):
        return (urlsplit(url).hostname or "peer").replace(":", ".").strip(".") or "peer"
    return "peer"


def _file(path: str) -> Path | None:
    return Path(path).expanduser() if path else None
