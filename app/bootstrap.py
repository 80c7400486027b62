"""Composition root: builds the one ``AppContext``, without Qt. Knows every room."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from app.config import folders
from app.config.logging import set_up_logging
from app.config.secrets import FileSecrets
from app.config.settings import load_settings
from app.config.system_logon import OperatingSystemLogon, account_name
from app.core.ports import Clock, RandomUids, SnapshotRenderer, SystemClock, UidSource
from app.jobs.machine_memory import memory_bytes
from app.jobs.runner import JobRunner
from app.store.store import Store

if TYPE_CHECKING:
    from app.workflow.context import AppContext
    from app.workflow.peers import PeerBook

ARCHIVES_KEPT_S: Final = 7 * 24 * 3600.0


def build_context(
    *,
    data_folder: Path | None = None,
    user: str = "",
    workspace: Path | None = None,
    built_in_packs: Path | None = None,
    clock: Clock | None = None,
    uids: UidSource | None = None,
) -> AppContext:
    """Open the library in ``data_folder`` (default: the user's) and start the lanes.

    ``user`` is who acts; default: the settings, then the account. ``workspace`` takes unpacked
    archives; the default keeps them in the data folder so that a study opens again after a
    restart. ``built_in_packs`` stands in for the shipped ones. Raises ``StoreError`` or
    ``InputError``. Main thread; ``close`` the context after use.
    """
    from app.dicom.character_sets import use_fallback
    from app.inference.pack_policy import policy_of
    from app.inference.pack_store import PackStore
    from app.inference.result_cache import ResultCache
    from app.inference.worker import InferenceProcess
    from app.workflow.context import AppContext
    from app.workflow.model_servers import server_book
    from app.workflow.volume_cache import VolumeCache

    folder = data_folder or folders.data_folder()
    settings = load_settings(folder)
    use_fallback(settings.fallback_character_set)
    clock = clock or SystemClock()
    store = Store(folder, clock=clock)
    if workspace is None:
        workspace = folder / "workspace"
        forget_old_archives(workspace, keep=store.studies.paths(store.sessions.last_study()))
    cores = os.cpu_count() or 2
    return AppContext(
        clock=clock,
        uids=uids or RandomUids(),
        settings=settings,
        store=store,
        packs=PackStore(
            built_in_packs or folders.built_in_packs_folder(),
            folder / "packs",
            policy_of(settings),
        ),
        runner=JobRunner(
            {
                "interaction": 1,
                "writing": 1,
                "io": 2,
                "compute": max(1, cores - 1),
                "inference": 1,
                "background": 1,
            }
        ),
        inference=InferenceProcess(
            servers=server_book(settings),
            providers=settings.inference.providers,
            cache_folder=str(folder / "engines"),
        ),
        results=ResultCache(folder / "results", settings.inference.result_cache_mb << 20),
        user=user or settings.user or account_name(),
        workspace=workspace,
        patient_data=set_up_logging(folder / "logs" if data_folder else folders.log_folder()),
        secrets=FileSecrets(folder),
        time_witness=_MachineTime(settings.signing.time_server),
        logon=OperatingSystemLogon(),
        volumes=VolumeCache(memory_bytes() * settings.memory_budget_percent // 100),
        snapshots=_snapshot_renderer,
    )


def open_store(data_folder: Path | None = None) -> Store:
    """The library alone, for verbs that need no models."""
    return Store(data_folder or folders.data_folder())


def open_peers(data_folder: Path | None = None) -> PeerBook:
    """The network peers alone, for verbs that need no library. Raises ``InputError``."""
    from app.workflow.peers import PeerBook

    folder = data_folder or folders.data_folder()
    return PeerBook(folder, load_settings(folder), FileSecrets(folder))


def has_library(data_folder: Path | None = None) -> bool:
    """Whether there is a library: who only wants to look at it does not make one."""
    return ((data_folder or folders.data_folder()) / Store.DATABASE_NAME).exists()


def forget_old_archives(workspace: Path, *, keep: Sequence[Path]) -> None:
    """Remove what was unpacked more than a week ago; ``keep`` are files that stay.

    By age and not at once: another Overread may have its archives open here.
    """
    oldest = time.time() - ARCHIVES_KEPT_S
    kept = {path.relative_to(workspace).parts[0] for path in keep if workspace in path.parents}
    for folder in workspace.glob("*"):
        if folder.name not in kept and folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)


class _MachineTime:
    """What the system and the site's time server say of the clock."""

    def __init__(self, server: str) -> None:
        self._server = server

    def is_synchronised(self) -> bool | None:
        """Whether the system keeps its clock by a time server; None: it does not tell."""
        from app.config.system_time import is_synchronised

        return is_synchronised()

    def offset_s(self) -> float | None:
        """Seconds that the site's time server is ahead of us; None: there is none to ask."""
        if not self._server:
            return None
        from app.network.time_server import clock_offset_s

        return clock_offset_s(self._server)


def _snapshot_renderer() -> SnapshotRenderer:
    from app.rendering.snapshot import FindingSnapshots

    return FindingSnapshots()
