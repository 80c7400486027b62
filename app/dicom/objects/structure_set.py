"""RT structure sets: regions as contours in the patient, and as masks of a grid (PS3.3 C.8.8.5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from app.core.errors import FrameOfReferenceMismatch, GeometryError
from app.core.geometry import Float64Array, Geometry
from app.core.segmentation import MaskArray
from app.core.volume import frozen
from app.dicom.character_sets import text_of
from app.dicom.objects.object_kinds import STRUCTURE_SET
from app.dicom.objects.object_reading import (
    ObjectReference,
    dataset_of,
    made_at,
    maker_of,
    reading,
    references_of,
    word_of,
)
from app.dicom.tolerant import integer_of, items_of, numbers_of

_CLOSED: Final = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR", "CLOSED_PLANAR_XOR")
_FLAT_MM: Final = 0.1


@dataclass(frozen=True, slots=True)
class Contour:
    """One contour: its type and its points, shape (n, 3), LPS millimetres, read-only."""

    geometric_type: str
    points_lps: Float64Array
    references: tuple[ObjectReference, ...] = ()

    @property
    def is_closed(self) -> bool:
        """Whether it encloses an area."""
        return self.geometric_type in _CLOSED and len(self.points_lps) >= 3


@dataclass(frozen=True, slots=True)
class Roi:
    """One region of interest with its contours; ``kind`` is its RT type (ORGAN, GTV, EXTERNAL)."""

    number: int
    name: str
    description: str
    kind: str
    color_rgb: tuple[int, int, int] | None
    algorithm: str
    frame_of_reference_uid: str
    contours: tuple[Contour, ...]


@dataclass(frozen=True, slots=True)
class StructureSet:
    """A structure set; regions without contours are kept."""

    label: str
    name: str
    at: str
    made_by: str
    sop_instance_uid: str
    rois: tuple[Roi, ...]


def structure_set(source: Path | Dataset) -> StructureSet:
    """A structure set. Raises ``DicomReadError``."""
    ds = dataset_of(source, pixels=False)
    with reading(STRUCTURE_SET):
        drawn = {
            integer_of(item, "ReferencedROINumber", 0): item
            for item in items_of(ds, "ROIContourSequence")
        }
        observed = {
            integer_of(item, "ReferencedROINumber", 0): word_of(item, "RTROIInterpretedType")
            for item in items_of(ds, "RTROIObservationsSequence")
        }
        named = items_of(ds, "StructureSetROISequence")
        numbers = [integer_of(item, "ROINumber", 0) for item in named]
        # Contours of a region that the list leaves out are shown all the same.
        nameless = [Dataset() for number in drawn if number not in numbers]
        unnamed = [number for number in drawn if number not in numbers]
        return StructureSet(
            label=text_of(ds, "StructureSetLabel"),
            name=text_of(ds, "StructureSetName"),
            at=made_at(ds),
            made_by=maker_of(ds),
            sop_instance_uid=word_of(ds, "SOPInstanceUID"),
            rois=tuple(
                _roi(number, item, drawn.get(number), observed.get(number, ""))
                for number, item in zip([*numbers, *unnamed], [*named, *nameless], strict=True)
            ),
        )


def rasterised(roi: Roi, geometry: Geometry) -> MaskArray:
    """The region as a mask ``[k, j, i]``: voxels whose centre lies in an odd number of contours.

    A contour stands for the slab halfway to its neighbours. Raises ``FrameOfReferenceMismatch``,
    and ``GeometryError`` where contours do not lie in the planes of the slices.
    """
    if roi.frame_of_reference_uid and roi.frame_of_reference_uid != geometry.frame_of_reference_uid:
        raise FrameOfReferenceMismatch(
            "The structure lies in another frame of reference than the images.",
            ru="Структура задана в другой системе координат, чем снимки.",
            hint="Open it with the images on which it was drawn.",
            hint_ru="Откройте её с теми снимками, на которых она нарисована.",
        )
    mask = np.zeros(geometry.shape_kji, np.uint8)
    by_plane = _by_plane((c for c in roi.contours if c.is_closed), geometry)
    if not by_plane:
        return mask
    places = np.array(sorted(by_plane))
    half = float(np.diff(places).min()) / 2.0 if places.size > 1 else 0.5
    for k in range(geometry.size_ijk[2]):
        n = int(np.abs(places - k).argmin())
        if abs(places[n] - k) <= half + 1e-3:
            for outline in by_plane[float(places[n])]:
                _toggle_inside(outline, mask[k])
    return mask


def _by_plane(contours: Iterable[Contour], geometry: Geometry) -> dict[float, list[Float64Array]]:
    """Outlines as (column, row) indices, by the (continuous) slice in which they lie."""
    tolerance = max(_FLAT_MM / geometry.spacing_ijk[2], 0.05)
    found: dict[float, list[Float64Array]] = {}
    for contour in contours:
        index = geometry.lps_to_ijk(contour.points_lps)
        slices = index[:, 2]
        if float(np.ptp(slices)) > 2 * tolerance:
            raise GeometryError(
                "The contours do not lie in the planes of these images.",
                ru="Контуры не лежат в плоскостях этих снимков.",
                hint="Choose the series on which they were drawn.",
                hint_ru="Выберите серию, на которой они нарисованы.",
            )
        place = float(slices.mean())
        known = next((one for one in found if abs(one - place) <= tolerance), place)
        found.setdefault(known, []).append(index[:, :2])
    return found


def _toggle_inside(outline: Float64Array, plane: npt.NDArray[np.uint8]) -> None:
    """Flip the pixels whose centre the outline encloses: twice inside is outside again."""
    rows, columns = plane.shape
    x0, y0 = outline[:, 0], outline[:, 1]
    x1, y1 = np.roll(x0, -1), np.roll(y0, -1)
    # An edge crosses the rows whose centre lies in [lower end, upper end): a corner counts once.
    first = np.clip(np.ceil(np.minimum(y0, y1)), 0, rows).astype(np.intp)
    after = np.clip(np.ceil(np.maximum(y0, y1)), 0, rows).astype(np.intp)
    count = after - first
    edge = np.repeat(np.arange(len(outline)), count)
    row = first[edge] + np.arange(edge.size) - np.repeat(np.cumsum(count) - count, count)
    slope = (x1 - x0)[edge] / (y1 - y0)[edge]
    x = x0[edge] + (row - y0[edge]) * slope
    column = np.clip(np.ceil(x), 0, columns).astype(np.intp)
    crossings = np.bincount(row * (columns + 1) + column, minlength=rows * (columns + 1))
    inside = np.cumsum(crossings.reshape(rows, columns + 1)[:, :columns], axis=1) % 2
    plane ^= inside.astype(np.uint8)


def _roi(number: int, item: Dataset, drawn: Dataset | None, kind: str) -> Roi:
    color = numbers_of(drawn, "ROIDisplayColor") if drawn is not None else ()
    contours = (_contour(one) for one in items_of(drawn, "ContourSequence"))
    return Roi(
        number=number,
        name=text_of(item, "ROIName") or str(number),
        description=text_of(item, "ROIDescription"),
        kind=kind,
        color_rgb=_rgb(color),
        algorithm=word_of(item, "ROIGenerationAlgorithm"),
        frame_of_reference_uid=word_of(item, "ReferencedFrameOfReferenceUID"),
        contours=tuple(one for one in contours if one is not None),
    )


def _rgb(color: Sequence[float]) -> tuple[int, int, int] | None:
    if len(color) != 3 or not all(0 <= value <= 255 for value in color):
        return None
    return int(color[0]), int(color[1]), int(color[2])


def _contour(item: Dataset) -> Contour | None:
    numbers = numbers_of(item, "ContourData")
    if not numbers or len(numbers) % 3:
        return None
    points = np.asarray(numbers, dtype=np.float64).reshape(-1, 3)
    return Contour(
        word_of(item, "ContourGeometricType").upper(),
        frozen(points),
        references_of(item, "ContourImageSequence"),
    )
