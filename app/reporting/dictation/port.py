"""What a recogniser of speech must do, and what it tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, Protocol

Language = Literal["en", "ru"]
SAMPLE_RATE: Final = 16_000
"""Sound is mono, 16-bit little-endian PCM at this rate."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Words as they were heard, without punctuation. Not final: it may still change."""

    text: str
    is_final: bool
    language: Language


class Recogniser(Protocol):
    """One utterance after the other. Used by one thread at a time; nothing is kept or sent."""

    def feed(self, pcm: bytes) -> tuple[Heard, ...]:
        """Take the next stretch of sound, of any length; tell what is new."""
        ...

    def finish(self) -> tuple[Heard, ...]:
        """The utterance is over (the key was let go): tell the rest, be ready for the next."""
        ...
