"""Which server computes which pack."""

from __future__ import annotations

import subprocess
import sys

import pytest

from app.core.errors import UsageFault
from app.inference.remote.server import ModelServer, ServerBook

FIRST = ModelServer("first", "grpcs://gpu.example:8001", {"a-pack": "model/3"}, use="asked")
SECOND = ModelServer("second", "https://[::1]/triton", {"a-pack": "other", "b-pack": "b"})


def test_addresses():
    assert (FIRST.address, FIRST.is_grpc, FIRST.is_encrypted) == ("gpu.example:8001", True, True)
    assert (SECOND.address, SECOND.is_grpc) == ("[::1]:443", False)
    assert not ModelServer("x", "grpc://a:1").is_encrypted


def test_the_first_that_has_the_model_unless_it_must_be_asked_for():
    book = ServerBook((FIRST, SECOND))
    chosen = book.model_for("a-pack")
    assert chosen is not None
    assert chosen.device == "kserve:[::1]:443/other"
    asked = ServerBook((FIRST, SECOND), "first").model_for("a-pack")
    assert asked is not None
    assert asked.device == "kserve:gpu.example:8001/model/3"
    assert (asked.model, asked.version) == ("model", "3")
    assert book.model_for("c-pack") is None


def test_who_is_asked_for_and_has_it_not():
    with pytest.raises(UsageFault, match='no model for the pack "b-pack"'):
        ServerBook((FIRST, SECOND), "first").model_for("b-pack")
    with pytest.raises(UsageFault, match="first, second"):
        ServerBook((FIRST, SECOND), "third").model_for("b-pack")


def test_the_wire_is_not_loaded_before_it_is_used():
    """One second of every start, and nothing that opens a connection by being imported."""
    code = (
        "import sys, app.bootstrap, app.inference.worker, app.workflow.model_servers\n"
        "import app.inference.remote.remote_session\n"
        "print([m for m in ('grpc', 'tritonclient', 'distributed') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
