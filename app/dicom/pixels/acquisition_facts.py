"""What an object says beside geometry and rescale: aspect, loss, speed, uptake, regions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydicom.dataset import Dataset

from app.core.report import Message
from app.core.ultrasound import UsRegion
from app.core.uptake import SuvFactors
from app.core.volume import ColorTable
from app.dicom.pixels.cine import frame_times_s
from app.dicom.pixels.codestream import ALWAYS_LOSSY
from app.dicom.pixels.color import supplement_of
from app.dicom.pixels.suv import suv_of
from app.dicom.pixels.us_regions import pixel_aspect_of
from app.dicom.tolerant import integer_of, numbers_of, text_words_upper


@dataclass(frozen=True, slots=True)
class AcquisitionFacts:
    """The fields of ``Volume`` with the same names."""

    pixel_aspect: float = 1.0
    lossy: str = ""
    frame_times_s: tuple[float, ...] = ()
    suv: SuvFactors | None = None
    suv_missing: Message | None = None
    us_regions: tuple[UsRegion, ...] = ()
    supplement: ColorTable | None = None


def acquisition_facts(
    ds: Dataset,
    frames: Sequence[int],
    us_regions: tuple[UsRegion, ...] = (),
    losses: Iterable[float] = (),
    starts: Iterable[datetime | None] = (),
) -> AcquisitionFacts:
    """The facts of a stack from the header of its first object.

    ``frames``: which frames of that object (from 0) the stack shows, in its order; empty where it
    is made of several objects, which is no cine. ``losses``: ``loss_of`` each object; the greatest
    is told. ``starts``: ``acquisition_start_of`` each object.
    """
    times = frame_times_s(ds, max(integer_of(ds, "NumberOfFrames", 1), 1))
    is_cine = bool(times) and bool(frames) and max(frames) < len(times)
    known = [start for start in starts if start is not None]
    suv, suv_missing = suv_of(ds, min(known, default=None))
    return AcquisitionFacts(
        pixel_aspect=pixel_aspect_of(ds, us_regions),
        lossy=_loss_in_words(max(losses, default=0.0)),
        frame_times_s=tuple(times[n] for n in frames) if is_cine else (),
        suv=suv,
        suv_missing=suv_missing,
        us_regions=us_regions,
        supplement=supplement_of(ds),
    )


def loss_of(ds: Dataset, transfer_syntax_uid: str) -> float:
    """The ratio of lossy compression; 1 where it is not stated, 0 without loss (I16).

    Several steps of compression multiply. JPEG processes that always lose are named whatever the
    header says.
    """
    is_flagged = text_words_upper(ds, "LossyImageCompression")[:1] == ("01",)
    if not is_flagged and transfer_syntax_uid not in ALWAYS_LOSSY:
        return 0.0
    ratio = 1.0
    for step in numbers_of(ds, "LossyImageCompressionRatio"):
        ratio *= max(step, 1.0)
    return ratio


def _loss_in_words(ratio: float) -> str:
    if ratio <= 1.0:
        return "?" if ratio > 0.0 else ""
    return f"{ratio:.0f}:1" if ratio >= 100 else f"{ratio:.3g}:1"
