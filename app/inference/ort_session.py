"""onnxruntime: which device really works, sessions, and the fall-back when memory runs out.

The CUDA provider is used only if all its libraries load *and* the session says that it runs there
(trap 13: a missing library otherwise means a silent CPU). What was used is declared.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as _state

from app.core.errors import InferenceError, ModelPackError
from app.core.report import Message

Device = Literal["auto", "cpu", "cuda"]

_ORT_ERRORS: tuple[type[Exception], ...] = tuple(
    value
    for name in dir(_state)
    if isinstance(value := getattr(_state, name), type) and issubclass(value, Exception)
)
_OOM_WORDS = ("out of memory", "failed to allocate memory", "alloc_failed", "bad allocation")
_MAX_THREADS = 4
_DRIVERS = ("libcuda.so.1", "nvcuda.dll")

# ONNX, opset 13: y = Identity(x) on one float. Made by onnx.helper; proves that a device computes.
_IDENTITY = bytes.fromhex(
    "080712003a370a100a017812017922084964656e746974791201675a0f0a0178120a0a08080112040a020801620f"
    "0a0179120a0a08080112040a02080142040a00100d"
)


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """How sessions are made: device wish and threads within one operator."""

    device: Device = "auto"
    threads: int = 0

    @property
    def intra_threads(self) -> int:
        """Threads to use: the wish, or the cores up to four."""
        return self.threads or max(1, min(_MAX_THREADS, os.cpu_count() or 1))


@dataclass(frozen=True, slots=True)
class CudaReport:
    """Whether the GPU can be used, and exactly what is missing."""

    built_with_cuda: str
    provider_in_build: bool
    missing_libraries: tuple[str, ...]
    usable: bool
    text: Message

    @property
    def detail(self) -> str:
        """The sentence in English."""
        return self.text.en

    @property
    def advice(self) -> str:
        """What to do about it, in English; empty where nothing helps or nothing is wrong."""
        if self.usable or not self.provider_in_build:
            return ""
        if self.missing_libraries and self.missing_libraries[0] in _DRIVERS:
            return "Install the NVIDIA driver if the machine has such a GPU; else nothing is wrong."
        if self.missing_libraries:
            return "Install the optional dependency group: pip install overread[cuda]"
        return "Check the driver with nvidia-smi."


class ModelSession:
    """One loaded graph. Not thread-safe; lives in the worker process."""

    def __init__(self, weights: bytes, plan: SessionPlan) -> None:
        self._weights = weights
        self._plan = plan
        self.notes: list[Message] = []
        self._session = self._open(plan.device)
        if plan.device == "cuda" and self.device == "cpu":
            self.notes.append(
                Message(
                    "The GPU cannot be used; the model ran on the CPU.",
                    "Видеокарту использовать нельзя; модель работала на процессоре.",
                )
            )

    @property
    def providers(self) -> tuple[str, ...]:
        """Execution providers in force, in their order."""
        return tuple(self._session.get_providers())

    @property
    def device(self) -> str:
        """``cuda:0`` where the graph runs on the GPU, else ``cpu``."""
        return "cuda:0" if "CUDAExecutionProvider" in self.providers else "cpu"

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs of the graph."""
        return tuple(entry.name for entry in self._session.get_inputs())

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs of the graph."""
        return tuple(entry.name for entry in self._session.get_outputs())

    def run(self, output: str, feed: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
        """One output as float32; see ``run_all``."""
        return self.run_all((output,), feed)[output]

    def run_all(
        self, outputs: Sequence[str], feed: Mapping[str, npt.NDArray[Any]]
    ) -> dict[str, npt.NDArray[np.float32]]:
        """Outputs as float32. On device memory exhaustion the run is repeated on the CPU.

        Raises ``InferenceError`` for every other failure of the runtime.
        """
        try:
            values = self._session.run(list(outputs), dict(feed))
        except _ORT_ERRORS as error:
            if self.device == "cpu" or not is_out_of_memory(error):
                raise _run_failed(error) from error
            self._session = self._open("cpu")
            self.notes.append(
                Message(
                    "The memory of the GPU was not enough; the model ran on the CPU.",
                    "Памяти видеокарты не хватило; модель работала на процессоре.",
                )
            )
            values = self._session.run(list(outputs), dict(feed))
        return {
            name: np.asarray(value, dtype=np.float32)
            for name, value in zip(outputs, values, strict=True)
        }

    def _open(self, device: Device) -> ort.InferenceSession:
        options = ort.SessionOptions()
        options.intra_op_num_threads = self._plan.intra_threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        providers: list[Any] = ["CPUExecutionProvider"]
        if device != "cpu" and not missing_cuda_libraries():
            settings = {
                "arena_extend_strategy": "kSameAsRequested",
                "cudnn_conv_use_max_workspace": "0",
            }
            providers.insert(0, ("CUDAExecutionProvider", settings))
        try:
            return ort.InferenceSession(self._weights, options, providers=providers)
        except _ORT_ERRORS as error:
            raise ModelPackError(
                "The graph of the model pack cannot be loaded.",
                ru="Граф модели из пакета не загружается.",
                hint="The pack may need a newer version of the program.",
                hint_ru="Возможно, пакету нужна более новая версия программы.",
                technical_detail=str(error)[:500],
            ) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a runtime error is exhaustion of memory; onnxruntime has no type for it."""
    text = str(error).lower()
    return any(word in text for word in _OOM_WORDS)


def missing_cuda_libraries() -> tuple[str, ...]:
    """Libraries that the CUDA provider needs and that do not load; empty: it may be tried.

    Loads those that are there (from the ``nvidia`` packages of the environment, else from the
    system), so that the provider finds them.
    """
    if sys.platform == "darwin" or "CUDAExecutionProvider" not in ort.get_available_providers():
        return ("CUDAExecutionProvider",)
    return tuple(name for name in _library_names() if not _loads(name))


def cuda_report() -> CudaReport:
    """What ``doctor`` says about the GPU. Really makes a session there if it can."""
    built_with = str(getattr(ort, "cuda_version", "") or "")
    in_build = "CUDAExecutionProvider" in ort.get_available_providers()
    missing = missing_cuda_libraries()
    if not in_build:
        text = Message(
            "This build of onnxruntime has no CUDA provider; models run on the CPU.",
            "В этой сборке onnxruntime нет CUDA; модели работают на процессоре.",
        )
    elif missing:
        names = ", ".join(missing)
        text = Message(
            f"Models run on the CPU. For the GPU these libraries are missing: {names}.",
            f"Модели работают на процессоре. Для видеокарты не хватает библиотек: {names}.",
        )
    elif ModelSession(_IDENTITY, SessionPlan("cuda", 1)).device == "cpu":
        text = Message(
            "Models run on the CPU: the CUDA libraries load, but no usable GPU answers.",
            "Модели работают на процессоре: библиотеки CUDA есть, но видеокарта не отвечает.",
        )
    else:
        text = Message("Models run on the GPU.", "Модели работают на видеокарте.")
        return CudaReport(built_with, in_build, (), True, text)
    return CudaReport(built_with, in_build, missing if in_build else (), False, text)


def runtime_works() -> bool:
    """Whether onnxruntime computes at all; what ``self-test`` asks."""
    session = ModelSession(_IDENTITY, SessionPlan("cpu", 1))
    value = session.run("y", {"x": np.asarray([2.5], dtype=np.float32)})
    return bool(value[0] == np.float32(2.5))


def _library_names() -> tuple[str, ...]:
    """The driver and what onnxruntime's own preload names for its CUDA version."""
    major = str(getattr(ort, "cuda_version", "") or "13").split(".")[0]
    fft = {"12": "11", "13": "12"}.get(major, "12")
    if sys.platform == "win32":
        return (
            "nvcuda.dll", f"cudart64_{major}.dll", f"cublasLt64_{major}.dll",
            f"cublas64_{major}.dll", f"cufft64_{fft}.dll", "cudnn64_9.dll",
        )  # fmt: skip
    return (
        "libcuda.so.1", f"libcudart.so.{major}", f"libcublasLt.so.{major}",
        f"libcublas.so.{major}", f"libnvrtc.so.{major}", "libcurand.so.10",
        f"libcufft.so.{fft}", "libcudnn.so.9",
    )  # fmt: skip


def _loads(name: str) -> bool:
    site = Path(ort.__file__).resolve().parents[1] / "nvidia"
    for candidate in (*sorted(site.glob(f"**/{name}")), Path(name)):
        try:
            ctypes.CDLL(str(candidate))
        except OSError:
            continue
        return True
    return False


def _run_failed(error: BaseException) -> InferenceError:
    if is_out_of_memory(error):
        return InferenceError(
            "The memory was not enough for the model.",
            ru="Для модели не хватило памяти.",
            hint="Close other programs and repeat the job.",
            hint_ru="Закройте другие программы и повторите задание.",
            technical_detail=str(error)[:500],
        )
    return InferenceError(
        "The model failed while it ran.",
        ru="Модель завершилась ошибкой.",
        hint="Repeat the job; if it fails again, verify the model pack.",
        hint_ru="Повторите задание; если ошибка повторится, проверьте пакет модели.",
        technical_detail=str(error)[:500],
    )
