"""The library: one folder, one database, its repositories."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from app.core.ports import Clock, SystemClock
from app.store.audit_log import AuditLog
from app.store.blobs import Blobs
from app.store.check_memory import CheckMemory
from app.store.communications import Communications
from app.store.connection import BUSY_TIMEOUT_S, Connection
from app.store.expected_objects import ExpectedObjects
from app.store.findings import Findings
from app.store.library_files import LibraryFiles
from app.store.library_imports import LibraryImports
from app.store.library_removal import LibraryRemoval
from app.store.migrate import migrate
from app.store.model_runs import ModelRuns
from app.store.outbox import Outbox
from app.store.reports import Reports
from app.store.sessions import Sessions
from app.store.studies import Studies
from app.store.users import Users


class Store:
    """Opens (and brings up to date) the library in ``folder``.

    Raises ``DatabaseTooNew``, ``DiskFull`` or ``StoreError``. May be used from any thread.
    """

    DATABASE_NAME: Final = "library.sqlite3"

    def __init__(
        self,
        folder: Path,
        *,
        clock: Clock | None = None,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
    ) -> None:
        self.folder = folder
        self.clock = clock or SystemClock()
        self._db = Connection(folder / self.DATABASE_NAME, busy_timeout_s=busy_timeout_s)
        try:
            migrate(self._db, clock=self.clock, backups=folder / "backups")
        except BaseException:
            self._db.close()
            raise
        self.studies = Studies(self._db, folder)
        self.files = LibraryFiles(self._db, folder)
        self.imports = LibraryImports(self._db)
        self.removal = LibraryRemoval(self._db)
        self.findings = Findings(self._db)
        self.reports = Reports(self._db)
        self.communications = Communications(self._db)
        self.users = Users(self._db)
        self.audit = AuditLog(self._db, self.clock)
        self.blobs = Blobs(self._db)
        self.sessions = Sessions(self._db)
        self.runs = ModelRuns(self._db)
        self.expected = ExpectedObjects(self._db)
        self.outbox = Outbox(self._db, folder)
        self.check_memory = CheckMemory(self._db)

    def transaction(self) -> AbstractContextManager[None]:
        """Everything written inside is stored together or not at all."""
        return self._db.transaction()

    def backup(self, path: Path) -> None:
        """A consistent copy of the library's database."""
        self._db.copy_to(path)

    def fault(self) -> str:
        """What is wrong with the database file or its search index; empty: nothing."""
        row = self._db.row("PRAGMA quick_check(1)")
        answer = "" if row is None else str(row[0])
        return self.studies.index_fault() if answer == "ok" else answer

    def close(self) -> None:
        """Close the database."""
        self._db.close()
