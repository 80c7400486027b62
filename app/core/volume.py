"""Voxels with their geometry and the meaning of their values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.core.geometry import Geometry
from app.core.report import Message
from app.core.study import SeriesRef, StudyWarning
from app.core.ultrasound import UsRegion
from app.core.uptake import SuvFactors

VoxelArray = npt.NDArray[Any]


def frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same array, read-only from now on."""
    array.flags.writeable = False
    return array


@dataclass(frozen=True, slots=True)
class Rescale:
    """Stored value to modality value: ``value * slope + intercept`` (PS3.3 C.11.1)."""

    slope: float = 1.0
    intercept: float = 0.0


@dataclass(frozen=True, slots=True)
class VoiTable:
    """A VOI LUT: outputs of ``bits`` bits for consecutive modality values from ``first`` on.

    ``data`` holds the outputs as little-endian unsigned 16-bit words, always unsigned (I03).
    """

    first: int
    bits: int
    data: bytes

    @property
    def entries(self) -> npt.NDArray[np.uint16]:
        """The outputs, ``[n]``, read-only."""
        return np.frombuffer(self.data, dtype="<u2")


@dataclass(frozen=True, slots=True)
class Window:
    """A VOI window: centre and width in modality values, and its function (PS3.3 C.11.2.1).

    With a ``table`` that decides, and centre and width only tell the range of its inputs (I02).
    """

    center: float
    width: float
    explanation: str = ""
    function: str = "LINEAR"
    table: VoiTable | None = None


@dataclass(frozen=True, slots=True)
class ColorTable:
    """Colours of consecutive stored values from ``first`` on; ``rgb`` has three bytes for each."""

    first: int
    rgb: bytes

    def colors(self, stored: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """RGB ``[..., 3]`` of stored values; values outside take the first or last colour."""
        table = np.frombuffer(self.rgb, np.uint8).reshape(-1, 3)
        index = np.clip(stored.astype(np.int64) - self.first, 0, len(table) - 1)
        return np.asarray(table[index], dtype=np.uint8)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Volume:
    """Voxels ``[k, j, i]``, read-only, with one rescale for all of them.

    ``voxels`` are stored values (int16 where possible). ``modality_values`` gives floats.
    ``quantity`` is ``HU``, ``SUVbw``, ``OD``, ``arbitrary``... ``padding`` is the range of stored
    values that is no image (I09). ``geometry`` is None for projection images and mere stacks: they
    have no place in patient space, only ``pixel_spacing_mm`` (row, column order as in the
    standard) and ``spacing_source`` saying what that number means (M01).
    ``polarity_inverted`` is True for MONOCHROME1: display inverts once, values never change (I01).
    Three samples per pixel: ``voxels`` has shape ``[k, j, i, 3]`` uint8 RGB.

    ``frame_windows`` holds the windows of each slice where they differ, else it is empty (I11).
    ``pixel_aspect``: height of a pixel over its width where no spacing is known (G17). ``lossy``:
    the compression ratio, ``12:1``, or ``?`` where it is not stated; empty: no loss (I16).
    ``frame_times_s``: how long each frame of a cine is shown (D13); empty: no cine.
    ``suv`` turns modality values into SUV; ``suv_missing`` says why PET images have none (I13).
    ``graphics``: for each image what the device drew beside the pixels, as packed bits; empty where
    there is none at all. ``unreadable``: the images of the stack that could not be decoded and are
    padding here (D12).
    ``supplement``: stored values from its first on are shown in colour instead of grey (I12).
    """

    voxels: VoxelArray
    geometry: Geometry | None
    rescale: Rescale
    quantity: str
    source: SeriesRef
    windows: tuple[Window, ...] = ()
    padding: tuple[int, int] | None = None
    polarity_inverted: bool = False
    pixel_spacing_mm: tuple[float, float] | None = None
    spacing_source: str = ""
    patient_orientation: tuple[str, str] | None = None
    warnings: tuple[StudyWarning, ...] = ()
    frame_windows: tuple[tuple[Window, ...], ...] = ()
    pixel_aspect: float = 1.0
    lossy: str = ""
    frame_times_s: tuple[float, ...] = ()
    suv: SuvFactors | None = None
    suv_missing: Message | None = None
    us_regions: tuple[UsRegion, ...] = ()
    supplement: ColorTable | None = None
    unreadable: tuple[int, ...] = ()
    graphics: tuple[bytes | None, ...] = ()

    def __post_init__(self) -> None:
        if self.voxels.ndim not in (3, 4):
            raise ValueError(f"voxels must be [k, j, i] or [k, j, i, 3], not {self.voxels.shape}")
        if self.geometry is not None and self.voxels.shape[:3] != self.geometry.shape_kji:
            raise ValueError("voxels and geometry differ in size")
        frozen(self.voxels)

    @property
    def is_color(self) -> bool:
        """Whether the voxels are RGB triples."""
        return self.voxels.ndim == 4

    @property
    def voi_tables(self) -> tuple[VoiTable, ...]:
        """The VOI lookup tables among the windows."""
        return tuple(window.table for window in self.windows if window.table is not None)

    @property
    def cine_fps(self) -> float | None:
        """Frames per second of a cine, None where it is none."""
        total = sum(self.frame_times_s)
        return len(self.frame_times_s) / total if total > 0 else None

    def windows_of(self, k: int) -> tuple[Window, ...]:
        """The windows of slice ``k``: its own where slices differ, else those of all (I11)."""
        return self.frame_windows[k] if k < len(self.frame_windows) else self.windows

    def to_modality(self, stored: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Modality values of stored values, same shape; floats, never rounded (I06).

        Whoever shows, measures or exports values goes through here (I04, I15).
        """
        if self.rescale == Rescale():
            return stored.astype(np.float32)
        if stored.dtype.itemsize > 2 and stored.dtype.kind in "iu":
            # 32-bit integers have more digits than a float32 holds before the rescale.
            exact = stored.astype(np.float64) * self.rescale.slope + self.rescale.intercept
            return exact.astype(np.float32)
        values = stored.astype(np.float32)
        return values * np.float32(self.rescale.slope) + np.float32(self.rescale.intercept)

    def modality_values(self, k: int | None = None) -> npt.NDArray[np.float32]:
        """Modality values (e.g. HU) of slice ``k``, or of the whole volume."""
        return self.to_modality(self.voxels if k is None else self.voxels[k])

    def measured_values(self) -> npt.NDArray[np.float32]:
        """Modality values of the whole volume for statistics: NaN where there is no image (I09)."""
        values = self.modality_values()
        mask = self.padding_mask()
        if mask is not None:
            values[mask] = np.nan
        return values

    def graphics_mask(self, k: int) -> npt.NDArray[np.bool_] | None:
        """Where the device drew on slice ``k``, ``[j, i]``, or None."""
        packed = self.graphics[k] if k < len(self.graphics) else None
        if packed is None:
            return None
        rows, columns = self.voxels.shape[1:3]
        bits = np.unpackbits(np.frombuffer(packed, np.uint8), count=rows * columns)
        return bits.reshape(rows, columns).astype(np.bool_)

    def padding_mask(self, k: int | None = None) -> npt.NDArray[np.bool_] | None:
        """True where a stored value is padding, or None where there is none."""
        if self.padding is None:
            return None
        low, high = self.padding
        stored = self.voxels if k is None else self.voxels[k]
        return np.asarray((stored >= low) & (stored <= high))
