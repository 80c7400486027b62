"""Compressed frames are decoded in processes of their own: a crafted one ends no more than those.

Decoders are C and C++ libraries that read what anybody wrote. Here a crash, an endless loop or a
hunger for memory costs one frame, which is then named; the program and all other frames go on.
The processes also use all cores, which threads cannot: some decoders hold Python's lock.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Iterable
from typing import Final

from app.core.report import Message
from app.dicom.pixels.decoders import NATIVE, NotDecoded, refusal
from app.dicom.pixels.stored_frame import PixelLayout, StoredArray, frame_of
from app.dicom.tolerant import MALFORMED, quiet
from app.jobs.process_pool import Limits, ProcessPool, WorkerFailed, WorkerTimedOut

_MOST_PROCESSES: Final = 8
# Decoders work with 32-bit samples, some in two copies, besides input and result.
_BYTES_PER_SAMPLE: Final = 24
_SPARE_BYTES: Final = 384 * 2**20
_SECONDS: Final = 6.0
_SECONDS_PER_MEGASAMPLE: Final = 4.0
_MOST_SECONDS: Final = 300.0
_MOST_SAMPLES: Final = 2**31

_STOPPED: Final = Message(
    "the decoder failed on its pixels; it was run apart and nothing else is affected",
    "декодер не справился с его пикселями; он работал отдельно, и остальное не пострадало",
)
_TOO_LONG: Final = Message(
    "decoding its pixels took too long and was stopped",
    "декодирование пикселей длилось слишком долго и было остановлено",
)
_IMPLAUSIBLE: Final = Message("its size is not plausible", "размер изображения неправдоподобен")

_lock = threading.Lock()
_pool: ProcessPool | None = None


def decode_frame(layout: PixelLayout, data: bytes, first_bit: int = 0) -> StoredArray:
    """``frame_of``, for a compressed frame in another process. Any thread. Raises ``NotDecoded``.

    Native frames need no decoder and are read here.
    """
    if layout.transfer_syntax_uid in NATIVE:
        return frame_of(layout, data, first_bit)
    why = refusal(layout.transfer_syntax_uid)
    if why is not None:
        raise NotDecoded(why, layout.transfer_syntax_uid)
    samples = layout.rows * layout.columns * layout.samples
    if not 0 < samples <= _MOST_SAMPLES:
        raise NotDecoded(_IMPLAUSIBLE)
    limits = Limits(
        seconds=min(_SECONDS + samples / 1e6 * _SECONDS_PER_MEGASAMPLE, _MOST_SECONDS),
        memory_bytes=_SPARE_BYTES + samples * _BYTES_PER_SAMPLE + 4 * len(data),
    )
    try:
        return decode_processes().call((layout, data), limits)
    except WorkerTimedOut as error:
        raise NotDecoded(_TOO_LONG, str(error)) from error
    except WorkerFailed as error:
        raise NotDecoded(_STOPPED, str(error)) from error


def decode_processes() -> ProcessPool:
    """The processes of this program, made when first needed; ``warm_up`` starts them early."""
    global _pool
    with _lock:
        if _pool is None:
            size = min(max(os.cpu_count() or 1, 2), _MOST_PROCESSES)
            _pool = ProcessPool(decode_here, size=size, expected=(NotDecoded,))
            atexit.register(_pool.close)
        return _pool


def expect(transfer_syntax_uids: Iterable[str]) -> None:
    """Start the processes now if images of these transfer syntaxes will need them soon."""
    if any(uid not in NATIVE and refusal(uid) is None for uid in transfer_syntax_uids):
        decode_processes().warm_up()


def decode_here(request: tuple[PixelLayout, bytes]) -> StoredArray:
    """Decode in this process: what a worker does. Raises ``NotDecoded``."""
    layout, data = request
    try:
        with quiet():
            return frame_of(layout, data)
    except NotDecoded:
        raise
    except (*MALFORMED, OSError) as error:
        raise NotDecoded(_STOPPED, type(error).__name__) from error
