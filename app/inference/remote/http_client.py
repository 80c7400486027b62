"""The KServe v2 protocol over HTTP, by ``requests``; tensors as bytes where the server takes them.

The binary form (tensors behind the JSON, ``Inference-Header-Content-Length``) is an extension that
the server names; others get JSON numbers, which keep every float32 exactly but are slow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
import requests
from requests.adapters import HTTPAdapter

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

_HEADER_LENGTH: Final = "Inference-Header-Content-Length"
_BINARY: Final = "binary_tensor_data"


class _OwnTls(HTTPAdapter):
    """Verifies with our context, which says what it trusts, and nothing from the environment."""

    def __init__(self, server: ModelServer) -> None:
        self._context = tls_context(server)
        super().__init__()

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **named: object
    ) -> None:
        """The pool verifies with our context."""
        super().init_poolmanager(connections, maxsize, block, ssl_context=self._context, **named)

    def cert_verify(self, conn: object, url: object, verify: object, cert: object) -> None:
        """The context does it."""


class HttpClient:
    """A session with one server; implements ``Client``."""

    def __init__(self, server: ModelServer) -> None:
        self._server = server
        self._session = requests.Session()
        # only hosts of the settings: no proxy, no credentials that the environment names
        self._session.trust_env = False
        if server.is_encrypted:
            self._session.mount("https://", _OwnTls(server))
        self._binary: bool | None = None

    def is_live(self) -> bool:
        """Whether the server runs."""
        return self._ask("GET", "health/live").ok

    def is_ready(self) -> bool:
        """Whether it takes requests."""
        return self._ask("GET", "health/ready").ok

    def server_name(self) -> str:
        """What it says it is: name and version."""
        said = self._object(self._ask("GET", ""))
        return f"{said.get('name', '')} {said.get('version', '')}".strip()

    def is_model_ready(self, model: str, version: str) -> bool:
        """Whether the model can be asked."""
        return self._ask("GET", f"{_place(model, version)}/ready").ok

    def describe(self, model: str, version: str) -> ModelFacts:
        """What the server says of the model."""
        answer = self._ask("GET", _place(model, version))
        if answer.status_code in (400, 404):  # Triton answers 400 for a model that is not there
            raise no_such_model(self._server, model)
        said = self._object(answer)
        try:
            return ModelFacts(
                str(said["name"]),
                str(said.get("platform", "")),
                tuple(str(version) for version in said.get("versions") or ()),
                _tensors(said["inputs"]),
                _tensors(said["outputs"]),
                self._parameters(model, version),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise not_understood(self._server, f"{type(error).__name__}: {error}") from error

    def infer(
        self,
        model: str,
        version: str,
        feed: Mapping[str, npt.NDArray[Any]],
        outputs: Sequence[str],
    ) -> dict[str, npt.NDArray[Any]]:
        """Outputs of the model for these inputs."""
        binary = self._is_binary()
        inputs: list[dict[str, Any]] = []
        body = []
        for name, values in feed.items():
            entry: dict[str, Any] = {
                "name": name,
                "shape": values.shape,
                "datatype": datatype_of(values),
            }
            if binary:
                content = np.ascontiguousarray(values, dtype_of(entry["datatype"])).tobytes()
                body.append(content)
                entry["parameters"] = {"binary_data_size": len(content)}
            else:
                entry["data"] = values.ravel().tolist()
            inputs.append(entry)
        form = {"parameters": {"binary_data": True}} if binary else {}
        wanted = [{"name": name} | form for name in outputs]
        header = json.dumps({"inputs": inputs, "outputs": wanted}).encode()
        headers = {"Content-Type": "application/octet-stream" if binary else "application/json"}
        if binary:
            headers[_HEADER_LENGTH] = str(len(header))
        answer = self._ask(
            "POST",
            f"{_place(model, version)}/infer",
            b"".join([header, *body]),
            headers,
            self._server.timeout_s,
        )
        return self._outputs(answer, outputs)

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()

    def _is_binary(self) -> bool:
        if self._binary is None:
            said = self._object(self._ask("GET", ""))
            self._binary = _BINARY in (said.get("extensions") or ())
        return self._binary

    def _outputs(
        self, answer: requests.Response, outputs: Sequence[str]
    ) -> dict[str, npt.NDArray[Any]]:
        length = answer.headers.get(_HEADER_LENGTH, "")
        content = answer.content
        at = int(length) if length.isdecimal() else len(content)
        said = self._object(answer, content[:at])
        found: dict[str, npt.NDArray[Any]] = {}
        try:
            for entry in said["outputs"]:
                dtype = dtype_of(entry["datatype"])
                size = (entry.get("parameters") or {}).get("binary_data_size")
                if size is None:
                    values = np.asarray(entry["data"], dtype)
                else:
                    values = np.frombuffer(content[at : at + int(size)], dtype)
                    at += int(size)
                found[entry["name"]] = values.reshape([int(n) for n in entry["shape"]])
        except (KeyError, TypeError, ValueError) as error:
            raise bad_answer(self._server, f"{type(error).__name__}: {error}") from error
        if missing := [name for name in outputs if name not in found]:
            raise bad_answer(self._server, f"no output {missing[0]}")
        return {name: found[name] for name in outputs}

    def _parameters(self, model: str, version: str) -> dict[str, str]:
        """Triton's own extension; other servers do not have it, and that is no fault."""
        answer = self._ask("GET", f"{_place(model, version)}/config")
        if not answer.ok:
            return {}
        entries = self._object(answer).get("parameters") or {}
        return {str(key): str(value.get("string_value", "")) for key, value in entries.items()}

    def _object(self, answer: requests.Response, content: bytes | None = None) -> dict[str, Any]:
        if not answer.ok:
            raise refused(self._server, f"{answer.status_code}: {answer.text[:400]}")
        try:
            said = json.loads(answer.content if content is None else content)
        except ValueError as error:
            raise not_understood(self._server, str(error)) from error
        if not isinstance(said, dict):
            raise not_understood(self._server, "no JSON object")
        return said

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> requests.Response:
        limit = seconds or self._server.connect_s
        url = f"{self._server.url.rstrip('/')}/v2/{path}".rstrip("/")
        try:
            answer = self._session.request(
                method,
                url,
                timeout=(self._server.connect_s, limit),
                allow_redirects=False,
                data=body,
                headers=headers,
            )
        except requests.exceptions.ReadTimeout as error:
            raise too_slow(self._server, limit) from error
        except requests.exceptions.RequestException as error:
            raise unreachable(self._server, type(error).__name__) from error
        if answer.is_redirect:  # to whoever knows whom: nobody entered that host
            raise not_understood(self._server, f"{answer.status_code}: it redirects")
        return answer


def _place(model: str, version: str) -> str:
    place = f"models/{quote(model, safe='')}"
    return f"{place}/versions/{quote(version, safe='')}" if version else place


def _tensors(entries: Sequence[Mapping[str, Any]]) -> tuple[TensorFacts, ...]:
    return tuple(
        TensorFacts(
            str(entry["name"]), str(entry["datatype"]), tuple(int(n) for n in entry["shape"])
        )
        for entry in entries
    )
