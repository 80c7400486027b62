"""Execution providers of onnxruntime: in which order they are tried, and which really compute.

A provider counts only if its libraries load, the session says that it runs there *and* a graph has
been computed on it (trap 13: a missing library otherwise means a silent CPU).
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as _state

from app.core.report import Message

ORT_ERRORS: Final[tuple[type[Exception], ...]] = tuple(
    value
    for name in dir(_state)
    if isinstance(value := getattr(_state, name), type) and issubclass(value, Exception)
)
NAMES: Final = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
DEFAULT_ORDER: Final = ("cuda", "directml", "coreml", "openvino", "cpu")
"""TensorRT builds an engine per graph, which takes minutes: it is tried where it is asked for."""

_DRIVERS: Final = ("libcuda.so.1", "nvcuda.dll")
_TENSORRT: Final = {"linux": "libnvinfer.so.10", "win32": "nvinfer_10.dll"}

# ONNX, opset 13: y = Identity(x) on one float. Made by onnx.helper; proves that a device computes.
IDENTITY: Final = bytes.fromhex(
    "080712003a370a100a017812017922084964656e746974791201675a0f0a0178120a0a08080112040a020801620f"
    "0a0179120a0a08080112040a02080142040a00100d"
)


@dataclass(frozen=True, slots=True)
class ProviderReport:
    """One provider: whether this build has it, whether it computes, and why not."""

    name: str
    in_build: bool
    usable: bool
    why: str = ""


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


def order_of(device: str, order: Sequence[str]) -> tuple[str, ...]:
    """The providers to try for a wish: ``auto`` takes the order of the settings."""
    if device == "auto":
        wanted = tuple(order) or DEFAULT_ORDER
        return wanted if wanted[-1] == "cpu" else (*(w for w in wanted if w != "cpu"), "cpu")
    if device == "tensorrt":  # what an engine cannot do is done by CUDA
        return ("tensorrt", "cuda", "cpu")
    return ("cpu",) if device == "cpu" else (device, "cpu")


def chain(name: str, cache_folder: str = "") -> list[Any]:
    """What onnxruntime gets for a provider: it, its helpers, and the CPU behind."""
    cpu = NAMES["cpu"]
    if name == "cpu":
        return [cpu]
    cuda = (
        NAMES["cuda"],
        {"arena_extend_strategy": "kSameAsRequested", "cudnn_conv_use_max_workspace": "0"},
    )
    if name == "tensorrt":
        options = {"trt_fp16_enable": "0"}
        if cache_folder:
            options |= {"trt_engine_cache_enable": "1", "trt_engine_cache_path": cache_folder}
        return [(NAMES["tensorrt"], options), cuda, cpu]
    return [cuda if name == "cuda" else NAMES[name], cpu]


@lru_cache(maxsize=16)
def verified(name: str) -> ProviderReport:
    """Whether a provider computes here; found out once per process."""
    if name == "cpu":
        return ProviderReport(name, True, True)
    if NAMES[name] not in ort.get_available_providers():
        return ProviderReport(name, False, False, "not in this build of onnxruntime")
    if name in ("cuda", "tensorrt") and (missing := missing_cuda_libraries()):
        return ProviderReport(name, True, False, "missing: " + ", ".join(missing))
    if name == "tensorrt" and not _loads(_TENSORRT.get(sys.platform, "libnvinfer.so.10")):
        return ProviderReport(name, True, False, "missing: the TensorRT libraries")
    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(IDENTITY, options, providers=chain(name))
        if session.get_providers()[0] != NAMES[name]:
            return ProviderReport(name, True, False, "no usable device answers")
        value = session.run(None, {"x": np.asarray([2.5], dtype=np.float32)})[0]
    except ORT_ERRORS as error:
        return ProviderReport(name, True, False, str(error).splitlines()[0][:200])
    if float(value[0]) != 2.5:
        return ProviderReport(name, True, False, "it computes wrongly")
    return ProviderReport(name, True, True)


def provider_reports() -> tuple[ProviderReport, ...]:
    """Every provider that the program knows; for ``doctor``."""
    return tuple(verified(name) for name in NAMES)


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
    elif not verified("cuda").usable:
        text = Message(
            "Models run on the CPU: the CUDA libraries load, but no usable GPU answers.",
            "Модели работают на процессоре: библиотеки CUDA есть, но видеокарта не отвечает.",
        )
    else:
        text = Message("Models run on the GPU.", "Модели работают на видеокарте.")
        return CudaReport(built_with, in_build, (), True, text)
    return CudaReport(built_with, in_build, missing if in_build else (), False, text)


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
