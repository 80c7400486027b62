"""Sessions: providers that are verified, memory that runs out, devices that disappear, stopping."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from app.core.errors import Cancelled, InferenceError
from app.inference import providers, run_control
from app.inference.ort_session import ModelSession, SessionPlan, is_out_of_memory, runtime_works
from app.inference.providers import (
    DEFAULT_ORDER,
    IDENTITY,
    NAMES,
    CudaReport,
    chain,
    cuda_report,
    order_of,
    provider_reports,
)
from app.inference.run_control import RunControl

FEED = {"x": np.asarray([1.5], np.float32)}
OUT_OF_MEMORY = "Non-zero status: Failed to allocate memory for requested buffer of size 9"


def double() -> bytes:
    """y = 2x for any batch of rows."""
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        "double",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


def endless() -> bytes:
    """Many products one after the other: minutes, if nobody stops it."""
    nodes = [helper.make_node("Identity", ["x"], ["c0"])]
    nodes += [helper.make_node("MatMul", [f"c{n}", "m"], [f"c{n + 1}"]) for n in range(200)]
    nodes.append(helper.make_node("Identity", ["c200"], ["y"]))
    matrix = numpy_helper.from_array(np.zeros((1500, 1500), np.float32), "m")
    graph = helper.make_graph(
        nodes,
        "endless",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1500, 1500])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1500, 1500])],
        [matrix],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


class Device:
    """Stands in for a session on a GPU, which test machines do not have: fails ``times`` times."""

    def __init__(self, message, inner=None, least=0):
        self._message, self._inner, self._least = message, inner, least

    def get_inputs(self):
        return self._inner.get_inputs()

    def get_providers(self):
        return ["DmlExecutionProvider", "CPUExecutionProvider"]

    def run(self, names, feed, options):
        if self._least and next(iter(feed.values())).shape[0] <= self._least:
            return self._inner.run(names, feed, options)
        raise providers._state.RuntimeException(self._message)


def on_device(session, device):
    session._session, session._provider = device, "directml"
    return session


def test_trap_13_the_device_is_declared_and_what_is_missing_is_named():
    assert runtime_works()
    report = cuda_report()
    assert isinstance(report, CudaReport)
    if not report.usable:
        assert report.missing_libraries or "GPU" in report.detail
        assert all(name in report.detail for name in report.missing_libraries)
    session = ModelSession(IDENTITY, SessionPlan("cuda", 1))
    assert (session.device == "cuda:0") == report.usable
    assert bool(session.notes) == (not report.usable)


def test_every_provider_is_tried_and_those_that_do_not_compute_say_why():
    found = {entry.name: entry for entry in provider_reports()}
    assert list(found) == list(NAMES)
    assert found["cpu"].usable
    assert all(entry.usable or entry.why for entry in found.values())
    assert not found["coreml"].usable or found["coreml"].in_build


def test_the_order_of_the_settings_is_the_order_tried_and_said_where_one_fails():
    assert order_of("auto", ()) == DEFAULT_ORDER
    assert order_of("auto", ("openvino",)) == ("openvino", "cpu")
    assert order_of("auto", ("cpu", "cuda")) == ("cuda", "cpu")
    assert order_of("tensorrt", ()) == ("tensorrt", "cuda", "cpu")
    assert chain("tensorrt", "folder")[0][1]["trt_engine_cache_path"] == "folder"
    session = ModelSession(IDENTITY, SessionPlan("auto", 1, ("coreml", "openvino")))
    assert session.device == "cpu"
    assert len(session.notes) == 2, "what was asked for and is not there is said"
    assert not ModelSession(IDENTITY, SessionPlan("auto", 1)).notes


def test_words_of_memory():
    assert is_out_of_memory(RuntimeError("CUDA failure 2: out of memory"))
    assert not is_out_of_memory(RuntimeError("Invalid rank for input"))


def test_memory_runs_out_half_the_batch_then_half_again():
    session = ModelSession(double(), SessionPlan("cpu", 1))
    on_device(session, Device(OUT_OF_MEMORY, session._session, least=2))
    rows = np.arange(24, dtype=np.float32).reshape(8, 3)
    assert np.array_equal(session.run("y", {"x": rows}), 2 * rows)
    assert session.device == "directml", "the device stays in use"
    assert "2 patch" in session.notes[-1].en
    notes = len(session.notes)
    assert np.array_equal(session.run("y", {"x": rows[:5]}), 2 * rows[:5])
    assert len(session.notes) == notes, "the batch that fits is remembered"


def test_memory_for_not_even_one_patch_the_cpu_takes_over():
    session = on_device(ModelSession(IDENTITY, SessionPlan("cpu", 1)), Device(OUT_OF_MEMORY))
    assert session.run("y", FEED)[0] == np.float32(1.5)
    assert session.device == "cpu"
    assert "memory" in session.notes[-1].en


def test_a_device_that_disappears_in_the_run_is_replaced_once_with_a_note():
    session = ModelSession(IDENTITY, SessionPlan("cpu", 1))
    on_device(session, Device("DXGI_ERROR_DEVICE_REMOVED"))
    assert session.run("y", FEED)[0] == np.float32(1.5)
    assert session.device == "cpu"
    assert "GPU failed" in session.notes[-1].en
    assert "отказала" in session.notes[-1].ru


def test_a_fault_of_the_graph_is_none_of_the_device():
    session = ModelSession(double(), SessionPlan("cpu", 1))
    with pytest.raises(InferenceError, match="failed while it ran"):
        session.run("y", {"x": np.zeros((1, 4), np.float32)})


def test_released_memory_is_loaded_again():
    session = ModelSession(IDENTITY, SessionPlan("cpu", 1))
    assert session.size_bytes > 0
    session.release()
    assert session.size_bytes == 0
    assert session.input_names == ("x",)
    assert session.run("y", FEED)[0] == np.float32(1.5)
    assert session.size_bytes > 0


def test_a_cancelled_run_ends_between_two_operators_and_the_session_stays():
    session = ModelSession(endless(), SessionPlan("cpu", 1))
    control = RunControl(1)
    threading.Timer(0.5, control.cancel).start()
    begin = time.monotonic()
    with run_control.under(control), pytest.raises(Cancelled):
        session.run("y", {"x": np.zeros((1500, 1500), np.float32)})
    assert time.monotonic() - begin < 3
    assert session.size_bytes > 0


def test_an_interrupted_run_lets_the_urgent_one_go_first_and_begins_again():
    order, session = [], ModelSession(double(), SessionPlan("cpu", 1))
    slow = ModelSession(endless(), SessionPlan("cpu", 1))

    def urgent():
        if interrupted.is_set() and not order:
            order.append("urgent")
            with run_control.under(RunControl(2)):
                assert session.run("y", {"x": np.ones((1, 3), np.float32)}).sum() == 6
            background.cancel()  # else the test would take minutes

    background, interrupted = RunControl(1, urgent), threading.Event()

    def later():
        interrupted.set()
        background.interrupt()

    threading.Timer(0.5, later).start()
    with run_control.under(background), pytest.raises(Cancelled):
        slow.run("y", {"x": np.zeros((1500, 1500), np.float32)})
    assert order == ["urgent"]
