"""A chat server on this machine: what is sent, what counts as an answer, who is refused."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from pydantic import ValidationError

from app.config.opinion_settings import OpinionSettings
from app.core.errors import InferenceError
from app.inference.text.chat_server import SEED, AlertText, ChatServer

ALERT = AlertText("location:1", "location", "The report places it elsewhere.", "lower lobe")


@contextmanager
def serving(
    content: str, *, status: int = 200, silent: bool = False
) -> Iterator[tuple[str, list[Any]]]:
    """A server that answers every request with ``content``; yields its address and the requests."""
    asked: list[Any] = []
    release = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            asked.append((self.path, json.loads(self.rfile.read(length))))
            if silent:
                release.wait(20)
                return
            said = {"choices": [{"message": {"content": content}}]}
            body = json.dumps(said if status == 200 else {"error": "overloaded"}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", asked
    finally:
        release.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


def test_the_request_is_deterministic_and_the_answer_is_read() -> None:
    said = {"alerts": [{"id": "location:1", "verdict": "false_alarm", "quote": "q", "why": "w"}],
            "note": None}  # fmt: skip
    with serving(json.dumps(said)) as (url, asked):
        answer = ChatServer(url, "any", 5.0).ask("The report.", [ALERT])
    assert answer.alerts[0].verdict == "false_alarm"
    ((path, sent),) = asked
    assert path == "/v1/chat/completions"
    assert (sent["temperature"], sent["seed"]) == (0, SEED)
    assert sent["response_format"]["type"] == "json_schema"


@pytest.mark.parametrize("content", ["no json", "[]", '{"alerts": [{"id": 1}]}', ""])
def test_what_has_no_such_form_is_no_answer(content: str) -> None:
    with serving(content) as (url, _), pytest.raises(InferenceError):
        ChatServer(url, "any", 5.0).ask("The report.", [ALERT])


def test_errors_and_silence_are_no_answer() -> None:
    with serving("{}", status=500) as (url, _), pytest.raises(InferenceError):
        ChatServer(url, "any", 5.0).ask("The report.", [ALERT])
    with serving("{}", silent=True) as (url, _), pytest.raises(InferenceError):
        ChatServer(url, "any", 0.5).ask("The report.", [ALERT])
    with pytest.raises(InferenceError):
        ChatServer("http://127.0.0.1:1/v1", "any", 0.5).ask("The report.", [ALERT])


@pytest.mark.parametrize(
    "url",
    ["http://192.168.0.5:8080/v1", "https://127.0.0.1/v1", "http://example.org/v1",
     "http://127.0.0.1.example.org/v1", "ftp://127.0.0.1/", "http://user@127.0.0.1/v1"],
)  # fmt: skip
def test_other_machines_are_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        OpinionSettings(kind="server", url=url)
    if "@" not in url:
        with pytest.raises(InferenceError):
            ChatServer(url, "any", 1.0)


def test_this_machine_is_allowed_by_each_of_its_names() -> None:
    for host in ("127.0.0.1", "localhost", "[::1]", "127.8.0.1"):
        assert OpinionSettings(kind="server", url=f"http://{host}:80/v1").url.endswith("/v1")
