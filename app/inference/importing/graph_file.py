"""The ONNX file of a foreign model: parsed and checked as data, never run (``graph_check``)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.core.errors import ModelPackError
from app.inference.graph_check import TensorFacts, read_graph
from app.inference.importing.source_files import read_bytes, refusal

ONNX_MAX_BYTES: Final = 2_147_483_647


@dataclass(frozen=True, slots=True)
class GraphTensor:
    """An input or output; ``shape`` has -1 where the size is free."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class GraphHeader:
    """A graph with one input and one output."""

    opset: int
    given: GraphTensor
    answer: GraphTensor


def read_graph_file(path: Path) -> GraphHeader:
    """Raises ``BundleRefused`` where the file is no graph that a pack may hold."""
    try:
        facts = read_graph(read_bytes(path, ONNX_MAX_BYTES))
    except ModelPackError as error:
        raise refusal(
            f"{path.name} is not an ONNX graph that can be used",
            f"{path.name} — не граф ONNX, который можно использовать",
            error.technical_detail,
            hint=error.message,
            hint_ru=error.ru,
        ) from error
    if len(facts.inputs) != 1 or len(facts.outputs) != 1:
        raise refusal(
            "the graph does not have one input and one output",
            "у графа не один вход и не один выход",
            hint="Export it without deep supervision.",
            hint_ru="Экспортируйте его без deep supervision.",
        )
    return GraphHeader(facts.opset, _tensor(facts.inputs[0]), _tensor(facts.outputs[0]))


def _tensor(facts: TensorFacts) -> GraphTensor:
    if facts.shape is None or facts.dtype not in ("float32", "float16"):
        raise refusal(
            f'the graph does not state the axes of "{facts.name[:40]}", or it is no float',
            f"граф не называет оси «{facts.name[:40]}», или это не float",
        )
    return GraphTensor(facts.name, facts.dtype, facts.shape)
