"""A series with a hole: what lies at a missing image is doubted, by every pack alike.

A missing image is a plane of padding between images (G04, G05). Models see background there and
analyses nothing; volumes come out too small, and no check of a pack would say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from app.core.report import Message
from app.inference.label_field import LabelField
from app.inference.preprocess import ModelInput
from app.inference.result import QualityFlag

MISSING = "image-missing-inside"


def missing_planes(image: ModelInput) -> tuple[int, ...]:
    """The slices without any image that lie between slices with one, counted along the stack."""
    if image.padding is None or image.geometry is None or image.voxels.ndim != 3:
        return ()
    low, high = image.padding
    empty = [bool(((plane >= low) & (plane <= high)).all()) for plane in image.voxels]
    seen = [k for k, is_empty in enumerate(empty) if not is_empty]
    return tuple(k for k in range(seen[0], seen[-1]) if empty[k]) if seen else ()


def missing_flags(
    image: ModelInput, masks: Mapping[int, npt.NDArray[Any]]
) -> tuple[QualityFlag, ...]:
    """One doubt about all labels of ``masks`` (on the grid of the image) that reach a hole."""
    holes = missing_planes(image)
    if not holes or not masks:
        return ()
    last = len(image.voxels) - 1
    beside = sorted({k + step for k in holes for step in (-1, 0, 1) if 0 <= k + step <= last})
    if isinstance(masks, LabelField):
        found = set(np.unique(masks.labels[beside]).tolist())
        labels = tuple(index for index in masks if index in found)
    else:
        labels = tuple(index for index, mask in masks.items() if mask[beside].any())
    if not labels:
        return ()
    text = Message(
        "An image of the series is missing at this place; sizes and densities are uncertain.",
        "В этом месте серии не хватает снимка; размеры и плотность ненадёжны.",
    )
    return (QualityFlag(MISSING, labels, text),)
