"""Running a pack where its result is not known yet: kept ones, and runs on their way."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as WaitTimeout
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from app.core.errors import Cancelled
from app.core.reader_input import ReaderInput
from app.core.volume import Volume
from app.inference.pack_store import InstalledPack
from app.inference.result_cache import result_key
from app.inference.run_context import RunContext
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress, no_progress
from app.workflow.context import AppContext

if TYPE_CHECKING:
    from app.inference.result import InferenceResult

_LOOK_SECONDS: Final = 0.05
_on_the_way: dict[tuple[int, str], Future[InferenceResult]] = {}
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Ask:
    """How a result is wanted, and what the reader gives to it.

    ``forced`` also where the gate refuses; what is not ``urgent`` waits for all that is; ``fresh``:
    computed again also where it is kept.
    """

    forced: bool = False
    urgent: bool = True
    fresh: bool = False
    given: ReaderInput = field(default_factory=ReaderInput)


AS_USUAL: Final = Ask()


def run_cached(
    context: AppContext,
    installed: InstalledPack,
    volume: Volume,
    given: RunContext,
    ask: Ask,
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> InferenceResult:
    """The result of a pack on a volume: kept, being computed already, or computed now.

    Raises what ``InferenceProcess.run`` raises.
    """
    token = cancel or CancelToken()
    key = result_key(installed, volume, given)
    if not ask.fresh:
        kept = context.results.get(key, volume.source, forced=ask.forced)
        if kept is not None:
            return kept
    mine: Future[InferenceResult] = Future()
    with _lock:
        other = _on_the_way.setdefault((id(context), key), mine)
    if other is not mine:
        found = _wait(other, token)
        if found is not None:
            return replace(found, source=volume.source, forced=ask.forced)
    try:
        result = context.inference.run(
            installed,
            volume,
            forced=ask.forced,
            context=given,
            urgent=ask.urgent,
            progress=progress,
            cancel=token,
        )
        mine.set_result(result)
    finally:
        if other is mine:
            with _lock:
                _on_the_way.pop((id(context), key), None)
        if not mine.done():
            mine.cancel()
    note = context.results.put(key, result)
    return result if note is None else replace(result, notes=(*result.notes, note))


def _wait(other: Future[InferenceResult], token: CancelToken) -> InferenceResult | None:
    """What another run makes of the same; None where it does not come to its end."""
    while True:
        token.raise_if_cancelled()
        try:
            return other.result(timeout=_LOOK_SECONDS)
        except WaitTimeout:
            continue
        except (CancelledError, Cancelled):
            return None
