"""Taking a study out of the library. What is append-only stays: signed reports, journal, trail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from app.store.connection import Connection

# In the order in which the tables refer to each other.
_OF_STUDY: Final = (
    "instances", "series", "importing", "identities", "sessions", "readings", "model_runs",
    "findings", "reports", "expected_objects", "studies",
)  # fmt: skip


class LibraryRemoval:
    """Removes the rows of a study; its files are the caller's business."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def has_signed_report(self, study_instance_uid: str) -> bool:
        """Whether any reading of the study was signed."""
        row = self._db.row(
            "SELECT 1 FROM reports WHERE study_instance_uid = ? AND state <> 'draft'",
            (study_instance_uid,),
        )
        return row is not None

    def remove_study(self, study_instance_uid: str) -> None:
        """Everything of the study but the journal of decisions and the audit trail.

        Those name it by its UID alone, no patient. Raises ``AlreadySigned`` where a report is.
        """
        with self._thoroughly():
            self._read_shared_sources_again(study_instance_uid)
            self._db.execute(
                "DELETE FROM study_text WHERE rowid ="
                " (SELECT place FROM studies WHERE study_instance_uid = ?)",
                (study_instance_uid,),
            )
            for table in _OF_STUDY:
                self._db.execute(
                    f"DELETE FROM {table} WHERE study_instance_uid = ?",  # noqa: S608 - our names
                    (study_instance_uid,),
                )
            # the index only notes that a row went; merged anew, its words are gone as well
            # (0.6 s for 100,000 studies)
            self._db.execute("INSERT INTO study_text (study_text) VALUES ('optimize')")

    def remove_images(self, study_instance_uid: str, at_utc: str) -> None:
        """The objects of the study; patient, report and findings stay."""
        with self._thoroughly():
            self._read_shared_sources_again(study_instance_uid)
            for table in ("instances", "importing"):
                self._db.execute(
                    f"DELETE FROM {table} WHERE study_instance_uid = ?",  # noqa: S608 - our names
                    (study_instance_uid,),
                )
            self._db.execute(
                "UPDATE studies SET images_deleted_at_utc = ? WHERE study_instance_uid = ?",
                (at_utc, study_instance_uid),
            )

    def _read_shared_sources_again(self, study_instance_uid: str) -> None:
        """An archive that held other studies too is no longer known: it can be imported again."""
        self._db.execute(
            "UPDATE instances SET size_bytes = -1 WHERE study_instance_uid <> ?1 AND source IN"
            " (SELECT source FROM instances WHERE study_instance_uid = ?1)",
            (study_instance_uid,),
        )

    @contextmanager
    def _thoroughly(self) -> Iterator[None]:
        """In one transaction, and the freed pages are overwritten: names do not stay behind."""
        self._db.rows("PRAGMA secure_delete = ON")
        try:
            with self._db.transaction():
                yield
        finally:
            self._db.rows("PRAGMA secure_delete = OFF")
