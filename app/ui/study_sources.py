"""Where studies can be looked for: this workstation's library, and each peer of the settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, Literal, Protocol

from app.dicom.character_sets import display_name
from app.ui.corner_texts import iso_date
from app.ui.texts import tr

if TYPE_CHECKING:
    from app.store.studies import StoredStudy
    from app.workflow.context import AppContext

Period = Literal["any", "today", "week", "month", "year"]
PERIODS: Final[tuple[Period, ...]] = ("any", "today", "week", "month", "year")
MODALITIES: Final = ("CT", "MR", "DX", "CR", "MG", "US", "NM", "PT", "XA", "RF")
MOST_ROWS: Final = 500
_DAYS: Final[dict[Period, int]] = {"today": 0, "week": 7, "month": 31, "year": 366}


@dataclass(frozen=True, slots=True)
class StudyQuery:
    """What the reader looks for; empty parts do not narrow the search."""

    text: str = ""
    modality: str = ""
    period: Period = "any"

    @property
    def date_from(self) -> date | None:
        """The first day of the period; None: any."""
        days = _DAYS.get(self.period)
        # The reader's own day, not that of Greenwich.
        return None if days is None else date.today() - timedelta(days=days)  # noqa: DTZ011


@dataclass(frozen=True, slots=True)
class StudyListing:
    """One study as a row: texts ready to show. ``problem`` says why it needs attention."""

    study_instance_uid: str
    name: str
    patient_id: str
    birth_date: str
    date: str
    modalities: str
    description: str
    accession_number: str
    images: str
    problem: str = ""


class StudySource(Protocol):
    """A place to search. ``search`` runs in a lane, never on the main thread."""

    @property
    def title(self) -> str:
        """How the place is called, in the language in force."""

    @property
    def is_remote(self) -> bool:
        """Whether its studies must be retrieved before they can be opened."""

    def search(self, query: StudyQuery) -> Sequence[StudyListing]:
        """The studies that fit, newest first. Raises ``AppError``."""


class LibrarySource:
    """The library of this workstation."""

    is_remote = False

    def __init__(self, context: AppContext) -> None:
        self._context = context

    @property
    def title(self) -> str:
        """This workstation."""
        return tr("studies.here")

    def search(self, query: StudyQuery) -> Sequence[StudyListing]:
        """Studies by words of patient, description and accession number."""
        first = query.date_from
        found = self._context.store.studies.search(
            query.text,
            modality=query.modality or None,
            date_from=first.isoformat() if first else None,
            limit=MOST_ROWS,
        )
        return [_listing(study) for study in found]


def _listing(study: StoredStudy) -> StudyListing:
    return StudyListing(
        study_instance_uid=study.study_instance_uid,
        name=display_name(str(study.patient.name)) or tr("patient.unnamed"),
        patient_id=str(study.patient.id),
        birth_date=str(study.patient.birth_date),
        date=iso_date(study.study_date),
        modalities="/".join(study.modalities),
        description=study.description,
        accession_number=str(study.accession_number),
        images=str(study.instances),
        problem=_problem(study),
    )


def _problem(study: StoredStudy) -> str:
    if study.blocked:
        return tr("studies.blocked")
    if study.is_incomplete:
        return tr("studies.incomplete")
    if study.images_deleted_at_utc:
        return tr("studies.deleted")
    if study.missing_files:
        return tr("studies.missing", n=study.missing_files)
    return ""
