"""The sample of a pack: what goes in, what every machine must get out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from app.core.errors import ModelPackError
from app.core.study import SeriesRef
from app.core.volume import Rescale, Volume
from app.inference.manifest_parts import Golden
from app.inference.pack_store import InstalledPack
from app.inference.worker import InferenceProcess
from app.jobs.cancel import CancelToken

_NOWHERE = SeriesRef("", "", 0)


@dataclass(frozen=True, slots=True)
class GoldenReport:
    """Whether a pack reproduces its sample here: Dice per label, or error per head."""

    pack_id: str
    reproduced: bool
    figures: dict[str, float]


def reproduce(
    installed: InstalledPack, process: InferenceProcess, cancel: CancelToken | None = None
) -> GoldenReport | None:
    """Run the pack on its own sample; None where it has none. Raises ``ModelPackError``."""
    golden = installed.pack.golden
    if golden is None:
        return None
    result = process.run(installed, golden_volume(installed, golden), cancel=cancel)
    figures: dict[str, float] = {}
    reproduced = True
    if golden.expected_ref is not None:
        expected = _read(installed.folder / golden.expected_ref)[0]
        for index, mask in result.masks:
            dice = overlap(mask != 0, expected == index)
            figures[installed.pack.label(index).name.en] = dice
            reproduced &= dice >= golden.min_dice
    for name, score in golden.scores.items():
        figures[name] = abs(result.scores.get(name, float("inf")) - score)
        reproduced &= figures[name] <= golden.abs_tol
    return GoldenReport(installed.pack.id, reproduced, figures)


def run_golden(installed: InstalledPack) -> str:
    """Run the sample in a process of its own and say how it went; for ``self-test``.

    Raises ``ModelPackError`` where the pack does not reproduce its sample.
    """
    process = InferenceProcess()
    try:
        report = reproduce(installed, process)
    finally:
        process.close()
    if report is None:
        return f"{installed.pack.id} has no sample"
    figures = ", ".join(f"{name} {value:.3f}" for name, value in report.figures.items())
    if not report.reproduced:
        raise ModelPackError(
            f'The model pack "{installed.pack.id}" does not reproduce its sample ({figures}).',
            ru=f"Пакет модели «{installed.pack.id}» не воспроизводит свой образец ({figures}).",
            hint="Install the pack again from its source.",
            hint_ru="Установите пакет заново из его источника.",
        )
    return f"{installed.pack.id} {installed.pack.version}: {figures}"


def golden_volume(installed: InstalledPack, golden: Golden) -> Volume:
    """The sample as an image."""
    values, spacing = _read(installed.folder / golden.input_ref)
    is_film = installed.pack.input.dimensions == 2
    return Volume(
        values,
        None if is_film else spacing,
        Rescale(),
        installed.pack.input.units,
        _NOWHERE,
        polarity_inverted=golden.polarity_inverted,
        pixel_spacing_mm=golden.pixel_spacing_mm if is_film else None,
    )


def overlap(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> float:
    """Dice of two masks; 1 where both are empty."""
    total = int(np.count_nonzero(first)) + int(np.count_nonzero(second))
    if total == 0:
        return 1.0
    return 2.0 * int(np.count_nonzero(np.logical_and(first, second))) / total


def _read(path: Path) -> tuple[npt.NDArray[Any], Any]:
    """Values ``[k, j, i]`` and the grid (None for PNG)."""
    if path.suffix.lower() == ".png":
        try:
            with Image.open(path) as image:
                values = np.asarray(image)
        except (OSError, UnidentifiedImageError) as error:
            raise ModelPackError(
                f'The sample "{path.name}" of the model pack cannot be read.',
                ru=f"Образец «{path.name}» пакета модели не читается.",
                hint="Run: overread packs verify",
                hint_ru="Запустите: overread packs verify",
            ) from error
        if values.ndim != 2:
            raise ModelPackError(f'The sample "{path.name}" is not a gray image.',
                                 ru=f"Образец «{path.name}» не серый.")  # fmt: skip
        return values[None], None
    from app.imaging.nifti import read_nifti

    return read_nifti(path)
