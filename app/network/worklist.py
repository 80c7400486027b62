"""Which examinations are planned? C-FIND of the modality worklist (PS3.4 annex K)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydicom.dataset import Dataset

from app.core.report import Message
from app.core.study import PatientText
from app.dicom.character_sets import text_of
from app.dicom.files.headers import iso_date, iso_time
from app.dicom.tolerant import items_of, quiet
from app.jobs.cancel import CancelToken
from app.network.associations import Proposal, associate
from app.network.peers import DimsePeer
from app.network.questions import QUERY_SYNTAXES, Limits, Question, ask, put_keys

WORKLIST_FIND: Final = "1.2.840.10008.5.1.4.31"
_SERVICE: Final = Message("the worklist", "рабочий список")
_STEPS: Final = "ScheduledProcedureStepSequence"
_KEYS: Final = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber",
    "RequestedProcedureID", "RequestedProcedureDescription", "StudyInstanceUID",
    "ReferringPhysicianName", "RequestingPhysician", "MedicalAlerts", "Allergies",
    "PregnancyStatus",
)  # fmt: skip
_STEP_KEYS: Final = (
    "Modality", "ScheduledStationAETitle", "ScheduledProcedureStepStartDate",
    "ScheduledProcedureStepStartTime", "ScheduledPerformingPhysicianName",
    "ScheduledProcedureStepDescription", "ScheduledProcedureStepID", "ScheduledStationName",
    "ScheduledProcedureStepLocation", "ScheduledProcedureStepStatus",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ScheduledStep:
    """One step of a planned examination; date and time ISO 8601."""

    step_id: str = ""
    modality: str = ""
    station_ae_title: str = ""
    start_date: str = ""
    start_time: str = ""
    description: str = ""
    performing_physician: str = ""
    location: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True)
class WorklistItem:
    """A planned examination of a patient."""

    patient_id: PatientText
    patient_name: PatientText
    birth_date: PatientText
    sex: str
    accession_number: str
    study_instance_uid: str
    procedure_id: str
    procedure: str
    referring_physician: str
    alerts: str
    allergies: str
    steps: tuple[ScheduledStep, ...]


def find_worklist(
    peer: DimsePeer, query: Mapping[str, str], *, cancel: CancelToken | None = None
) -> tuple[WorklistItem, ...]:
    """Planned examinations that match ``query``, by DICOM keywords.

    Keys of the scheduled step (``Modality``, ``ScheduledProcedureStepStartDate``, ...) stand beside
    those of the patient; they are put where they belong. Raises as ``find``.
    """
    identifier, step = Dataset(), Dataset()
    put_keys(step, dict.fromkeys(_STEP_KEYS, ""))
    put_keys(step, {key: value for key, value in query.items() if key in _STEP_KEYS})
    put_keys(identifier, dict.fromkeys(_KEYS, ""))
    put_keys(identifier, {key: value for key, value in query.items() if key not in _STEP_KEYS})
    setattr(identifier, _STEPS, [step])
    with associate(peer, Proposal(_SERVICE, [(WORKLIST_FIND, QUERY_SYNTAXES)])) as link:
        answers = tuple(ask(link, Question(WORKLIST_FIND, _SERVICE, identifier), Limits(cancel)))
    with quiet():
        return tuple(_item(answer) for answer in answers)


def _item(ds: Dataset) -> WorklistItem:
    return WorklistItem(
        patient_id=PatientText(text_of(ds, "PatientID")),
        patient_name=PatientText(text_of(ds, "PatientName").rstrip("^=")),
        birth_date=PatientText(iso_date(text_of(ds, "PatientBirthDate"))),
        sex=text_of(ds, "PatientSex"),
        accession_number=text_of(ds, "AccessionNumber"),
        study_instance_uid=text_of(ds, "StudyInstanceUID"),
        procedure_id=text_of(ds, "RequestedProcedureID"),
        procedure=text_of(ds, "RequestedProcedureDescription"),
        referring_physician=text_of(ds, "ReferringPhysicianName"),
        alerts=text_of(ds, "MedicalAlerts"),
        allergies=text_of(ds, "Allergies"),
        steps=tuple(_step(item) for item in items_of(ds, _STEPS)),
    )


def _step(ds: Dataset) -> ScheduledStep:
    return ScheduledStep(
        step_id=text_of(ds, "ScheduledProcedureStepID"),
        modality=text_of(ds, "Modality"),
        station_ae_title=text_of(ds, "ScheduledStationAETitle"),
        start_date=iso_date(text_of(ds, "ScheduledProcedureStepStartDate")),
        start_time=iso_time(text_of(ds, "ScheduledProcedureStepStartTime")),
        description=text_of(ds, "ScheduledProcedureStepDescription"),
        performing_physician=text_of(ds, "ScheduledPerformingPhysicianName"),
        location=text_of(ds, "ScheduledProcedureStepLocation"),
        status=text_of(ds, "ScheduledProcedureStepStatus"),
    )
