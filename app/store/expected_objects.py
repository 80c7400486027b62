"""How many objects a study has at the archive that it came from (D18)."""

from __future__ import annotations

from collections.abc import Mapping

from app.core.study import Completeness
from app.store.connection import Connection


class ExpectedObjects:
    """The last word of a peer about each series, whether or not its objects have arrived."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def put(
        self, study_instance_uid: str, objects: Mapping[str, int], *, peer: str, at_utc: str
    ) -> None:
        """Keep the counts, by series UID; those of other series of the study stay."""
        with self._db.transaction():
            for series_instance_uid, count in objects.items():
                self._db.execute(
                    "INSERT INTO expected_objects VALUES (?, ?, ?, ?, ?)"
                    " ON CONFLICT (study_instance_uid, series_instance_uid) DO UPDATE SET"
                    " objects = excluded.objects, peer = excluded.peer, at_utc = excluded.at_utc",
                    (study_instance_uid, series_instance_uid, count, peer, at_utc),
                )

    def of_study(self, study_instance_uid: str) -> dict[str, int]:
        """Objects per series UID; empty where no peer was asked."""
        rows = self._db.rows(
            "SELECT series_instance_uid, objects FROM expected_objects"
            " WHERE study_instance_uid = ? ORDER BY series_instance_uid",
            (study_instance_uid,),
        )
        return {row["series_instance_uid"]: row["objects"] for row in rows}

    def completeness(self, study_instance_uid: str) -> Completeness:
        """Received and expected objects of a study of the library.

        Objects beyond those counted do not make up for missing ones of another series.
        """
        expected = self.of_study(study_instance_uid)
        received = self.received(study_instance_uid)
        if not expected:
            return Completeness(sum(received.values()))
        there = sum(min(received.get(uid, 0), count) for uid, count in expected.items())
        return Completeness(there, sum(expected.values()), "archive")

    def received(self, study_instance_uid: str) -> dict[str, int]:
        """Objects of each series that the library has."""
        rows = self._db.rows(
            "SELECT series_instance_uid, COUNT(DISTINCT sop_instance_uid) AS objects"
            " FROM instances WHERE study_instance_uid = ? AND missing = 0"
            " GROUP BY series_instance_uid",
            (study_instance_uid,),
        )
        return {row["series_instance_uid"]: row["objects"] for row in rows}
