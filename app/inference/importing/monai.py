"""MONAI bundles as packs: configs/metadata.json, configs/inference.json and an ONNX file.

Only JSON is read and nothing is executed: see ``monai_config`` for references and expressions,
``monai_steps`` for what is recognised.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from app.core.report import Message
from app.inference.importing.draft import (
    ModelClass,
    PackDraft,
    Source,
    add_unknown,
    label_rows,
    manifest_head,
    onnx_part,
)
from app.inference.importing.facts import Facts
from app.inference.importing.graph_file import GraphHeader, read_graph_file
from app.inference.importing.monai_config import BundleConfig
from app.inference.importing.monai_steps import (
    MappedInput,
    MappedOutput,
    map_inferer,
    map_postprocessing,
    map_preprocessing,
)
from app.inference.importing.source_files import inside, plain_name, read_json, refusal

_ONNX: Final = "models/model.onnx"
_MODALITIES: Final = {"CT": "CT", "MR": "MR", "MRI": "MR", "PT": "PT", "PET": "PT"}
_VERSION: Final = re.compile(r"^\d+\.\d+\.\d+$")
_LICENCES: Final = ("LICENSE", "LICENSE.txt", "license.txt")
_LICENCE_BYTES: Final = 200_000


@dataclass(frozen=True, slots=True)
class BundleRequest:
    """What to import. ``onnx`` None: models/model.onnx of the bundle."""

    folder: Path
    onnx: Path | None = None
    modality: str = ""
    orientation: str = ""
    facts: Facts = field(default_factory=Facts)


@dataclass(frozen=True, slots=True)
class Network:
    """What metadata.json says about input and output of the network."""

    modality: str
    units: str
    classes: tuple[str, ...]


def import_monai(request: BundleRequest) -> PackDraft:
    """The pack of a bundle. Raises ``BundleRefused``."""
    folder = request.folder
    if not folder.is_dir():
        raise refusal("the bundle's folder is not there", "папки бандла нет")
    metadata = read_json(folder, "configs/metadata.json")
    config = BundleConfig(read_json(folder, "configs/inference.json"))
    network = _network(metadata, request)
    before = map_preprocessing(config.steps("preprocessing"))
    infer = map_inferer(config.component("inferer"))
    after = map_postprocessing(config.steps("postprocessing"))
    path = request.onnx or inside(folder, _ONNX)
    graph = read_graph_file(path)
    _require_fit(graph, infer, network, before)
    _orient(before, request)
    classes = _classes(network, after)
    source = _source(metadata)
    rows, coded = label_rows(classes, request.facts, source.known)
    manifest = manifest_head(source, request.facts, "segmentation")
    if not coded:
        add_unknown(manifest, "codes")
    told = request.facts.series
    series = told.model_dump(exclude_defaults=True) if told else {}
    axes = ["batch", "channel", "depth", "row", "column"]
    activation = after.activation if after.post[0]["step"] == "threshold" else "softmax"
    infer |= {"mirror_axes": [], "activation": activation}
    if before.resampled and after.back != "raw":
        infer["back"] = after.back
    manifest |= {
        "onnx": onnx_part(graph, ["model.onnx"], axes, axes),
        "input": {
            "dimensions": 3,
            "series": [{"modality": [network.modality]} | series],
            "units": network.units,
            "train_orientation": before.orientation,
            "steps": before.steps,
        },
        "infer": infer,
        "output": {"labels": rows, "post": after.post},
    }
    weights = (("model.onnx", path),)
    notes = _notes(metadata, before, after)
    return PackDraft(manifest, weights, request.facts, classes, notes, _licence(request))


def _network(metadata: Mapping[str, Any], request: BundleRequest) -> Network:
    given = _part(metadata, "network_data_format", "inputs")
    made = _part(metadata, "network_data_format", "outputs")
    if len(given) != 1 or len(made) != 1:
        raise refusal("the bundle's network does not have one input and one output",
                      "у сети бандла не один вход и не один выход")  # fmt: skip
    image, answer = next(iter(given.values())), next(iter(made.values()))
    if not isinstance(image, dict) or not isinstance(answer, dict):
        raise refusal("network_data_format of the bundle is not whole",
                      "network_data_format бандла не полон")  # fmt: skip
    if image.get("num_channels") != 1:
        raise refusal(
            f"the network takes {image.get('num_channels')} channels; a pack reads one series",
            f"сеть принимает каналов: {image.get('num_channels')}; пакет читает одну серию",
        )
    names = answer.get("channel_def")
    if not isinstance(names, dict) or sorted(names) != sorted(map(str, range(len(names)))):
        raise refusal("channel_def of the output does not number its channels from 0",
                      "channel_def выхода не нумерует каналы с 0")  # fmt: skip
    classes = tuple(
        plain_name(names[str(n)], f"channel {n}", f"канал {n}") for n in range(len(names))
    )
    stated = str(image.get("modality", "")).upper()
    modality = request.modality.upper() or _MODALITIES.get(stated, "")
    if request.facts.series is not None:
        modality = request.facts.series.modality[0]
    if not modality:
        raise refusal(
            f'the modality "{stated[:20]}" of the bundle is not known',
            f"модальность «{stated[:20]}» бандла неизвестна",
            hint="Give --modality, for example CT or MR.",
            hint_ru="Укажите --modality, например CT или MR.",
        )
    return Network(modality, "HU" if modality == "CT" else "arbitrary", classes)


def _part(data: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    found: object = data
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, dict) or not found:
        raise refusal(f"metadata.json of the bundle has no {'.'.join(keys)}",
                      f"в metadata.json бандла нет {'.'.join(keys)}")  # fmt: skip
    return found


def _require_fit(
    graph: GraphHeader, infer: Mapping[str, Any], network: Network, before: MappedInput
) -> None:
    given, answer = graph.given.shape, graph.answer.shape
    if len(given) != 5 or len(answer) != 5:
        raise refusal("the graph of the bundle is not of three dimensions",
                      "граф бандла не трёхмерный")  # fmt: skip
    if given[1] not in (-1, 1) or answer[1] not in (-1, len(network.classes)):
        raise refusal(
            f"the graph has {given[1]} channels in and {answer[1]} out, and metadata.json says 1 "
            f"and {len(network.classes)}",
            f"у графа каналов на входе {given[1]} и на выходе {answer[1]}, а в metadata.json 1 и "
            f"{len(network.classes)}",
        )
    patch = infer["patch"]
    if patch is not None and len(patch) != 3:
        raise refusal("the roi_size of the bundle is not of three dimensions",
                      "roi_size бандла не трёхмерный")  # fmt: skip
    for size, wanted in zip(given[2:], patch or (-1, -1, -1), strict=True):
        if size not in (-1, wanted):
            raise refusal(
                f"the graph is made for {list(given[2:])}, and the bundle runs {patch}",
                f"граф сделан для {list(given[2:])}, а бандл запускает {patch}",
            )


def _orient(before: MappedInput, request: BundleRequest) -> None:
    """Images go in as they were stored only where somebody says how they lay."""
    stated = request.orientation or request.facts.orientation or ""
    if before.orientation:
        return
    if not re.fullmatch("[LRAPSI]{3}", stated):
        raise refusal(
            "the bundle does not orient its images, and their orientation is not known",
            "бандл не ориентирует изображения, и их ориентация неизвестна",
            hint="Give --orientation, for example RAS (where i, j, k of the training images grow).",
            hint_ru="Укажите --orientation, например RAS (куда росли i, j, k).",
        )
    before.orientation = stated
    before.steps.insert(0, {"step": "orient_volume", "axes": stated[::-1]})


def _classes(network: Network, after: MappedOutput) -> tuple[ModelClass, ...]:
    if not after.post:
        raise refusal("the bundle does not say how labels are made (no AsDiscreted)",
                      "бандл не говорит, как делаются метки (нет AsDiscreted)")  # fmt: skip
    if after.post[0]["step"] == "threshold":
        return tuple(ModelClass(n, name) for n, name in enumerate(network.classes, 1))
    if network.classes[0].lower() != "background" or len(network.classes) < 2:
        raise refusal("the first channel of the bundle is not the background",
                      "первый канал бандла — не фон")  # fmt: skip
    return tuple(ModelClass(n, name) for n, name in enumerate(network.classes) if n)


def _source(metadata: Mapping[str, Any]) -> Source:
    title = metadata.get("name") or metadata.get("task") or "MONAI bundle"
    version = str(metadata.get("version", ""))
    authors = metadata.get("authors")
    return Source(
        "monai",
        plain_name(str(title)[:80], "the bundle", "бандл"),
        f"MONAI bundle {version or 'without a version'}, MONAI "
        f"{_line(metadata.get('monai_version')) or 'not named'}",
        "monai-bundle",
        attribution=(_line(authors),) if _line(authors) else (),
        version=version if _VERSION.match(version) else "",
    )


def _line(value: object) -> str:
    text = str(value or "").strip()[:200]
    return text if text.isprintable() else ""


def _notes(
    metadata: Mapping[str, Any], before: MappedInput, after: MappedOutput
) -> tuple[Message, ...]:
    notes = []
    stated = _line(metadata.get("intended_use"))
    if stated:
        notes.append(Message(f"The bundle says of its use: {stated}",
                             f"Бандл говорит о применении: {stated}"))  # fmt: skip
    if not after.inverted and (before.resampled or before.steps):
        notes.append(
            Message(
                "The bundle leaves its result on the resampled image; here it is brought back.",
                "Бандл оставляет результат на пересчитанном изображении; здесь он возвращается "
                "на исходное.",
            )
        )
    return tuple(notes)


def _licence(request: BundleRequest) -> str:
    if request.facts.licence_text:
        return request.facts.licence_text
    for name in _LICENCES:
        if (request.folder / name).is_file():
            content = inside(request.folder, name).read_bytes()[:_LICENCE_BYTES]
            return content.decode("utf-8", errors="replace")
    return ""
