"""The image that is on screen first, and thumbnails. Runs in the lanes; makes no widgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from app.core.errors import AppError
from app.core.study import SeriesRef, Study
from app.core.volume import Volume
from app.dicom.stacks.stack_reader import ImageFacts, StackReader, make_volume
from app.imaging.voi import auto_window, display_levels
from app.jobs.cancel import CancelToken
from app.workflow.volume_cache import find_stack

THUMBNAIL_LIMIT_PX = 128


@dataclass(frozen=True, slots=True)
class FirstImage:
    """Image ``number`` (from 0) of a stack as a volume of one image, without geometry."""

    number: int
    volume: Volume


def read_first_image(study: Study, ref: SeriesRef) -> FirstImage:
    """The middle image, with the facts that hold for the whole stack. Raises ``AppError``."""
    series, stack = find_stack(study, ref)
    reader = StackReader(study, series, stack)
    number = reader.frame_count // 2
    return FirstImage(number, _single(reader.facts, reader.read_frame(number), ref))


def make_thumbnails(
    study: Study,
    refs: Sequence[SeriesRef],
    token: CancelToken,
    take: Callable[[SeriesRef, npt.NDArray[np.uint8]], None],
) -> None:
    """Give ``take`` a small picture, [v, u] or [v, u, 3], of each stack; unreadable ones none."""
    for ref in refs:
        token.raise_if_cancelled()
        series, stack = find_stack(study, ref)
        middle = stack.frames[len(stack.frames) // 2]
        try:
            reader = StackReader(study, series, replace(stack, frames=(middle,)))
            take(ref, _picture(_single(reader.facts, reader.read_frame(0), ref)))
        except AppError:
            continue  # opening the series says why; a list of pictures is not the place


def _single(facts: ImageFacts, stored: npt.NDArray[np.generic], ref: SeriesRef) -> Volume:
    return make_volume(facts, stored[None], ref)


def _picture(volume: Volume) -> npt.NDArray[np.uint8]:
    step = max(1, max(volume.voxels.shape[1:3]) // THUMBNAIL_LIMIT_PX)
    if volume.is_color:
        return np.ascontiguousarray(volume.voxels[0, ::step, ::step])
    values = volume.modality_values(0)[::step, ::step]
    padding = volume.padding_mask(0)
    window = auto_window(values, None if padding is None else padding[::step, ::step])
    return np.ascontiguousarray(display_levels(volume, volume.voxels[0, ::step, ::step], window))
