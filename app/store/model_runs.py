"""Which packs ran on which series, with the run report of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from app.core.study import SeriesRef
from app.store.connection import Connection


@dataclass(frozen=True, slots=True)
class ModelRun:
    """One run; ``report`` is its ``overread.run/1`` object."""

    source: SeriesRef
    pack: str
    version: str
    at_utc: str
    report: dict[str, Any]


class ModelRuns:
    """The runs of each study and reading."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def add(self, reading: str, run: ModelRun) -> None:
        """Record a run."""
        self._db.execute(
            "INSERT INTO model_runs (study_instance_uid, reading, series_instance_uid, stack,"
            " pack, version, at_utc, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                run.source.study_instance_uid, reading, run.source.series_instance_uid,
                run.source.stack, run.pack, run.version, run.at_utc,
                json.dumps(run.report, ensure_ascii=False),
            ),
        )  # fmt: skip

    def of_study(self, study_instance_uid: str, reading: str) -> tuple[ModelRun, ...]:
        """The runs, oldest first."""
        rows = self._db.rows(
            "SELECT * FROM model_runs WHERE study_instance_uid = ? AND reading = ? ORDER BY seq",
            (study_instance_uid, reading),
        )
        return tuple(
            ModelRun(
                SeriesRef(
                    row["study_instance_uid"], row["series_instance_uid"], row["stack"]
                ),
                row["pack"], row["version"], row["at_utc"], json.loads(row["payload"]),
            )
            for row in rows
        )  # fmt: skip
