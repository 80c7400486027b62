"""Classifiers of the TorchXRayVision kind: an ONNX file and a JSON file about its heads.

Heads with an empty name were not trained and give no score (copilot-practice 7, trap 8). Operating
thresholds make a score relative to its threshold (0.5 = at the threshold): it is not a probability
and is never shown as one (trap 18).
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from app.config.folders import resources_folder
from app.core.message import number_ru
from app.core.report import Message
from app.inference.importing.draft import (
    KnownClass,
    ModelClass,
    PackDraft,
    Source,
    add_unknown,
    label_rows,
    manifest_head,
    onnx_part,
)
from app.inference.importing.facts import Facts
from app.inference.importing.graph_file import ONNX_MAX_BYTES, GraphHeader, read_graph_file
from app.inference.importing.source_files import (
    JSON_MAX_BYTES,
    number,
    numbers,
    parse_json,
    plain_name,
    read_bytes,
    refusal,
)

_KEYS: Final = {"pathologies", "op_threshs", "input", "output", "name", "weights", "licence"}
_INPUT_KEYS: Final = {"range", "size", "max_value", "resize"}
_OUTPUTS: Final = ("logits", "sigmoid", "op_norm")
_RESIZES: Final = ("triangle", "gaussian")
_DEFAULT_RANGE: Final = (-1024.0, 1024.0)
_POINT: Final = "source"


@dataclass(frozen=True, slots=True)
class ClassifierRequest:
    """What to import. ``labels`` is the JSON file (docs/model-packs.md)."""

    onnx: Path
    labels: Path
    facts: Facts = field(default_factory=Facts)


@dataclass(frozen=True, slots=True)
class Heads:
    """The JSON file as read. ``names`` by position; empty: not trained. Thresholds likewise."""

    names: tuple[str, ...]
    thresholds: tuple[float | None, ...]
    low: float
    high: float
    size: tuple[int, int]
    max_value: float | None
    resize: str
    output: str
    title: str
    licence: str


def import_classifier(request: ClassifierRequest) -> PackDraft:
    """The pack of a classifier of films. Raises ``BundleRefused``."""
    graph = read_graph_file(request.onnx)
    heads = _heads(request.labels, graph)
    trained = [n for n, name in enumerate(heads.names, 1) if name]
    classes = tuple(ModelClass(n, heads.names[n - 1]) for n in trained)
    source = Source("classifier", heads.title, f"classifier {heads.title}", "classifier",
                    known_heads(), heads.licence)  # fmt: skip
    rows, coded = label_rows(classes, request.facts, source.known)
    _add_significance(rows, classes, request.facts)
    manifest = manifest_head(source, request.facts, "classification")
    if not coded:
        add_unknown(manifest, "codes")
    told = request.facts.series
    series = told.model_dump(exclude_defaults=True) if told else {}
    thresholds = [heads.thresholds[n - 1] for n in trained]
    manifest |= {
        "onnx": onnx_part(graph, ["model.onnx"], ["batch", "channel", "row", "column"],
                          ["batch", "class"]),
        "input": {
            "dimensions": 2,
            "series": [
                {"modality": ["DX", "CR"], "body_part": ["CHEST", "THORAX"],
                 "view_position": ["PA", "AP"], "image_type": {"must_not": ["LOCALIZER"]}} | series
            ],
            "units": "arbitrary",
            "train_orientation": "L\\F",
            "steps": steps_of(heads),
        },
        "infer": {
            "mirror_axes": [],
            "activation": "sigmoid" if heads.output == "logits" else "none",
        },
        "output": {"labels": rows, "valid_heads": trained},
    }  # fmt: skip
    relative = any(value is not None for value in thresholds) or heads.output == "op_norm"
    if relative:
        manifest["operating_points"] = [
            {"name": _POINT, "finding": index, "threshold": 0.5,
             "source": "operating threshold of the source of the model"}
            for index, value in zip(trained, thresholds, strict=True)
            if value is not None or heads.output == "op_norm"
        ]  # fmt: skip
        manifest["default_operating_point"] = _POINT
        sha256 = hashlib.sha256(read_bytes(request.onnx, ONNX_MAX_BYTES)).hexdigest()
        manifest["calibration"] = calibration(heads) | {"weights_sha256": sha256}
    return PackDraft(manifest, (("model.onnx", request.onnx),), request.facts, classes,
                     _notes(heads, relative=relative), request.facts.licence_text)  # fmt: skip


def _heads(path: Path, graph: GraphHeader) -> Heads:
    data = parse_json(read_bytes(path, JSON_MAX_BYTES), path.name)
    _require_keys(data, _KEYS, path.name)
    names = data.get("pathologies")
    if not isinstance(names, list) or not names:
        raise refusal(f"{path.name} has no list of pathologies",
                      f"в {path.name} нет списка pathologies")  # fmt: skip
    heads = tuple(
        "" if name in ("", None) else plain_name(name, f"head {n}", f"выход {n}")
        for n, name in enumerate(names, 1)
    )
    trained = [name for name in heads if name]
    if not trained:
        raise refusal("no head of the classifier was trained", "ни один выход не обучен")
    if len(set(trained)) != len(trained):
        raise refusal("two heads of the classifier have one name", "у двух выходов одно имя")
    count = _require_graph(graph)
    if count not in (-1, len(heads)):
        raise refusal(
            f"the graph has {count} heads, and {path.name} names {len(heads)}",
            f"у графа выходов: {count}, а в {path.name} названо {len(heads)}",
        )
    given = data.get("input", {})
    if not isinstance(given, dict):
        raise refusal(f'"input" of {path.name} is not an object', f"«input» в {path.name} неверен")
    _require_keys(given, _INPUT_KEYS, path.name)
    low, high = numbers(given.get("range", list(_DEFAULT_RANGE)), "input.range")[:2]
    if low >= high:
        raise refusal("input.range does not rise", "input.range не возрастает")
    output, resize = data.get("output", "logits"), given.get("resize", "triangle")
    if output not in _OUTPUTS or resize not in _RESIZES:
        choices = f"output: {', '.join(_OUTPUTS)}; resize: {', '.join(_RESIZES)}."
        raise refusal(
            f'"output" or "resize" of {path.name} is not known',
            f"«output» или «resize» в {path.name} неизвестны",
            hint=choices,
            hint_ru=choices,
        )
    largest = given.get("max_value")
    return Heads(
        heads, _thresholds(data.get("op_threshs"), heads), low, high, _size(given, graph),
        None if largest is None else number(largest, "input.max_value"), str(resize),
        str(output), plain_name(data.get("name", path.stem), "the classifier", "классификатор"),
        str(data.get("licence", ""))[:100],
    )  # fmt: skip


def _require_keys(data: Mapping[str, Any], known: set[str], name: str) -> None:
    strange = sorted(set(data) - known)
    if strange:
        raise refusal(
            f'{name} has the key "{strange[0][:40]}", which is not known',
            f"в {name} есть неизвестный ключ «{strange[0][:40]}»",
            hint=f"Known: {', '.join(sorted(known))}.",
            hint_ru=f"Известны: {', '.join(sorted(known))}.",
        )


def _require_graph(graph: GraphHeader) -> int:
    """Check the form of the graph; how many heads it has (-1: not stated)."""
    given, answer = graph.given.shape, graph.answer.shape
    if len(given) != 4 or len(answer) != 2:
        raise refusal(
            "the graph is no classifier of films (one image in, one row of heads out)",
            "граф — не классификатор снимков (один снимок на входе, строка на выходе)",
        )
    if given[1] not in (-1, 1):
        raise refusal(f"the graph takes {given[1]} channels; films have one",
                      f"граф принимает каналов: {given[1]}; у снимков один")  # fmt: skip
    return answer[1]


def _size(given: Mapping[str, Any], graph: GraphHeader) -> tuple[int, int]:
    stated = given.get("size")
    rows, columns = graph.given.shape[2:]
    if stated is None and rows > 0 and columns > 0:
        return rows, columns
    if stated is None:
        raise refusal("the graph takes any size, and input.size says none",
                      "граф принимает любой размер, а input.size не указан")  # fmt: skip
    side = number(stated, "input.size")
    if side != int(side) or not 16 <= side <= 4096:
        raise refusal("input.size is not possible", "input.size невозможен")
    if (rows not in (-1, side)) or (columns not in (-1, side)):
        raise refusal(f"the graph is made for {rows} x {columns}, and input.size says {side:g}",
                      f"граф сделан для {rows} x {columns},"
                      f" а input.size — {number_ru(side)}")  # fmt: skip
    return int(side), int(side)


def _thresholds(value: object, heads: tuple[str, ...]) -> tuple[float | None, ...]:
    if value is None:
        return (None,) * len(heads)
    if not isinstance(value, list) or len(value) != len(heads):
        raise refusal("op_threshs does not have one number for each head",
                      "в op_threshs не по одному числу на выход")  # fmt: skip
    found = tuple(None if item is None else number(item, "op_threshs") for item in value)
    if any(item is not None and not 0.0 < item < 1.0 for item in found):
        raise refusal("op_threshs is not between 0 and 1", "op_threshs не между 0 и 1")
    return found


def steps_of(heads: Heads) -> list[dict[str, Any]]:
    """Values to the range of the training, the middle square, the size of the network."""
    steps: list[dict[str, Any]] = [
        {"step": "invert_monochrome1"},
        {"step": "orient_film", "columns": "L", "rows": "F"},
    ]
    width = heads.high - heads.low
    if heads.max_value is None:
        steps.append({"step": "scale", "low": heads.low, "high": heads.high})
    else:  # (v / max) * width + low, as one shift and one division
        std = heads.max_value / width
        steps.append({"step": "normalize", "mean": -heads.low * std, "std": std})
    steps.append({"step": "crop_center"})
    steps.append({"step": "resize", "size": list(heads.size), "filter": heads.resize})
    return steps


def calibration(heads: Heads) -> dict[str, Any]:
    """Relative scores: thresholds by head of the graph, 0.5 where there is none (no change)."""
    if heads.output == "op_norm":
        params = [0.5] * len(heads.names)
    else:
        params = [0.5 if value is None else value for value in heads.thresholds]
    return {"method": "relative", "params": params}


def _add_significance(
    rows: list[dict[str, Any]], classes: tuple[ModelClass, ...], facts: Facts
) -> None:
    table = {row["head"]: row["significance"] for row in _rows()}
    for row, entry in zip(rows, classes, strict=True):
        told = facts.labels.get(entry.name)
        if (told is None or told.significance is None) and entry.name in table:
            row["significance"] = table[entry.name]


def _notes(heads: Heads, *, relative: bool) -> tuple[Message, ...]:
    notes = []
    untrained = sum(not name for name in heads.names)
    if untrained:
        notes.append(Message(f"{untrained} heads were not trained and give no score.",
                             f"Не обучены и не дают оценки выходов: {untrained}."))  # fmt: skip
    if relative:
        notes.append(
            Message(
                "Scores are relative to the threshold of their head (0.5 is at the threshold); "
                "they are not probabilities.",
                "Оценки отсчитываются от порога своего выхода (0,5 — на пороге); это не "
                "вероятности.",
            )
        )
    if heads.max_value is None:
        notes.append(
            Message(
                "The darkest and the brightest value of a film become the ends of the input range; "
                "the source scales by the range of the stored bits.",
                "Самое тёмное и самое светлое значения снимка становятся концами входного "
                "диапазона; источник масштабирует по разрядности хранения.",
            )
        )
    return tuple(notes)


@cache
def known_heads() -> Mapping[str, KnownClass]:
    """The heads of the table that have a code, by their name."""
    return {
        row["head"]: KnownClass(
            {"value": row["code"], "scheme": row["scheme"], "meaning": row["meaning"]},
            row["name_en"],
            row["name_ru"],
            category={"value": "49755003", "scheme": "SCT",
                      "meaning": "Morphologically Abnormal Structure"},
        )
        for row in _rows()
        if row["code"]
    }  # fmt: skip


@cache
def _rows() -> list[dict[str, str]]:
    path: Path = resources_folder() / "terminology" / "chest_film_heads.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
