"""A real NVIDIA Triton server on loopback: the binary that the wheel ``nvidia-pytriton`` carries.

``dev.py test`` unpacks that wheel beside the environment; tests skip where it is not. The wheel has
Triton's front ends (HTTP and gRPC), its parser of ``config.pbtxt`` and its Python backend, but not
its onnxruntime backend: the model folder is the one that we export, with the backend's name
exchanged and twelve lines of Python that give the very ``model.onnx`` to onnxruntime.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.support.orthanc import free_port

SERVER = Path(sys.prefix) / "triton-server"
SHARED_MEMORY = Path("/", "dev", "shm")
START_SECONDS = 60.0
_MODEL = """
import json, os, time
import numpy as np
import onnxruntime
import triton_python_backend_utils as backend

class TritonPythonModel:
    def initialize(self, args):
        folder = os.path.join(args["model_repository"], args["model_version"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            os.path.join(folder, "model.onnx"), options, providers=["CPUExecutionProvider"])
        self.inputs = [entry.name for entry in self.session.get_inputs()]
        self.outputs = [entry.name for entry in self.session.get_outputs()]
        self.folder = folder

    def execute(self, requests):
        answers = []
        for request in requests:
            with open(os.path.join(self.folder, "asked"), "a") as file:
                file.write(".")
            # through DLPack: the backend's own numpy interface was built for numpy 1
            given = {n: backend.get_input_tensor_by_name(request, n) for n in self.inputs}
            feed = {n: np.from_dlpack(tensor) for n, tensor in given.items()}
            values = self.session.run(self.outputs, feed)
            behave = os.path.join(self.folder, "behave.json")
            wanted = json.load(open(behave)) if os.path.exists(behave) else {}
            time.sleep(wanted.get("delay_s", 0))
            if wanted.get("lie"):
                values = [value[..., :-1] for value in values]
            answers.append(backend.InferenceResponse([
                backend.Tensor.from_dlpack(n, np.ascontiguousarray(v))
                for n, v in zip(self.outputs, values)]))
        return answers
"""


@dataclass(frozen=True)
class TritonOptions:
    """``tls``: PEM files (certificate, key, authority of callers or None) of the gRPC port."""

    tls: tuple[Path, Path, Path | None] | None = None


class Triton:
    """One server process on free ports of 127.0.0.1."""

    def __init__(self, repository: Path, options: TritonOptions) -> None:
        self.repository = repository
        self.options = options
        self.http_port, self.grpc_port = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def http(self) -> str:
        """The URL of the HTTP port."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def grpc(self) -> str:
        """The URL of the gRPC port."""
        return f"{'grpcs' if self.options.tls else 'grpc'}://127.0.0.1:{self.grpc_port}"

    @property
    def log(self) -> str:
        """What the program wrote so far."""
        return (self.repository.parent / "triton.log").read_text(errors="replace")

    def asked(self, model: str) -> int:
        """How many requests a model was given so far."""
        file = self.repository / model / "1" / "asked"
        return len(file.read_bytes()) if file.exists() else 0

    def behave(self, model: str, **how: object) -> None:
        """How a model answers from now on: ``delay_s``, ``lie`` (a column of the output less)."""
        (self.repository / model / "1" / "behave.json").write_text(json.dumps(how))

    def start(self) -> None:
        """Start it and wait until it is ready."""
        folder = SERVER / "pytriton" / "tritonserver"
        command = [
            str(folder / "bin" / "tritonserver"),
            f"--model-repository={self.repository}", f"--backend-directory={folder / 'backends'}",
            f"--http-port={self.http_port}", f"--grpc-port={self.grpc_port}",
            "--http-address=127.0.0.1", "--grpc-address=127.0.0.1", "--allow-metrics=false",
            "--disable-auto-complete-config", "--exit-timeout-secs=1",
            f"--backend-config=python,shm-region-prefix-name=overread{self.http_port}",
            *self._tls(),
        ]  # fmt: skip
        # the backend starts the Python that it finds first: that of the tests, with onnxruntime
        paths = {
            "PATH": f"{Path(sys.prefix) / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
            "LD_LIBRARY_PATH": str(sysconfig.get_config_var("LIBDIR")),
        }
        with (self.repository.parent / "triton.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True,
                env=os.environ | paths,
            )  # fmt: skip
        limit = time.monotonic() + START_SECONDS
        while time.monotonic() < limit:
            if self._process.poll() is not None:
                raise RuntimeError(f"Triton ended at its start:\n{self.log[-3000:]}")
            with contextlib.suppress(requests.ConnectionError):
                if requests.get(f"{self.http}/v2/health/ready", timeout=2).ok:
                    return
            time.sleep(0.1)
        raise RuntimeError(f"Triton did not answer:\n{self.log[-3000:]}")

    def kill(self) -> None:
        """End it at once, its models' processes too."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        for left in SHARED_MEMORY.glob(f"overread{self.http_port}*"):
            left.unlink(missing_ok=True)

    def _tls(self) -> list[str]:
        if self.options.tls is None:
            return []
        certificate, key, callers = self.options.tls
        more = [f"--grpc-root-cert={callers}", "--grpc-use-ssl-mutual=1"] if callers else []
        return [
            "--grpc-use-ssl=1", f"--grpc-server-cert={certificate}", f"--grpc-server-key={key}",
            *more,
        ]  # fmt: skip


@contextlib.contextmanager
def running_triton(repository: Path, options: TritonOptions | None = None) -> Iterator[Triton]:
    """Triton on a model repository that ``write_triton_model`` wrote, until the block is left."""
    _require_server()
    for model in repository.iterdir():
        config = model / "config.pbtxt"
        text = config.read_text(encoding="utf-8")
        config.write_text(text.replace('"onnxruntime"', '"python"'), encoding="utf-8")
        (model / "1" / "model.py").write_text(_MODEL, encoding="utf-8")
    server = Triton(repository, options or TritonOptions())
    try:
        server.start()
        yield server
    finally:
        server.kill()


def _require_server() -> None:
    folder = SERVER / "pytriton" / "tritonserver"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stub = folder / "python_backend_stubs" / version / "triton_python_backend_stub"
    if not stub.exists():
        pytest.skip("the Triton server is not unpacked here (dev.py test does it on Linux x86_64)")
    target = folder / "backends" / "python" / stub.name
    if not target.exists():
        shutil.copy2(stub, target)
    libraries = str(sysconfig.get_config_var("LIBDIR"))
    loads = subprocess.run(
        ["ldd", str(target)], capture_output=True, text=True, check=False,
        env=os.environ | {"LD_LIBRARY_PATH": libraries},
    )  # fmt: skip
    if "not found" in loads.stdout:
        pytest.skip(f"libpython{version}.so, which Triton's Python backend needs, is not here")
