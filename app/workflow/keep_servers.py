"""The model servers of the settings, changed: what a window edits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from app.config.inference_settings import InferenceSettings
from app.config.settings import save_settings
from app.core.message import Message
from app.workflow.context import AppContext
from app.workflow.model_servers import ServerCheck, check_server, server_book
from app.workflow.report_receivers import FieldFault

_WORDS: Final = {
    "name": Message(
        "letters, digits, dot, dash and underscore only, not empty.",
        "только латинские буквы, цифры, точка, дефис и подчёркивание; не пусто.",
    ),
    "url": Message(
        "must be an address such as grpcs://gpu.example:8001 or https://gpu.example:8000.",
        "нужен адрес вида grpcs://gpu.example:8001 или https://gpu.example:8000.",
    ),
    "models": Message(
        "must be a name, or name/version with a number.", "нужно имя или имя/номер версии."
    ),
}
_OTHER: Final = Message("is not valid.", "недопустимое значение.")
_TAKEN: Final = Message("is used by another server already.", "уже занято другим сервером.")
_NO_TLS: Final = Message(
    "certificates need an address of grpcs:// or https://.",
    "для сертификатов нужен адрес grpcs:// или https://.",
)


def keep_server(
    context: AppContext, values: Mapping[str, Any], replaces: int | None = None
) -> FieldFault | None:
    """Save a server, in the place of number ``replaces`` if given; None where it was saved.

    What a window does not show is kept. Raises ``EnvironmentFault`` where nothing can be written.
    """
    rows = [server.model_dump(mode="json") for server in context.settings.inference.servers]
    if replaces is None:
        rows.append(dict(values))
    else:
        rows[replaces] |= values
    raw = context.settings.inference.model_dump(mode="json") | {"servers": rows}
    try:
        changed = InferenceSettings.model_validate(raw)
    except ValidationError as found:
        return _fault(found)
    _save(context, changed)
    return None


def served_packs(context: AppContext) -> tuple[str, ...]:
    """Packs that a server could compute: those with networks; analyses run here only."""
    return tuple(
        sorted(one.pack.id for one in context.packs.installed() if one.pack.analysis is None)
    )


def remove_server(context: AppContext, number: int) -> None:
    """Forget a server; what it computed is computed here."""
    servers = list(context.settings.inference.servers)
    del servers[number]
    _save(context, context.settings.inference.model_copy(update={"servers": tuple(servers)}))


def try_server(context: AppContext, name: str) -> list[ServerCheck]:
    """Does it answer, has it the models, does it compute the samples of the packs. Any thread."""
    server = server_book(context.settings).server(name)
    return list(check_server(server, context.packs))


def _save(context: AppContext, inference: InferenceSettings) -> None:
    changed = context.settings.model_copy(update={"inference": inference})
    save_settings(context.store.folder, changed)
    context.settings = changed
    context.inference.use_servers(server_book(changed))


def _fault(found: ValidationError) -> FieldFault:
    where = found.errors()[0]["loc"]
    if not where:
        return FieldFault("name", _TAKEN)
    if len(where) == 2:  # of the server as a whole
        return FieldFault("ca_file", _NO_TLS)
    field = str(where[2])
    return FieldFault(field, _WORDS.get(field, _OTHER))
