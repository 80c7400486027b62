"""The model servers of the settings: does one answer and compute our packs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace

from app.config.settings import Settings
from app.core.errors import AppError, ServerFault
from app.core.report import Message
from app.inference.golden import reproduce
from app.inference.pack_store import InstalledPack, PackStore
from app.inference.remote.agreement import disagreements, stated_weights
from app.inference.remote.connect import connect, require_ready
from app.inference.remote.protocol import Client
from app.inference.remote.server import ModelServer, ServerBook, remote_model
from app.inference.worker import InferenceProcess


@dataclass(frozen=True, slots=True)
class ServerCheck:
    """One thing that was looked at; ``pack`` is empty where it is about the server itself."""

    name: str
    is_ok: bool
    text: Message
    pack: str = ""
    hint: Message | None = None


def server_book(settings: Settings, asked: str = "") -> ServerBook:
    """The servers of the settings. Raises ``UsageFault`` where ``asked`` is none of them."""
    servers = tuple(ModelServer(**dict(entry)) for entry in settings.inference.servers)
    book = ServerBook(servers, asked)
    if asked:
        book.server(asked)
    return book


def check_server(
    server: ModelServer, packs: PackStore, *, with_sample: bool = True
) -> Iterator[ServerCheck]:
    """Is the server there, has it the models of our packs, and do they compute what they should.

    ``with_sample`` runs the sample of each pack through the server. Stops at what makes the rest
    pointless. Blocks; any thread.
    """
    try:
        client = connect(server)
    except ServerFault as fault:
        yield _failed("connection", fault)
        return
    with closing(client):
        try:
            require_ready(client, server)
            said = client.server_name() or "?"
        except ServerFault as fault:
            yield _failed("connection", fault)
            return
        line = (
            ("over TLS", "по TLS")
            if server.is_encrypted
            else ("NOT encrypted: who can listen on the line sees the images",
                  "БЕЗ шифрования: снимки видны тому, кто слушает линию")
        )  # fmt: skip
        yield ServerCheck(
            "connection",
            True,
            Message(
                f"{said} answers at {server.address}, {line[0]}.",
                f"{said} отвечает по адресу {server.address}, {line[1]}.",
            ),
        )
        if not server.models:
            yield ServerCheck(
                "models",
                False,
                Message(
                    "No pack is mapped to a model of this server.",
                    "Ни один пакет не связан с моделью этого сервера.",
                ),
                hint=Message(
                    "Fill models in the settings, as docs/servers.md shows.",
                    "Заполните models в настройках, как показано в docs/servers.md.",
                ),
            )
        for pack_id in server.models:
            yield from _check_model(client, server, packs, pack_id, with_sample=with_sample)


def _check_model(
    client: Client, server: ModelServer, packs: PackStore, pack_id: str, *, with_sample: bool
) -> Iterator[ServerCheck]:
    remote = remote_model(server, pack_id)
    try:
        installed = packs.get(pack_id)
        is_ours = True
        for graph, model in enumerate(remote.models(len(installed.pack.model_files))):
            checks = tuple(_check_graph(client, server, installed, graph, model))
            yield from checks
            is_ours = is_ours and all(check.is_ok for check in checks)
    except AppError as fault:
        yield _failed("model", fault, pack_id)
        return
    if is_ours and with_sample:
        yield _check_sample(server, installed)


def _check_graph(
    client: Client, server: ModelServer, installed: InstalledPack, graph: int, model: str
) -> Iterator[ServerCheck]:
    pack = installed.pack
    version = remote_model(server, pack.id).version
    facts = client.describe(model, version)
    if not client.is_model_ready(model, version):
        yield ServerCheck(
            "model",
            False,
            Message(
                f'The model "{model}" is there and not ready.',
                f"Модель «{model}» есть, но не готова.",
            ),
            pack.id,
        )
        return
    against = disagreements(
        pack, facts, graph=graph, version=version, unproven_weights=server.unproven_weights
    )
    for message in against:
        yield ServerCheck("model", False, message, pack.id)
    if against:
        return
    stated = stated_weights(facts)
    weights = (
        (f"weights {stated[:12]}", f"веса {stated[:12]}")
        if stated
        else ("weights not stated", "веса не названы")
    )
    yield ServerCheck(
        "model",
        True,
        Message(
            f'"{model}" is the model of the pack ({facts.platform or "?"}, {weights[0]}).',
            f"«{model}» — модель этого пакета ({facts.platform or '?'}, {weights[1]}).",
        ),
        pack.id,
    )


def _check_sample(server: ModelServer, installed: InstalledPack) -> ServerCheck:
    """The sample of the pack, computed by the server: what it says of itself is proven."""
    pack = installed.pack
    only = ServerBook((replace(server, fall_back=False),), server.name)
    process = InferenceProcess(servers=only)
    try:
        report = reproduce(installed, process)
    except AppError as fault:
        return _failed("sample", fault, pack.id)
    finally:
        process.close()
    if report is None:
        return ServerCheck(
            "sample", True,
            Message("The pack has no sample.", "У пакета нет образца."), pack.id,
        )  # fmt: skip
    figures = ", ".join(f"{name} {value:.4f}" for name, value in report.figures.items())
    if report.reproduced:
        text = Message(
            f"The server reproduces the sample of the pack ({figures}).",
            f"Сервер воспроизводит образец пакета ({figures}).",
        )
    else:
        text = Message(
            f"The server does not reproduce the sample of the pack ({figures}).",
            f"Сервер не воспроизводит образец пакета ({figures}).",
        )
    return ServerCheck("sample", report.reproduced, text, pack.id)


def _failed(name: str, fault: AppError, pack_id: str = "") -> ServerCheck:
    hint = Message(fault.hint, fault.hint_ru) if fault.hint else None
    return ServerCheck(name, False, Message(fault.message, fault.ru), pack_id, hint)
