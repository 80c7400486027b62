"""From the names of classes in foreign bundles to sides, display names, colours and codes.

An unknown name never becomes the code of something else (copilot-practice 7, trap 2): it gets a
code of our own made from the name, under a private scheme (PS3.16 8.2, "99...").
"""

from __future__ import annotations

import colorsys
import hashlib
import re
from collections.abc import Iterable
from typing import Any, Final, Literal

Side = Literal["left", "right"]

LOCAL_SCHEME: Final = "99OVERREAD"
_WORDS: Final[dict[str, Side]] = {"left": "left", "right": "right", "lt": "left", "rt": "right"}
_LETTERS: Final[dict[str, Side]] = {"l": "left", "r": "right"}
_SIDES_RU: Final = (
    ("left", re.compile(r"\bлев(?:ый|ая|ое|ые|ого|ой|ых)\b", re.IGNORECASE)),
    ("right", re.compile(r"\bправ(?:ый|ая|ое|ые|ого|ой|ых)\b", re.IGNORECASE)),
)
_GOLDEN_ANGLE: Final = 0.381966


def words(name: str) -> list[str]:
    """The parts of a class name: ``kidney_left``, ``KidneyLeft`` and ``kidney left`` are one."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", name)
    return [part for part in re.split(r"[\s_\-./()]+", spaced) if part]


def side_of(name: str, others: Iterable[str] = ()) -> Side | None:
    """The side that a name states, or None.

    A single letter counts only where the class of the other side is there too (``kidney_l`` beside
    ``kidney_r``), so ``vertebra_L`` alone has no side.
    """
    low = [word.lower() for word in words(name)]
    stated = {_WORDS[word] for word in low if word in _WORDS}
    for side, pattern in _SIDES_RU:
        if pattern.search(name):
            stated.add("left" if side == "left" else "right")
    if len(stated) == 1:
        return stated.pop()
    if stated:
        return None
    if low and low[-1] in _LETTERS:
        other = "r" if low[-1] == "l" else "l"
        pair = [*low[:-1], other]
        if any([word.lower() for word in words(candidate)] == pair for candidate in others):
            return _LETTERS[low[-1]]
    return None


def display_name(name: str) -> str:
    """``kidney_left`` as people write it: "left kidney"."""
    parts = words(name)
    sides = [word for word in parts if word.lower() in ("left", "right")]
    rest = [word for word in parts if word.lower() not in ("left", "right")]
    text = " ".join([*(side.lower() for side in sides), *rest]) if rest else " ".join(parts)
    return text or name


def local_code(name: str) -> dict[str, str]:
    """A code that means this name and nothing else (value of at most 16 characters, VR SH)."""
    digest = hashlib.sha256(name.strip().lower().encode("utf-8")).hexdigest()
    return {"value": f"U-{digest[:14]}", "scheme": LOCAL_SCHEME, "meaning": name.strip()[:64]}


def color(position: int) -> list[int]:
    """A colour for the class at ``position``; neighbours differ, the same each time."""
    hue = (position * _GOLDEN_ANGLE) % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.65 if position % 2 else 0.8, 0.95)
    return [round(red * 255), round(green * 255), round(blue * 255)]


def pack_id(text: str, fallback: str) -> str:
    """An id for a pack (lower case, digits, hyphens, at most 63 characters) from any text."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60].strip("-")
    return plain if len(plain) >= 2 else fallback


def is_local(code: dict[str, Any]) -> bool:
    """Whether a code is one of ours for an unknown name."""
    return code.get("scheme") == LOCAL_SCHEME
