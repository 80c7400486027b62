"""What an ONNX file says about itself, read as protobuf and never executed.

Everything is refused that the runtime does not know, that leads out of the file, or that is not
what the manifest says. ``onnx`` parses; the list of operators is onnxruntime's own (ADR 0014).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from app.core.errors import ModelPackError

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

    from app.inference.manifest import ModelPack
    from app.inference.manifest_parts import Tensor

# What onnxruntime of the lock file loads; a test holds these numbers against it.
MAX_OPSET: Final = 26
MAX_IR_VERSION: Final = 13
_MIN_IR_VERSION: Final = 3
_MAX_BYTES: Final = 2**31 - 1  # protobuf's own limit
_MAX_NODES: Final = 200_000
_MAX_DEPTH: Final = 8  # graphs within graphs (If, Loop, Scan)
_MAX_ELEMENTS: Final = 1 << 31
_DOMAINS: Final = ("", "ai.onnx")
_TYPES: Final = {1: "float32", 2: "uint8", 7: "int64", 10: "float16"}
_BYTES_PER_ELEMENT: Final = {
    1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 14: 8, 15: 16,
    16: 2, 17: 1, 18: 1, 19: 1, 20: 1,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TensorFacts:
    """An input or output as the graph declares it; -1 where the size is left open.

    ``dtype`` is empty for a type that no pack uses; ``shape`` None: not even the rank is stated.
    """

    name: str
    dtype: str
    shape: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class GraphFacts:
    """What a graph needs and what goes in and out."""

    opset: int
    ir_version: int
    nodes: int
    operators: frozenset[str]
    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]


def read_graph(content: bytes) -> GraphFacts:
    """The facts of a graph, or ``ModelPackError`` with one sentence. Executes nothing."""
    if len(content) > _MAX_BYTES:
        raise _refused("it is larger than 2 GB", "он больше 2 ГБ")
    model = _parsed(content)
    if not _MIN_IR_VERSION <= model.ir_version <= MAX_IR_VERSION:
        raise _refused(
            f"its format version (IR {model.ir_version}) is not one of {_MIN_IR_VERSION} to "
            f"{MAX_IR_VERSION}",
            f"версия его формата (IR {model.ir_version}) не из {_MIN_IR_VERSION}–{MAX_IR_VERSION}",
        )
    if model.functions:
        raise _refused("it defines functions of its own; export it with them inlined",
                       "в нём есть собственные функции; выгрузите его со встроенными")  # fmt: skip
    if model.training_info:
        raise _refused("it holds training graphs", "в нём есть графы обучения")
    opset = _opset(model)
    operators: set[str] = set()
    nodes = 0
    for graph, depth in _graphs(model.graph):
        if depth > _MAX_DEPTH:
            raise _refused("its graphs are nested too deeply", "его графы вложены слишком глубоко")
        nodes += len(graph.node)
        if nodes > _MAX_NODES:
            raise _refused("it has too many nodes", "в нём слишком много узлов")
        for node in graph.node:
            operators.add(_known_operator(node, opset))
        for tensor in _tensors(graph):
            _require_inside(tensor)
    if not nodes:
        raise _refused("it holds no graph", "в нём нет графа")
    constants = {tensor.name for tensor in model.graph.initializer}
    return GraphFacts(
        opset,
        int(model.ir_version),
        nodes,
        frozenset(operators),
        tuple(_facts(value) for value in model.graph.input if value.name not in constants),
        tuple(_facts(value) for value in model.graph.output),
    )


def require_graph(pack: ModelPack, content: bytes) -> GraphFacts:
    """The facts of ``content``, proven to be what the manifest says of it."""
    facts = read_graph(content)
    declared = pack.onnx
    if declared is None:
        return facts
    if facts.opset != declared.opset:
        raise _refused(
            f"its opset is {facts.opset}, and the manifest says {declared.opset}",
            f"его opset {facts.opset}, а в манифесте {declared.opset}",
        )
    _require_same(("input", "вход"), declared.inputs, facts.inputs)
    _require_same(("output", "выход"), declared.outputs, facts.outputs)
    return facts


def _parsed(content: bytes) -> ModelProto:
    import onnx
    from google.protobuf.message import DecodeError

    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except (DecodeError, RecursionError) as error:
        raise _refused("it is not an ONNX file", "это не файл ONNX", str(error)) from error
    if not model.ir_version or not model.graph.node:
        raise _refused("it holds no graph", "в нём нет графа")
    return model


def _opset(model: ModelProto) -> int:
    for entry in model.opset_import:
        if entry.domain not in _DOMAINS:
            raise _foreign_domain(entry.domain)
    versions = {int(entry.version) for entry in model.opset_import}
    if len(versions) != 1:
        raise _refused("it does not state one opset", "в нём не указан один opset")
    opset = versions.pop()
    if not 7 <= opset <= MAX_OPSET:
        raise _refused(f"its opset {opset} is not one of 7 to {MAX_OPSET}",
                       f"его opset {opset} не из 7–{MAX_OPSET}")  # fmt: skip
    return opset


def _graphs(top: GraphProto) -> Iterator[tuple[GraphProto, int]]:
    """Every graph with its depth, subgraphs of control flow included."""
    waiting = [(top, 0)]
    while waiting:
        graph, depth = waiting.pop()
        yield graph, depth
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    waiting.append((attribute.g, depth + 1))
                waiting.extend((inner, depth + 1) for inner in attribute.graphs)


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)


@cache
def _operators() -> dict[str, tuple[tuple[int, bool], ...]]:
    """Per operator of the standard its versions as (since opset, deprecated), newest first."""
    from onnxruntime.capi.onnxruntime_pybind11_state import get_all_operator_schema

    found: dict[str, set[tuple[int, bool]]] = {}
    for schema in get_all_operator_schema():
        if schema.domain in _DOMAINS:
            versions = found.setdefault(schema.name, set())
            versions.add((int(schema.since_version), bool(schema.deprecated)))
    return {name: tuple(sorted(v, reverse=True)) for name, v in found.items()}


def _known_operator(node: NodeProto, opset: int) -> str:
    if node.domain not in _DOMAINS:
        raise _foreign_domain(node.domain)
    name = str(node.op_type)
    usable = [old for since, old in _operators().get(name, ()) if since <= opset]
    if not usable or usable[0]:
        raise _refused(
            f'the runtime does not know its operator "{_short(name)}" in opset {opset}',
            f"среда выполнения не знает его оператора «{_short(name)}» в opset {opset}",
        )
    return name


def _require_inside(tensor: TensorProto) -> None:
    """A tensor's values lie in this file, and are as many as its shape says."""
    if tensor.external_data or tensor.data_location == 1:
        raise _refused("its weights lie in another file", "его веса лежат в другом файле")
    elements = 1
    for size in tensor.dims:
        if size < 0:
            raise _damaged(tensor)
        elements *= int(size)
        if elements > _MAX_ELEMENTS:
            raise _damaged(tensor)
    if not tensor.raw_data:
        return
    size = _BYTES_PER_ELEMENT.get(tensor.data_type)
    if size is not None and len(tensor.raw_data) != elements * size:
        raise _damaged(tensor)


def _facts(value: ValueInfoProto) -> TensorFacts:
    kind = value.type.tensor_type
    if not value.type.HasField("tensor_type"):
        return TensorFacts(value.name, "", None)
    shape = None
    if kind.HasField("shape"):
        shape = tuple(
            int(dim.dim_value) if dim.WhichOneof("value") == "dim_value" else -1
            for dim in kind.shape.dim
        )
    return TensorFacts(value.name, _TYPES.get(kind.elem_type, ""), shape)


def _require_same(
    kind: tuple[str, str], declared: tuple[Tensor, ...], present: tuple[TensorFacts, ...]
) -> None:
    """Each tensor of the manifest is in the graph as described, and there is no other."""
    by_name = {facts.name: facts for facts in present}
    named = {tensor.name for tensor in declared}
    for tensor in declared:
        facts = by_name.get(tensor.name)
        if facts is None:
            raise _refused(f'it has no {kind[0]} "{tensor.name}", which the manifest names',
                           f"в нём нет «{tensor.name}» ({kind[1]}) из манифеста")  # fmt: skip
        _require_same_tensor(kind, tensor, facts)
    for name in by_name:
        if name not in named:
            raise _refused(
                f'it has the {kind[0]} "{_short(name)}", which the manifest does not name',
                f"в нём есть «{_short(name)}» ({kind[1]}), о котором манифест молчит",
            )


def _require_same_tensor(kind: tuple[str, str], tensor: Tensor, facts: TensorFacts) -> None:
    if facts.dtype != tensor.dtype:
        raise _refused(
            f'its {kind[0]} "{tensor.name}" is {facts.dtype or "of another type"}, and the '
            f"manifest says {tensor.dtype}",
            f"«{tensor.name}» ({kind[1]}) имеет тип {facts.dtype or 'другой'}, "
            f"а в манифесте {tensor.dtype}",
        )
    if facts.shape is None or len(facts.shape) != len(tensor.shape):
        raise _refused(
            f'its {kind[0]} "{tensor.name}" does not have the {len(tensor.shape)} axes of the '
            "manifest",
            f"у «{tensor.name}» ({kind[1]}) не {len(tensor.shape)} осей, как в манифесте",
        )
    for axis, said, true in zip(tensor.axes, tensor.shape, facts.shape, strict=True):
        if said == true or (axis == "batch" and true == -1):
            continue
        if true == -1:
            raise _refused(
                f'the axis "{axis}" of its {kind[0]} "{tensor.name}" is dynamic, and the manifest '
                f"says {said}",
                f"ось «{axis}» ({kind[1]} «{tensor.name}») в нём переменная, а в манифесте {said}",
            )
        raise _refused(
            f'the axis "{axis}" of its {kind[0]} "{tensor.name}" has {true}, and the manifest '
            f"says {said}",
            f"ось «{axis}» ({kind[1]} «{tensor.name}») имеет размер {true}, а в манифесте {said}",
        )


def _foreign_domain(domain: str) -> ModelPackError:
    return _refused(
        f'it needs operators of "{_short(domain)}", which are not part of the ONNX standard',
        f"ему нужны операторы «{_short(domain)}», которых нет в стандарте ONNX",
    )


def _damaged(tensor: TensorProto) -> ModelPackError:
    return _refused(f'its tensor "{_short(tensor.name)}" does not have the size it states',
                    f"размер его тензора «{_short(tensor.name)}» не тот, что указан")  # fmt: skip


def _short(name: str) -> str:
    """A name out of a file, printable and not endless."""
    return "".join(c if c.isprintable() else "?" for c in str(name)[:60])


def _refused(reason: str, reason_ru: str, detail: str = "") -> ModelPackError:
    return ModelPackError(
        f"The model file of the pack is not used: {reason}.",
        ru=f"Файл модели из пакета не используется: {reason_ru}.",
        hint="Ask the maker of the pack for a corrected one.",
        hint_ru="Попросите у автора пакета исправленный файл.",
        technical_detail=detail[:500],
    )
