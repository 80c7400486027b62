"""Masks of findings as a DICOM Segmentation (PS3.3 A.51), BINARY.

BINARY, because it keeps overlaps and is what archives read today. An empty mask is never written:
highdicom would encode it as blank frames for the whole series (copilot-practice 5.4, T3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import highdicom as hd
import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.uid import generate_uid

from app.core import codes
from app.core.errors import GeometryError
from app.core.finding import Finding
from app.core.geometry import Geometry
from app.core.segmentation import AlgorithmType, MaskArray
from app.core.study import FrameRef
from app.dicom.writing import authoring

_COLORS_RGB = (
    (90, 200, 250), (255, 179, 64), (130, 220, 130), (240, 110, 170), (190, 150, 250),
    (250, 230, 90),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SegmentSource:
    """A finding and its mask, ``[k, j, i]`` in the order of the source's frames.

    Where there are many, ``mask`` is what makes it: one is held at a time.
    """

    finding: Finding
    mask: MaskArray | Callable[[], MaskArray]

    def voxels(self) -> MaskArray:
        """The mask."""
        return self.mask() if callable(self.mask) else self.mask


@dataclass(frozen=True, slots=True)
class SegRequest:
    """One segmentation of one stack.

    ``source`` holds the stack's images in its order. ``resampled_grid`` is given where the masks
    lie on a grid that was made (gantry tilt, uneven gaps) and not on the images themselves.
    """

    source: authoring.SourceImages
    segments: tuple[SegmentSource, ...]
    identity: authoring.Identity
    description: str
    at_utc: str
    content_creator: str = ""
    resampled_grid: Geometry | None = None


def segment_algorithm_type(finding: Finding, mask_was_edited: bool) -> AlgorithmType:
    """AUTOMATIC as the model gave it, SEMIAUTOMATIC after a hand changed it, MANUAL if drawn."""
    if not finding.is_from_model:
        return "MANUAL"
    return "SEMIAUTOMATIC" if mask_was_edited else "AUTOMATIC"


def write_seg(request: SegRequest) -> pydicom.Dataset:
    """The segmentation object; segment n is the n-th of ``request.segments``.

    Raises ``GeometryError`` when a mask is empty or does not fit the images.
    """
    headers = authoring.read_source_headers(request.source)
    _require_planes(headers)
    _give_thickness(headers)
    masks = _joined(request)
    findings = [segment.finding for segment in request.segments]
    pixel_array: npt.NDArray[Any] | hd.Volume = (
        _in_file_order(masks, request.source.frames, headers)
        if request.resampled_grid is None
        else hd.Volume(
            masks,
            affine=_affine_kji(request.resampled_grid),
            coordinate_system="PATIENT",
            frame_of_reference_uid=request.resampled_grid.frame_of_reference_uid,
            channels={"SegmentNumber": list(range(1, len(request.segments) + 1))}
            if masks.ndim == 4
            else None,
        )
    )
    segmentation = hd.seg.Segmentation(
        source_images=[authoring.with_accepted_name(header) for header in headers],
        pixel_array=pixel_array,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _describe(number, finding) for number, finding in enumerate(findings, 1)
        ],
        series_instance_uid=request.identity.series_instance_uid,
        series_number=request.identity.series_number,
        sop_instance_uid=request.identity.sop_instance_uid,
        instance_number=1,
        manufacturer=authoring.MANUFACTURER,
        manufacturer_model_name=authoring.MODEL_NAME,
        software_versions=authoring.SOFTWARE_VERSION,
        device_serial_number=authoring.DEVICE_SERIAL_NUMBER,
        content_description=request.description[:64],
        content_creator_name=authoring.person_name(request.content_creator) or None,
        content_label="AI_RESULT" if all(f.is_from_model for f in findings) else "OVERREAD",
        contributing_equipment=authoring.contributing_equipment(findings) or None,
        specific_character_set=authoring.CHARACTER_SET,
    )
    authoring.finish(segmentation, headers[0], request.description, request.at_utc)
    if "ImageOrientationPatient" not in headers[0]:
        # A projection image: type 2C of the General Image module, required without a plane.
        segmentation.PatientOrientation = headers[0].get("PatientOrientation", "")
        # highdicom copies a film's PixelSpacing without a SliceThickness, and its own reader then
        # refuses the object. A film has no thickness to state; its spacing is in the film itself.
        shared = segmentation.SharedFunctionalGroupsSequence[0]
        if "PixelMeasuresSequence" in shared:
            del shared.PixelMeasuresSequence
    _name_dimensions(segmentation)
    # highdicom indexes the frames in a database in memory, and never closes it
    segmentation._db_con.close()
    return segmentation


def _require_planes(headers: Sequence[pydicom.Dataset]) -> None:
    """Nuclear medicine, dose grids: many frames without the planes that a segmentation names."""
    for header in headers:
        is_many = int(header.get("NumberOfFrames") or 1) > 1
        if is_many and "PerFrameFunctionalGroupsSequence" not in header:
            raise GeometryError(
                "Images of this kind cannot carry a DICOM segmentation.",
                ru="К снимкам этого вида нельзя записать сегментацию DICOM.",
                hint="Export the masks as NIfTI.",
                hint_ru="Сохраните маски в NIfTI.",
            )


def _name_dimensions(segmentation: Any) -> None:  # noqa: ANN401 - pydicom attributes are dynamic
    """One UID for the dimensions that follows from the object's: highdicom draws a random one."""
    uid = generate_uid(entropy_srcs=[segmentation.SOPInstanceUID, "dimensions"])
    for item in segmentation.DimensionOrganizationSequence:
        item.DimensionOrganizationUID = uid
    for item in segmentation.DimensionIndexSequence:
        item.DimensionOrganizationUID = uid


def _give_thickness(headers: Sequence[pydicom.Dataset]) -> None:
    """Images that name no thickness get the distance to their neighbours: SEG has to state one."""
    slices = [header for header in headers if "ImageOrientationPatient" in header]
    if all(header.get("SliceThickness") is not None for header in slices):
        return
    axes = np.asarray(slices[0].ImageOrientationPatient, dtype=np.float64)
    normal = np.cross(axes[:3], axes[3:])
    places = sorted(
        float(np.asarray(header.ImagePositionPatient, dtype=np.float64) @ normal)
        for header in slices
    )
    gaps = np.diff(places)
    thickness = float(np.median(gaps)) if gaps.size else float(slices[0].PixelSpacing[0])
    for header in slices:
        if header.get("SliceThickness") is None:
            header.SliceThickness = f"{thickness:.6g}"


def _joined(request: SegRequest) -> npt.NDArray[Any]:
    """Masks as numbers of segments ``[k, j, i]``; where some overlap, ``[k, j, i, segment]``.

    A hundred masks side by side would be sixteen gigabytes at 512 x 512 x 512.
    """
    count = len(request.segments)
    numbers: npt.NDArray[Any] | None = None
    for number, segment in enumerate(request.segments, 1):
        mask = segment.voxels()
        if numbers is None:
            _require_fit(mask, request)
            numbers = np.zeros(mask.shape, np.uint8 if count < 256 else np.uint16)
        _require_voxels(mask, numbers.shape)
        slices = np.flatnonzero(mask.any(axis=(1, 2)))
        part = slice(slices[0], slices[-1] + 1)
        is_set = mask[part] != 0
        if np.any(numbers[part], where=is_set):
            return _stacked(request, numbers.shape)
        np.copyto(numbers[part], number, where=is_set)
    if numbers is None:
        raise ValueError("a segmentation has segments")
    return numbers


def _stacked(request: SegRequest, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Masks that overlap as ``[k, j, i, segment]``."""
    stack = np.zeros((*shape, len(request.segments)), np.uint8)
    for number, segment in enumerate(request.segments):
        mask = segment.voxels()
        _require_voxels(mask, shape)
        stack[..., number] = mask
    return stack


def _require_voxels(mask: MaskArray, shape: tuple[int, ...]) -> None:
    if not mask.any():
        raise GeometryError(
            "A finding's mask is empty, so no segmentation is written for it.",
            ru="Маска находки пуста, сегментация для неё не записывается.",
            hint="Draw the finding again or export without it.",
            hint_ru="Обведите находку заново или экспортируйте без неё.",
        )
    if mask.shape != shape:
        raise _does_not_fit()


def _require_fit(mask: MaskArray, request: SegRequest) -> None:
    expected = (
        (len(request.source.frames),)
        if request.resampled_grid is None
        else request.resampled_grid.shape_kji
    )
    if mask.shape[: len(expected)] != expected:
        raise _does_not_fit()


def _does_not_fit() -> GeometryError:
    return GeometryError(
        "A finding's mask does not fit the images it belongs to.",
        ru="Маска находки не соответствует своим изображениям.",
        hint="Run the model again on this series.",
        hint_ru="Запустите модель на этой серии ещё раз.",
    )


def _in_file_order(
    masks: npt.NDArray[Any], frames: Sequence[FrameRef], headers: Sequence[pydicom.Dataset]
) -> npt.NDArray[Any]:
    """Masks in the order that highdicom expects: of the instances, or of one instance's frames."""
    if len(headers) == len(frames):
        return masks
    if len(headers) > 1:
        raise GeometryError(
            "Segmentations over several multi-frame objects cannot be written yet.",
            ru="Сегментация по нескольким многокадровым объектам пока не записывается.",
            hint="The mask is kept as NIfTI beside it.",
            hint_ru="Маска сохранена рядом в формате NIfTI.",
        )
    count = int(headers[0].get("NumberOfFrames", 1))
    ordered = np.zeros((count, *masks.shape[1:]), masks.dtype)
    for row, frame in enumerate(frames):
        ordered[frame.frame - 1] = masks[row]
    return ordered


def _affine_kji(grid: Geometry) -> npt.NDArray[np.float64]:
    """The affine for ``[k, j, i]`` indices, as highdicom's volumes want it."""
    affine = grid.affine_lps
    return affine[:, [2, 1, 0, 3]]


def _describe(number: int, finding: Finding) -> hd.seg.SegmentDescription:
    content = finding.current
    is_structure = content.significance == "descriptive"
    edited = content.region != finding.proposal.content.region
    algorithm = None
    if finding.is_from_model:
        model = authoring.algorithm_of(finding)
        rows = (row.partition("=") for row in authoring.algorithm_parameters(finding))
        algorithm = hd.AlgorithmIdentificationSequence(
            name=model.name,
            family=hd.sr.CodedConcept("123110", "DCM", "Artificial Intelligence"),
            version=model.version,
            source=model.maker,
            parameters={key: value for key, _, value in rows} or None,
        )
    description = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=content.label.en[:64],
        segmented_property_category=authoring.coded(
            codes.ANATOMICAL_STRUCTURE if is_structure else codes.MORPHOLOGICALLY_ABNORMAL_STRUCTURE
        ),
        segmented_property_type=authoring.coded(authoring.finding_code(finding)),
        algorithm_type=segment_algorithm_type(finding, edited),
        algorithm_identification=algorithm,
        tracking_uid=finding.tracking_uid,
        tracking_id=f"{content.label.en} {finding.tracking_uid[-6:]}"[:64],
        anatomic_regions=[authoring.coded(content.site.code)]
        if content.site is not None and content.site.code is not None
        else None,
        display_color=hd.color.CIELabColor.from_rgb(*_COLORS_RGB[(number - 1) % len(_COLORS_RGB)]),
    )
    if content.laterality is not None:
        modifier = authoring.coded(codes.LATERALITY_CODES[content.laterality])
        description.SegmentedPropertyTypeCodeSequence[
            0
        ].SegmentedPropertyTypeModifierCodeSequence = [modifier]
    return description
