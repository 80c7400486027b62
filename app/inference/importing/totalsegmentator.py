"""TotalSegmentator's tasks: an nnU-Net folder whose classes, codes, colours and rules are known.

The tables in ``resources/terminology`` hold the facts (with their notice). A folder whose classes
are not exactly those of the named task is refused, so a label can never get another one's code.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from app.config.folders import resources_folder
from app.core.report import Message
from app.inference.importing.draft import KnownClass, PackDraft, Source
from app.inference.importing.nnunet import draft_of
from app.inference.importing.nnunet_model import NnunetModel, NnunetRequest, read_model
from app.inference.importing.nnunet_trainers import mirror_axes_of
from app.inference.importing.source_files import refusal

_STRUCTURE: Final = {"value": "91723000", "scheme": "SCT", "meaning": "Anatomical Structure"}
_ABNORMAL: Final = {"value": "49755003", "scheme": "SCT",
                    "meaning": "Morphologically Abnormal Structure"}  # fmt: skip
_SPACING_TOLERANCE: Final = 0.02


@dataclass(frozen=True, slots=True)
class TaskModel:
    """One network of a task. ``spacing`` is in the order i, j, k (as TotalSegmentator gives it)."""

    dataset: int
    task: str
    part: str
    modality: str
    spacing: tuple[float, float, float]
    trainer: str
    overlap: float
    classes: tuple[str, ...]


def task_names() -> tuple[str, ...]:
    """The tasks that can be imported, in the order of the table."""
    return tuple(dict.fromkeys(model.task for model in task_models()))


def import_totalsegmentator(
    request: NnunetRequest, task: str, *, order: int | None = None
) -> PackDraft:
    """The pack of one network of ``task``; which one, its classes tell.

    ``order`` is the spline order of the image's resampling, 1 or 3 (TotalSegmentator: 3 up to
    2.15, 1 since 2.16); None: that of the plans. Raises ``BundleRefused``.
    """
    candidates = [model for model in task_models() if model.task == task]
    if not candidates:
        raise refusal(
            f'the task "{task[:40]}" is not known, or it needs the masks of another one first',
            f"задача «{task[:40]}» неизвестна или ей сначала нужны маски другой задачи",
            hint=f"Known: {', '.join(task_names())}.",
            hint_ru=f"Известны: {', '.join(task_names())}.",
        )
    # what the task states itself need not be asked for; sides forbid mirroring (trap 10)
    stated = replace(
        request,
        mirror_axes=(),
        orientation=request.orientation or "RAS",
        modality=candidates[0].modality,
    )
    model = read_model(stated)
    known = _chosen(candidates, model)
    configuration = model.configuration
    if order is not None:
        if order not in (1, 3):
            raise refusal("the order of resampling is not 1 or 3", "порядок пересчёта не 1 и не 3")
        data = replace(configuration.data, order=order)
        configuration = replace(configuration, data=data)
    notes = _notes(known, configuration.data.order)
    named = replace(model, configuration=configuration, trainer=model.trainer or known.trainer)
    source = Source(
        "totalsegmentator",
        " ".join(filter(None, ("TotalSegmentator", known.task, known.part))),
        f"TotalSegmentator, task {known.task}{f' ({known.part})' if known.part else ''}, data set "
        f"{known.dataset}, {named.trainer}",
        "totalsegmentator",
        known_classes(),
        attribution=(
            "J. Wasserthal et al., TotalSegmentator: robust segmentation of 104 anatomical "
            "structures in CT images, Radiology: Artificial Intelligence 2023",
        ),
    )
    draft = draft_of(replace(named, notes=(*model.notes, *notes)), source, request.facts)
    infer: dict[str, Any] = draft.manifest["infer"]
    infer["overlap"] = known.overlap
    return draft


def _chosen(candidates: list[TaskModel], model: NnunetModel) -> TaskModel:
    """The network of the task whose classes and spacing are those of the folder."""
    names = model.classes.names
    same = [known for known in candidates if known.classes == names]
    if not same:
        nearest = max(candidates, key=lambda known: len(set(known.classes) & set(names)))
        wrong = next(
            (n for n, pair in enumerate(zip(nearest.classes, names, strict=False))
             if pair[0] != pair[1]),
            min(len(nearest.classes), len(names)),
        )  # fmt: skip
        wanted = nearest.classes[wrong] if wrong < len(nearest.classes) else "nothing"
        found = names[wrong] if wrong < len(names) else "nothing"
        raise refusal(
            f'the classes are not those of the task "{nearest.task}": label {wrong + 1} is '
            f'"{found}", not "{wanted}"',
            f"классы не те, что у задачи «{nearest.task}»: метка {wrong + 1} — «{found}», "
            f"а не «{wanted}»",
        )
    spacing = model.configuration.spacing
    for known in same:
        wanted_kji = known.spacing[::-1]
        if len(spacing) == 3 and all(
            abs(a - b) <= _SPACING_TOLERANCE * b for a, b in zip(spacing, wanted_kji, strict=True)
        ):
            return known
    raise refusal(
        f'the spacing {list(spacing)} mm of the plans is none of the task "{same[0].task}"',
        f"шаг {list(spacing)} мм в планах не из задачи «{same[0].task}»",
    )


def _notes(known: TaskModel, order: int) -> tuple[Message, ...]:
    notes = [
        Message(
            f"The image is resampled with splines of order {order}; TotalSegmentator used 3 up to "
            "2.15 and uses 1 since 2.16 (--order states it).",
            f"Изображение пересчитывается сплайнами порядка {order}; TotalSegmentator до 2.15 "
            "использовал 3, с 2.16 — 1 (задаётся --order).",
        ),
        Message(
            "The network runs by nnU-Net's own rules: normalised before resampling, logits "
            "brought back to the image. TotalSegmentator resamples first and brings labels back, "
            "so borders can differ.",
            "Сеть работает по правилам nnU-Net: нормализация до пересчёта, логиты возвращаются на "
            "изображение. TotalSegmentator сначала пересчитывает и возвращает метки, поэтому "
            "границы могут расходиться.",
        ),
    ]
    if mirror_axes_of(known.trainer, 3):
        notes.append(
            Message(
                "Nothing is mirrored at test time, as TotalSegmentator itself does.",
                "При запуске ничего не отражается, как и в самом TotalSegmentator.",
            )
        )
    return tuple(notes)


@cache
def known_classes() -> Mapping[str, KnownClass]:
    """The classes of the table by TotalSegmentator's name; one without a code is left out."""
    found = {}
    for row in _rows("totalsegmentator_classes.csv"):
        if not row["sct_code"]:
            continue
        site = None
        if row["site_code"]:
            site = {"value": row["site_code"], "scheme": "SCT", "meaning": row["site_meaning"]}
        found[row["class"]] = KnownClass(
            {"value": row["sct_code"], "scheme": "SCT", "meaning": row["sct_meaning"]},
            row["name_en"],
            row["name_ru"],
            row["side"] or None,
            (int(row["red"]), int(row["green"]), int(row["blue"])),
            _ABNORMAL if row["category"] == "abnormal" else _STRUCTURE,
            site,
        )
    return found


@cache
def task_models() -> tuple[TaskModel, ...]:
    """Every network of the table."""
    models = []
    for row in _rows("totalsegmentator_models.csv"):
        i, j, k = (float(text) for text in row["spacing_mm"].split())
        overlap = round(1.0 - float(row["step"]), 6)
        models.append(
            TaskModel(
                int(row["dataset"]), row["task"], row["part"], row["modality"], (i, j, k),
                row["trainer"], overlap, tuple(row["classes"].split()),
            )
        )  # fmt: skip
    return tuple(models)


def _rows(name: str) -> list[dict[str, str]]:
    path: Path = resources_folder() / "terminology" / name
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
