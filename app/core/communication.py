"""A critical result was told: to whom, by whom, when, how, and whether it was read back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from app.core.message import Message

CommunicationWay = Literal["in-person", "telephone", "video", "message", "other"]
WAYS: Final[tuple[CommunicationWay, ...]] = (
    "telephone", "in-person", "video", "message", "other",
)  # fmt: skip
_WAYS: Final[dict[CommunicationWay, Message]] = {
    "telephone": Message("by telephone", "по телефону"),
    "in-person": Message("in person", "лично"),
    "video": Message("by video call", "по видеосвязи"),
    "message": Message("by secure message", "защищённым сообщением"),
    "other": Message("in another way", "иным способом"),
}


@dataclass(frozen=True, slots=True)
class Communication:
    """One record. ``told`` is a person's name, ``told_role`` free text ("attending physician").

    ``at_utc`` is when it was told, ``recorded_at_utc`` when that was noted, both ISO 8601 UTC.
    ``read_back``: the listener repeated the result and that was right.
    """

    uid: str
    finding_uids: tuple[str, ...]
    told: str
    told_role: str
    by: str
    at_utc: str
    way: CommunicationWay
    read_back: bool
    note: str = ""
    recorded_by: str = ""
    recorded_at_utc: str = ""


def way_text(way: CommunicationWay) -> Message:
    """How it was told, in words."""
    return _WAYS[way]
