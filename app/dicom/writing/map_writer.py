"""The attention of a model as a DICOM Parametric Map (PS3.3 A.75): where it looked, no outline.

Steps of 1/255 in 16 bits, so that run-length coding keeps the object small; a real-world value
mapping gives 0..1. The quantity is DCM 130402, class activation.

The object must state a plane, and a film has none in the patient. It gets that of the detector, in
a frame of reference of its own, so that nothing else can be laid over it: what ties it to the film
is the reference to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import highdicom as hd
import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.uid import ExplicitVRLittleEndian, RLELossless, generate_uid

from app.core.errors import GeometryError
from app.dicom.writing import authoring

_STEPS = 255
_AXES = {
    "L": (1.0, 0.0, 0.0), "R": (-1.0, 0.0, 0.0), "P": (0.0, 1.0, 0.0), "A": (0.0, -1.0, 0.0),
    "H": (0.0, 0.0, 1.0), "F": (0.0, 0.0, -1.0),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MapRequest:
    """One map 0..1, float ``[k, j, i]`` in the order of the source's frames, and what made it."""

    source: authoring.SourceImages
    values: npt.NDArray[np.float32]
    label: str
    algorithm: authoring.Algorithm
    identity: authoring.Identity
    at_utc: str
    compressed: bool = True


def write_map(request: MapRequest) -> pydicom.Dataset:
    """The object. Raises ``GeometryError`` where the map does not fit the images."""
    headers = [_placed(header) for header in authoring.read_source_headers(request.source)]
    first = headers[0]
    if len(headers) != len(request.source.frames) or len(request.values) != len(headers):
        raise GeometryError(
            "An attention map does not fit the images it belongs to.",
            ru="Карта внимания не соответствует своим изображениям.",
            hint="It is kept as NIfTI beside it.",
            hint_ru="Она сохранена рядом в формате NIfTI.",
        )
    steps = np.rint(np.clip(request.values, 0.0, 1.0) * _STEPS).astype(np.uint16)
    made = hd.pm.ParametricMap(
        source_images=[authoring.with_accepted_name(header) for header in headers],
        pixel_array=steps,
        series_instance_uid=request.identity.series_instance_uid,
        series_number=request.identity.series_number,
        sop_instance_uid=request.identity.sop_instance_uid,
        instance_number=1,
        manufacturer=authoring.MANUFACTURER,
        manufacturer_model_name=authoring.MODEL_NAME,
        software_versions=authoring.SOFTWARE_VERSION,
        device_serial_number=authoring.DEVICE_SERIAL_NUMBER,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[_zero_to_one(request.label)],
        voi_lut_transformations=[
            hd.VOILUTTransformation(window_center=_STEPS / 2, window_width=_STEPS)
        ],
        transfer_syntax_uid=RLELossless if request.compressed else ExplicitVRLittleEndian,
        content_description=f"Attention, not lesion outline: {request.label}"[:64],
        content_label="AI_ATTENTION",
        contributing_equipment=[
            hd.ContributingEquipment(
                purpose_of_reference=hd.sr.CodedConcept("109102", "DCM", "Processing Equipment"),
                manufacturer=request.algorithm.maker,
                manufacturer_model_name=request.algorithm.name,
                software_versions=request.algorithm.version,
            )
        ],
        specific_character_set=authoring.CHARACTER_SET,
    )
    authoring.finish(made, first, f"AI attention: {request.label}", request.at_utc)
    if first.get("BodyPartExamined"):
        made.BodyPartExamined = first.BodyPartExamined
    elif "Laterality" not in made:  # has to be there unless a body part says that it need not
        made.Laterality = first.get("Laterality", "")
    uid = generate_uid(entropy_srcs=[made.SOPInstanceUID, "dimensions"])
    for item in (*made.DimensionOrganizationSequence, *made.DimensionIndexSequence):
        item.DimensionOrganizationUID = uid
    return made


def _placed(header: pydicom.Dataset) -> pydicom.Dataset:
    """The header, that of a film with the plane of its detector."""
    if "ImageOrientationPatient" in header:
        return header
    letters = [str(text)[:1] for text in header.get("PatientOrientation") or ()]
    along, down = letters if len(letters) == 2 else ("L", "F")
    header.ImageOrientationPatient = [*_AXES.get(along, _AXES["L"]), *_AXES.get(down, _AXES["F"])]
    header.ImagePositionPatient = [0.0, 0.0, 0.0]
    header.FrameOfReferenceUID = generate_uid(entropy_srcs=[header.SOPInstanceUID, "detector"])
    header.PositionReferenceIndicator = ""
    spacing = header.get("PixelSpacing") or header.get("ImagerPixelSpacing") or [1.0, 1.0]
    header.PixelSpacing = list(spacing)
    header.SliceThickness = 1.0
    return header


def _zero_to_one(label: str) -> hd.pm.RealWorldValueMapping:
    return hd.pm.RealWorldValueMapping(
        lut_label="ATTENTION",
        lut_explanation=f"Attention: {label}"[:64],
        unit=hd.sr.CodedConcept("1", "UCUM", "no units"),
        value_range=(0, _STEPS),
        slope=1.0 / _STEPS,
        intercept=0.0,
        quantity_definition=hd.sr.CodedConcept("130402", "DCM", "Class activation"),
    )
