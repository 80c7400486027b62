"""Labels that exclude each other, as one array, used like a mapping from index to mask."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]


@dataclass(slots=True)
class LabelField(MutableMapping[int, BoolArray]):
    """A label map and how probable each winner was, on the native grid; ``indexes`` are known.

    ``field[n] = mask`` gives the voxels of ``mask`` to label n, wherever they were before, and
    takes all others from it. A probability below 0 says that a voxel was given later.
    """

    labels: npt.NDArray[np.uint16]
    probability: npt.NDArray[np.float16]
    indexes: tuple[int, ...] = ()

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> LabelField:
        """Background everywhere."""
        return cls(np.zeros(shape, dtype=np.uint16), np.ones(shape, dtype=np.float16))

    def only(self, indexes: tuple[int, ...]) -> None:
        """Know these labels alone; every other value becomes background."""
        highest = max(int(self.labels.max(initial=0)), *indexes)
        table = np.zeros(highest + 1, dtype=np.uint16)
        table[list(indexes)] = indexes
        for plane in self.labels:  # plane by plane: no second array of the size of the image
            plane[...] = table[plane]
        self.indexes = indexes

    def moved(self, move: Callable[[npt.NDArray[np.uint16]], npt.NDArray[np.uint16]]) -> LabelField:
        """The labels in other axes; how probable they were is not taken along."""
        labels = move(self.labels)
        return LabelField(labels, np.zeros((labels.shape[0], 0), np.float16), self.indexes)

    def confidence(self, index: int) -> float | None:
        """Mean probability over the voxels that the model itself gave to a label and that it
        still has; None where there are none.
        """
        return self.confidences().get(index)

    def confidences(self) -> dict[int, float]:
        """``confidence`` of every label that has such voxels, in one pass over the image."""
        most = max(self.indexes, default=0) + 1
        total, count = np.zeros(most), np.zeros(most, dtype=np.int64)
        for plane, probability in zip(self.labels, self.probability, strict=True):
            mine = (plane > 0) & (plane < most) & (probability >= 0)
            labels = plane[mine]
            total += np.bincount(labels, probability[mine].astype(np.float64), minlength=most)
            count += np.bincount(labels, minlength=most)
        return {n: float(total[n] / count[n]) for n in self.indexes if count[n]}

    def __getitem__(self, index: int) -> BoolArray:
        """The mask of a label."""
        if index not in self.indexes:
            raise KeyError(index)
        return np.asarray(self.labels == index)

    def __setitem__(self, index: int, mask: BoolArray) -> None:
        """Give a label exactly this mask."""
        before = self.labels == index
        self.labels[before & ~mask] = 0
        gained = mask & ~before
        if gained.any():
            self.labels[gained] = index
            self.probability[gained] = -1.0

    def __delitem__(self, index: int) -> None:
        """Make a label background."""
        self.labels[self.labels == index] = 0
        self.indexes = tuple(n for n in self.indexes if n != index)

    def __iter__(self) -> Iterator[int]:
        """The known labels."""
        return iter(self.indexes)

    def __len__(self) -> int:
        """How many labels are known."""
        return len(self.indexes)
