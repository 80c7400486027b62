"""How long to wait before something that failed is tried again."""

from __future__ import annotations

import time
from typing import Final

_FIRST_PAUSE_S: Final = 30.0
_LONGEST_PAUSE_S: Final = 3600.0


def pause_s(attempts: int) -> float:
    """Seconds until the next try: 30 s, doubled with each that failed, an hour at most."""
    return float(min(_FIRST_PAUSE_S * 2.0 ** min(max(attempts - 1, 0), 16), _LONGEST_PAUSE_S))


class Patience:
    """Promises that could not be kept are taken up again after a pause that grows; in memory."""

    def __init__(self) -> None:
        self._tries: dict[str, int] = {}
        self._not_before: dict[str, float] = {}

    def is_due(self, report_uid: str) -> bool:
        """Whether it is time to try this one again."""
        return time.monotonic() >= self._not_before.get(report_uid, 0.0)

    def failed(self, report_uid: str) -> None:
        """It could not be kept: the next try comes later."""
        tries = self._tries[report_uid] = self._tries.get(report_uid, 0) + 1
        self._not_before[report_uid] = time.monotonic() + pause_s(tries)
