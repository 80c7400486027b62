"""The KServe v2 protocol over gRPC, by NVIDIA's ``tritonclient``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # it would write to standard error by itself

import grpc
import numpy as np
import numpy.typing as npt
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

from app.core.errors import ServerFault
from app.inference.remote.faults import (
    bad_answer,
    no_such_model,
    not_understood,
    refused,
    tls_context,
    too_slow,
    unreachable,
)
from app.inference.remote.protocol import ModelFacts, TensorFacts, datatype_of, dtype_of
from app.inference.remote.server import ModelServer

T = TypeVar("T")
# the fields of InferTensorContents; FP16 has none and is always bytes
_CONTENTS: Final = {
    "FP32": "fp32_contents", "FP64": "fp64_contents", "INT64": "int64_contents",
    "INT32": "int_contents", "UINT8": "uint_contents", "BOOL": "bool_contents",
}  # fmt: skip
_CHANNEL: Final = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # only hosts of the settings are contacted: no proxy that the environment names
    ("grpc.enable_http_proxy", 0),
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
)


class GrpcClient:
    """A channel to one server; implements ``Client``."""

    def __init__(self, server: ModelServer) -> None:
        self._server = server
        credentials = None
        if server.is_encrypted:
            tls_context(server)  # says in words which file does not do
            credentials = grpc.ssl_channel_credentials(
                *(_content(name) for name in (server.ca_file, server.key, server.certificate))
            )
        self._client = triton.InferenceServerClient(
            server.address, creds=credentials, channel_args=[*_CHANNEL]
        )

    def is_live(self) -> bool:
        """Whether the server runs."""
        return bool(self._ask(lambda limit: self._client.is_server_live(client_timeout=limit)))

    def is_ready(self) -> bool:
        """Whether it takes requests."""
        return bool(self._ask(lambda limit: self._client.is_server_ready(client_timeout=limit)))

    def server_name(self) -> str:
        """What it says it is: name and version."""
        said = self._ask(lambda limit: self._client.get_server_metadata(client_timeout=limit))
        return f"{said.name} {said.version}".strip()

    def is_model_ready(self, model: str, version: str) -> bool:
        """Whether the model can be asked."""
        try:
            return bool(
                self._ask(
                    lambda limit: self._client.is_model_ready(model, version, client_timeout=limit)
                )
            )
        except ServerFault as fault:
            if fault.technical_detail.startswith("NOT_FOUND"):
                return False
            raise

    def describe(self, model: str, version: str) -> ModelFacts:
        """What the server says of the model."""
        try:
            said = self._ask(
                lambda limit: self._client.get_model_metadata(model, version, client_timeout=limit)
            )
        except ServerFault as fault:
            if fault.technical_detail.startswith("NOT_FOUND"):
                raise no_such_model(self._server, model) from fault
            raise
        return ModelFacts(
            said.name,
            said.platform,
            tuple(said.versions),
            tuple(TensorFacts(t.name, t.datatype, tuple(t.shape)) for t in said.inputs),
            tuple(TensorFacts(t.name, t.datatype, tuple(t.shape)) for t in said.outputs),
            self._parameters(model, version),
        )

    def infer(
        self,
        model: str,
        version: str,
        feed: Mapping[str, npt.NDArray[Any]],
        outputs: Sequence[str],
    ) -> dict[str, npt.NDArray[Any]]:
        """Outputs of the model for these inputs."""
        inputs = []
        for name, values in feed.items():
            tensor = triton.InferInput(name, list(values.shape), datatype_of(values))
            tensor.set_data_from_numpy(np.ascontiguousarray(values))
            inputs.append(tensor)
        answer = self._ask(
            lambda limit: self._client.infer(
                model,
                inputs,
                model_version=version,
                outputs=[triton.InferRequestedOutput(name) for name in outputs],
                client_timeout=limit,
            ),
            self._server.timeout_s,
        )
        found = self._decoded(answer.get_response())
        if missing := [name for name in outputs if name not in found]:
            raise bad_answer(self._server, f"no output {missing[0]}")
        return {name: found[name] for name in outputs}

    def close(self) -> None:
        """Let go of the channel."""
        self._client.close()

    def _decoded(self, answer: Any) -> dict[str, npt.NDArray[Any]]:  # noqa: ANN401 - a message
        """The outputs: as bytes, or as the numbers that the protocol allows instead of them."""
        found: dict[str, npt.NDArray[Any]] = {}
        try:
            for index, output in enumerate(answer.outputs):
                dtype = dtype_of(output.datatype)
                if index < len(answer.raw_output_contents):
                    values = np.frombuffer(answer.raw_output_contents[index], dtype)
                else:
                    numbers = getattr(output.contents, _CONTENTS[output.datatype])
                    values = np.asarray(numbers, dtype)
                found[output.name] = values.reshape(tuple(output.shape))
        except (KeyError, ValueError) as error:  # an unknown type, too few values for the shape
            raise bad_answer(self._server, f"{type(error).__name__}: {error}") from error
        return found

    def _parameters(self, model: str, version: str) -> dict[str, str]:
        """Triton's own extension; other servers do not have it, and that is no fault."""
        try:
            config = self._ask(
                lambda limit: self._client.get_model_config(model, version, client_timeout=limit)
            ).config
        except ServerFault as fault:
            if fault.technical_detail.startswith(("UNIMPLEMENTED", "NOT_FOUND", "UNKNOWN")):
                return {}
            raise
        return {key: value.string_value for key, value in config.parameters.items()}

    def _ask(self, call: Callable[[float], T], seconds: float | None = None) -> T:
        limit = seconds or self._server.connect_s
        try:
            return call(limit)
        except InferenceServerException as error:
            raise _translated(self._server, error, limit) from error


def _translated(server: ModelServer, error: InferenceServerException, limit: float) -> ServerFault:
    status = str(error.status() or "").removeprefix("StatusCode.")
    said = f"{status}: {error.message()}"
    if status == "UNAVAILABLE":
        return unreachable(server, said)
    if status == "DEADLINE_EXCEEDED":
        return too_slow(server, limit)
    if status in ("UNKNOWN", "INTERNAL") and "http2" in said.lower():
        return not_understood(server, said)
    return refused(server, said)


def _content(path: str) -> bytes | None:
    return Path(path).read_bytes() if path else None
