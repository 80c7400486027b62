"""How many images there should be, as headers state it; whether to believe it: ``health``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pydicom.dataset import Dataset

from app.dicom.tolerant import number_of

STATED_COUNT_TAGS: Final = (
    "ImagesInAcquisition", "NumberOfTemporalPositions", "NumberOfSlices", "NumberOfTimeSlices",
    "InConcatenationNumber", "InConcatenationTotalNumber",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StatedCounts:
    """Counts that one object states; 0 where it does not."""

    images_in_acquisition: int = 0
    temporal_positions: int = 0
    slices: int = 0
    time_slices: int = 0
    part: int = 0
    parts: int = 0


def stated_counts_of(ds: Dataset) -> StatedCounts:
    """The counts of one header."""
    return StatedCounts(*(_count(ds, keyword) for keyword in STATED_COUNT_TAGS))


def _count(ds: Dataset, keyword: str) -> int:
    number = number_of(ds, keyword)
    return int(number) if number is not None and 0 < number < 1e6 else 0
