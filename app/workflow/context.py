"""What every use case needs: one value, made by ``app.bootstrap``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from app.config.logging import PatientDataFilter, end_logging
from app.config.settings import Settings
from app.core.ports import (
    Clock,
    SecretStore,
    SnapshotRenderer,
    SystemLogon,
    TimeWitness,
    UidSource,
)
from app.inference.pack_store import PackStore
from app.inference.result_cache import ResultCache
from app.jobs.runner import JobRunner
from app.store.store import Store
from app.workflow.prefetch import Prefetch
from app.workflow.volume_cache import VolumeCache

if TYPE_CHECKING:
    from app.inference.worker import InferenceProcess


@dataclass(slots=True)
class AppContext:
    """The parts of the running program. ``close`` ends them in the right order.

    ``user`` is who decides and signs (the actor of the audit trail). ``workspace`` takes what is
    unpacked from archives. ``patient_data`` keeps the patients it is told of out of the log.
    ``snapshots`` makes the renderer of key images on first use; None
    where rendering is not installed. ``results`` keeps what models computed, ``prefetch`` computes
    ahead once it is started.
    """

    clock: Clock
    uids: UidSource
    settings: Settings
    store: Store
    packs: PackStore
    runner: JobRunner
    inference: InferenceProcess
    user: str
    workspace: Path
    volumes: VolumeCache
    patient_data: PatientDataFilter
    secrets: SecretStore
    time_witness: TimeWitness
    logon: SystemLogon
    snapshots: Callable[[], SnapshotRenderer] | None = None
    results: ResultCache = field(default_factory=lambda: ResultCache(Path(), 0))
    prefetch: Prefetch = field(init=False)
    _closed: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.prefetch = Prefetch(self)

    def close(self) -> None:
        """Cancel jobs and wait for them, end the inference process, close the library."""
        if self._closed:
            return
        self._closed = True
        self.prefetch.stop()
        # the process first: a job that waits for it would hold the lanes up
        self.inference.close()
        self.runner.shutdown(timeout=5.0)
        self.volumes.clear()
        self.store.close()
        end_logging()
