"""What peers answer: the same values for DIMSE and DICOMweb, texts decoded to Unicode."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

from app.core.report import Message
from app.core.study import PatientText

Level = Literal["study", "series", "image"]

_UNKNOWN: Final = PatientText("")


@dataclass(frozen=True, slots=True)
class EchoResult:
    """The peer is there: seconds from the first byte to its answer, and what it calls itself."""

    seconds: float
    implementation: str = ""


@dataclass(frozen=True, slots=True)
class FoundStudy:
    """One study at a peer. Dates and times are ISO 8601; None or empty: the peer did not say."""

    study_instance_uid: str
    patient_id: PatientText = _UNKNOWN
    patient_name: PatientText = _UNKNOWN
    birth_date: PatientText = _UNKNOWN
    sex: str = ""
    study_date: str = ""
    study_time: str = ""
    accession_number: str = ""
    description: str = ""
    modalities: tuple[str, ...] = ()
    series: int | None = None
    instances: int | None = None


@dataclass(frozen=True, slots=True)
class FoundSeries:
    """One series at a peer."""

    study_instance_uid: str
    series_instance_uid: str
    modality: str = ""
    number: int | None = None
    description: str = ""
    body_part: str = ""
    instances: int | None = None


@dataclass(frozen=True, slots=True)
class FoundImage:
    """One instance at a peer. ``sop_class_uid`` is empty where the peer keeps it to itself."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str = ""
    number: int | None = None
    frames: int | None = None


Found = FoundStudy | FoundSeries | FoundImage


@dataclass(frozen=True, slots=True)
class RetrieveRequest:
    """What to retrieve: a study, or one series of it, or named instances of that series.

    Raises ``ValueError`` where instances are named without their series.
    """

    study_instance_uid: str
    series_instance_uid: str | None = None
    sop_instance_uids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.sop_instance_uids and self.series_instance_uid is None:
            raise ValueError("instances are asked for within their series")


@dataclass(frozen=True, slots=True)
class RetrieveOutcome:
    """How a retrieval ended (D18).

    ``expected`` is what the peer has as it said itself, None where it did not say; ``received``
    are the instances that lie complete in the inbox; ``failed`` the rest of ``expected``, or what
    the peer counted as failed. ``missing`` names them where the peer listed its instances.
    ``warnings`` say in words what differs; ``cancelled`` where the user stopped it.
    """

    expected: int | None
    received: int
    failed: int
    warnings: tuple[Message, ...] = ()
    missing: tuple[str, ...] = ()
    cancelled: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether everything that the peer has arrived, as far as it said what it has."""
        return self.failed == 0 and not self.cancelled and self.received >= (self.expected or 0)


class FailedObject(NamedTuple):
    """An object that the peer does not have now; ``may_retry``: the same again may succeed."""

    path: Path
    reason: Message
    may_retry: bool


@dataclass(frozen=True, slots=True)
class SendOutcome:
    """What the peer took and what not; each path given is in exactly one of the two.

    ``converted`` is the part of ``sent`` that went decompressed or in another encoding, without
    loss. ``warnings`` is what the peer remarked about objects that it stored nevertheless.
    """

    sent: tuple[Path, ...] = ()
    failed: tuple[FailedObject, ...] = ()
    converted: tuple[Path, ...] = ()
    warnings: tuple[Message, ...] = ()
