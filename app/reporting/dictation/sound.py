"""Wave files as the recognisers want them: mono, 16 bit, 16 kHz."""

from __future__ import annotations

import sys
import wave
from array import array
from pathlib import Path

from app.core.errors import InputError
from app.reporting.dictation.port import SAMPLE_RATE


def read_wave(path: Path) -> bytes:
    """The sound of a PCM wave file, 16 bit, any rate and number of channels.

    Channels are averaged, other rates resampled by straight lines. Raises ``InputError``.
    """
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            samples = array("h")
            if width == 2:
                data = file.readframes(file.getnframes())
                samples.frombytes(data[: len(data) // 2 * 2])
    except OSError as fault:
        raise InputError(
            f"The file {path.name} cannot be read.",
            ru=f"Файл {path.name} не читается.",
            hint="Check the path and the permissions.",
            hint_ru="Проверьте путь и права доступа.",
            technical_detail=str(fault),
        ) from fault
    except (EOFError, wave.Error) as fault:
        raise _refused(path, str(fault)) from fault
    if width != 2 or not channels or not rate:
        raise _refused(path, f"{8 * width} bit")
    if sys.byteorder == "big":
        samples.byteswap()
    if channels > 1:
        ends = range(0, len(samples) - channels + 1, channels)
        samples = array("h", (sum(samples[i : i + channels]) // channels for i in ends))
    if rate != SAMPLE_RATE:
        samples = _resampled(samples, rate)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()


def _resampled(samples: array[int], rate: int) -> array[int]:
    count = len(samples) * SAMPLE_RATE // rate
    made = array("h", bytes(2 * count))
    for number in range(count):
        place = number * rate / SAMPLE_RATE
        left = int(place)
        right = min(left + 1, len(samples) - 1)
        made[number] = round(samples[left] + (samples[right] - samples[left]) * (place - left))
    return made


def _refused(path: Path, detail: str) -> InputError:
    return InputError(
        f"{path.name} is no wave file with 16-bit PCM sound.",
        ru=f"{path.name} — не файл WAV со звуком PCM 16 бит.",
        hint="Save it as WAV, PCM 16 bit.",
        hint_ru="Сохраните его как WAV, PCM 16 бит.",
        technical_detail=detail,
    )
