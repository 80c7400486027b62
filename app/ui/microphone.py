"""Sound from the microphone through the optional package sounddevice (MIT, PortAudio)."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Final

from app.core.errors import EnvironmentFault
from app.reporting.dictation.port import SAMPLE_RATE

_BLOCK: Final = SAMPLE_RATE // 10
Take = Callable[[bytes], None]
Stop = Callable[[], None]
Microphone = Callable[[str, Take], Stop]
"""Called with part of a device's name and a taker of sound; gives what stops it."""


def open_microphone(name: str, take: Take) -> Stop:
    """Hand mono 16-bit sound at 16 kHz to ``take``, in a thread of the library, until stopped.

    Raises ``EnvironmentFault`` where the package, PortAudio or a microphone is missing.
    """
    try:
        sound = importlib.import_module("sounddevice")
    except (ImportError, OSError) as fault:  # OSError: the package is there, PortAudio is not
        raise _missing(str(fault)) from fault

    def taken(data: Any, _frames: int, _time: object, _status: object) -> None:  # noqa: ANN401
        take(bytes(data))

    try:
        stream = sound.RawInputStream(
            samplerate=SAMPLE_RATE, blocksize=_BLOCK, device=name or None,
            channels=1, dtype="int16", callback=taken,
        )  # fmt: skip
        stream.start()
    except (sound.PortAudioError, ValueError) as fault:
        raise _missing(str(fault)) from fault

    def stop() -> None:
        stream.stop()
        stream.close()

    return stop


def _missing(detail: str) -> EnvironmentFault:
    return EnvironmentFault(
        "No microphone can be used.",
        ru="Микрофон недоступен.",
        hint="Plug one in; install sounddevice and PortAudio. See docs/dictation.md.",
        hint_ru="Подключите его; установите sounddevice и PortAudio. См. docs/dictation.md.",
        technical_detail=detail,
    )
