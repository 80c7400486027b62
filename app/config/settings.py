"""The settings file: TOML, versioned, every key known."""

from __future__ import annotations

import base64
import binascii
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from app.config.dictation_settings import DictationSettings
from app.config.inference_settings import InferenceSettings
from app.config.opinion_settings import OpinionSettings
from app.config.pack_settings import PackSettings
from app.config.peer_settings import AeTitle, PeerSettings
from app.config.report_settings import ReportSettings
from app.config.signing_settings import SigningSettings
from app.core.errors import EnvironmentFault, InputError

SETTINGS_NAME = "settings.toml"


class Settings(BaseModel):
    """What a user or site sets. Unknown keys are refused: a typing error must not pass silently."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    version: Literal[1] = 1
    language: Literal["en", "ru"] = "en"
    report_language: Literal["en", "ru"] = "en"
    user: str = ""
    organisation: str = ""
    # of the memory of the machine, for images
    memory_budget_percent: int = Field(default=50, ge=10, le=90)
    history_mb: int = Field(default=256, ge=16)
    disk_reserve_mb: int = Field(default=1024, ge=0)
    # how old files without a declared character set are read, a name of Python's codecs: "cp1251"
    fallback_character_set: str = "iso8859-1"
    # words that no dictionary knows are underlined in the report
    spell_check: bool = True
    # the recognisers of speech that this site has
    dictation: DictationSettings = DictationSettings()
    ui_scale_percent: int = Field(default=100, ge=75, le=300)
    ae_title: AeTitle = "OVERREAD"
    listen_port: int = Field(default=11112, ge=1, le=65535)
    # with a certificate (PEM) we are called over TLS only, by callers of listen_ca_file if given
    listen_certificate: str = ""
    listen_key: str = ""
    listen_ca_file: str = ""
    # the workstation listens while its window is open
    receive: bool = False
    # what is signed goes to these peers by itself
    auto_send_to: Annotated[tuple[str, ...], Field(strict=False)] = ()
    # public keys (Ed25519, base64) whose signature on a model pack counts
    trusted_pack_keys: Annotated[tuple[str, ...], Field(strict=False)] = ()
    require_signed_packs: bool = False
    packs: Annotated[tuple[PackSettings, ...], Field(strict=False)] = ()
    peers: Annotated[tuple[PeerSettings, ...], Field(strict=False)] = ()
    # where and how models run
    inference: InferenceSettings = InferenceSettings()
    # who is asked about the warnings of the report check, beside the rules
    second_opinion: OpinionSettings = OpinionSettings()
    # who may sign, and how one knows
    signing: SigningSettings = SigningSettings()
    # letterhead, certificates and receivers of signed reports
    report: ReportSettings = ReportSettings()

    @field_validator("fallback_character_set")
    @classmethod
    def _is_a_character_set(cls, name: str) -> str:
        try:
            is_one = b"ASCII".decode(name) == "ASCII"
        except (LookupError, UnicodeDecodeError) as fault:
            raise ValueError(f"no character set is called {name!r}") from fault
        if not is_one:
            raise ValueError(f"{name!r} is no extension of ASCII")
        return name

    @field_validator("trusted_pack_keys")
    @classmethod
    def _are_keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            try:
                is_key = len(base64.b64decode(key, validate=True)) == 32
            except (binascii.Error, ValueError):
                is_key = False
            if not is_key:
                raise ValueError("a key is 32 bytes in base64")
        return keys

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        names = [peer.name for peer in self.peers]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two peers have the name {twice[0]}")
        shared = [target.name for target in self.report.targets if target.name in names]
        if shared:
            raise ValueError(f"a peer and a report target have the name {shared[0]}")
        unknown = [name for name in self.auto_send_to if name not in names]
        if unknown:
            raise ValueError(f"auto_send_to names {unknown[0]}, and no peer has this name")
        chosen = [(pack.id, pack.version) for pack in self.packs]
        if len(set(chosen)) != len(chosen):
            raise ValueError("packs names one twice")
        return self

    @property
    def promised_to(self) -> tuple[str, ...]:
        """Who gets what is signed: peers and report targets, by name."""
        return (*self.auto_send_to, *(target.name for target in self.report.targets))


def load_settings(folder: Path) -> Settings:
    """The settings in ``folder``; defaults where there is no file. Raises ``InputError``."""
    path = folder / SETTINGS_NAME
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return Settings()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise _refused(path, str(fault)) from fault
    if isinstance(data.get("version"), int) and data["version"] > 1:
        raise InputError(
            f"The settings file {path} was written by a newer version of Overread.",
            ru=f"Файл настроек {path} создан более новой версией Overread.",
            hint="Start the newer version, or move the file away.",
            hint_ru="Запустите новую версию или уберите файл.",
        )
    try:
        return Settings.model_validate(data)
    except ValidationError as fault:
        first = fault.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _refused(path, f"{place}: {first['msg']}") from fault


def save_settings(folder: Path, settings: Settings) -> None:
    """Write the settings; the old file stays until the new one is complete."""
    lines = _table_lines("", settings.model_dump(mode="json"))
    path = folder / SETTINGS_NAME
    partial = path.with_suffix(".partial")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial.write_text("\n".join(lines) + "\n", "utf-8")
        partial.replace(path)
    except OSError as fault:
        raise EnvironmentFault(
            f"The settings cannot be written to {path}.",
            ru=f"Настройки нельзя записать в {path}.",
            hint="Check permissions and free space.",
            hint_ru="Проверьте права и свободное место.",
            technical_detail=str(fault),
        ) from fault


def _table_lines(name: str, values: Mapping[str, Any]) -> list[str]:
    """The values of a table, then its sub-tables: ``[name]``, and ``[[name]]`` for lists of them.

    Within ``[[...]]`` what maps is an inline table.
    """
    tables = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    rows = {
        key: value
        for key, value in values.items()
        if isinstance(value, list) and value and isinstance(value[0], Mapping)
    }
    plain = {key: value for key, value in values.items() if key not in tables and key not in rows}
    lines = _toml_lines(plain)
    if name and lines:
        lines = ["", f"[{name}]", *lines]
    prefix = f"{name}." if name else ""
    for key, table in tables.items():
        lines += _table_lines(f"{prefix}{key}", table)
    for key, found in rows.items():
        for row in found:
            lines += ["", f"[[{prefix}{key}]]", *_toml_lines(row)]
    return lines


def _toml_lines(values: Mapping[str, Any]) -> list[str]:
    """One line per key: a JSON string, number or list of strings is a TOML one, but for DEL; what
    maps strings to strings is an inline table.
    """
    return [f"{key} = {_toml_value(value)}" for key, value in values.items()]


def _toml_value(value: object) -> str:
    if isinstance(value, Mapping):
        entries = ", ".join(f"{_toml_value(str(k))} = {_toml_value(v)}" for k, v in value.items())
        return f"{{ {entries} }}" if entries else "{}"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _refused(path: Path, why: str) -> InputError:
    return InputError(
        f"The settings file {path} is not valid: {why}.",
        ru=f"Файл настроек {path} содержит ошибку: {why}.",
        hint="Correct the line, or move the file away to start with defaults.",
        hint_ru="Исправьте строку или уберите файл, чтобы начать с настроек по умолчанию.",
    )
