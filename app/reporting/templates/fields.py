"""Fields of a template in the text of a report: where they stand, what may be chosen.

A field is ``[label]`` in the text until somebody fills it in; the check finds what is left over.
Standard library only: the text is the truth, nothing else is kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

_BRACKET = re.compile(r"\[(?P<label>[^\[\]\n]{2,60})\]")
_NOT_A_FIELD = re.compile(r"^(?:S\d+|[LTCThС]+\d+|sic|\d[\d,;\s-]*)$", re.IGNORECASE)


class FieldLike(Protocol):
    """What is asked of a field of a template (``model.PickField``)."""

    @property
    def label(self) -> str:
        """What stands in the brackets."""

    @property
    def options(self) -> tuple[str, ...]:
        """The pick list; none: free text."""

    @property
    def hint(self) -> str:
        """What is asked for."""


@dataclass(frozen=True, slots=True)
class TextField:
    """A field at ``start <= n < end`` of the text, brackets included; ``options`` to choose from.

    ``is_known`` is False for a bracket that no field of the template describes.
    """

    start: int
    end: int
    label: str
    options: tuple[str, ...]
    hint: str
    is_known: bool


def fields_in(text: str, fields: Sequence[FieldLike] = ()) -> tuple[TextField, ...]:
    """The unfilled fields of a report text, in order; ``fields`` are those of its template."""
    by_label = {field.label: field for field in fields}
    found = []
    for match in _BRACKET.finditer(text):
        label = match["label"]
        field = by_label.get(label)
        if field is None and _NOT_A_FIELD.match(label):
            continue
        found.append(
            TextField(
                match.start(),
                match.end(),
                label,
                field.options if field else (),
                field.hint if field else "",
                field is not None,
            )
        )
    return tuple(found)


def next_field(
    text: str, position: int, fields: Sequence[FieldLike] = (), *, backwards: bool = False
) -> TextField | None:
    """The field after ``position`` (before it where ``backwards``), round the end of the text.

    A field that begins at ``position`` counts as the next one only where nothing else is left.
    """
    found = fields_in(text, fields)
    if not found:
        return None
    if backwards:
        return next((f for f in reversed(found) if f.end <= position), found[-1])
    return next((f for f in found if f.start > position), found[0])


def filled(text: str, field: TextField, value: str) -> str:
    """The text with the field replaced by ``value``."""
    return f"{text[: field.start]}{value}{text[field.end :]}"
