"""What ``overread measure`` is told about patient and image: ``--about`` and ``--points``."""

from __future__ import annotations

from app.core.errors import InputError
from app.measure.anatomy import Person, Point, Protocol

_YES_NO = {"yes": True, "no": False}
_NUMBERS = ("age", "height", "weight", "kv", "slice")
_FLAGS = ("contrast", "gated", "inspiration", "supine")
_WORDS = {"sex": ("F", "M"), "kernel": ("soft", "sharp")}


def about(text: str, view: str = "") -> tuple[Person, Protocol]:
    """Patient and image from ``age=61,sex=M,kv=120,contrast=no``; ``InputError`` on the rest."""
    numbers: dict[str, float] = {}
    flags: dict[str, bool] = {}
    words: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        key, _, value = part.partition("=")
        key, value = key.strip().lower(), value.strip()
        if key in _NUMBERS and _number(value) is not None:
            numbers[key] = _number(value) or 0.0
        elif key in _FLAGS and value.lower() in _YES_NO:
            flags[key] = _YES_NO[value.lower()]
        elif key in _WORDS and value.lower() in [word.lower() for word in _WORDS[key]]:
            words[key] = value.upper() if key == "sex" else value.lower()
        elif not (key in _FLAGS and value.lower() == "unknown"):
            known = ", ".join((*_NUMBERS, *_FLAGS, *_WORDS))
            raise InputError(
                f'"{part}" is not understood in --about.',
                ru=f"«{part}» в --about непонятно.",
                hint=f"Known: {known}; such as age=61,sex=M,kv=120,contrast=no,kernel=soft.",
                hint_ru=f"Известны: {known}; например age=61,sex=M,kv=120,contrast=no,kernel=soft.",
            )
    person = Person(
        numbers.get("age"),
        words.get("sex", ""),  # type: ignore[arg-type]
        numbers.get("height"),
        numbers.get("weight"),
    )
    return person, Protocol(
        tube_kv=numbers.get("kv"),
        contrast=flags.get("contrast"),
        slice_mm=numbers.get("slice"),
        kernel=words.get("kernel", ""),  # type: ignore[arg-type]
        gated=flags.get("gated"),
        inspiration=flags.get("inspiration"),
        view_position=view,
        supine=flags.get("supine"),
    )


def points_of(text: str) -> dict[str, Point]:
    """Named points from ``level=0/10/-120``, LPS millimetres."""
    points: dict[str, Point] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, place = part.partition("=")
        numbers = [_number(n) for n in place.split("/")]
        if len(numbers) != 3 or not name.strip() or any(n is None for n in numbers):
            raise InputError(
                f'"{part}" is no point.',
                ru=f"«{part}» — не точка.",
                hint="Such as: --points level=0/10/-120",
                hint_ru="Например: --points level=0/10/-120",
            )
        x, y, z = (n or 0.0 for n in numbers)
        points[name.strip()] = (x, y, z)
    return points


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
