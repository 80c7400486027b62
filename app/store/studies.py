"""The index of studies: which there are, and where their files lie."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from app.core.study import Patient, PatientText, Study
from app.store.connection import Connection


@dataclass(frozen=True, slots=True)
class StoredStudy:
    """One study of the library, without its images."""

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


class Studies:
    """The study index."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def put(self, study: Study, *, at_utc: str) -> None:
        """Add the study, or bring its row up to date; paths seen before are kept."""
        patient = study.patient
        with self._db.transaction():
            self._db.execute(
                "INSERT INTO studies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '')"
                " ON CONFLICT (study_instance_uid) DO UPDATE SET"
                " patient_id = excluded.patient_id, patient_name = excluded.patient_name,"
                " patient_birth_date = excluded.patient_birth_date,"
                " patient_sex = excluded.patient_sex, study_date = excluded.study_date,"
                " study_time = excluded.study_time,"
                " accession_number = excluded.accession_number,"
                " description = excluded.description",
                (
                    study.study_instance_uid, str(patient.id), str(patient.name),
                    str(patient.birth_date), patient.sex, study.study_date, study.study_time,
                    str(study.accession_number), study.description, at_utc,
                ),
            )  # fmt: skip
            for series in study.series:
                self._db.execute(
                    "INSERT INTO series VALUES (?, ?, ?, ?, ?, ?, ?)"
                    " ON CONFLICT (study_instance_uid, series_instance_uid) DO UPDATE SET"
                    " modality = excluded.modality, description = excluded.description,"
                    " body_part = excluded.body_part, number = excluded.number,"
                    " frames = MAX(frames, excluded.frames)",
                    (
                        series.series_instance_uid, study.study_instance_uid, series.modality,
                        series.description, series.body_part, series.number, series.frames,
                    ),
                )  # fmt: skip
                for instance in series.instances:
                    self._db.execute(
                        "INSERT OR IGNORE INTO instances VALUES (?, ?, ?, ?)",
                        (
                            instance.sop_instance_uid, study.study_instance_uid,
                            series.series_instance_uid, str(instance.path),
                        ),
                    )  # fmt: skip

    def mark_opened(self, study_instance_uid: str, at_utc: str) -> None:
        """Record when the study was opened last."""
        self._db.execute(
            "UPDATE studies SET opened_at_utc = ? WHERE study_instance_uid = ?",
            (at_utc, study_instance_uid),
        )

    def all(self) -> tuple[StoredStudy, ...]:
        """All studies, newest study date first."""
        rows = self._db.rows(
            f"{_SELECT} GROUP BY s.study_instance_uid"
            " ORDER BY s.study_date DESC, s.study_time DESC, s.added_at_utc DESC"
        )
        return tuple(_stored(row) for row in rows)

    def get(self, study_instance_uid: str) -> StoredStudy | None:
        """One study, or None."""
        row = self._db.row(
            f"{_SELECT} WHERE s.study_instance_uid = ? GROUP BY s.study_instance_uid",
            (study_instance_uid,),
        )
        return None if row is None else _stored(row)

    def of_patient(self, patient_id: str) -> tuple[StoredStudy, ...]:
        """The studies of a patient, oldest first; an empty id belongs to nobody."""
        if not patient_id:
            return ()
        rows = self._db.rows(
            f"{_SELECT} WHERE s.patient_id = ? GROUP BY s.study_instance_uid"
            " ORDER BY s.study_date, s.study_time",
            (patient_id,),
        )
        return tuple(_stored(row) for row in rows)

    def paths(self, study_instance_uid: str) -> tuple[Path, ...]:
        """Where the files of the study lie; of one object in several places the newest first."""
        rows = self._db.rows(
            "SELECT path FROM instances WHERE study_instance_uid = ?"
            " ORDER BY series_instance_uid, sop_instance_uid, rowid DESC",
            (study_instance_uid,),
        )
        return tuple(Path(row["path"]) for row in rows)


_SELECT = """SELECT s.*, COUNT(DISTINCT i.sop_instance_uid) AS instances,
  (SELECT COUNT(*) FROM series WHERE study_instance_uid = s.study_instance_uid) AS series,
  (SELECT GROUP_CONCAT(DISTINCT modality) FROM series
   WHERE study_instance_uid = s.study_instance_uid) AS modalities
  FROM studies s LEFT JOIN instances i ON i.study_instance_uid = s.study_instance_uid"""


def _stored(row: sqlite3.Row) -> StoredStudy:
    return StoredStudy(
        study_instance_uid=row["study_instance_uid"],
        patient=Patient(
            id=PatientText(row["patient_id"]),
            name=PatientText(row["patient_name"]),
            birth_date=PatientText(row["patient_birth_date"]),
            sex=row["patient_sex"],
        ),
        study_date=row["study_date"],
        study_time=row["study_time"],
        accession_number=PatientText(row["accession_number"]),
        description=row["description"],
        modalities=tuple(sorted(filter(None, (row["modalities"] or "").split(",")))),
        series=row["series"],
        instances=row["instances"],
        added_at_utc=row["added_at_utc"],
        opened_at_utc=row["opened_at_utc"],
    )
