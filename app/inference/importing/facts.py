"""What a person tells about a foreign model: a small JSON or TOML file, everything optional.

What neither the bundle nor this file says stays marked as unknown in the pack
(``imported.unknown``), and a pack with unknowns never fits a series better than *limited*.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from app.inference.importing.source_files import JSON_MAX_BYTES, parse_json, read_bytes, refusal
from app.inference.manifest_parts import CodeEntry, SeriesRule
from app.inference.manifest_steps import Strict, Text

_Rgb = Annotated[int, Field(ge=0, le=255)]


class LabelFacts(Strict):
    """What is known about one class of the model, by its name in the bundle."""

    name: Text | None = None
    code: CodeEntry | None = None
    category: CodeEntry | None = None
    laterality: Literal["left", "right", "bilateral", "midline"] | None = None
    site: CodeEntry | None = None
    site_name: Text | None = None
    rgb: tuple[_Rgb, _Rgb, _Rgb] | None = None
    significance: Literal["critical", "significant", "incidental", "descriptive"] | None = None
    finding: bool | None = None


class Facts(Strict):
    """The side file. Names are those of the manifest; ``series`` is a rule of ``input.series``."""

    id: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]{1,62}$")] | None = None
    name: Text | None = None
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$")] | None = None
    licence: Annotated[str, Field(min_length=1)] | None = None
    licence_text: str = ""
    attribution: tuple[str, ...] = ()
    intended_use: Text | None = None
    not_for: tuple[Text, ...] = ()
    contact: str = ""
    orientation: Annotated[str, Field(pattern="^([LRAPSI]{3}|as-stored)$")] | None = None
    series: SeriesRule | None = None
    training_data: Annotated[str, Field(min_length=1)] | None = None
    limits: tuple[Text, ...] = ()
    labels: dict[str, LabelFacts] = Field(default_factory=dict)


def read_facts(path: Path | None) -> Facts:
    """The side file (``.json`` or ``.toml``); None: nothing is told. Raises ``BundleRefused``."""
    if path is None:
        return Facts()
    content = read_bytes(path, JSON_MAX_BYTES)
    if path.suffix.lower() == ".toml":
        try:
            data: dict[str, Any] = tomllib.loads(content.decode("utf-8-sig"))
        except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
            raise refusal(
                f"{path.name} is not valid TOML", f"{path.name} — неправильный TOML", str(error)
            ) from error
    else:
        data = parse_json(content, path.name)
    try:
        return Facts.model_validate_json(json.dumps(_told(data) or {}, default=str))
    except ValidationError as error:
        first = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")[0]
        key = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise refusal(
            f'in {path.name} "{key}" is not valid: {message}',
            f"в {path.name} неверно «{key}»: {message}",
            hint="overread packs import ... --facts-template FILE writes one to fill in.",
            hint_ru="overread packs import ... --facts-template FILE создаст образец.",
        ) from error


def _told(value: object) -> object:
    """The value without what a template leaves empty; None where nothing is left."""
    if isinstance(value, dict):
        kept = {key: told for key, part in value.items() if (told := _told(part)) is not None}
        if {"value", "scheme", "meaning"} >= set(kept) and "value" in value and "value" not in kept:
            return None  # a code that was not filled in
        return kept or None
    if isinstance(value, list):
        return [told for part in value if (told := _told(part)) is not None] or None
    return None if value in ("", None) else value


def require_known_labels(facts: Facts, names: list[str]) -> None:
    """Refuse a side file that speaks of a class which the model does not have."""
    strange = sorted(set(facts.labels) - set(names))
    if strange:
        raise refusal(
            f'the facts name the label "{strange[0]}", which the model does not have',
            f"в сведениях названа метка «{strange[0]}», которой у модели нет",
            hint=f"It has: {', '.join(names[:20])}.",
            hint_ru=f"У неё есть: {', '.join(names[:20])}.",
        )


def template(manifest: dict[str, Any], names: dict[int, str]) -> dict[str, Any]:
    """A side file to fill in, with what is known already. ``names``: class name by label index."""
    empty = {"en": "", "ru": ""}
    unknown = set(manifest["imported"]["unknown"])
    labels = {
        names[row["index"]]: {
            "name": row["name"],
            "code": {"value": "", "scheme": "SCT", "meaning": ""}
            if "codes" in unknown and row["code"]["scheme"].startswith("99")
            else row["code"],
            "laterality": row.get("laterality"),
            "rgb": row["rgb"],
            "significance": row.get("significance", "descriptive"),
        }
        for row in manifest["output"]["labels"]
        if row["index"] in names
    }
    return {
        "id": manifest["id"],
        "name": manifest["name"],
        "version": manifest["version"],
        "licence": "" if "licence" in unknown else manifest["licence"],
        "intended_use": empty if "intended_use" in unknown else manifest["intended_use"],
        "not_for": [empty] if "not_for" in unknown else manifest["not_for"],
        "orientation": "" if "orientation" in unknown else _orientation(manifest),
        "series": {"age": {"min": 18.0}} | manifest["input"]["series"][0],
        "training_data": "" if "training_data" in unknown
        else manifest["model_card"]["training_data"],
        "limits": [empty] if "limits" in unknown else manifest["model_card"]["limits"],
        "labels": labels,
    }  # fmt: skip


def _orientation(manifest: dict[str, Any]) -> str:
    return str(manifest["input"].get("train_orientation") or "as-stored")
