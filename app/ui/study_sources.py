"""Where studies can be looked for: this workstation's library, and each peer of the settings."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, Literal, Protocol

from app.core.report import ReportState
from app.dicom.character_sets import display_name
from app.network import any_peer
from app.network.answers import FoundStudy
from app.store.sessions import MAIN_READING
from app.ui.corner_texts import iso_date
from app.ui.texts import tr
from app.workflow.peers import book_of

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
    waits_for_cosignature: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether everything would fit."""
        return not self.text and self.period == "any"

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
    report: str = ""
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
        store = self._context.store
        waiting = {
            report.study_instance_uid
            for reading, report in store.reports.waiting()
            if reading == MAIN_READING
        }
        found = store.studies.search(
            query.text,
            modality=query.modality or None,
            date_from=first.isoformat() if first else None,
            limit=-1 if query.waits_for_cosignature else MOST_ROWS,
        )
        if query.waits_for_cosignature:
            found = tuple(s for s in found if s.study_instance_uid in waiting)[:MOST_ROWS]
        states = store.reports.states(MAIN_READING, [s.study_instance_uid for s in found])
        return [
            _listing(study, _report(study.study_instance_uid, states, waiting)) for study in found
        ]


class PeerSource:
    """The studies of a network peer."""

    is_remote = True

    def __init__(self, context: AppContext, name: str) -> None:
        self._context = context
        self.name = name

    @property
    def title(self) -> str:
        """The name that the settings give the peer."""
        return self.name

    def search(self, query: StudyQuery) -> Sequence[StudyListing]:
        """Studies by patient's name, or by number: patient ID and accession number."""
        peer = book_of(self._context).peer(self.name)
        found: dict[str, FoundStudy] = {}
        for keys in peer_queries(query):
            for study in any_peer.find(peer, "study", keys, limit=MOST_ROWS):
                if isinstance(study, FoundStudy):
                    found.setdefault(study.study_instance_uid, study)
        newest = sorted(found.values(), key=lambda s: (s.study_date, s.study_time), reverse=True)
        return [_found_listing(study) for study in newest]


def peer_queries(query: StudyQuery) -> list[dict[str, str]]:
    """The keys of each question to a peer: keys of one question are ANDed (PS3.4 C.2.2.2)."""
    keys: dict[str, str] = {}
    if query.modality:
        keys["ModalitiesInStudy"] = query.modality
    if query.date_from is not None:
        keys["StudyDate"] = f"{query.date_from:%Y%m%d}-"
    if not query.text:
        return [keys]
    if any(character.isdigit() for character in query.text):
        # A number may be either; the wildcard of the middle is not asked for: archives scan then.
        numbers = ("PatientID", "AccessionNumber")
        return [{**keys, keyword: f"{query.text}*"} for keyword in numbers]
    words = "*".join(query.text.replace("^", " ").replace(",", " ").split())
    return [{**keys, "PatientName": f"*{words}*"}]


def _found_listing(study: FoundStudy) -> StudyListing:
    return StudyListing(
        study_instance_uid=study.study_instance_uid,
        name=display_name(str(study.patient_name)) or tr("patient.unnamed"),
        patient_id=str(study.patient_id),
        birth_date=str(study.birth_date),
        date=iso_date(study.study_date),
        modalities="/".join(study.modalities),
        description=study.description,
        accession_number=study.accession_number,
        images="" if study.instances is None else str(study.instances),
    )


def _report(uid: str, states: Mapping[str, ReportState], waiting: Collection[str]) -> str:
    if uid in waiting:
        return tr("studies.waits")
    return tr(f"report.state.{states[uid]}") if uid in states else ""


def _listing(study: StoredStudy, report: str) -> StudyListing:
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
        report=report,
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
