"""Header facts of patients, studies, series and instances; no pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from app.core.geometry import Geometry
from app.core.report import Message

Verdict = Literal["ok", "resampled", "stack", "blocked"]


class PatientText(str):
    """Text that identifies a patient: usable as text, masked in ``repr`` so logs stay clean."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<patient data>"


@dataclass(frozen=True, slots=True)
class Patient:
    """Who the images belong to. ``birth_date`` is ISO 8601 or empty, ``sex`` M, F, O or empty."""

    id: PatientText
    name: PatientText
    birth_date: PatientText
    sex: str
    issuer: str = ""


@dataclass(frozen=True, slots=True)
class StudyWarning:
    """A doubt about the images, with its id of the correctness checklist (``G04``, ``I09``...)."""

    code: str
    text: str
    text_ru: str = ""

    def text_in(self, language: str) -> str:
        """The doubt in ``language`` (``en`` or ``ru``)."""
        return self.text_ru or self.text if language == "ru" else self.text


@dataclass(frozen=True, slots=True)
class Instance:
    """One DICOM object on disk: header facts that grouping and routing need.

    A mosaic (one picture that holds the slices of a volume) counts its slices as frames, of the
    size of a slice; ``mosaic_per_row`` of them lie in one row of the picture, 0 means no mosaic.
    """

    path: Path
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    instance_number: int | None
    number_of_frames: int
    rows: int
    columns: int
    mosaic_per_row: int = 0

    @property
    def is_multi_frame(self) -> bool:
        """Whether DICOM references name frames of this object; the slices of a mosaic are none."""
        return self.number_of_frames > 1 and not self.mosaic_per_row


@dataclass(frozen=True, slots=True)
class FrameRef:
    """One frame of one instance; ``frame`` counts from 1 as in DICOM."""

    instance: Instance
    frame: int = 1


@dataclass(frozen=True, slots=True)
class StackHealth:
    """Whether a stack is all that was acquired, counted in frames (D18, D16).

    ``expected_frames`` is None where nothing trustworthy tells it; ``expected_from`` says what
    does (an attribute, a gap between slices). ``shown_frames`` is less than ``received_frames``
    only where there is no decoder. ``resampled``: the volume is on a grid of its own, the images
    are not. Each note is a sentence on what is missing, not shown or changed, and why.
    """

    received_frames: int = 0
    shown_frames: int = 0
    expected_frames: int | None = None
    expected_from: Message | None = None
    resampled: bool = False
    notes: tuple[Message, ...] = ()

    @property
    def missing_frames(self) -> int:
        """How many frames are known to be missing."""
        return max(0, (self.expected_frames or 0) - self.received_frames)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is known to be missing and everything received is shown."""
        return self.missing_frames == 0 and self.shown_frames == self.received_frames


CompletenessSource = Literal["archive", "gaps", "library", "import", ""]


@dataclass(frozen=True, slots=True)
class Completeness:
    """Received against expected of a whole study (D18): AI results and the check carry it.

    ``source`` is ``archive`` (a peer told the number of objects), ``gaps`` (the images themselves
    show that frames are missing), ``library`` (files are no longer where they were), ``import``
    (it was cut off, nobody knows how much is missing) or empty: nothing says that anything is.
    """

    received: int = 0
    expected: int | None = None
    source: CompletenessSource = ""

    @property
    def is_complete(self) -> bool:
        """Whether nothing is known to be missing."""
        if self.source == "import":
            return False
        return self.expected is None or self.received >= self.expected


@dataclass(frozen=True, slots=True)
class Stack:
    """Images that belong together, in display order, with a verdict on their geometry.

    ``geometry`` is None where the images are not one regular volume; ``why`` then says why not.
    ``view_position``, ``laterality`` and ``patient_orientation`` are those of a film, which has a
    stack of its own: a frontal and a lateral film may share a series.
    """

    index: int
    why: str
    frames: tuple[FrameRef, ...]
    verdict: Verdict
    geometry: Geometry | None
    rows: int
    columns: int
    photometric: str
    quantity: str
    warnings: tuple[StudyWarning, ...] = ()
    why_ru: str = ""
    view_position: str = ""
    patient_orientation: tuple[str, str] | None = None
    health: StackHealth = StackHealth()
    laterality: str = ""

    def why_in(self, language: str) -> str:
        """The reason of the verdict in ``language`` (``en`` or ``ru``)."""
        return self.why_ru or self.why if language == "ru" else self.why

    @property
    def own_grid(self) -> Geometry | None:
        """The grid to write masks on where the frames of the files cannot carry them, or None.

        That is so after resampling, and for the slices of a mosaic, which are no frames.
        """
        is_mosaic = self.frames[0].instance.mosaic_per_row > 0
        return self.geometry if self.verdict == "resampled" or is_mosaic else None

    @property
    def is_shown(self) -> bool:
        """Whether a viewer shows these frames; ``health.notes`` say why not (D16)."""
        return self.health.shown_frames > 0 or self.health.received_frames == 0

    @property
    def is_volume(self) -> bool:
        """Whether the stack can be assembled to a regular grid of more than one slice."""
        return self.geometry is not None and self.verdict in ("ok", "resampled")


@dataclass(frozen=True, slots=True)
class Series:
    """One series; the frames of its stacks add up to ``frames``, always.

    The last fields are header facts for routing: ``patient_orientation`` is (columns run to, rows
    run to) as in PS3.3 C.7.6.1.1.1, None where absent; ``kernel`` is ConvolutionKernel.
    """

    series_instance_uid: str
    modality: str
    description: str
    body_part: str
    number: int | None
    sop_class_uids: tuple[str, ...]
    transfer_syntax_uids: tuple[str, ...]
    instances: tuple[Instance, ...]
    frames: int
    stacks: tuple[Stack, ...] = ()
    laterality: str = ""
    view_position: str = ""
    contrast: bool | None = None
    image_type: tuple[str, ...] = ()
    patient_orientation: tuple[str, str] | None = None
    slice_thickness_mm: float | None = None
    kernel: str = ""
    kvp: float | None = None
    patient_age_years: float | None = None


@dataclass(frozen=True, slots=True)
class Study:
    """One study with its series; ``blocked`` names an identity conflict in words (D08)."""

    study_instance_uid: str
    patient: Patient
    study_date: str
    study_time: str
    accession_number: PatientText
    description: str
    series: tuple[Series, ...]
    warnings: tuple[StudyWarning, ...] = ()
    blocked: str = ""
    referring_physician: PatientText = field(default=PatientText(""))
    study_id: str = ""
    blocked_ru: str = ""
    completeness: Completeness = Completeness()

    def find_series(self, series_instance_uid: str) -> Series | None:
        """The series with this UID, or None."""
        for series in self.series:
            if series.series_instance_uid == series_instance_uid:
                return series
        return None


@dataclass(frozen=True, slots=True)
class SeriesRef:
    """Names one stack of one series of one study; results carry it so none lands elsewhere."""

    study_instance_uid: str
    series_instance_uid: str
    stack: int = 0
