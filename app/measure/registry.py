"""Every measurement by name: kind -> method name@version, unit, and how it is judged.

Rules for all (copilot-practice 3.0): physical coordinates; an empty mask is ``absent``, never 0; a
mask within three voxels of the border of the image is ``truncated_fov`` (the number is a lower
bound); what the data cannot give is ``failed`` or ``wrong_protocol`` with a note.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.core.errors import InputError
from app.core.geometry import Box, Geometry
from app.core.measurement import Measurement, MeasurementStatus
from app.imaging.labelmap import bounding_box
from app.measure import calcium, diameters, volume_stats
from app.measure.anatomy import is_near_border, touches_border
from app.measure.methods import METHODS, OF_ONE_MASK

__all__ = ("measure_labelmap", "measure_mask", "touches_border")

Points = tuple[tuple[float, float, float], ...]

BORDER_NOTE: Final = "The structure reaches the border of the image."
_HU: Final = "[hnsf'U]"
_ANY_QUANTITY: Final = "1"

SPATIAL_3D: Final = (
    "volume", "long_axis", "short_axis", "max_diameter_3d", "surface_area", "centroid",
)  # fmt: skip
SPATIAL_2D: Final = ("area", "long_axis", "short_axis")
DENSITIES: Final = volume_stats.STATISTICS
ATTENUATION: Final = ("laa950", "agatston")
_UNITS: Final = {
    "volume": "mL", "long_axis": "mm", "short_axis": "mm", "max_diameter_3d": "mm",
    "surface_area": "mm2", "centroid": "{point}", "area": "cm2", "laa950": "%", "agatston": "1",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MaskCase:
    """One mask ``[k, j, i]`` with all that a method may ask for.

    Mask and values are cut to the occupied ``box`` of an image of ``image_shape`` (None: nothing
    is occupied). ``axes_memo`` keeps the axes between long and short.
    """

    mask: npt.NDArray[Any]
    geometry: Geometry | None
    pixel_spacing_mm: tuple[float, float] | None
    spacing_source: str
    values: npt.NDArray[Any] | None
    quantity: str
    image_shape: tuple[int, ...]
    box: Box | None
    axes_memo: list[diameters.Axes] = field(default_factory=list)

    @property
    def inside(self) -> npt.NDArray[Any]:
        """Modality values in the mask; NaN is padding and no value (I09)."""
        if self.values is None:
            raise ValueError("no values were given")
        found = np.asarray(self.values[np.asarray(self.mask) != 0])
        return found[~np.isnan(found)] if found.dtype.kind == "f" else found


@dataclass(frozen=True, slots=True)
class _Number:
    """What a method gives: the number, where it was taken, and a doubt of its own."""

    value: float
    unit: str
    points: Points = ()
    status: MeasurementStatus = "valid"
    note: str = ""


def measure_mask(
    mask: npt.NDArray[Any],
    *,
    geometry: Geometry | None = None,
    pixel_spacing_mm: tuple[float, float] | None = None,
    spacing_source: str = "",
    values: npt.NDArray[Any] | None = None,
    what: Sequence[str] | None = None,
    quantity: str = "HU",
) -> tuple[Measurement, ...]:
    """Measure one mask ``[k, j, i]``; any thread.

    ``geometry`` None means a film: then ``pixel_spacing_mm`` (row, column) gives lengths, and
    without it the area is a percentage of the image. ``values`` are modality values of the same
    shape, NaN where there is no image (padding). ``what`` None: sizes and, with values, densities.
    Raises ``InputError`` for an unknown name or shapes that differ. For ``centroid`` the place is
    in ``points_lps``. Points of films are (column, row, 0) in pixels.
    """
    if mask.ndim != 3:
        raise InputError("A mask has three dimensions.", ru="У маски три измерения.")
    if values is not None and values.shape != mask.shape:
        raise InputError(
            f"The image {values.shape} and the mask {mask.shape} differ in size.",
            ru=f"Размеры изображения {values.shape} и маски {mask.shape} различаются.",
        )
    box = bounding_box(mask)
    inside = slice(0, 0) if box is None else box.slices_kji  # organs are small, volumes large
    case = MaskCase(
        mask[inside],
        geometry,
        pixel_spacing_mm,
        spacing_source,
        None if values is None else values[inside],
        quantity,
        mask.shape,
        box,
    )
    return _measure(case, what)


def measure_labelmap(
    labels: npt.NDArray[np.integer[Any]],
    *,
    geometry: Geometry,
    values: npt.NDArray[Any] | None = None,
    what: Sequence[str] | None = None,
    quantity: str = "HU",
) -> dict[int, tuple[Measurement, ...]]:
    """Measure every label over 0 of a labelmap ``[k, j, i]``, in one pass over the image.

    As ``measure_mask`` for each of them; a labelmap without labels gives nothing.
    """
    found = {}
    for label, box in label_boxes(labels).items():
        mask = (labels[box.slices_kji] == label).astype(np.uint8)
        inner = None if values is None else values[box.slices_kji]
        case = MaskCase(mask, geometry, None, "", inner, quantity, labels.shape, box)
        found[label] = _measure(case, what)
    return found


def label_boxes(labels: npt.NDArray[np.integer[Any]]) -> dict[int, Box]:
    """The occupied box of every label over 0, in the order of the labels."""
    highest = int(labels.max(initial=0))
    spans: list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]] = []
    for axis in (2, 1, 0):
        present = np.stack(
            [
                np.bincount(plane.reshape(-1), minlength=highest + 1) > 0
                for plane in np.moveaxis(labels, axis, 0)
            ]
        )
        last = present.shape[0] - present[::-1].argmax(axis=0)
        spans.append((present.argmax(axis=0), last))
    occurring = [int(n) for n in np.flatnonzero(present.any(axis=0)) if n]
    return {
        n: Box(
            (int(spans[0][0][n]), int(spans[1][0][n]), int(spans[2][0][n])),
            (int(spans[0][1][n]), int(spans[1][1][n]), int(spans[2][1][n])),
        )
        for n in occurring
    }


def _measure(case: MaskCase, what: Sequence[str] | None) -> tuple[Measurement, ...]:
    kinds = tuple(what) if what is not None else default_kinds(case)
    for kind in kinds:
        if kind not in OF_ONE_MASK:
            known = ", ".join(OF_ONE_MASK)
            raise InputError(
                f'There is no measurement "{kind}" of one mask.',
                ru=f"Измерения «{kind}» для одной маски нет.",
                hint=f"Known: {known}.",
                hint_ru=f"Известны: {known}.",
            )
    if case.box is None:
        return tuple(_without_value(kind, case, "absent", "The mask is empty.") for kind in kinds)
    truncated = is_near_border(case.box, case.image_shape)
    return tuple(_measured(kind, case, truncated=truncated) for kind in kinds)


def default_kinds(case: MaskCase) -> tuple[str, ...]:
    """What is measured when nothing is asked for."""
    sizes: tuple[str, ...] = SPATIAL_2D if case.geometry is None else SPATIAL_3D
    if case.geometry is not None and case.image_shape[0] == 1:
        sizes += ("area",)
    return sizes + (DENSITIES if case.values is not None else ())


def _measured(kind: str, case: MaskCase, *, truncated: bool) -> Measurement:
    missing = _lacks(kind, case)
    if missing:
        return _without_value(kind, case, "failed", missing)
    number = _FUNCTIONS[kind](kind, case)
    status, note = number.status, number.note
    if status == "valid" and truncated:
        status, note = "truncated_fov", BORDER_NOTE
    method = METHODS[kind]
    if kind == "area" and number.unit == "%":
        method = "area-fraction@1"
    return Measurement(
        kind, number.value, number.unit, method, status, note, points_lps=number.points
    )


def _without_value(kind: str, case: MaskCase, status: MeasurementStatus, note: str) -> Measurement:
    unit = _UNITS.get(kind, _density_unit(case))
    return Measurement(kind, None, unit, METHODS[kind], status, note)


def _lacks(kind: str, case: MaskCase) -> str:
    """What the data do not have for this measurement, in words; empty when nothing is missing."""
    if kind in (*DENSITIES, *ATTENUATION) and case.values is None:
        return "There are no image values."
    if kind in (*DENSITIES, "laa950") and case.inside.size == 0:
        return "There is only padding inside."
    if kind in ATTENUATION and case.quantity != "HU":
        return "The values are not Hounsfield units."
    needs_space = kind in ("volume", "max_diameter_3d", "surface_area", "agatston")
    if needs_space and case.geometry is None:
        return "The images have no place in the patient."
    if kind in ("long_axis", "short_axis") and _spacing_ij(case) is None:
        return "The pixel spacing is not known."
    if kind == "area" and case.geometry is not None and case.image_shape[0] != 1:
        return "An area is measured on one image."
    return ""


def _spacing_ij(case: MaskCase) -> tuple[float, float] | None:
    if case.geometry is not None:
        return case.geometry.spacing_ijk[0], case.geometry.spacing_ijk[1]
    if case.pixel_spacing_mm is not None:
        return case.pixel_spacing_mm[1], case.pixel_spacing_mm[0]
    return None


def _points(case: MaskCase, index_ijk: npt.NDArray[np.float64]) -> Points:
    """Indices (n, 3) as LPS points, or as pixels of a film."""
    if case.box is not None:
        index_ijk = index_ijk + np.asarray(case.box.lower_ijk)
    if case.geometry is not None:
        index_ijk = case.geometry.ijk_to_lps(index_ijk)
    return tuple((float(x), float(y), float(z)) for x, y, z in index_ijk)


def _film_note(case: MaskCase) -> str:
    if case.geometry is None and case.spacing_source == "mm at detector":
        return "At the detector; the magnification is not corrected."
    return ""


def _volume(kind: str, case: MaskCase) -> _Number:
    return _Number(volume_stats.volume_ml(case.mask, _geometry(case)), "mL")


def _area(kind: str, case: MaskCase) -> _Number:
    spacing = _spacing_ij(case)
    if spacing is None:
        note = "The pixel spacing is not known; share of the image."
        return _Number(
            volume_stats.percent_of(case.mask, math.prod(case.image_shape)), "%", note=note
        )
    value = volume_stats.area_cm2(case.mask, (spacing[1], spacing[0]))
    return _Number(value, "cm2", note=_film_note(case))


def _axis(kind: str, case: MaskCase) -> _Number:
    spacing = _spacing_ij(case)
    if not case.axes_memo and spacing is not None:
        found = diameters.in_plane_axes(case.mask, spacing)
        case.axes_memo.extend([] if found is None else [found])
    if not case.axes_memo:
        raise AssertionError("checked before")
    axes = case.axes_memo[0]
    if kind == "long_axis":
        return _Number(axes.long_mm, "mm", _points(case, axes.long_ijk), note=_film_note(case))
    return _Number(axes.short_mm, "mm", _points(case, axes.short_ijk), note=_film_note(case))


def _max_diameter(kind: str, case: MaskCase) -> _Number:
    found = diameters.max_diameter_3d(case.mask, _geometry(case).spacing_ijk)
    if found is None:
        raise AssertionError("checked before")
    return _Number(found[0], "mm", _points(case, found[1]))


def _surface(kind: str, case: MaskCase) -> _Number:
    return _Number(volume_stats.surface_area_mm2(case.mask, _geometry(case).spacing_ijk), "mm2")


def _centroid(kind: str, case: MaskCase) -> _Number:
    return _Number(1.0, "{point}", _points(case, volume_stats.centroid_ijk(case.mask)[None]))


def _density(kind: str, case: MaskCase) -> _Number:
    return _Number(volume_stats.statistic(kind, case.inside), _density_unit(case))


def _laa(kind: str, case: MaskCase) -> _Number:
    return _Number(volume_stats.low_attenuation_percent(case.inside), "%")


def _agatston(kind: str, case: MaskCase) -> _Number:
    geometry = _geometry(case)
    if case.values is None:
        raise AssertionError("checked before")
    value = calcium.agatston_score(case.mask, case.values, geometry.spacing_ijk)
    if calcium.fits_protocol(geometry.spacing_ijk[2]):
        return _Number(value, "1")
    note = "Defined for slices of 2.5 to 3 mm; the number is only ordinal."
    return _Number(value, "1", status="wrong_protocol", note=note)


def _geometry(case: MaskCase) -> Geometry:
    if case.geometry is None:
        raise AssertionError("checked before")
    return case.geometry


def _density_unit(case: MaskCase) -> str:
    return _HU if case.quantity == "HU" else _ANY_QUANTITY


_FUNCTIONS: Final[dict[str, Callable[[str, MaskCase], _Number]]] = {
    "volume": _volume,
    "area": _area,
    "long_axis": _axis,
    "short_axis": _axis,
    "max_diameter_3d": _max_diameter,
    "surface_area": _surface,
    "centroid": _centroid,
    "laa950": _laa,
    "agatston": _agatston,
    **dict.fromkeys(DENSITIES, _density),
}
