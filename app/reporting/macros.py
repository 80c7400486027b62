"""Macros (autotext): a short trigger that becomes a text. Standard library only.

A file holds the macros of one language (``overread.report-macros/1``). In the text ``.trigger``
before the cursor is expanded; fields in brackets may stand in the text and are tabbed through.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, get_args

from app.core.errors import TemplateRefused
from app.core.report import Language, Message

SCHEMA: Final = "overread.report-macros/1"
_TRIGGER: Final = re.compile(r"^[^\W_][\w-]{0,19}$")
_BEFORE_CURSOR: Final = re.compile(r"(?<![\w.])\.(?P<trigger>[^\W_][\w-]{0,19})$")
_LONGEST: Final = 4000
_KEYS: Final = frozenset({"trigger", "text", "name"})


@dataclass(frozen=True, slots=True)
class Macro:
    """``trigger`` is what is typed behind a full stop; ``name`` says what it is for."""

    trigger: str
    text: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Expansion:
    """Replace ``start <= n < end`` of the text by ``text``."""

    start: int
    end: int
    text: str


def expand_before(text: str, cursor: int, macros: Sequence[Macro]) -> Expansion | None:
    """What ``.trigger`` right before the cursor becomes; None where there is no such macro."""
    match = _BEFORE_CURSOR.search(text[max(0, cursor - 24) : cursor])
    if match is None:
        return None
    wanted = match["trigger"].lower()
    for macro in macros:
        if macro.trigger.lower() == wanted:
            return Expansion(cursor - len(match.group()), cursor, macro.text)
    return None


def fault_of(macro: Macro) -> Message | None:
    """What is wrong with a macro, in words; None where nothing is."""
    if not _TRIGGER.match(macro.trigger):
        return Message(
            "a trigger has up to 20 letters, digits and hyphens, and begins with none of the last",
            "сокращение — до 20 букв, цифр и дефисов и начинается не с дефиса",
        )
    if not macro.text.strip():
        return Message("the text is empty", "текст пуст")
    if len(macro.text) > _LONGEST:
        return Message(
            f"the text is longer than {_LONGEST} characters", f"текст длиннее {_LONGEST} знаков"
        )
    return None


def macros_text(language: Language, macros: Sequence[Macro]) -> str:
    """The file of the macros of a language."""
    rows = [{key: value for key, value in asdict(one).items() if value} for one in macros]
    data = {"schema": SCHEMA, "language": language, "macros": rows}
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"


def parse_macros(text: str) -> tuple[Language, tuple[Macro, ...]]:
    """The macros of a file and their language. Raises ``TemplateRefused`` naming the fault."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise TemplateRefused(
            "The macro file is not valid JSON.", ru="Файл макросов не является верным JSON."
        ) from fault
    if not isinstance(data, Mapping) or data.get("schema") != SCHEMA:
        raise TemplateRefused(
            f"The file is no macro file ({SCHEMA}).", ru=f"Это не файл макросов ({SCHEMA})."
        )
    language, rows = data.get("language"), data.get("macros")
    unknown = sorted(set(data) - {"schema", "language", "macros"})
    if unknown or language not in get_args(Language) or not isinstance(rows, list):
        what = unknown[0] if unknown else "language, macros"
        raise TemplateRefused(
            f"The macro file is not valid: {what}.", ru=f"Файл макросов содержит ошибку: {what}."
        )
    macros = tuple(_macro(number, row) for number, row in enumerate(rows))
    triggers = [one.trigger.lower() for one in macros]
    twice = next((name for name in triggers if triggers.count(name) > 1), None)
    if twice is not None:
        raise TemplateRefused(
            f"The trigger {twice} stands twice.", ru=f"Сокращение {twice} указано дважды."
        )
    return ("ru" if language == "ru" else "en"), macros


def require_valid(macro: Macro, place: str = "") -> None:
    """Raise ``TemplateRefused`` where something is wrong with a macro."""
    fault = fault_of(macro)
    if fault is not None:
        lead = f"{place}: " if place else ""
        raise TemplateRefused(
            f"The macro is not valid: {lead}{fault.en}.",
            ru=f"Макрос содержит ошибку: {lead}{fault.ru}.",
        )


def _macro(number: int, row: Any) -> Macro:  # noqa: ANN401 - of a file that anybody may write
    place = f"macros.{number}"
    is_plain = isinstance(row, Mapping) and all(isinstance(value, str) for value in row.values())
    if not is_plain or set(row) - _KEYS or not {"trigger", "text"} <= set(row):
        raise TemplateRefused(
            f"The macro file is not valid: {place} needs trigger and text, and may have name.",
            ru=f"Файл макросов содержит ошибку: {place}: нужны trigger и text, можно name.",
        )
    macro = Macro(row["trigger"], row["text"], row.get("name", ""))
    require_valid(macro, place)
    return macro
