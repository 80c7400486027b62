"""Volume packs whose graph computes something else than its file and its manifest say.

What is wrong depends on the image, so neither the reader of the file nor onnxruntime can tell
before the run. Each starts as the pack of ``tiny_pack.write_volume_pack``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.support import tiny_pack

Change = Callable[[onnx.GraphProto], None]


def write_lying_pack(folder: Path, lie: str, *, patch: int | None = 16) -> str:
    """The pack ``lie``, for one of ``LIES`` or ``FILES``, in ``folder``; its id."""
    target = tiny_pack.write_volume_pack(folder, pack_id=lie, patch=patch)
    model = onnx.load(target / "model.onnx")
    {**LIES, **FILES}[lie](model.graph)
    if lie == "foreign-domain":
        model.opset_import.append(helper.make_opsetid("com.example", 1))
    (target / "model.onnx").write_bytes(model.SerializeToString())
    tiny_pack.change_manifest(target, lambda manifest: None)
    return lie


def _constant(graph: onnx.GraphProto, name: str, values: object, dtype: type) -> str:
    graph.initializer.append(numpy_helper.from_array(np.asarray(values, dtype), name))
    return name


def _append(graph: onnx.GraphProto, *nodes: onnx.NodeProto) -> None:
    """The former output is called ``true`` and goes through ``nodes``."""
    graph.node[-1].output[0] = "true"
    graph.node.extend(nodes)


def _nothing(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Nodes that make ``none``, a zero that is known only in the run."""
    none = _constant(graph, "no", 0.0, np.float32)
    return [
        helper.make_node("ReduceMax", ["image"], ["top"], keepdims=0),
        helper.make_node("Mul", ["top", none], ["none_f"]),
        helper.make_node("Cast", ["none_f"], ["none"], to=TensorProto.INT64),
    ]


def _tiled(times: list[int]) -> Change:
    def change(graph: onnx.GraphProto) -> None:
        wanted = _constant(graph, "times", times, np.int64)
        _append(
            graph,
            *_nothing(graph),
            helper.make_node("Add", [wanted, "none"], ["repeats"]),
            helper.make_node("Tile", ["true", "repeats"], ["logits"]),
        )

    return change


def _one_axis_less(graph: onnx.GraphProto) -> None:
    wanted = _constant(graph, "flat", [1, 2, -1, 1], np.int64)
    _append(
        graph,
        *_nothing(graph),
        helper.make_node("Add", [wanted, "none"], ["shape"]),
        helper.make_node("Reshape", ["true", "shape"], ["logits"]),
    )


def _divided(numerator: str) -> Change:
    def change(graph: onnx.GraphProto) -> None:
        one = _constant(graph, "one_f", 1.0, np.float32)
        above = "none_f" if numerator == "zero" else one
        _append(
            graph,
            *_nothing(graph),
            helper.make_node("Div", [above, "none_f"], ["poison"]),
            helper.make_node("Add", ["true", "poison"], ["logits"]),
        )

    return change


def _fails_in_the_run(graph: onnx.GraphProto) -> None:
    wanted = _constant(graph, "shape0", [7, 7, 7, 7, 7], np.int64)
    _append(
        graph,
        *_nothing(graph),
        helper.make_node("Add", [wanted, "none"], ["shape"]),
        helper.make_node("Reshape", ["true", "shape"], ["logits"]),
    )


def _operator(name: str, domain: str = "") -> Change:
    def change(graph: onnx.GraphProto) -> None:
        _append(graph, helper.make_node(name, ["true"], ["logits"], domain=domain))

    return change


def _other_name(graph: onnx.GraphProto) -> None:
    graph.output[0].name = graph.node[-1].output[0] = "scores"


def _other_channels(graph: onnx.GraphProto) -> None:
    graph.output[0].type.tensor_type.shape.dim[1].dim_value = 3


def _free_channels(graph: onnx.GraphProto) -> None:
    graph.output[0].type.tensor_type.shape.dim[1].dim_param = "classes"


def _other_type(graph: onnx.GraphProto) -> None:
    _append(graph, helper.make_node("Cast", ["true"], ["logits"], to=TensorProto.DOUBLE))
    graph.output[0].type.tensor_type.elem_type = TensorProto.DOUBLE


# found out in the run
LIES: dict[str, Change] = {
    "twice-the-channels": _tiled([1, 2, 1, 1, 1]),
    "twice-the-rows": _tiled([1, 1, 1, 2, 1]),
    "twice-the-batch": _tiled([2, 1, 1, 1, 1]),
    "one-axis-less": _one_axis_less,
    "not-a-number": _divided("zero"),
    "infinite": _divided("one"),
    "fails-in-the-run": _fails_in_the_run,
}
# seen in the file
FILES: dict[str, Change] = {
    "unknown-operator": _operator("Segmentify"),
    "foreign-domain": _operator("Segmentify", "com.example"),
    "other-name": _other_name,
    "other-channels": _other_channels,
    "free-channels": _free_channels,
    "other-type": _other_type,
}
