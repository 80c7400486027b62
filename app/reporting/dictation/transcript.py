"""A whole recording to text and commands, as the window would do it piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from app.reporting.dictation.port import SAMPLE_RATE, Heard, Recogniser
from app.reporting.dictation.spoken import Command, Insert, Step, joined, steps_of

_CHUNK: Final = SAMPLE_RATE // 5 * 2
"""A fifth of a second, in bytes."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """``heard``: the final utterances; ``steps``: what they mean; ``text``: without commands.

    ``undo`` takes the insert before it out of ``text``; the other commands have no effect there.
    """

    heard: tuple[Heard, ...]
    steps: tuple[Step, ...]
    text: str


def transcribe(recogniser: Recogniser, pcm: bytes) -> Transcript:
    """Feed ``pcm`` in stretches of a fifth of a second, as a microphone would."""
    heard = tuple(item for item in _listen(recogniser, pcm) if item.is_final)
    steps = tuple(step for item in heard for step in steps_of(item.text, item.language))
    texts = [""]
    for step in steps:
        if isinstance(step, Insert):
            texts.append(joined(texts[-1], step.text))
        elif step == Command("undo") and len(texts) > 1:
            texts.pop()
    return Transcript(heard, steps, texts[-1])


def _listen(recogniser: Recogniser, pcm: bytes) -> Iterator[Heard]:
    for start in range(0, len(pcm), _CHUNK):
        yield from recogniser.feed(pcm[start : start + _CHUNK])
    yield from recogniser.finish()
