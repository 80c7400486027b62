"""The manifest of a model pack, schema ``overread.pack/1``: parsed strictly, unknown keys refused.

A pack is a folder (or a ZIP of one) with ``manifest.json``, the ONNX file, a card, a licence and a
sample. Readable without onnxruntime. Field list: copilot-practice 2.2.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from app.core.errors import ModelPackError
from app.inference.manifest_checks import MANIFEST, contradictions
from app.inference.manifest_imported import Imported
from app.inference.manifest_parts import (
    AnalysisEntry,
    Calibration,
    Golden,
    Infer,
    Input,
    LabelEntry,
    MeasurementEntry,
    ModelCard,
    Onnx,
    OperatingPointEntry,
    OutOfDistribution,
    Output,
    PackFile,
    ReaderInputEntry,
    Runtime,
    Vram,
)
from app.inference.manifest_steps import Strict, Text

SCHEMA = "overread.pack/1"
MANIFEST_NAME = MANIFEST
MANIFEST_MAX_BYTES = 1_000_000


class ModelPack(Strict):
    """A whole manifest. Build it with ``parse_manifest``."""

    schema_id: Literal["overread.pack/1"] = Field(alias="schema")
    id: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]{1,62}$")]
    name: Text
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$")]
    task: Literal[
        "segmentation", "classification", "detection", "regression", "landmarks", "quality"
    ]
    licence: str = Field(min_length=1)
    attribution: tuple[str, ...] = ()
    intended_use: Text
    not_for: Annotated[tuple[Text, ...], Field(min_length=1)]
    contact: str = ""
    files: Annotated[tuple[PackFile, ...], Field(min_length=1, max_length=200)]
    onnx: Onnx | None = None
    analysis: AnalysisEntry | None = None
    runtime: Runtime = Runtime()
    input: Input
    infer: Infer
    output: Output
    operating_points: tuple[OperatingPointEntry, ...] = ()
    default_operating_point: str = ""
    calibration: Calibration | None = None
    ood: OutOfDistribution | None = None
    measurements: tuple[MeasurementEntry, ...] = ()
    reader_inputs: tuple[ReaderInputEntry, ...] = ()
    vram: Vram | None = None
    golden: Golden | None = None
    imported: Imported | None = None
    model_card: ModelCard

    @model_validator(mode="after")
    def _consistent(self) -> ModelPack:
        for problem in contradictions(self):
            raise ValueError(problem)
        return self

    @property
    def graph(self) -> Onnx:
        """The graph. Raises ``ModelPackError`` where the pack is an analysis without one."""
        if self.onnx is None:
            raise ModelPackError(
                f'The pack "{self.id}" has no graph; it is an analysis of the program itself.',
                ru=f"У пакета «{self.id}» нет графа: это анализ самой программы.",
            )
        return self.onnx

    @property
    def weights(self) -> PackFile:
        """The entry of the ONNX file. Raises ``ModelPackError`` for an analysis."""
        path = self.graph.file
        return next(file for file in self.files if file.path == path)

    @property
    def model_files(self) -> tuple[str, ...]:
        """The ONNX files, that of ``onnx.file`` first; none for an analysis."""
        return () if self.onnx is None else (self.onnx.file, *self.onnx.folds)

    @property
    def weights_sha256(self) -> str:
        """What computes, as a hash: the ONNX file, or the name and version of the analysis.

        With several files it is the hash of their hashes, one a line, in the order they are used.
        """
        if self.analysis is None:
            by_path = {file.path: file.sha256 for file in self.files}
            hashes = [by_path[path] for path in self.model_files]
            if len(hashes) == 1:
                return hashes[0]
            return hashlib.sha256("\n".join(hashes).encode()).hexdigest()
        name = f"analysis:{self.analysis.id}@{self.analysis.version}"
        return hashlib.sha256(name.encode()).hexdigest()

    @property
    def needs_reader(self) -> bool:
        """Whether a run is impossible without something that the reader gives."""
        return any(entry.required for entry in self.reader_inputs)

    @property
    def is_calibrated(self) -> bool:
        """Whether a score is a probability; otherwise it is a score and nothing else (trap 18)."""
        return self.calibration is not None and self.calibration.method not in ("none", "relative")

    def label(self, index: int) -> LabelEntry:
        """The label with this index; KeyError when there is none."""
        for label in self.output.labels:
            if label.index == index:
                return label
        raise KeyError(index)

    def operating_point(self, index: int) -> OperatingPointEntry | None:
        """The default operating point of a label, or None."""
        own = [point for point in self.operating_points if point.finding == index]
        named = [point for point in own if point.name == self.default_operating_point]
        return next(iter(named or own), None)


def parse_manifest(content: bytes) -> ModelPack:
    """The manifest in ``content`` (UTF-8 JSON).

    Raises ``ModelPackError`` with one sentence that names the offending key.
    """
    if len(content) > MANIFEST_MAX_BYTES:
        raise _invalid("it is larger than 1 MB", "он больше 1 МБ")
    try:
        data = json.loads(content.decode("utf-8-sig"), object_pairs_hook=_no_duplicates)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise _invalid("it is not JSON", "это не JSON", str(error)) from error
    if not isinstance(data, dict):
        raise _invalid("it is not a JSON object", "это не объект JSON")
    schema = data.get("schema")
    if schema != SCHEMA:
        raise _invalid(f'its schema is "{schema}", not "{SCHEMA}"',
                       f"его схема «{schema}», а нужна «{SCHEMA}»")  # fmt: skip
    try:
        return ModelPack.model_validate_json(json.dumps(data))
    except ValidationError as error:
        raise _translated(error) from error


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _invalid(f'key "{twice}" occurs twice', f"ключ «{twice}» встречается дважды")
    return data


def _translated(error: ValidationError) -> ModelPackError:
    """The first problem as a sentence; unknown keys before all else."""
    problems = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    first = problems[0]
    key = ".".join(str(part) for part in first["loc"])
    detail = "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in problems[:20])
    if first["type"] == "extra_forbidden":
        return _invalid(f'unknown key "{key}"', f"неизвестный ключ «{key}»", detail)
    if first["type"] == "missing":
        return _invalid(f'key "{key}" is missing', f"нет ключа «{key}»", detail)
    message = first["msg"].removeprefix("Value error, ")
    where = f' at "{key}"' if key else ""
    where_ru = f" в «{key}»" if key else ""
    return _invalid(f"{message}{where}", f"ошибка{where_ru}: {message}", detail)


def _invalid(reason: str, reason_ru: str, detail: str = "") -> ModelPackError:
    return ModelPackError(
        f"The manifest of the model pack is not valid: {reason}.",
        ru=f"Манифест пакета модели неверен: {reason_ru}.",
        hint="Ask the maker of the pack for a corrected one.",
        hint_ru="Попросите у автора пакета исправленный файл.",
        technical_detail=detail,
    )
