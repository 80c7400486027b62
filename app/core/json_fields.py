"""Fields of a JSON object read with their kind checked; the error names the field and the place.

``where`` is such as ``finding 7``. All raise ``InputError`` for a value of the wrong kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from app.core.errors import InputError


def invalid(where: str, en: str, ru: str) -> InputError:
    """An error whose sentences name the place as ``{}``."""
    return InputError(
        en.replace("{}", where), ru=ru.replace("{}", where.replace("finding ", "находки ", 1))
    )


def text_of(row: Mapping[str, Any], key: str) -> str:
    """The field as text; empty where there is none."""
    value = row.get(key)
    return "" if value is None else str(value)


def number_of(row: Mapping[str, Any], key: str, where: str) -> float | None:
    """The field as a number, or None where there is none."""
    value = row.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid(where, f"{key!r} of {{}} is not a number.", f"{key!r} у {{}} — не число.")
    return float(value)


def list_of(row: Mapping[str, Any], key: str, where: str) -> list[Any]:
    """The list, empty where there is none."""
    value = row.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise invalid(where, f"{key!r} of {{}} is not a list.", f"{key!r} у {{}} — не список.")
    return value


def one_of(row: Mapping[str, Any], key: str, kind: Any, where: str, *, default: str) -> Any:  # noqa: ANN401 - one Literal of several
    """The field, one of the values of the ``Literal`` ``kind``; ``default`` where there is none."""
    value = row.get(key)
    if value is None:
        return default
    if value not in get_args(kind):
        known = ", ".join(get_args(kind))
        raise invalid(
            where,
            f"{key!r} of {{}} is {value!r}, not one of {known}.",
            f"{key!r} у {{}} — {value!r}, а не одно из: {known}.",
        )
    return value
