"""The sample of a pack: what goes in, what every machine must get out."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from app.core.errors import ModelPackError
from app.core.reader_input import ReaderInput, reader_input_from_json
from app.core.study import SeriesRef
from app.core.volume import Rescale, Volume
from app.inference.boxes import overlaps
from app.inference.installed_pack import InstalledPack
from app.inference.manifest_parts import Golden
from app.inference.result import InferenceResult
from app.inference.run_context import RunContext
from app.inference.worker import InferenceProcess
from app.jobs.cancel import CancelToken

_NOWHERE = SeriesRef("", "", 0)


@dataclass(frozen=True, slots=True)
class GoldenReport:
    """Whether a pack reproduces its sample here, and the figures that say so by name: Dice per
    label, error per head or number, overlap per box, distance per point.
    """

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
    result = process.run(
        installed,
        golden_volume(installed, golden),
        context=golden_context(installed, golden),
        cancel=cancel,
    )
    checked = [
        *_labels(installed, golden, result),
        *_scores(golden, result),
        *_values(golden, result),
        *_boxes(installed, golden, result),
        *_points(installed, golden, result),
    ]
    if not checked:
        raise ModelPackError(
            f'The sample of the model pack "{installed.pack.id}" says nothing about the result.',
            ru=f"Образец пакета модели «{installed.pack.id}» ничего не говорит о результате.",
            hint="Ask the maker of the pack for a corrected one.",
            hint_ru="Попросите у автора пакета исправленный.",
        )
    figures = {name: figure for name, figure, _ in checked}
    return GoldenReport(installed.pack.id, all(good for *_, good in checked), figures)


Checked = tuple[str, float, bool]


def _labels(installed: InstalledPack, golden: Golden, result: InferenceResult) -> list[Checked]:
    """Dice per label."""
    if golden.expected_ref is None:
        return []
    expected = _read(installed.folder / golden.expected_ref)[0]
    rows: list[Checked] = []
    for index, mask in result.masks:
        if expected.shape != mask.shape:
            raise ModelPackError(
                f'The sample of the model pack "{installed.pack.id}" has two sizes.',
                ru=f"У образца пакета модели «{installed.pack.id}» два размера.",
            )
        if installed.pack.label(index).overlaps and not (expected == index).any():
            continue  # a labelmap cannot hold what lies over others
        dice = overlap(mask != 0, expected == index)
        rows.append((installed.pack.label(index).name.en, dice, dice >= golden.min_dice))
    return rows


def _scores(golden: Golden, result: InferenceResult) -> list[Checked]:
    """Error per head."""
    rows: list[Checked] = []
    for name, score in golden.scores.items():
        error = abs(result.scores.get(name, float("inf")) - score)
        rows.append((name, error, error <= golden.abs_tol))
    return rows


def _values(golden: Golden, result: InferenceResult) -> list[Checked]:
    """Error per number."""
    made = {number.kind: number.value for _, number in result.numbers}
    rows: list[Checked] = []
    for kind, value in golden.values.items():
        found = made.get(kind)
        error = float("inf") if found is None else abs(found - value)
        rows.append((kind, error, error <= golden.abs_tol))
    return rows


def _boxes(installed: InstalledPack, golden: Golden, result: InferenceResult) -> list[Checked]:
    """Overlap per expected box with the best one of its label; no box may be left over."""
    if golden.boxes is None:
        return []
    free = list(result.boxes)
    rows: list[Checked] = []
    for number, wanted in enumerate(golden.boxes, 1):
        ends = np.asarray([wanted.lower_ijk, wanted.upper_ijk])
        same = [box for box in free if box.label == wanted.label]
        found = [
            float(overlaps(ends, np.asarray([[box.lower_ijk, box.upper_ijk]]))[0]) for box in same
        ]
        iou = max(found, default=0.0)
        if found:
            free.remove(same[int(np.argmax(found))])
        name = f"{installed.pack.label(wanted.label).name.en} {number}"
        rows.append((name, iou, iou >= golden.min_iou))
    rows.append(("boxes too many", float(len(free)), not free))
    return rows


def _points(installed: InstalledPack, golden: Golden, result: InferenceResult) -> list[Checked]:
    """Distance per expected landmark, in voxels; no landmark may be left over."""
    if golden.points is None:
        return []
    made = {mark.label: mark for mark in result.landmarks}
    rows: list[Checked] = []
    for wanted in golden.points:
        mark = made.pop(wanted.label, None)
        away = float("inf") if mark is None else math.dist(wanted.ijk, mark.ijk)
        name = installed.pack.label(wanted.label).name.en
        rows.append((name, away, away <= golden.max_voxels))
    rows.append(("points too many", float(len(made)), not made))
    return rows


def _reader_input(installed: InstalledPack, golden: Golden) -> ReaderInput:
    if golden.reader_input_ref is None:
        return ReaderInput()
    path = installed.folder / golden.reader_input_ref
    try:
        return reader_input_from_json(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise _unreadable_sample(path) from error


def try_out(installed: InstalledPack, process: InferenceProcess) -> GoldenReport | None:
    """Run the sample of a pack; ``ModelPackError`` where it does not come out as it must."""
    report = reproduce(installed, process)
    if report is not None and not report.reproduced:
        raise ModelPackError(
            f'The model pack "{installed.pack.id}" does not reproduce its sample '
            f"({_shown(report)}).",
            ru=f"Пакет модели «{installed.pack.id}» не воспроизводит свой образец "
            f"({_shown(report)}).",
            hint="Do not use it on this machine; ask its maker.",
            hint_ru="Не используйте его на этой машине; обратитесь к автору пакета.",
        )
    return report


def _shown(report: GoldenReport) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in report.figures.items())


def run_golden(installed: InstalledPack) -> str:
    """Run the sample in a process of its own and say how it went; for ``self-test``.

    Raises ``ModelPackError`` where the pack does not reproduce its sample.
    """
    process = InferenceProcess()
    try:
        report = try_out(installed, process)
    finally:
        process.close()
    if report is None:
        return f"{installed.pack.id} has no sample"
    return f"{installed.pack.id} {installed.pack.version}: {_shown(report)}"


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


def golden_context(installed: InstalledPack, golden: Golden) -> RunContext:
    """What the reader gives to the sample; nothing where the sample names no file."""
    return RunContext(reader=_reader_input(installed, golden))


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
            raise _unreadable_sample(path) from error
        if values.ndim != 2:
            raise ModelPackError(f'The sample "{path.name}" is not a gray image.',
                                 ru=f"Образец «{path.name}» не серый.")  # fmt: skip
        return values[None], None
    from app.imaging.nifti import read_nifti

    return read_nifti(path)


def _unreadable_sample(path: Path) -> ModelPackError:
    return ModelPackError(
        f'The sample "{path.name}" of the model pack cannot be read.',
        ru=f"Образец «{path.name}» пакета модели не читается.",
        hint="Run: overread packs verify",
        hint_ru="Запустите: overread packs verify",
    )
