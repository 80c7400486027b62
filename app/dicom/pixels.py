"""Stored pixels of a frame, decoded; and the facts by which they become modality values.

Decoders: pydicom with pyjpegls, openjpeg and Pillow; what they do not know (lossless JPEG, 12-bit
JPEG) goes to the GDCM inside SimpleITK. No codec under the GPL is used.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut
from pydicom.pixels.utils import pixel_array

from app.core.errors import DicomReadError
from app.core.study import Instance
from app.core.volume import Rescale, Window
from app.dicom.functional_groups import FunctionalGroups
from app.dicom.headers import read_dataset
from app.dicom.tolerant import (
    MALFORMED,
    integer_of,
    items_of,
    number_of,
    numbers_of,
    quiet,
    value_of,
    words_of,
)
from app.dicom.tolerant import text_words_upper as words_upper

StoredArray = npt.NDArray[Any]

# XA and XRF: their modality LUT is not for the image as shown (I05).
_NO_MODALITY_LUT: Final = (
    "1.2.840.10008.5.1.4.1.1.12.1",
    "1.2.840.10008.5.1.4.1.1.12.2",
    "1.2.840.10008.5.1.4.1.1.12.1.1",
    "1.2.840.10008.5.1.4.1.1.12.2.1",
)
_MAXIMUM_FRAME_BYTES: Final = 4 * 2**30


@dataclass(frozen=True, slots=True)
class ValueFacts:
    """How the stored values of one frame are to be read.

    ``padding`` is a range of stored values (I09). ``has_table``: a Modality LUT Sequence takes the
    place of the rescale (I04).
    """

    rescale: Rescale
    has_table: bool
    padding: tuple[int, int] | None
    windows: tuple[Window, ...]


class ImageObject:
    """One instance with its pixels in memory; decodes its frames one by one. Not thread-safe."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._dataset = read_dataset(instance.path)
        self._itk_frames: npt.NDArray[Any] | None = None
        with quiet():
            _complete_pixel_module(self._dataset)
            self._groups = FunctionalGroups(self._dataset)

    @property
    def dataset(self) -> Dataset:
        """The whole dataset, pixels included; not to be changed."""
        return self._dataset

    def stored_frame(self, index: int) -> StoredArray:
        """Stored values ``[row, column]`` of frame ``index`` (from 0), or uint8 RGB ``[r, c, 3]``.

        Integers hold BitsStored bits with their sign extended (I08). Raises ``DicomReadError``.
        """
        ds = self._dataset
        samples = integer_of(ds, "SamplesPerPixel", 1)
        size = self._instance.rows * self._instance.columns * samples
        if size * integer_of(ds, "BitsAllocated", 16) // 8 > _MAXIMUM_FRAME_BYTES:
            raise self._failure("its size is not plausible", "")
        try:
            with quiet():
                array = self._decoded(index)
        except (*MALFORMED, OSError) as error:
            raise self._failure(
                "its pixels cannot be decoded", f"{type(error).__name__}"
            ) from error
        expected = (self._instance.rows, self._instance.columns)
        if array.shape[:2] != expected:
            raise self._failure("its pixels have another size than its header says", "")
        if array.ndim == 3:
            return _to_rgb8(array, integer_of(ds, "BitsStored", 8))
        return significant_bits(array, ds) if array.dtype.kind in "iu" else array

    def modality_frame(self, index: int, stored: StoredArray) -> npt.NDArray[np.float32]:
        """Modality values of stored values by table (I04) or by the frame's own rescale (I07)."""
        facts = value_facts(self._dataset, self._groups, index)
        if facts.has_table:
            with quiet():
                table = apply_modality_lut(stored, self._dataset)
            return np.asarray(table, dtype=np.float32)
        values = stored.astype(np.float64) * facts.rescale.slope + facts.rescale.intercept
        return np.asarray(values, dtype=np.float32)

    def _decoded(self, index: int) -> StoredArray:
        ds = self._dataset
        is_palette = words_upper(ds, "PhotometricInterpretation")[:1] == ("PALETTE COLOR",)
        if not ds.file_meta.TransferSyntaxUID.is_encapsulated:
            # pydicom would clear bits as if HighBit were BitsStored - 1; we know better below.
            array = pixel_array(ds, index=index, correct_unused_bits=False)
        else:
            try:
                array = pixel_array(ds, index=index)
            except (*MALFORMED, OSError):
                array = self._decoded_by_itk(index)
        if is_palette and array.ndim == 2:
            array = apply_color_lut(array, ds)
            if array.dtype != np.uint8:
                array = (array >> 8).astype(np.uint8)
        return np.asarray(array)

    def _decoded_by_itk(self, index: int) -> StoredArray:
        """Through GDCM, from a copy without rescale: GDCM would apply it and lose the bits."""
        if self._itk_frames is None:
            bare = Dataset()
            bare.file_meta = self._dataset.file_meta
            for keyword in _PIXEL_MODULE:
                if keyword in self._dataset:
                    bare[keyword] = self._dataset[keyword]
            bare.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
            bare.SOPInstanceUID = self._instance.sop_instance_uid
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "frame.dcm")
                bare.save_as(path, enforce_file_format=True)
                reader = sitk.ImageFileReader()
                reader.SetImageIO("GDCMImageIO")
                reader.SetFileName(str(path))
                array = sitk.GetArrayFromImage(reader.Execute())
            channels = 1 if integer_of(bare, "SamplesPerPixel", 1) > 1 else 0
            self._itk_frames = array if array.ndim == 3 + channels else array[np.newaxis]
        return np.asarray(self._itk_frames[index])

    def _failure(self, why: str, detail: str) -> DicomReadError:
        number = self._instance.instance_number
        name = self._instance.path.name if number is None else f"Image {number}"
        name_ru = self._instance.path.name if number is None else f"Снимок {number}"
        return DicomReadError(
            f"{name} cannot be shown: {why}.",
            ru=f"{name_ru} нельзя показать: пиксельные данные не читаются.",
            hint="Ask the source for it again, uncompressed if possible.",
            hint_ru="Запросите его у источника ещё раз, по возможности без сжатия.",
            technical_detail=f"{detail} {self._instance.transfer_syntax_uid}".strip(),
        )


_PIXEL_MODULE: Final = (
    "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration",
    "NumberOfFrames", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData",
)  # fmt: skip


def significant_bits(array: StoredArray, ds: Dataset) -> StoredArray:
    """The BitsStored bits below HighBit, sign extended; other bits may hold overlays (I08)."""
    allocated = array.dtype.itemsize * 8
    stored = integer_of(ds, "BitsStored", allocated)
    if not 0 < stored < allocated:
        return array
    signed = integer_of(ds, "PixelRepresentation", 0) == 1
    low = -(1 << (stored - 1)) if signed else 0
    high = (1 << (stored - 1)) - 1 if signed else (1 << stored) - 1
    native = not ds.file_meta.TransferSyntaxUID.is_encapsulated
    shift = integer_of(ds, "HighBit", stored - 1) + 1 - stored if native else 0
    if shift <= 0 and int(array.min()) >= low and int(array.max()) <= high:
        return array
    bits = array.astype(np.int64) >> max(shift, 0)
    bits &= (1 << stored) - 1
    if signed:
        bits -= (bits >> (stored - 1)) << stored
    return bits.astype(array.dtype)


def value_facts(ds: Dataset, groups: FunctionalGroups, index: int) -> ValueFacts:
    """Rescale, padding and windows of frame ``index``, from its functional groups first (I11)."""
    holder = groups.holder(index, "RescaleSlope")
    slope, intercept = number_of(holder, "RescaleSlope"), number_of(holder, "RescaleIntercept")
    exempt = words_of(ds, "SOPClassUID")[:1] and words_of(ds, "SOPClassUID")[0] in _NO_MODALITY_LUT
    rescale = Rescale(slope or 1.0, intercept or 0.0)
    return ValueFacts(
        rescale=Rescale() if exempt else rescale,
        has_table=bool(items_of(ds, "ModalityLUTSequence")) and not exempt,
        padding=padding_of(ds),
        windows=_windows(groups.holder(index, "WindowCenter"), ds),
    )


def padding_of(ds: Dataset) -> tuple[int, int] | None:
    """The range of stored values that is no image, ends included (PS3.3 C.7.5.1.1.2)."""
    value = _stored_number(ds, "PixelPaddingValue")
    if value is None:
        return None
    limit = _stored_number(ds, "PixelPaddingRangeLimit")
    limit = value if limit is None else limit
    return min(value, limit), max(value, limit)


def _stored_number(ds: Dataset, keyword: str) -> int | None:
    number = number_of(ds, keyword)
    if number is None:
        return None
    value = int(number)
    # Written as unsigned by some although the pixels are signed.
    if integer_of(ds, "PixelRepresentation", 0) == 1 and value >= 1 << 15:
        value -= 1 << 16
    if integer_of(ds, "PixelRepresentation", 0) == 0 and value < 0:
        value += 1 << 16
    return value


def _windows(holder: Dataset, ds: Dataset) -> tuple[Window, ...]:
    centers, widths = numbers_of(holder, "WindowCenter"), numbers_of(holder, "WindowWidth")
    names = words_of(holder, "WindowCenterWidthExplanation")
    function = (words_upper(holder, "VOILUTFunction") or ("LINEAR",))[0]
    if function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        function = "LINEAR"
    windows = []
    for n, (center, width) in enumerate(zip(centers, widths, strict=False)):
        if width > 0:
            windows.append(Window(center, width, names[n] if n < len(names) else "", function))
    return tuple(dict.fromkeys(windows)) or _window_of_voi_lut(ds)


def _window_of_voi_lut(ds: Dataset) -> tuple[Window, ...]:
    """The input range of the first VOI LUT as a window, where the header gives a table only."""
    for item in items_of(ds, "VOILUTSequence"):
        descriptor = numbers_of(item, "LUTDescriptor")
        if len(descriptor) == 3:
            entries = descriptor[0] or 65536.0
            name = (words_of(item, "LUTExplanation") or ("VOI LUT",))[0]
            return (Window(descriptor[1] + entries / 2.0, entries, name),)
    return ()


def _to_rgb8(array: StoredArray, bits_stored: int) -> npt.NDArray[np.uint8]:
    if array.shape[-1] > 3:
        array = array[..., :3]
    if array.dtype == np.uint8:
        return np.asarray(array, dtype=np.uint8)
    return np.asarray(array >> max(0, bits_stored - 8), dtype=np.uint8)


def _complete_pixel_module(ds: Dataset) -> None:
    """Defaults for what old or careless writers leave out; without them nothing decodes."""
    defaults: Sequence[tuple[str, Any]] = (
        ("SamplesPerPixel", 1),
        ("PhotometricInterpretation", "MONOCHROME2"),
        ("BitsAllocated", 16),
        ("PixelRepresentation", 0),
    )
    for keyword, value in defaults:
        if value_of(ds, keyword) is None:
            _replace(ds, keyword, value)
    if number_of(ds, "NumberOfFrames") is None:
        _replace(ds, "NumberOfFrames", None)  # not a number: one frame, as grouping counted
    if value_of(ds, "BitsStored") is None:
        _replace(ds, "BitsStored", integer_of(ds, "BitsAllocated", 16))
    if value_of(ds, "HighBit") is None:
        _replace(ds, "HighBit", integer_of(ds, "BitsStored", 16) - 1)
    if integer_of(ds, "SamplesPerPixel", 1) > 1 and value_of(ds, "PlanarConfiguration") is None:
        _replace(ds, "PlanarConfiguration", 0)


def _replace(ds: Dataset, keyword: str, value: int | str | None) -> None:
    """Set an element whatever is there now; what cannot be parsed cannot be assigned to either."""
    if keyword in ds:
        delattr(ds, keyword)
    if value is not None:
        setattr(ds, keyword, value)
