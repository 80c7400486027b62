"""The masks used last, in memory; the rest wait in the library."""

from __future__ import annotations

from typing import Final

from app.core.segmentation import Mask
from app.core.study import SeriesRef
from app.store.blobs import Blobs

_KEPT: Final = 8


class MaskMemory:
    """Gives masks by their content hash. One thread at a time."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._masks: dict[str, Mask] = {}

    def get(self, sha256: str, ref: SeriesRef) -> Mask:
        """The mask; raises ``StoreError`` where it is not stored."""
        found = self._masks.get(sha256)
        if found is None:
            found = Mask(self._blobs.get(sha256), ref)
        self.keep(sha256, found)
        return found

    def keep(self, sha256: str, mask: Mask) -> None:
        """Remember a mask that was just stored; the one used longest ago is forgotten."""
        self._masks.pop(sha256, None)
        self._masks[sha256] = mask
        while len(self._masks) > _KEPT:
            self._masks.pop(next(iter(self._masks)))

    def clear(self) -> None:
        """Forget all."""
        self._masks.clear()
