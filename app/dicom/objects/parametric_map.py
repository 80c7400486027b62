"""Parametric maps: quantities computed per voxel, as volumes in their unit (PS3.3 A.75)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.core.codes import Code
from app.core.errors import DicomReadError, GeometryError
from app.core.study import SeriesRef
from app.core.volume import Rescale, Volume
from app.dicom.character_sets import text_of
from app.dicom.functional_groups import FunctionalGroups
from app.dicom.objects.object_kinds import PARAMETRIC_MAP
from app.dicom.objects.object_reading import (
    image_object,
    made_at,
    maker_of,
    reading,
    require_described_frames,
    word_of,
)
from app.dicom.objects.real_world_values import RealWorldMap, maps_of_groups, real_world_maps
from app.dicom.pixels.image_object import ImageObject
from app.dicom.stacks.frame_planes import Plane, PlaneSet, declared_step_mm, planes_of
from app.dicom.tolerant import items_of, number_of

_LARGEST_FRAME: Final = 2**28


@dataclass(frozen=True, slots=True)
class ParametricMap:
    """A map. ``volumes`` hold values in ``unit``, float32 or float64 ``[k, j, i]``, read-only.

    There is more than one where several frames lie at each place (quantities, time points). Where
    the object gives no linear mapping the values are those of the file, ``unit`` is None.
    """

    volumes: tuple[Volume, ...]
    unit: Code | None
    quantity: tuple[Code, ...]
    maps: tuple[RealWorldMap, ...]
    label: str
    description: str
    made_by: str
    at: str
    sop_instance_uid: str


def parametric_map(path: Path) -> ParametricMap:
    """A parametric map. Raises ``DicomReadError``, ``GeometryError``. Any thread."""
    with reading(PARAMETRIC_MAP):
        image = image_object(path)
        ds = image.dataset
        require_described_frames(ds)
        maps = real_world_maps(ds)
        linear = next((one for one in maps if one.is_linear), None)
        unit = linear.unit if linear else None
        volumes = _volumes(image, unit.value if unit else "arbitrary")
        return ParametricMap(
            volumes=volumes,
            unit=unit,
            quantity=linear.quantity if linear else (),
            maps=maps,
            label=text_of(ds, "ContentLabel"),
            description=text_of(ds, "ContentDescription") or text_of(ds, "SeriesDescription"),
            made_by=maker_of(ds),
            at=made_at(ds),
            sop_instance_uid=word_of(ds, "SOPInstanceUID"),
        )


def _volumes(image: ImageObject, quantity: str) -> tuple[Volume, ...]:
    ds = image.dataset
    planes = planes_of(ds)
    known = {n: plane for n, plane in enumerate(planes) if plane is not None}
    if not known or len(known) < len(planes):
        raise GeometryError(
            "The frames of the parametric map do not say where they lie.",
            ru="Кадры параметрической карты не указывают своего положения.",
        )
    whole = PlaneSet(known, declared_mm=declared_step_mm(ds))
    geometry = whole.grid(word_of(ds, "FrameOfReferenceUID"))
    first = next(iter(known.values()))
    if geometry is None or not all(first.same_raster(plane) for plane in known.values()):
        raise GeometryError(
            "The frames of the parametric map form no regular volume.",
            ru="Кадры параметрической карты не образуют регулярного объёма.",
            hint="They can be seen image by image.",
            hint_ru="Их можно смотреть по одному.",
        )
    if not 0 < first.rows * first.columns < _LARGEST_FRAME:
        raise DicomReadError(
            "The size of the parametric map is not plausible.",
            ru="Размер параметрической карты неправдоподобен.",
        )
    passes = _passes(whole)
    values = _values(image, len(planes))
    ref = SeriesRef(word_of(ds, "StudyInstanceUID"), word_of(ds, "SeriesInstanceUID"))
    volumes = []
    for frames in passes:
        voxels = np.full(geometry.shape_kji, np.nan, values.dtype)
        for n in frames:
            plane: Plane = known[n]
            k = round(float(geometry.lps_to_ijk(plane.origin_lps)[2]))
            voxels[k] = values[n]
        volumes.append(Volume(voxels, geometry, Rescale(), quantity, ref))
    return tuple(volumes)


def _passes(planes: PlaneSet) -> list[list[int]]:
    """Frames that make one volume each: the first at every place, the second, and so on."""
    at: dict[int, list[int]] = defaultdict(list)
    for frame in sorted(planes.slot_of):
        at[planes.slot_of[frame]].append(frame)
    count = max(len(frames) for frames in at.values())
    return [[frames[n] for frames in at.values() if n < len(frames)] for n in range(count)]


def _values(image: ImageObject, count: int) -> npt.NDArray[Any]:
    """Values of all frames in their unit: own mapping of a frame before the shared one."""
    ds = image.dataset
    groups = items_of(ds, "PerFrameFunctionalGroupsSequence")
    shared = items_of(ds, "SharedFunctionalGroupsSequence")
    common = maps_of_groups(shared[0]) if shared else maps_of_groups(ds)
    holders, is_double = FunctionalGroups(ds), image.layout.float_bytes == 8
    frames = []
    for n in range(count):
        own = maps_of_groups(groups[n]) if n < len(groups) else ()
        linear = next((one for one in own or common if one.is_linear), None)
        values = np.asarray(image.stored_frame(n), dtype=np.float64)
        if linear is not None and linear.slope is not None:
            values = values * linear.slope + linear.intercept
        else:
            values = _rescaled(holders, n, values)
        frames.append(values if is_double else values.astype(np.float32))
    return np.stack(frames)


def _rescaled(
    groups: FunctionalGroups, n: int, values: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    holder = groups.holder(n, "RescaleSlope")
    slope = number_of(holder, "RescaleSlope") or 1.0
    return values * slope + (number_of(holder, "RescaleIntercept") or 0.0)
