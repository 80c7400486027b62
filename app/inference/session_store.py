"""Sessions that stay loaded, within a budget of memory; those used longest ago go first.

The ledger counts what each session is thought to hold: what its manifest says of device memory,
else three times its weights (onnxruntime can take several times the size of a model).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.inference.fold_session import FoldSession
from app.inference.graph_check import require_graph
from app.inference.manifest import ModelPack
from app.inference.ort_session import Device, ModelSession, SessionPlan
from app.inference.pack_store import InstalledPack
from app.inference.providers import NAMES
from app.inference.worker_messages import RunRequest
from app.jobs.machine_memory import memory_bytes

Session = ModelSession | FoldSession
Key = tuple[str, str, int, tuple[str, ...]]

_MOST: Final = 8
_CPU_SHARE: Final = 8  # of the memory of the machine, an eighth
_DEVICE_BYTES: Final = 6 << 30


@dataclass(slots=True)
class _Entry:
    session: Session
    stated_bytes: int

    @property
    def bytes(self) -> int:
        """What the ledger counts."""
        return max(self.session.size_bytes, self.stated_bytes if self.session.size_bytes else 0)


class SessionStore:
    """The sessions of the worker. One thread."""

    def __init__(self, budget: Callable[[str], int] | None = None) -> None:
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._budget = budget or _budget

    def session(self, request: RunRequest, pack: ModelPack) -> Session:
        """The session of these weights, loaded and hashed now or kept from an earlier run."""
        key = (pack.weights_sha256, request.device, request.threads, request.providers)
        installed = InstalledPack(pack, Path(request.folder), False, request.manifest_sha256)
        # also for a kept session: a changed file is never used
        weights = [installed.read_model(name) for name in pack.model_files]
        if key not in self._entries:
            stated = int(pack.vram.fixed_mb + pack.vram.per_tile_mb) << 20 if pack.vram else 0
            self._make_room(max(stated, 3 * sum(map(len, weights))), request.device)
            if not request.is_built_in:  # those of the program are checked by its tests
                for content in weights:
                    require_graph(pack, content)
            device: Device = request.device if request.device in NAMES else "auto"  # type: ignore[assignment]
            plan = SessionPlan(device, request.threads, request.providers, request.cache_folder)
            made = [ModelSession(content, plan) for content in weights]
            session = made[0] if len(made) == 1 else FoldSession(made)
            self._entries[key] = _Entry(session, stated)
        self._entries.move_to_end(key)
        return self._entries[key].session

    @property
    def size_bytes(self) -> int:
        """What the ledger counts now."""
        return sum(entry.bytes for entry in self._entries.values())

    def __len__(self) -> int:
        """How many sessions are kept."""
        return len(self._entries)

    def _make_room(self, wanted: int, device: str) -> None:
        """Let sessions go; one that an interrupted run still holds loads again when it goes on."""
        budget = self._budget(device)
        while self._entries and (len(self._entries) >= _MOST or self.size_bytes + wanted > budget):
            _, entry = self._entries.popitem(last=False)
            entry.session.release()


def _budget(device: str) -> int:
    return memory_bytes() // _CPU_SHARE if device == "cpu" else _DEVICE_BYTES
