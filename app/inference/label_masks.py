"""The masks of a result, made from a label map when they are asked for.

A hundred masks of 512 x 512 x 512 are 16 GB; the label map they come from is 134 MB.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from app.core.segmentation import Mask, MaskArray
from app.core.study import SeriesRef


class LabelMasks(Mapping[int, MaskArray]):
    """Label index to mask, uint8 ``[k, j, i]``. ``labels`` is read-only from here on."""

    def __init__(self, labels: npt.NDArray[Any], indexes: tuple[int, ...]) -> None:
        labels.setflags(write=False)
        self._labels = labels
        self._indexes = indexes

    @property
    def labels(self) -> npt.NDArray[Any]:
        """The label map."""
        return self._labels

    def __getitem__(self, index: int) -> MaskArray:
        """A new array with the mask of one label."""
        if index not in self._indexes:
            raise KeyError(index)
        return np.asarray(self._labels == index).view(np.uint8)

    def __iter__(self) -> Iterator[int]:
        """The labels, in the order of the manifest."""
        return iter(self._indexes)

    def __len__(self) -> int:
        """How many labels there are."""
        return len(self._indexes)


class MaskRows(Sequence[tuple[int, MaskArray]]):
    """(label index, mask) of each label; a mask is made when its row is reached."""

    def __init__(self, masks: Mapping[int, MaskArray]) -> None:
        self.by_label = masks
        self._indexes = tuple(masks)

    @overload
    def __getitem__(self, index: int) -> tuple[int, MaskArray]: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[tuple[int, MaskArray]]: ...

    def __getitem__(
        self, index: int | slice
    ) -> tuple[int, MaskArray] | Sequence[tuple[int, MaskArray]]:
        """One row, or some."""
        if isinstance(index, slice):
            return tuple((label, self.by_label[label]) for label in self._indexes[index])
        label = self._indexes[index]
        return label, self.by_label[label]

    def __len__(self) -> int:
        """How many labels there are."""
        return len(self._indexes)


class FindingMasks(Mapping[str, Mask]):
    """Masks of findings by content hash, made from the masks of a result when asked for."""

    def __init__(self, masks: Mapping[int, MaskArray], source: SeriesRef) -> None:
        self._masks = masks
        self._source = source
        self._labels: dict[str, int] = {}
        self._kept: dict[str, Mask] = {}

    def keep(self, sha256: str, mask: Mask) -> None:
        """A mask that is that of no label."""
        self._kept[sha256] = mask

    def add(self, sha256: str, label: int) -> None:
        """The mask of this hash is that of a label."""
        self._labels.setdefault(sha256, label)

    def __getitem__(self, sha256: str) -> Mask:
        """A mask; KeyError where there is none of this hash."""
        if sha256 in self._kept:
            return self._kept[sha256]
        return Mask(self._masks[self._labels[sha256]], self._source)

    def __iter__(self) -> Iterator[str]:
        """The hashes."""
        return iter({**self._labels, **self._kept})

    def __len__(self) -> int:
        """How many there are."""
        return len({**self._labels, **self._kept})
