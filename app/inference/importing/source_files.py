"""Reading the files of a foreign bundle as data: inside its folder, of a sane size, plain JSON.

No pickle, no expressions. Every refusal names the file and says what is wrong with it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from app.core.errors import BundleRefused

JSON_MAX_BYTES = 20_000_000
NAME_MAX = 100


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """The JSON object in ``folder/name``. Raises ``BundleRefused``."""
    path = inside(folder, name)
    return parse_json(read_bytes(path, JSON_MAX_BYTES), name)


def read_bytes(path: Path, limit: int) -> bytes:
    """The bytes of a file of at most ``limit``. Raises ``BundleRefused``."""
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise refusal(
            f"{path.name} cannot be read", f"{path.name} не читается", str(error.strerror)
        ) from error
    if len(content) > limit:
        megabytes = limit // 1_000_000
        raise refusal(f"{path.name} is larger than {megabytes} MB",
                      f"{path.name} больше {megabytes} МБ")  # fmt: skip
    return content


def parse_json(content: bytes, name: str) -> dict[str, Any]:
    """A JSON object; not-a-number constants and doubled keys are refused."""

    def constant(word: str) -> NoReturn:
        raise ValueError(f"{word} is not a number")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        data = dict(pairs)
        if len(data) != len(pairs):
            raise ValueError("a key occurs twice")
        return data

    try:
        data = json.loads(
            content.decode("utf-8-sig"), parse_constant=constant, object_pairs_hook=unique
        )
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise refusal(
            f"{name} is not whole, valid JSON", f"{name} — не целый правильный JSON", str(error)
        ) from error
    if not isinstance(data, dict):
        raise refusal(f"{name} is not a JSON object", f"{name} — не объект JSON")
    return data


def inside(folder: Path, name: str) -> Path:
    """The file ``name`` of the bundle; refused when missing or when it leads out of the folder."""
    path = folder / name
    try:
        resolved, root = path.resolve(strict=True), folder.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise refusal(
            f"there is no {name} in the folder", f"в папке нет файла {name}", str(error)
        ) from error
    if not resolved.is_relative_to(root) or not resolved.is_file():
        raise refusal(f"{name} leads out of the folder", f"{name} ведёт за пределы папки")
    return resolved


def plain_name(text: object, what: str, what_ru: str) -> str:
    """A name from a bundle: a short line of printable characters. Raises ``BundleRefused``."""
    if not isinstance(text, str) or not text.strip():
        raise refusal(f"{what} has no name", f"нет имени: {what_ru}")
    if len(text) > NAME_MAX or not text.isprintable():
        raise refusal(
            f"{what} has a name that is no plain text of at most {NAME_MAX} characters",
            f"имя ({what_ru}) — не простой текст длиной до {NAME_MAX} знаков",
        )
    return text.strip()


def number(value: object, what: str) -> float:
    """A finite number from JSON (True and False are none). Raises ``BundleRefused``."""
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e12:
        raise refusal(f"{what} is not a number", f"{what} — не число")
    return float(value)


def numbers(value: object, what: str) -> tuple[float, ...]:
    """A list of finite numbers."""
    if not isinstance(value, list):
        raise refusal(f"{what} is not a list of numbers", f"{what} — не список чисел")
    return tuple(number(item, what) for item in value)


def integers(value: object, what: str) -> tuple[int, ...]:
    """A list of whole numbers."""
    found = numbers(value, what)
    if any(item != int(item) for item in found):
        raise refusal(f"{what} is not a list of whole numbers", f"{what} — не список целых чисел")
    return tuple(int(item) for item in found)


def refusal(
    reason: str, reason_ru: str, detail: str = "", *, hint: str = "", hint_ru: str = ""
) -> BundleRefused:
    """The error of an import that stops, with its reason in both languages."""
    return BundleRefused(
        f"The model was not imported: {reason}.",
        ru=f"Модель не импортирована: {reason_ru}.",
        hint=hint,
        hint_ru=hint_ru,
        technical_detail=detail[:500],
    )
