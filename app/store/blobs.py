"""Masks by their content hash, packed to bits and deflated."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass

import numpy as np

from app.core.errors import StoreError
from app.core.segmentation import MaskArray
from app.store.connection import Connection


@dataclass(frozen=True, slots=True)
class PackedMask:
    """A mask as it is stored: some kilobytes for the hundred megabytes of a CT."""

    shape_kji: tuple[int, ...]
    data: bytes


def packed(voxels: MaskArray) -> PackedMask:
    """Pack a mask; any thread, so that the main thread need not wait for it."""
    return PackedMask(voxels.shape, zlib.compress(np.packbits(voxels).tobytes(), level=1))


class Blobs:
    """Stores binary masks ``[k, j, i]`` (uint8, 0 or 1). Writing one twice changes nothing."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def put(self, sha256: str, voxels: MaskArray) -> None:
        """Store a mask under its content hash."""
        if not self.has(sha256):
            self.put_packed(sha256, packed(voxels))

    def put_packed(self, sha256: str, mask: PackedMask) -> None:
        """Store a mask that was packed before."""
        self._db.execute(
            "INSERT OR IGNORE INTO blobs VALUES (?, ?, ?)",
            (sha256, json.dumps(list(mask.shape_kji)), mask.data),
        )

    def has(self, sha256: str) -> bool:
        """Whether the mask is stored."""
        return self._db.row("SELECT 1 FROM blobs WHERE sha256 = ?", (sha256,)) is not None

    def get(self, sha256: str) -> MaskArray:
        """The mask, writable. Raises ``StoreError`` when it is not there or damaged."""
        row = self._db.row("SELECT shape, data FROM blobs WHERE sha256 = ?", (sha256,))
        if row is None:
            raise StoreError(
                "The mask of this finding is not in the library.",
                ru="Маски этой находки нет в базе данных.",
                hint="Run the model again.",
                hint_ru="Запустите модель ещё раз.",
                technical_detail=sha256,
            )
        shape = tuple(json.loads(row["shape"]))
        count = int(np.prod(shape))
        try:
            bits = np.frombuffer(zlib.decompress(row["data"]), dtype=np.uint8)
            return np.unpackbits(bits, count=count).reshape(shape)
        except (zlib.error, ValueError) as fault:
            raise StoreError(
                "The mask of this finding is damaged in the library.",
                ru="Маска этой находки повреждена в базе данных.",
                hint="Run the model again.",
                hint_ru="Запустите модель ещё раз.",
                technical_detail=sha256,
            ) from fault
