"""Results that were computed once are kept: by what computes, what was given, and the images.

Nothing of the patient is kept: the key is a hash, and of the run there are masks and numbers only.
A file that is not what was written is as good as none.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import os
import zlib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError

from app.core.measurement import Measurement
from app.core.report import Message
from app.core.study import SeriesRef
from app.core.volume import Volume
from app.inference.label_masks import LabelMasks, MaskRows
from app.inference.pack_store import InstalledPack
from app.inference.result import DetectedBox, InferenceResult, Landmark, QualityFlag
from app.inference.run_context import RunContext

ENGINE: Final = 1
"""Raised whenever the engine computes something else from the same input."""

_MAGIC: Final = b"overread-run/1\n"
_log = logging.getLogger("overread.inference")


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a result says besides its arrays."""

    pack_id: str
    version: str
    weights_sha256: str
    manifest_sha256: str
    device: str
    providers: tuple[str, ...]
    seconds: dict[str, float]
    patches: int
    scores: dict[str, float]
    quality_flags: tuple[str, ...]
    flags: tuple[QualityFlag, ...]
    notes: tuple[Message, ...]
    boxes: tuple[DetectedBox, ...]
    landmarks: tuple[Landmark, ...]
    numbers: tuple[tuple[int, Measurement], ...]
    reader_input_sha256: str
    indexes: tuple[int, ...]
    arrays: tuple[tuple[str, str, tuple[int, ...]], ...] = field(default=())


_FACTS: Final = TypeAdapter(_Facts)


def result_key(installed: InstalledPack, volume: Volume, given: RunContext) -> str:
    """What the result depends on, as a hash: pack, images, what the reader gave."""
    digest = hashlib.sha256()
    image = {
        "engine": ENGINE,
        "manifest": installed.manifest_sha256,
        "weights": installed.pack.weights_sha256,
        "shape": list(volume.voxels.shape),
        "dtype": volume.voxels.dtype.str,
        "rescale": repr(volume.rescale),
        "padding": repr(volume.padding),
        "inverted": volume.polarity_inverted,
        "geometry": repr(volume.geometry),
        "spacing": repr(volume.pixel_spacing_mm),
        "orientation": repr(volume.patient_orientation),
        "acquisition": repr(given.acquisition),
        "reader": given.reader.sha256,
    }
    digest.update(json.dumps(image, sort_keys=True).encode())
    voxels = np.ascontiguousarray(volume.voxels)
    digest.update(voxels.data.cast("B"))
    return digest.hexdigest()


class ResultCache:
    """Files in ``folder``, at most ``limit_bytes`` in all. Any thread; several programs may share
    a folder.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder = folder
        self._limit = limit_bytes

    def get(self, key: str, source: SeriesRef, *, forced: bool) -> InferenceResult | None:
        """The result kept under ``key``, as one of ``source``; None where there is none."""
        path = self._path(key)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        result = _unpacked(content, source, forced=forced)
        if result is None:
            _log.warning("a kept result is damaged and is computed again")
            path.unlink(missing_ok=True)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return result

    def put(self, key: str, result: InferenceResult) -> Message | None:
        """Keep a result; a note where it cannot be kept, which is no failure of the run."""
        if self._limit <= 0:
            return None
        partial = self._path(key).with_suffix(f".{os.getpid()}.partial")
        try:
            content = _packed(result)
            if len(content) > self._limit:
                return None
            self._folder.mkdir(parents=True, exist_ok=True)
            self._make_room(len(content))
            partial.write_bytes(content)
            partial.replace(self._path(key))
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            _log.warning("a result cannot be kept: %s", error.strerror)
            return Message(
                "The result could not be kept for the next time: there is no space on the disk.",
                "Результат не удалось сохранить на следующий раз: на диске нет места.",
            )
        return None

    @property
    def size_bytes(self) -> int:
        """What the kept results take."""
        return sum(size for _, size, _ in self._files())

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.run"

    def _files(self) -> list[tuple[float, int, Path]]:
        """(used last, size, path), the one used longest ago first."""
        found = []
        with contextlib.suppress(OSError):
            for path in self._folder.glob("*.run"):
                with contextlib.suppress(OSError):
                    about = path.stat()
                    found.append((about.st_mtime, about.st_size, path))
        return sorted(found)

    def _make_room(self, wanted: int) -> None:
        files = self._files()
        size = sum(entry[1] for entry in files)
        for _, length, path in files:
            if size + wanted <= self._limit:
                return
            path.unlink(missing_ok=True)
            size -= length


def _packed(result: InferenceResult) -> bytes:
    arrays: list[tuple[str, npt.NDArray[Any]]] = []
    indexes: tuple[int, ...]
    if isinstance(result.masks, MaskRows) and isinstance(result.masks.by_label, LabelMasks):
        indexes = tuple(result.masks.by_label)
        arrays.append(("labels", result.masks.by_label.labels))
    else:
        indexes = tuple(index for index, _ in result.masks)
        arrays += [(f"mask {index}", mask) for index, mask in result.masks]
    arrays += [(f"attention {index}", map_) for index, map_ in result.attention]
    names = {entry.name for entry in fields(_Facts)} - {"indexes", "arrays"}
    facts = _Facts(
        **{name: getattr(result, name) for name in names},
        indexes=indexes,
        arrays=tuple((name, a.dtype.str, tuple(a.shape)) for name, a in arrays),
    )
    body = io.BytesIO()
    packer = zlib.compressobj(1)
    head = _FACTS.dump_json(facts)
    body.write(packer.compress(len(head).to_bytes(8, "little") + head))
    for _, array in arrays:
        body.write(packer.compress(np.ascontiguousarray(array).data.cast("B")))
    body.write(packer.flush())
    content = body.getvalue()
    return _MAGIC + hashlib.sha256(content).digest() + content


def _unpacked(content: bytes, source: SeriesRef, *, forced: bool) -> InferenceResult | None:
    """The result, or None where the content is not what was written."""
    begin = len(_MAGIC) + 32
    packed = content[begin:]
    if content[: len(_MAGIC)] != _MAGIC or content[len(_MAGIC) : begin] != (
        hashlib.sha256(packed).digest()
    ):
        return None
    try:
        body = memoryview(zlib.decompress(packed))
        length = int.from_bytes(body[:8], "little")
        facts = _FACTS.validate_json(bytes(body[8 : 8 + length]))
    except (zlib.error, ValidationError, ValueError):
        return None
    arrays: dict[str, npt.NDArray[Any]] = {}
    place = 8 + length
    for name, dtype, shape in facts.arrays:
        kind = np.dtype(dtype)
        size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
        arrays[name] = np.frombuffer(body[place : place + size], dtype=kind).reshape(shape)
        place += size
    masks: Any = tuple((n, arrays[f"mask {n}"]) for n in facts.indexes if f"mask {n}" in arrays)
    if "labels" in arrays:
        masks = MaskRows(LabelMasks(arrays["labels"], facts.indexes))
    attention = tuple(
        (int(name.split()[1]), array) for name, array in arrays.items() if name[:4] == "atte"
    )
    names = {entry.name for entry in fields(_Facts)} - {"indexes", "arrays"}
    made = InferenceResult(
        **{name: getattr(facts, name) for name in names},
        source=source,
        forced=forced,
        masks=masks,
        attention=attention,
    )
    return replace(made, is_kept=True)
