"""An OpenAI-compatible server on this machine, asked once per check: which alerts are false?

Loopback only, plain ``http.client``: no proxy, no redirect, nothing leaves the machine.
Temperature 0, a fixed seed, a JSON schema; what does not keep to it is no answer.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.config.opinion_settings import is_loopback
from app.core.errors import InferenceError

SEED: Final = 7
_MOST_BYTES: Final = 1 << 20
_MOST_ANSWER_TOKENS: Final = 800
_SYSTEM: Final = (
    "You check alerts of a report checker in radiology. For each alert say whether it is a false "
    "alarm. Quote, word for word, the part of the report that decides. Say unsure when in doubt. "
    "Besides, you may name one further contradiction within the report as note, with a quote. "
    "Answer in JSON only; why is one sentence in the language of the report."
)


class AlertAnswer(BaseModel):
    """What the server says of one alert."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    verdict: Literal["false_alarm", "true_alert", "unsure"]
    quote: str
    why: str


class NoteAnswer(BaseModel):
    """One further contradiction."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    quote: str
    why: str


class Answer(BaseModel):
    """The whole answer; its JSON schema goes with the request."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    alerts: Annotated[tuple[AlertAnswer, ...], Field(strict=False)] = ()
    note: NoteAnswer | None = None


@dataclass(frozen=True, slots=True)
class AlertText:
    """An alert as the server is told of it."""

    id: str
    rule: str
    message: str
    words: str


class ChatServer:
    """Asks one server. Raises ``InferenceError`` for another machine's address."""

    def __init__(self, url: str, model: str, seconds: float) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not is_loopback(parts.hostname or ""):
            raise InferenceError(
                "A second opinion is asked of this machine only.",
                ru="Второе мнение запрашивается только у этого компьютера.",
                hint="Give an address such as http://127.0.0.1:8080/v1.",
                hint_ru="Укажите адрес вида http://127.0.0.1:8080/v1.",
            )
        # the name localhost could be bent; its literal address cannot
        name = parts.hostname or ""
        self._host = "127.0.0.1" if name.lower() == "localhost" else name
        self._port = parts.port or 80
        self._path = f"{parts.path.rstrip('/')}/chat/completions"
        self._model, self._seconds = model, seconds

    def ask(self, report: str, alerts: Sequence[AlertText]) -> Answer:
        """The answer. Raises ``InferenceError`` where none comes in time or it has no such form."""
        body = json.dumps(self._request(report, alerts), ensure_ascii=False).encode("utf-8")
        link = http.client.HTTPConnection(self._host, self._port, timeout=self._seconds)
        try:
            link.request("POST", self._path, body, {"Content-Type": "application/json"})
            raw = link.getresponse().read(_MOST_BYTES)
            # an error of the server has no choices: it is no answer either
            content = json.loads(raw)["choices"][0]["message"]["content"]
            return Answer.model_validate_json(content)
        except (OSError, http.client.HTTPException, ValueError, KeyError, IndexError, TypeError,
                ValidationError) as fault:  # fmt: skip
            raise InferenceError(
                "No second opinion came from the local server.",
                ru="Локальный сервер не дал второго мнения.",
                hint="The check stands as it is.",
                hint_ru="Проверка остаётся в силе.",
                technical_detail=type(fault).__name__,
            ) from fault
        finally:
            link.close()

    def _request(self, report: str, alerts: Sequence[AlertText]) -> dict[str, Any]:
        asked = {
            "report": report,
            "alerts": [
                {"id": a.id, "rule": a.rule, "message": a.message, "words": a.words} for a in alerts
            ],
        }
        return {
            "model": self._model,
            "temperature": 0,
            "seed": SEED,
            "max_tokens": _MOST_ANSWER_TOKENS,
            "stream": False,
            "response_format": {
                "type": "json_schema",
                "json_schema": {
                    "name": "opinion", "strict": True, "schema": Answer.model_json_schema(),
                },
            },
            "messages": [
                {"role": "system", "content": _SYSTEM},
                {"role": "user", "content": json.dumps(asked, ensure_ascii=False)},
            ],
        }  # fmt: skip
