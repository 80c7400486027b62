"""Where findings and their numbers lie, as coordinates of a report (PS3.3 C.18.6, C.18.9).

Cross-sections get points in the patient (SCOORD3D), films points of their image (SCOORD). A frame
of a multi-frame image is always named (D06).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import highdicom as hd
import numpy as np
import pydicom

from app.core.finding import Region, SliceRef
from app.core.geometry import Float64Array
from app.core.measurement import Measurement
from app.dicom.stacks.plane import orientation_of

# SCOORD counts from the corner of the first pixel, this program from its centre.
_CENTER_OF_FIRST_PIXEL: Final = 0.5
_FLAT_MM: Final = 0.05

Group = (
    hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations
    | hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations
    | hd.sr.MeasurementsAndQualitativeEvaluations
)
Coordinates = hd.sr.CoordinatesForMeasurement | hd.sr.CoordinatesForMeasurement3D


def region_of(
    region: Region | None, headers: Sequence[pydicom.Dataset]
) -> hd.sr.ImageRegion | hd.sr.ImageRegion3D | None:
    """The box or point of a finding, or None where it has none or it cannot be placed."""
    if region is None or region.kind not in ("box", "point") or not region.box_lps:
        return None
    corners = np.asarray(region.box_lps, dtype=np.float64)
    if region.box_is_pixels:
        header = _header_of(region.slice, headers)
        if header is None:
            return None
        return hd.sr.ImageRegion(
            "POINT" if len(corners) == 1 else "POLYLINE",
            _film_outline(corners) + _CENTER_OF_FIRST_PIXEL,
            hd.sr.SourceImageForRegion(*_image(header, region.slice)),
        )
    frame_of_reference_uid = headers[0].get("FrameOfReferenceUID")
    if not frame_of_reference_uid:
        return None
    outline = corners if len(corners) == 1 else _outline(corners, headers[0])
    kind = {1: "POINT", 2: "POLYLINE"}.get(len(outline), "POLYGON")
    return hd.sr.ImageRegion3D(kind, outline, str(frame_of_reference_uid))


def volume_surface_of(
    region: Region | None, headers: Sequence[pydicom.Dataset], series_instance_uid: str
) -> hd.sr.VolumeSurface | None:
    """A box with depth, as its first and last rectangle in planes of the images (PS3.3 C.18.9).

    None where the finding has no such box or it cannot be placed.
    """
    if region is None or region.kind != "box" or region.box_is_pixels or len(region.box_lps) != 2:
        return None
    axes = orientation_of(headers[0])
    frame_of_reference_uid = headers[0].get("FrameOfReferenceUID")
    if axes is None or not frame_of_reference_uid:
        return None
    along_row, along_column = np.asarray(axes[:3]), np.asarray(axes[3:])
    first, last = (np.asarray(corner, dtype=np.float64) for corner in region.box_lps)
    width = float((last - first) @ along_row) * along_row
    height = float((last - first) @ along_column) * along_column
    depth = last - first - width - height
    if min(float(np.linalg.norm(side)) for side in (width, height, depth)) <= _FLAT_MM:
        return None
    near = np.stack([first, first + width, first + width + height, first + height, first])
    return hd.sr.VolumeSurface(
        hd.sr.GraphicTypeValues3D.POLYGON,
        [near, near + depth],
        str(frame_of_reference_uid),
        source_series=hd.sr.SourceSeriesForSegmentation(series_instance_uid),
    )


def coordinates_of(
    item: Measurement, where: SliceRef | None, headers: Sequence[pydicom.Dataset]
) -> Coordinates | None:
    """The points of a measurement; ``where`` is the image of its finding. None: it has none."""
    if not item.points_lps:
        return None
    points = np.asarray(item.points_lps, dtype=np.float64)
    kind = "POINT" if len(points) == 1 else "POLYLINE"
    if "ImageOrientationPatient" not in headers[0] and _is_single(headers[0]):
        header = _header_of(where, headers)
        if header is None:
            return None
        return hd.sr.CoordinatesForMeasurement(
            kind,
            points[:, :2] + _CENTER_OF_FIRST_PIXEL,
            hd.sr.SourceImageForRegion(*_image(header, where)),
        )
    frame_of_reference_uid = headers[0].get("FrameOfReferenceUID")
    if not frame_of_reference_uid:
        return None
    return hd.sr.CoordinatesForMeasurement3D(kind, points, str(frame_of_reference_uid))


def with_points(group: Group, points: Sequence[Coordinates | None]) -> Group:
    """The group with the points of its measurements, in their order.

    highdicom gives points to measurements without a region only; TID 1419 is extensible.
    """
    numbers = [item for item in group[0].ContentSequence if item.ValueType == "NUM"]
    for number, coordinates in zip(numbers, points, strict=True):
        if coordinates is not None:
            below = number.get("ContentSequence") or ()
            number.ContentSequence = pydicom.Sequence([*below, coordinates])
    return group


def source_image_of(
    region: Region | None, headers: Sequence[pydicom.Dataset]
) -> hd.sr.SourceImageForMeasurementGroup | None:
    """The image on which a finding without outline stands."""
    if region is None or region.slice is None:
        return None
    header = _header_of(region.slice, headers)
    if header is None:
        return None
    return hd.sr.SourceImageForMeasurementGroup(*_image(header, region.slice))


def _header_of(
    where: SliceRef | None, headers: Sequence[pydicom.Dataset]
) -> pydicom.Dataset | None:
    if where is None:
        return headers[0] if len(headers) == 1 else None
    found = (h for h in headers if h.SOPInstanceUID == where.sop_instance_uid)
    return next(found, None)


def _image(
    header: pydicom.Dataset, where: SliceRef | None
) -> tuple[str, str, Sequence[int] | None]:
    """SOP class, instance and frames of a reference."""
    frames = None if _is_single(header) else [where.frame if where else 1]
    return header.SOPClassUID, header.SOPInstanceUID, frames


def _is_single(header: pydicom.Dataset) -> bool:
    return int(header.get("NumberOfFrames") or 1) == 1


def _film_outline(corners: Float64Array) -> Float64Array:
    """The closed rectangle between two opposite corners, (column, row)."""
    if len(corners) == 1:
        return corners[:, :2]
    (x0, y0), (x1, y1) = corners[0, :2], corners[-1, :2]
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]])


def _outline(corners: Float64Array, header: pydicom.Dataset) -> Float64Array:
    """The closed rectangle between two corners in the plane of the image.

    Corners that do not lie in one such plane are kept as the two ends of a line.
    """
    axes = orientation_of(header)
    first, last = corners[0], corners[-1]
    if axes is None:
        return np.stack([first, last])
    along_row, along_column = np.asarray(axes[:3]), np.asarray(axes[3:])
    diagonal = last - first
    width = float(diagonal @ along_row) * along_row
    height = float(diagonal @ along_column) * along_column
    is_flat = float(np.linalg.norm(diagonal - width - height)) <= _FLAT_MM
    if not is_flat or not width.any() or not height.any():
        return np.stack([first, last])
    return np.stack([first, first + width, last, first + height, first])
