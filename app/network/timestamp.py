"""A time-stamp authority (RFC 3161) over HTTP, as pyHanko asks one."""

from __future__ import annotations

from typing import Final

import requests
from asn1crypto import tsp
from pyhanko.sign.timestamps import TimeStamper

from app.core.errors import NetworkFault, PeerUnavailable

_LARGEST_ANSWER: Final = 1 << 20


class HttpTimestamper(TimeStamper):
    """Asks ``url``; redirects are not followed. Raises ``NetworkFault``."""

    def __init__(self, url: str, *, timeout_s: float = 15.0) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._url = url
        self._timeout_s = timeout_s

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        """One question; what comes back is checked by pyHanko against it."""
        try:
            with requests.post(
                self._url,
                data=req.dump(),
                headers={"Content-Type": "application/timestamp-query"},
                timeout=self._timeout_s,
                allow_redirects=False,
                stream=True,
            ) as answer:
                content = answer.raw.read(_LARGEST_ANSWER + 1, decode_content=True)
                kind = answer.headers.get("Content-Type", "").split(";")[0].strip().lower()
                status = answer.status_code
        except (requests.RequestException, OSError) as fault:
            raise PeerUnavailable(
                "The time-stamp authority does not answer.",
                ru="Служба меток времени не отвечает.",
                hint="The PDF is signed and sent when it answers again.",
                hint_ru="PDF будет подписан и отправлен, когда она ответит.",
                technical_detail=type(fault).__name__,
            ) from fault
        if status != requests.codes.ok or kind != "application/timestamp-reply":
            raise _refused(f"status {status}, {kind or 'no type'}")
        if len(content) > _LARGEST_ANSWER:
            raise _refused("too large")
        try:
            reply = tsp.TimeStampResp.load(content)
            _ = reply["status"]["status"].native
        except (ValueError, TypeError, KeyError) as fault:
            raise _refused("not an RFC 3161 answer") from fault
        return reply


def _refused(why: str) -> NetworkFault:
    return NetworkFault(
        "The time-stamp authority gives no time stamp.",
        ru="Служба меток времени не выдаёт метку.",
        hint="Check timestamp_url in the settings.",
        hint_ru="Проверьте timestamp_url в настройках.",
        technical_detail=why,
    )
