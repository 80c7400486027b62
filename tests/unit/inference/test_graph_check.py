"""Graphs are checked as text, before any of them runs; each refusal is a sentence."""

from __future__ import annotations

from random import Random

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from app.core.errors import ModelPackError
from app.inference import graph_check
from app.inference.graph_check import read_graph, require_graph
from app.inference.pack_store import PackStore
from tests.support import tiny_pack


def model_of(nodes, *, opset=13, ir=8, domain="", initializers=(), out_shape=(1, 4)):
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, list(out_shape))],
        list(initializers),
    )
    imports = [helper.make_opsetid("", opset)]
    if domain:
        imports.append(helper.make_opsetid(domain, 1))
    return helper.make_model(graph, opset_imports=imports, ir_version=ir)


def identity(**options):
    return model_of([helper.make_node("Identity", ["x"], ["y"])], **options)


def subgraph(op):
    branch = helper.make_graph(
        [helper.make_node(op, ["x"], ["inner"])],
        "branch",
        [],
        [helper.make_tensor_value_info("inner", TensorProto.FLOAT, [1, 4])],
    )
    condition = numpy_helper.from_array(np.asarray(True), "c")
    node = helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
    return model_of([node], initializers=[condition])


def external():
    tensor = numpy_helper.from_array(np.ones((1, 4), np.float32), "w")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    return model_of([helper.make_node("Add", ["x", "w"], ["y"])], initializers=[tensor])


def oversized():
    tensor = numpy_helper.from_array(np.ones((1, 4), np.float32), "w")
    tensor.dims[1] = 1 << 20
    return model_of([helper.make_node("Add", ["x", "w"], ["y"])], initializers=[tensor])


def endless():
    tensor = numpy_helper.from_array(np.ones((1, 4), np.float32), "w")
    del tensor.dims[:]
    tensor.dims.extend([1 << 40, 1 << 40])
    return model_of([helper.make_node("Add", ["x", "w"], ["y"])], initializers=[tensor])


def with_function():
    model = identity()
    model.functions.append(
        helper.make_function(
            "local", "F", ["a"], ["b"], [helper.make_node("Identity", ["a"], ["b"])],
            [helper.make_opsetid("", 13)],
        )
    )  # fmt: skip
    return model


def two_opsets():
    model = identity()
    model.opset_import.append(helper.make_opsetid("ai.onnx", 14))
    return model


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda: model_of([helper.make_node("Frobnicate", ["x"], ["y"])]), 'operator "Frobnicate"'),
        (lambda: model_of([helper.make_node("Upsample", ["x", "x"], ["y"])]), '"Upsample"'),
        (
            lambda: model_of([helper.make_node("Gelu", ["x"], ["y"])], opset=13),
            '"Gelu" in opset 13',
        ),
        (lambda: model_of([helper.make_node("F", ["x"], ["y"], domain="evil")]), '"evil"'),
        (lambda: identity(domain="com.microsoft"), '"com.microsoft"'),
        (lambda: subgraph("Frobnicate"), 'operator "Frobnicate"'),
        (external, "another file"),
        (oversized, "size it states"),
        (endless, "size it states"),
        (with_function, "functions of its own"),
        (two_opsets, "one opset"),
        (lambda: identity(opset=graph_check.MAX_OPSET + 1), "opset"),
        (lambda: identity(ir=graph_check.MAX_IR_VERSION + 1), "IR"),
    ],
)
def test_what_is_refused(model, words):
    with pytest.raises(ModelPackError, match=words) as refusal:
        read_graph(model().SerializeToString())
    assert refusal.value.ru != refusal.value.message


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"PK\x03\x04", b"\x08\x07", b"{}" * 500])
def test_no_onnx_at_all(content):
    with pytest.raises(ModelPackError, match=r"not an ONNX file|no graph"):
        read_graph(content)


def test_every_cut_is_a_refusal_and_never_a_crash():
    whole = subgraph("Identity").SerializeToString()
    for end in range(0, len(whole), 7):
        try:
            read_graph(whole[:end])
        except ModelPackError:
            continue


def test_deep_nesting_ends_in_a_sentence():
    inner = helper.make_graph([helper.make_node("Identity", ["x"], ["z"])], "leaf", [], [])
    for depth in range(20):
        node = helper.make_node("If", ["c"], [f"n{depth}"], then_branch=inner, else_branch=inner)
        inner = helper.make_graph([node], f"level{depth}", [], [])
        if depth == 9:
            break
    node = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
    with pytest.raises(ModelPackError, match="nested"):
        read_graph(model_of([node]).SerializeToString())


def test_the_facts_of_a_good_graph():
    facts = read_graph(subgraph("Relu").SerializeToString())
    assert facts.operators == {"If", "Relu"}
    assert (facts.opset, facts.ir_version, facts.nodes) == (13, 8, 3)
    assert facts.inputs == (graph_check.TensorFacts("x", "float32", (1, 4)),)


def test_the_limits_are_those_of_the_runtime():
    """The newest opset and format that onnxruntime of the lock file loads, and not the next."""

    def loads(**options):
        content = identity(**options).SerializeToString()
        try:
            onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        except onnxruntime.capi.onnxruntime_pybind11_state.Fail:
            return False
        return True

    assert loads(opset=graph_check.MAX_OPSET, ir=graph_check.MAX_IR_VERSION)
    assert not loads(opset=graph_check.MAX_OPSET + 1)
    assert not loads(ir=graph_check.MAX_IR_VERSION + 1)


@pytest.fixture
def film_pack(tmp_path):
    tiny_pack.write_film_pack(tmp_path)
    return PackStore(tmp_path, tmp_path / "user").get("tiny-lungs")


def changed(installed, change):
    model = onnx.load_from_string(installed.read_weights())
    change(model.graph)
    return model.SerializeToString()


def dynamic(name, axis):
    def change(graph):
        (value,) = [v for v in (*graph.input, *graph.output) if v.name == name]
        value.type.tensor_type.shape.dim[axis].dim_param = "free"

    return change


def sized(name, axis, size):
    def change(graph):
        (value,) = [v for v in (*graph.input, *graph.output) if v.name == name]
        value.type.tensor_type.shape.dim[axis].dim_value = size

    return change


def typed(graph):
    graph.output[0].type.tensor_type.elem_type = TensorProto.DOUBLE


def renamed(graph):
    graph.output[0].name = graph.node[-1].output[0] = "other"


def one_more(graph):
    graph.output.append(helper.make_tensor_value_info("raw", TensorProto.FLOAT, [1, 3, 64, 64]))


def shapeless(graph):
    graph.output[0].type.tensor_type.ClearField("shape")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            dynamic("image", 2),
            'axis "row" of its input "image" is dynamic',
        ),
        (dynamic("logits", 3), 'axis "column" of its output "logits" is dynamic'),
        (
            sized("logits", 1, 2),
            '"logits" has 2, and the manifest says 3',
        ),
        (typed, "of another type, and the manifest says float32"),
        (renamed, 'no output "logits"'),
        (one_more, '"raw", which the manifest does not name'),
        (shapeless, "does not have the 4 axes"),
    ],
)
def test_a_graph_that_is_not_what_the_manifest_says(film_pack, change, words):
    with pytest.raises(ModelPackError, match=words):
        require_graph(film_pack.pack, changed(film_pack, change))


def test_a_free_batch_axis_is_no_lie(film_pack):
    require_graph(film_pack.pack, changed(film_pack, dynamic("image", 0)))
    require_graph(film_pack.pack, film_pack.read_weights())


def test_another_opset_than_stated(film_pack):
    model = onnx.load_from_string(film_pack.read_weights())
    model.opset_import[0].version = 12
    with pytest.raises(ModelPackError, match="opset is 12, and the manifest says 13"):
        require_graph(film_pack.pack, model.SerializeToString())


def test_mutated_graphs_end_in_a_sentence():
    """Bytes changed anywhere: the facts of a graph, or a refusal; nothing else and no crash."""
    whole = subgraph("Identity").SerializeToString()
    random = Random(20261201)
    refused = 0
    for _ in range(600):
        content = bytearray(whole)
        for _ in range(random.randrange(1, 4)):
            content[random.randrange(len(content))] = random.randrange(256)
        try:
            read_graph(bytes(content))
        except ModelPackError:
            refused += 1
    assert refused > 100
