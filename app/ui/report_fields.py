"""The places of a report text that are still to be filled in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_BRACKET: Final = re.compile(r"\[(?P<label>[^\[\]\n]{2,60})\]")
_NOT_A_FIELD: Final = re.compile(r"^(?:S\d+|[LTCThС]+\d+|sic|\d[\d,;\s-]*)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TextField:
    """A place at characters ``start <= n < end``, brackets included."""

    start: int
    end: int
    label: str
    options: tuple[str, ...] = ()
    hint: str = ""


def fields_in(text: str) -> tuple[TextField, ...]:
    """The unfilled places of a text, in order."""
    return tuple(
        TextField(match.start(), match.end(), match["label"])
        for match in _BRACKET.finditer(text)
        if not _NOT_A_FIELD.match(match["label"])
    )
