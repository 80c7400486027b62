"""What is kept of the header of one DICOM object: facts of the object and of each frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.core.geometry import Triple
from app.core.report import Message
from app.core.study import FrameRef, Instance, Patient, PatientText, StudyWarning
from app.dicom.files.series_facts import SeriesFacts
from app.dicom.files.stated_counts import StatedCounts
from app.dicom.stacks.phases import Labels
from app.dicom.stacks.pixel_spacing import PixelSpacing

_PROJECTION: Final = {"DX", "CR", "MG", "XA", "RF", "IO", "PX", "RG"}
# Volumes of modalities that otherwise make projections: angiographic, craniofacial, tomosynthesis.
_VOLUMES_OF_PROJECTIONS: Final = tuple(f"1.2.840.10008.5.1.4.1.1.13.1.{n}" for n in (1, 2, 3))


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """One frame: where it is (LPS millimetres, None: not said) and what sets it apart.

    ``unplaced`` says why a frame has no place although its object states one.
    """

    ref: FrameRef
    position_lps: Triple | None
    orientation: tuple[float, ...] | None
    spacing: PixelSpacing
    splitters: Labels
    phases: Labels
    unplaced: Message | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One readable DICOM object; ``frames`` is empty for an object without pixels.

    ``doubts`` tell which texts of the header had to be guessed (D10).
    """

    instance: Instance
    study_instance_uid: str
    series_instance_uid: str
    patient: Patient
    study_date: str
    study_time: str
    accession_number: PatientText
    study_description: str
    study_id: str
    referring_physician: PatientText
    modality: str
    series_description: str
    series_number: int | None
    body_part: str
    laterality: str
    view_position: str
    contrast: bool | None
    acquisition_number: int | None
    frame_of_reference_uid: str
    photometric: str
    is_color: bool
    quantity: str
    kind: str
    doubts: tuple[Message, ...]
    facts: SeriesFacts
    counts: StatedCounts
    frames: tuple[FrameFacts, ...]
    warnings: tuple[StudyWarning, ...]

    @property
    def has_pixels(self) -> bool:
        """Whether there is something to show."""
        return bool(self.frames)

    @property
    def is_projection(self) -> bool:
        """Whether its images are projections (see ``is_projection``)."""
        return is_projection(self.modality, self.instance.sop_class_uid)


def is_projection(modality: str, sop_class_uid: str = "") -> bool:
    """Whether images of this modality are projections: no place in space, spacing at a detector.

    Tomosynthesis and rotational angiography reconstruct volumes: they are none.
    """
    return modality in _PROJECTION and sop_class_uid not in _VOLUMES_OF_PROJECTIONS
