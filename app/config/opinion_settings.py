"""The second opinion on the report check, as the settings file writes it: ``[second_opinion]``."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def check_loopback_url(text: str) -> str:
    """``http://127.0.0.1:port/path``, ``http://[::1]:port`` or ``localhost``; empty: none."""
    if not text:
        return text
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError as fault:
        raise ValueError("this is not an address such as http://127.0.0.1:8080/v1") from fault
    if parts.scheme != "http" or parts.username is not None or parts.query or parts.fragment:
        raise ValueError("this is not an address such as http://127.0.0.1:8080/v1")
    if not is_loopback(host):
        raise ValueError("only this machine may give a second opinion: 127.0.0.1, ::1, localhost")
    return text.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its literal address or the name ``localhost``."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class OpinionSettings(BaseModel):
    """Off unless a site turns it on. See docs/second-opinion.md."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    kind: Literal["off", "nli", "server"] = "off"
    # nli: a folder with model.onnx, spm.model and nli.json
    folder: str = ""
    # server: an OpenAI-compatible one on this machine, up to and with /v1
    url: Annotated[str, AfterValidator(check_loopback_url)] = ""
    model: str = ""
    seconds: float = Field(default=10.0, ge=0.5, le=120.0)
