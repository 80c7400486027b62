"""The index of studies: which there are, how they are found, and where their files lie."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from app.core.errors import StoreError
from app.core.report import Message
from app.core.study import Patient, PatientText, Study
from app.store import study_sql
from app.store.connection import Connection
from app.store.path_text import path_of_text, text_of_path
from app.store.study_search import PLACES_PER_MINUTE, StudyQuery, minute_of

Origin = Literal["file", "copy", "archive"]


@dataclass(frozen=True, slots=True)
class StoredStudy:
    """One study of the library, without its images.

    ``instances`` counts objects, not files; ``missing_files`` those of which no file is left.
    ``blocked`` names an identity conflict (D08); ``is_incomplete``: the import that brought it
    was interrupted (D18).
    """

    study_instance_uid: str
    patient: Patient
    study_date: str
    study_time: str
    accession_number: PatientText
    description: str
    modalities: tuple[str, ...]
    series: int
    instances: int
    added_at_utc: str
    opened_at_utc: str
    referring_physician: PatientText = field(default=PatientText(""))
    missing_files: int = 0
    blocked: str = ""
    blocked_ru: str = ""
    is_incomplete: bool = False
    images_deleted_at_utc: str = ""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Where an object came from, and how that file looked: what tells whether it has changed.

    ``source`` is the file imported, ``sha256`` of a copy its content. Objects with one UID and
    different content have different ``variant`` numbers.
    """

    source: Path
    size_bytes: int
    mtime_ns: int
    origin: Origin = "file"
    sha256: str = ""
    variant: int = 0


class Studies:
    """The study index. Paths below ``folder`` are stored relative to it: the library may move."""

    def __init__(self, db: Connection, folder: Path) -> None:
        self._db = db
        self._folder = folder

    def put(
        self,
        study: Study,
        *,
        at_utc: str,
        files: Mapping[Path, FileFacts] | None = None,
        unpacked_below: Path | None = None,
    ) -> None:
        """Add the study, or bring its row up to date; paths seen before are kept.

        ``files`` are the facts of an import, by path; all objects of the call then belong to
        ``study.patient``. Files below ``unpacked_below`` came out of an archive and go away.
        """
        uid = study.study_instance_uid
        with self._db.transaction():
            self._put_study(study, at_utc)
            for series in study.series:
                self._db.execute(
                    "INSERT INTO series VALUES (?, ?, ?, ?, ?, ?, ?)"
                    " ON CONFLICT (study_instance_uid, series_instance_uid) DO UPDATE SET"
                    " modality = excluded.modality, description = excluded.description,"
                    " body_part = excluded.body_part, number = excluded.number",
                    (
                        series.series_instance_uid, uid, series.modality,
                        series.description, series.body_part, series.number, series.frames,
                    ),
                )  # fmt: skip
            if files is None:
                self._put_opened(study, unpacked_below)
            else:
                self._put_imported(study, files)
            self.refresh(uid)

    def refresh(self, study_instance_uid: str) -> None:
        """Recount the study, place it in the list and index its words; within a transaction."""
        uid = (study_instance_uid,)
        with self._db.transaction():
            self._db.execute(study_sql.TAKE_PATIENT, uid)
            self._db.execute(study_sql.RECOUNT, uid)
            self._db.execute(study_sql.RECOUNT_FRAMES, uid)
            row = self._db.row("SELECT * FROM studies WHERE study_instance_uid = ?", uid)
            if row is None:
                return
            self._db.execute("DELETE FROM study_text WHERE rowid = ?", (row["place"],))
            minute = minute_of(row["study_date"], row["study_time"])
            if row["place"] // PLACES_PER_MINUTE != minute:
                self._db.execute(study_sql.PLACE, (minute * PLACES_PER_MINUTE, *uid))
            self._db.execute(study_sql.INDEX_WORDS, uid)

    def mark_opened(self, study_instance_uid: str, at_utc: str) -> None:
        """Record when the study was opened last."""
        self._db.execute(
            "UPDATE studies SET opened_at_utc = ? WHERE study_instance_uid = ?",
            (at_utc, study_instance_uid),
        )

    def search(
        self,
        text: str = "",
        *,
        modality: str | None = None,
        date_from: str | None = None,
        date_to: str | None = None,
        limit: int = 200,
    ) -> tuple[StoredStudy, ...]:
        """The newest ``limit`` studies of which words begin with all words of ``text``.

        Looked through are patient name and id, descriptions of study and series, accession
        number, referring physician and modalities; case, accents and the order of words do not
        matter. Dates are ISO 8601, both included. A negative ``limit`` gives all.
        """
        query = StudyQuery(text, modality or "", date_from or "", date_to or "")
        if query.is_nothing:
            return ()
        if query.match:
            rows = self._db.rows(study_sql.SEARCH, (query.match, *query.places, limit))
        else:
            rows = self._db.rows(study_sql.LIST, (*query.places, limit))
        return tuple(_stored(row) for row in rows)

    def count(
        self,
        text: str = "",
        *,
        modality: str | None = None,
        date_from: str | None = None,
        date_to: str | None = None,
    ) -> int:
        """How many studies ``search`` would give without a limit."""
        query = StudyQuery(text, modality or "", date_from or "", date_to or "")
        if query.is_nothing:
            return 0
        if query.match:
            row = self._db.row(study_sql.COUNT_MATCHES, (query.match, *query.places))
        else:
            row = self._db.row(
                "SELECT COUNT(*) FROM studies WHERE place BETWEEN ? AND ?", query.places
            )
        return 0 if row is None else int(row[0])

    def all(self) -> tuple[StoredStudy, ...]:
        """All studies, newest study date first."""
        return self.search(limit=-1)

    def get(self, study_instance_uid: str) -> StoredStudy | None:
        """One study, or None."""
        row = self._db.row(
            f"{study_sql.SELECT} WHERE s.study_instance_uid = ?", (study_instance_uid,)
        )
        return None if row is None else _stored(row)

    def of_patient(self, patient_id: str) -> tuple[StoredStudy, ...]:
        """The studies of a patient, oldest first; an empty id belongs to nobody."""
        if not patient_id:
            return ()
        rows = self._db.rows(
            f"{study_sql.SELECT} WHERE s.patient_id = ? ORDER BY s.study_date, s.study_time",
            (patient_id,),
        )
        return tuple(_stored(row) for row in rows)

    def body_parts(self, study_instance_uid: str) -> tuple[str, ...]:
        """What the series of a study say that they show (BodyPartExamined)."""
        rows = self._db.rows(
            "SELECT DISTINCT body_part FROM series WHERE study_instance_uid = ?"
            " AND body_part <> '' ORDER BY body_part",
            (study_instance_uid,),
        )
        return tuple(row["body_part"] for row in rows)

    def patients(self, study_instance_uid: str) -> tuple[Patient, ...]:
        """Everyone named by the objects of the study that are here."""
        rows = self._db.rows(
            "SELECT patient_id, issuer, name, birth_date, sex FROM identities WHERE number IN"
            " (SELECT identity FROM instances WHERE study_instance_uid = ?1)"
            " UNION SELECT patient_id, patient_issuer, patient_name, patient_birth_date,"
            " patient_sex FROM studies WHERE study_instance_uid = ?1",
            (study_instance_uid,),
        )
        return tuple(
            Patient(PatientText(row[0]), PatientText(row[2]), PatientText(row[3]), row[4], row[1])
            for row in rows
        )

    def set_blocked(self, study_instance_uid: str, reason: Message | None) -> None:
        """Block the study, or free it again where all its objects were asked for their patient."""
        if reason is None:
            self._db.execute(
                "UPDATE studies SET blocked = '', blocked_ru = '' WHERE study_instance_uid = ?1"
                " AND blocked <> '' AND NOT EXISTS (SELECT 1 FROM instances"
                " WHERE study_instance_uid = ?1 AND identity IS NULL)",
                (study_instance_uid,),
            )
        else:
            self._db.execute(
                "UPDATE studies SET blocked = ?, blocked_ru = ? WHERE study_instance_uid = ?",
                (reason.en, reason.ru, study_instance_uid),
            )

    def paths(self, study_instance_uid: str, *, limit: int = -1) -> tuple[Path, ...]:
        """Where the files of the study lie; of one object in several places the newest first."""
        rows = self._db.rows(
            "SELECT path FROM instances WHERE study_instance_uid = ?"
            " ORDER BY series_instance_uid, sop_instance_uid, rowid DESC LIMIT ?",
            (study_instance_uid, limit),
        )
        return tuple(self._folder / path_of_text(row["path"]) for row in rows)

    def index_fault(self) -> str:
        """What is wrong with the search index; empty: nothing."""
        try:
            self._db.execute("INSERT INTO study_text (study_text) VALUES ('integrity-check')")
        except StoreError as fault:
            return f"search index: {fault.technical_detail}"
        row = self._db.row(
            "SELECT (SELECT COUNT(*) FROM studies) - (SELECT COUNT(*) FROM study_text)"
        )
        return "" if row is None or not row[0] else "search index: not all studies are in it"

    def index_again(self) -> None:
        """Make the search index and the counters anew from what the tables hold."""
        with self._db.transaction():
            self._db.execute("DELETE FROM study_text")
            for row in self._db.rows("SELECT study_instance_uid FROM studies"):
                self.refresh(row["study_instance_uid"])

    def is_from_archive_alone(self, study_instance_uid: str) -> bool:
        """Whether all its files were unpacked from an archive that was opened, not imported."""
        row = self._db.row(
            "SELECT MIN(origin = 'archive') FROM instances WHERE study_instance_uid = ?",
            (study_instance_uid,),
        )
        return row is not None and row[0] == 1

    def _put_study(self, study: Study, at_utc: str) -> None:
        """A blocked study keeps the patient that it had; an empty text overwrites none."""
        patient = study.patient
        self._db.execute(
            study_sql.PUT_STUDY,
            (
                study.study_instance_uid, str(patient.id), patient.issuer, str(patient.name),
                str(patient.birth_date), patient.sex, study.study_date, study.study_time,
                str(study.accession_number), study.description, str(study.referring_physician),
                study.blocked, study.blocked_ru, at_utc,
            ),
        )  # fmt: skip

    def _put_opened(self, study: Study, unpacked_below: Path | None) -> None:
        """All files were just read: they name one patient, unless the study is blocked."""
        identity = None if study.blocked else self._identity(study)
        self._db.execute_many(
            study_sql.PUT_OPENED,
            [
                (
                    instance.sop_instance_uid, study.study_instance_uid,
                    series.series_instance_uid, self._stored_path(instance.path),
                    text_of_path(instance.path),
                    "archive" if unpacked_below in instance.path.parents else "file",
                    instance.number_of_frames, identity,
                )
                for series in study.series
                for instance in series.instances
            ],
        )  # fmt: skip

    def _put_imported(self, study: Study, files: Mapping[Path, FileFacts]) -> None:
        identity = self._identity(study)
        rows = []
        for series in study.series:
            for instance in series.instances:
                facts = files[instance.path]
                rows.append(
                    (
                        instance.sop_instance_uid, study.study_instance_uid,
                        series.series_instance_uid, self._stored_path(instance.path),
                        facts.origin, text_of_path(facts.source), facts.size_bytes, facts.mtime_ns,
                        facts.sha256, facts.variant, identity, instance.number_of_frames,
                    )
                )  # fmt: skip
        self._db.execute_many(study_sql.PUT_INSTANCE, rows)

    def _identity(self, study: Study) -> int:
        patient = study.patient
        values = (
            study.study_instance_uid, str(patient.id), patient.issuer, str(patient.name),
            str(patient.birth_date), patient.sex,
        )  # fmt: skip
        self._db.execute("INSERT OR IGNORE INTO identities VALUES (NULL, ?, ?, ?, ?, ?, ?)", values)
        row = self._db.row(
            "SELECT number FROM identities WHERE study_instance_uid = ? AND patient_id = ?"
            " AND issuer = ? AND name = ? AND birth_date = ? AND sex = ?",
            values,
        )
        return 0 if row is None else int(row["number"])

    def _stored_path(self, path: Path) -> str:
        if self._folder in path.parents:
            return text_of_path(path.relative_to(self._folder)).replace("\\", "/")
        return text_of_path(path)


def _stored(row: sqlite3.Row) -> StoredStudy:
    return StoredStudy(
        study_instance_uid=row["study_instance_uid"],
        patient=Patient(
            id=PatientText(row["patient_id"]),
            name=PatientText(row["patient_name"]),
            birth_date=PatientText(row["patient_birth_date"]),
            sex=row["patient_sex"],
            issuer=row["patient_issuer"],
        ),
        study_date=row["study_date"],
        study_time=row["study_time"],
        accession_number=PatientText(row["accession_number"]),
        description=row["description"],
        modalities=tuple(filter(None, row["modalities"].split("/"))),
        series=row["series_count"],
        instances=row["object_count"],
        added_at_utc=row["added_at_utc"],
        opened_at_utc=row["opened_at_utc"],
        referring_physician=PatientText(row["referring_physician"]),
        missing_files=row["missing_count"],
        blocked=row["blocked"],
        blocked_ru=row["blocked_ru"],
        is_incomplete=bool(row["incomplete"]),
        images_deleted_at_utc=row["images_deleted_at_utc"],
    )
