"""Answers over gRPC in both forms of the protocol. Against a server: tests/flows."""

from __future__ import annotations

import numpy as np
import pytest
from tritonclient.grpc import service_pb2

from app.core.errors import ServerFault
from app.inference.remote.grpc_client import GrpcClient
from app.inference.remote.server import ModelServer

VALUES = np.arange(6, dtype=np.float32).reshape(2, 3) / 7


@pytest.fixture
def client():
    client = GrpcClient(ModelServer("gpu", "grpc://127.0.0.1:1"))
    yield client
    client.close()


def answer(
    datatype: str = "FP32", shape: tuple[int, ...] = (2, 3)
) -> service_pb2.ModelInferResponse:
    made = service_pb2.ModelInferResponse()
    made.outputs.add(name="logits", datatype=datatype, shape=shape)
    return made


def test_bytes_and_numbers_mean_the_same(client):
    as_bytes = answer()
    as_bytes.raw_output_contents.append(VALUES.tobytes())
    as_numbers = answer()
    as_numbers.outputs[0].contents.fp32_contents.extend(VALUES.ravel().tolist())
    for made in (as_bytes, as_numbers):
        found = client._decoded(made)["logits"]
        assert found.dtype == np.float32
        assert np.array_equal(found, VALUES)


@pytest.mark.parametrize("made", [answer(), answer("BYTES"), answer("FP16")])
def test_an_output_without_its_values(client, made):
    with pytest.raises(ServerFault, match="contradicts itself"):
        client._decoded(made)
