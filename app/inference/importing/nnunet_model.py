"""Reading an nnU-Net v2 model folder: plans.json, dataset.json and one ONNX file per fold.

What the two files cannot say (mirrored axes, orientation, modality) comes from the export, the
folder's name or the caller, and is refused in words where a wrong guess would give a wrong mask.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from app.core.report import Message
from app.inference.importing.facts import Facts
from app.inference.importing.graph_file import GraphHeader, read_graph_file
from app.inference.importing.nnunet_plans import (
    Classes,
    Configuration,
    channel_names,
    configuration_names,
    read_classes,
    read_configuration,
)
from app.inference.importing.nnunet_trainers import mirror_axes_of, parse_folder_name
from app.inference.importing.source_files import inside, read_json, refusal

EXPORT_NAME: Final = "overread-export.json"
EXPORT_FORMAT: Final = "overread.nnunet-export/1"
AS_STORED: Final = "as-stored"
_ONNX_NAMES: Final = ("model.onnx", "checkpoint_final.onnx")
_CANONICAL_READERS: Final = ("NibabelIOWithReorient", "SimpleITKIOWithReorient")  # to RAS
_VOLUME_READERS: Final = ("SimpleITKIO", "NibabelIO", "Tiff3DIO", "")
_MR_NAMES: Final = re.compile(
    r"^(mri?|t1\w*|t2\w*|flair|dwi|adc|pd|tof|swi|dixon\w*)$", re.IGNORECASE
)
_CT_NAMES: Final = re.compile(r"^(ct|cta|ncct|cect|cbct)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NnunetRequest:
    """What to import. ``onnx`` in the order of folds; empty: fold_*/model.onnx of the folder.

    ``mirror_axes``, ``trainer``, ``configuration``, ``orientation`` and ``modality`` are what the
    caller states; empty or None: from the export or the names, refused where that is not enough.
    """

    folder: Path
    onnx: tuple[Path, ...] = ()
    folds: tuple[str, ...] = ()
    configuration: str = ""
    trainer: str = ""
    mirror_axes: tuple[int, ...] | None = None
    orientation: str = ""
    modality: str = ""
    facts: Facts = field(default_factory=Facts)


@dataclass(frozen=True, slots=True)
class NnunetModel:
    """A model folder as read: everything that inference depends on, decided and checked."""

    dataset_name: str
    configuration: Configuration
    classes: Classes
    graph: GraphHeader
    weights: tuple[tuple[str, Path], ...]
    trainer: str
    mirror_axes: tuple[int, ...]
    modality: str
    orientation: str
    notes: tuple[Message, ...]

    @property
    def slicewise(self) -> bool:
        """Whether the network sees single slices of a volume."""
        return len(self.configuration.patch) == 2


def read_model(request: NnunetRequest) -> NnunetModel:
    """Read and check a model folder; nothing of it is executed. Raises ``BundleRefused``."""
    folder = request.folder
    if not folder.is_dir():
        raise refusal("the model folder is not there", "папки модели нет")
    plans, dataset = read_json(folder, "plans.json"), read_json(folder, "dataset.json")
    export = _export(folder)
    named = parse_folder_name(folder.resolve().name)
    chosen = request.configuration or export.configuration or (named[1] if named else "")
    if not chosen:
        offered = configuration_names(plans)
        if len(offered) != 1:
            raise refusal(
                "plans.json has several configurations, and nothing says which one was trained",
                "в plans.json несколько конфигураций, и не указано, какая обучена",
                hint=f"Give --configuration, one of: {', '.join(offered)}.",
                hint_ru=f"Укажите --configuration из: {', '.join(offered)}.",
            )
        chosen = offered[0]
    channels = channel_names(dataset)
    configuration = read_configuration(plans, chosen, channels)
    classes = read_classes(dataset)
    _require_readable(configuration, channels)
    weights = _weights(request, export)
    graph = _graph(weights, configuration, classes, channels)
    trainer = request.trainer or export.trainer or (named[0] if named else "")
    mirror = _mirror_axes(request, export, trainer, len(configuration.patch))
    modality = _modality(request, channels[0])
    name = str(plans.get("dataset_name") or dataset.get("name") or "nnU-Net model")[:80]
    model = NnunetModel(
        name if name.isprintable() else "nnU-Net model", configuration, classes, graph, weights,
        trainer, mirror, modality, "", _notes(classes),
    )  # fmt: skip
    return replace(model, orientation=_orientation(request, configuration))


@dataclass(frozen=True, slots=True)
class _Export:
    """What the conversion script wrote beside the ONNX files; empty where there is none."""

    trainer: str = ""
    configuration: str = ""
    mirror_axes: tuple[int, ...] | None = None
    folds: tuple[tuple[str, str], ...] = ()


def _export(folder: Path) -> _Export:
    if not (folder / EXPORT_NAME).exists():
        return _Export()
    data = read_json(folder, EXPORT_NAME)
    axes, folds = data.get("mirror_axes"), data.get("folds")
    trainer, configuration = data.get("trainer"), data.get("configuration")
    if (
        data.get("format") != EXPORT_FORMAT
        or not isinstance(trainer, str)
        or not isinstance(configuration, str)
        or not isinstance(axes, list)
        or not all(type(axis) is int and 0 <= axis <= 2 for axis in axes)
        or not isinstance(folds, list)
        or not folds
        or not all(isinstance(row, dict) and {"fold", "file"} <= set(row) for row in folds)
    ):
        raise refusal(f"{EXPORT_NAME} is not one of the conversion script",
                      f"{EXPORT_NAME} не от скрипта преобразования")  # fmt: skip
    pairs = tuple((str(row["fold"]), str(row["file"])) for row in folds)
    return _Export(trainer, configuration, tuple(sorted(set(axes))), pairs)


def _weights(request: NnunetRequest, export: _Export) -> tuple[tuple[str, Path], ...]:
    """(path in the pack, file) per fold. A fold that is named and missing is refused."""
    if request.onnx:
        return tuple((f"fold_{n}.onnx", _given(path)) for n, path in enumerate(request.onnx))
    listed = dict(export.folds)
    found = {
        path.name.removeprefix("fold_"): f"{path.name}/{name}"
        for path in sorted(request.folder.glob("fold_*"))
        for name in _ONNX_NAMES
        if (path / name).is_file()
    }
    wanted = request.folds or tuple(listed) or tuple(found)
    if not wanted:
        raise refusal(
            "there is no ONNX file in the folder",
            "в папке нет файла ONNX",
            hint="Convert the checkpoints first (models/conversion), or give --onnx.",
            hint_ru="Сначала преобразуйте веса (models/conversion) или укажите --onnx.",
        )
    weights = []
    for fold in wanted:
        name = listed.get(fold) or found.get(fold) or f"fold_{fold}/{_ONNX_NAMES[0]}"
        if not (request.folder / name).exists():
            raise refusal(f"fold {fold} is missing ({name})", f"нет фолда {fold} ({name})")
        plain = re.sub(r"[^0-9A-Za-z]+", "", fold) or "x"
        weights.append((f"fold_{plain}.onnx", inside(request.folder, name)))
    if len({path for path, _ in weights}) != len(weights):
        raise refusal("a fold is named twice", "фолд назван дважды")
    return tuple(weights)


def _given(path: Path) -> Path:
    if not path.is_file():
        raise refusal(f"there is no file {path.name}", f"нет файла {path.name}")
    return path


def _graph(
    weights: Sequence[tuple[str, Path]],
    configuration: Configuration,
    classes: Classes,
    channels: tuple[str, ...],
) -> GraphHeader:
    """The header of all folds, which must be the same and fit the plans."""
    headers = [read_graph_file(path) for _, path in weights]
    first = headers[0]
    for (name, _), header in zip(weights, headers, strict=True):
        if header != first:
            raise refusal(f"{name} has other inputs or outputs than the first fold",
                          f"у {name} другие входы или выходы, чем у первого фолда")  # fmt: skip
    given, answer = first.given, first.answer
    axes = len(configuration.patch) + 2
    if len(given.shape) != axes or len(answer.shape) != axes:
        raise refusal(f"the graph does not have the {axes - 2} dimensions of the configuration",
                      f"у графа не {axes - 2} измерения, как в конфигурации")  # fmt: skip
    if given.shape[1] not in (-1, len(channels)):
        raise refusal(
            f"the graph takes {given.shape[1]} channels, and dataset.json has {len(channels)}",
            f"граф принимает каналов: {given.shape[1]}, а в dataset.json их {len(channels)}",
        )
    if answer.shape[1] not in (-1, classes.heads):
        raise refusal(
            f"the graph gives {answer.shape[1]} channels, and dataset.json has {classes.heads} "
            "classes",
            f"граф выдаёт каналов: {answer.shape[1]}, а классов в dataset.json {classes.heads}",
        )
    for size, patch in zip(given.shape[2:], configuration.patch, strict=True):
        if size not in (-1, patch):
            raise refusal(
                f"the graph is made for {list(given.shape[2:])}, and the patch of the plans is "
                f"{list(configuration.patch)}",
                f"граф сделан для {list(given.shape[2:])}, а патч в планах "
                f"{list(configuration.patch)}",
            )
    return first


def _mirror_axes(
    request: NnunetRequest, export: _Export, trainer: str, dimensions: int
) -> tuple[int, ...]:
    if request.mirror_axes is not None:
        axes: tuple[int, ...] | None = tuple(sorted(set(request.mirror_axes)))
    elif export.mirror_axes is not None:
        axes = export.mirror_axes
    else:
        axes = mirror_axes_of(trainer, dimensions)
    if axes is None:
        raise refusal(
            f'along which axes the trainer "{trainer or "(not named)"}" mirrored is not known',
            f"неизвестно, по каким осям отражал тренер «{trainer or '(не назван)'}»",
            hint="Give --trainer, or --mirror-axes none or for example --mirror-axes 0,1,2.",
            hint_ru="Укажите --trainer или --mirror-axes none либо, например, 0,1,2.",
        )
    if any(axis >= dimensions for axis in axes):
        raise refusal("an axis of mirroring is beyond the dimensions of the patch",
                      "ось отражения вне измерений патча")  # fmt: skip
    return axes


def _require_readable(configuration: Configuration, channels: tuple[str, ...]) -> None:
    if len(channels) != 1:
        names = ", ".join(channels)
        raise refusal(
            f"the model reads {len(channels)} images at once ({names}); a pack reads one series",
            f"модель читает сразу изображений: {len(channels)} ({names}); пакет — одну серию",
        )
    if configuration.reader == "NaturalImage2DIO":
        raise refusal("the model was trained on pictures (PNG), not on medical images",
                      "модель обучена на картинках (PNG), а не на медицинских снимках")  # fmt: skip
    if configuration.reader not in (*_VOLUME_READERS, *_CANONICAL_READERS):
        raise refusal(f'the image reader "{configuration.reader[:60]}" of plans.json is not known',
                      f"чтение изображений «{configuration.reader[:60]}» неизвестно")  # fmt: skip


def _modality(request: NnunetRequest, channel: str) -> str:
    if request.facts.series is not None:
        return request.facts.series.modality[0]
    if request.modality:
        return request.modality.upper()
    if _CT_NAMES.match(channel):
        return "CT"
    if _MR_NAMES.match(channel):
        return "MR"
    raise refusal(
        f'the channel "{channel}" names no modality',
        f"канал «{channel}» не называет модальность",
        hint="Give --modality, for example CT or MR.",
        hint_ru="Укажите --modality, например CT или MR.",
    )


def _orientation(request: NnunetRequest, configuration: Configuration) -> str:
    """Axes of the training images, ``as-stored`` or empty where nothing is known."""
    stated = request.orientation or request.facts.orientation or ""
    if stated and stated != AS_STORED and not re.fullmatch("[LRAPSI]{3}", stated):
        raise refusal(f'the orientation "{stated[:20]}" is not like RAS or LPS',
                      f"ориентация «{stated[:20]}» не вида RAS или LPS")  # fmt: skip
    if not stated and configuration.reader in _CANONICAL_READERS:
        return "RAS"
    return stated


def _notes(classes: Classes) -> tuple[Message, ...]:
    notes = []
    if classes.ignore:
        notes.append(Message("The ignore label of the data set is no class of the model.",
                             "Метка ignore набора данных — не класс модели."))  # fmt: skip
    if classes.regions:
        notes.append(
            Message(
                "The classes are regions painted over one another in the order of the data set; "
                "each mask is what is left visible of its region.",
                "Классы — области, закрашенные друг поверх друга в порядке набора данных; каждая "
                "маска — видимая часть своей области.",
            )
        )
    return tuple(notes)
