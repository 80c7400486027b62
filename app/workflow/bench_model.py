"""How fast a pack is on this machine: seconds by phase, patches a second, memory."""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from app.core.errors import InputError
from app.core.geometry import Geometry
from app.core.study import SeriesRef
from app.core.volume import Rescale, Volume
from app.inference.golden import golden_volume
from app.inference.pack_store import InstalledPack

if TYPE_CHECKING:
    from app.inference.result import InferenceResult
    from app.inference.worker import InferenceProcess

SCHEMA: Final = "overread.bench/1"
_PHASES: Final = ("load", "pre", "model", "post")
_NOWHERE: Final = SeriesRef("", "", 0)


@dataclass(frozen=True, slots=True)
class BenchRow:
    """One device: the medians of the runs after the first, which loads and warms up."""

    device: str
    providers: tuple[str, ...]
    seconds: dict[str, float]
    first_seconds: float
    patches: int
    peak_mb: float | None
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The row with what follows from it."""
        total = sum(self.seconds.values())
        model = self.seconds["model"]
        return {
            "device": self.device,
            "providers": list(self.providers),
            "seconds": {name: round(value, 4) for name, value in self.seconds.items()},
            "total_s": round(total, 4),
            "first_s": round(self.first_seconds, 4),
            "model_share": round(model / total, 4) if total else None,
            "patches": self.patches,
            "patches_per_s": round(self.patches / model, 3) if model else None,
            "peak_mb": self.peak_mb,
            "notes": list(self.notes),
        }


def bench(
    installed: InstalledPack, volume: Volume, process: InferenceProcess, repeats: int
) -> BenchRow:
    """Run the pack ``repeats`` times after a first time; blocks. Raises as ``process.run``."""
    first = process.run(installed, volume, forced=True)
    runs: list[InferenceResult] = [
        process.run(installed, volume, forced=True) for _ in range(max(1, repeats))
    ]
    seconds = {
        name: statistics.median(run.seconds.get(name, 0.0) for run in runs) for name in _PHASES
    }
    last = runs[-1]
    return BenchRow(
        last.device,
        last.providers,
        seconds,
        sum(first.seconds.values()),
        last.patches,
        peak_mb(process.process_id),
        tuple(note.en for note in last.notes),
    )


def synthetic_volume(installed: InstalledPack, shape: tuple[int, ...]) -> Volume:
    """Smooth noise of ``shape`` (k, j, i), 1 mm; a film where the pack reads films."""
    if len(shape) != 3 or min(shape) < 1:
        raise InputError(
            "A shape is three numbers: slices, rows, columns.",
            ru="Размер — три числа: срезы, строки, столбцы.",
            hint="Such as --shape 275,512,512; for films --shape 1,2048,2048.",
            hint_ru="Например: --shape 275,512,512; для снимков --shape 1,2048,2048.",
        )
    rng = np.random.default_rng(0)
    rows = rng.integers(-900, 900, shape[1:], dtype=np.int16)
    voxels = np.stack([np.roll(rows, 7 * k, axis=0) for k in range(shape[0])])
    if installed.pack.input.dimensions == 2:
        return Volume(voxels[:1], None, Rescale(), installed.pack.input.units, _NOWHERE,
                      pixel_spacing_mm=(0.2, 0.2))  # fmt: skip
    size = (shape[2], shape[1], shape[0])
    geometry = Geometry.from_arrays(size, (1, 1, 1), (0, 0, 0), np.eye(3), "1.2")
    return Volume(voxels, geometry, Rescale(), installed.pack.input.units, _NOWHERE)


def sample_volume(installed: InstalledPack) -> Volume:
    """The pack's own sample. Raises ``InputError`` where it has none."""
    golden = installed.pack.golden
    if golden is None:
        raise InputError(
            f'The pack "{installed.pack.id}" has no sample to run on.',
            ru=f"У пакета «{installed.pack.id}» нет образца.",
            hint="Give --study PATH or --shape K,J,I.",
            hint_ru="Укажите --study PATH или --shape K,J,I.",
        )
    return golden_volume(installed, golden)


def peak_mb(process_id: int | None) -> float | None:
    """The largest memory of a process so far; None where the system does not say."""
    if process_id is None or sys.platform != "linux":
        return None
    try:
        lines = Path(f"/proc/{process_id}/status").read_text("ascii").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return round(int(found[0]) / 1024, 1) if found else None
