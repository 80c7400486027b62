"""Composition root: builds the one ``AppContext``, without Qt. Knows every room."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import TYPE_CHECKING

from app.config import folders
from app.config.settings import load_settings
from app.core.ports import Clock, RandomUids, SnapshotRenderer, SystemClock, UidSource
from app.jobs.runner import JobRunner
from app.store.store import Store

if TYPE_CHECKING:
    from app.workflow.context import AppContext


def build_context(
    *,
    data_folder: Path | None = None,
    user: str = "",
    workspace: Path | None = None,
    clock: Clock | None = None,
    uids: UidSource | None = None,
) -> AppContext:
    """Open the library in ``data_folder`` (default: the user's) and start the lanes.

    ``user`` is who acts; default: the settings, then the account. ``workspace`` takes unpacked
    archives; the default keeps them in the data folder so that a study opens again after a
    restart. Raises ``StoreError`` or ``InputError``. Main thread; ``close`` the context after use.
    """
    from app.inference.pack_store import PackStore
    from app.inference.worker import InferenceProcess
    from app.workflow.context import AppContext
    from app.workflow.volume_cache import VolumeCache

    folder = data_folder or folders.data_folder()
    settings = load_settings(folder)
    clock = clock or SystemClock()
    store = Store(folder, clock=clock)
    cores = os.cpu_count() or 2
    return AppContext(
        clock=clock,
        uids=uids or RandomUids(),
        settings=settings,
        store=store,
        packs=PackStore(folders.built_in_packs_folder(), folder / "packs"),
        runner=JobRunner({"interaction": 1, "io": 2, "compute": max(1, cores - 1), "inference": 1}),
        inference=InferenceProcess(),
        user=user or settings.user or account_name(),
        workspace=workspace or folder / "workspace",
        volumes=VolumeCache(settings.volume_cache_mb * 1024 * 1024),
        snapshots=_snapshot_renderer,
    )


def open_store(data_folder: Path | None = None) -> Store:
    """The library alone, for verbs that need no models."""
    return Store(data_folder or folders.data_folder())


def account_name() -> str:
    """The name of the account that runs the program."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in containers
        return "unknown"


def _snapshot_renderer() -> SnapshotRenderer:
    from app.rendering.snapshot import FindingSnapshots

    return FindingSnapshots()
