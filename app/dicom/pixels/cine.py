"""How fast a multi-frame object is to be played (D13, PS3.3 C.7.6.5, C.7.6.6)."""

from __future__ import annotations

from typing import Final

from pydicom.dataset import Dataset

from app.dicom.tolerant import number_of, numbers_of, value_of

_FRAME_TIME: Final = 0x00181063
_FRAME_TIME_VECTOR: Final = 0x00181065
_SLOWEST_S: Final = 10.0


def frame_times_s(ds: Dataset, frames: int) -> tuple[float, ...]:
    """How long each of ``frames`` frames is shown, in seconds; empty where nothing says so.

    Frame Increment Pointer decides between Frame Time and Frame Time Vector; without it whichever
    is there; then the recommended display rate, then the rate of the acquisition. The vector holds
    the increments *before* each frame, so the last frame is shown for their mean.
    """
    if frames < 2:
        return ()
    pointer = _pointer(ds)
    by_vector = _by_vector(ds, frames)
    by_time = _uniform(number_of(ds, "FrameTime"), frames, is_rate=False)
    first, second = (by_vector, by_time) if pointer == _FRAME_TIME_VECTOR else (by_time, by_vector)
    return (
        first
        or second
        or _uniform(number_of(ds, "RecommendedDisplayFrameRate"), frames, is_rate=True)
        or _uniform(number_of(ds, "CineRate"), frames, is_rate=True)
    )


def _pointer(ds: Dataset) -> int:
    value = value_of(ds, "FrameIncrementPointer")
    if value is None:
        return 0
    items = list(value) if hasattr(value, "__iter__") else [value]
    return int(items[0]) if items else 0


def _by_vector(ds: Dataset, frames: int) -> tuple[float, ...]:
    increments = [n / 1000.0 for n in numbers_of(ds, "FrameTimeVector")]
    if len(increments) != frames or min(increments[1:]) <= 0:
        return ()
    shown = increments[1:]
    return (*shown, sum(shown) / len(shown))


def _uniform(value: float | None, frames: int, *, is_rate: bool) -> tuple[float, ...]:
    if value is None or value <= 0:
        return ()
    seconds = 1.0 / value if is_rate else value / 1000.0
    return (seconds,) * frames if seconds <= _SLOWEST_S else ()
