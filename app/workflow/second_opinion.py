"""A second opinion on a check that is done: asked beside it, never waited for by it.

Off unless the settings say otherwise. Whatever goes wrong leaves the check as it is.
"""

from __future__ import annotations

import functools
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

from app.config.opinion_settings import OpinionSettings
from app.core.errors import AppError
from app.core.report import CheckResult
from app.reporting.second_opinion import Opinion, Pair, apply_opinions, pairs_for
from app.workflow.check_report import CheckInput

if TYPE_CHECKING:
    from app.inference.text.nli import Inference, NliModel

_LOG = logging.getLogger("overread.check")
_SURE: Final = 0.9
_UNLIKELY: Final = 0.1


def is_wanted(settings: OpinionSettings, result: CheckResult) -> bool:
    """Whether there is anything to ask: it is on, and a warning stands."""
    return settings.kind != "off" and any(d.severity == "warn" for d in result.discrepancies)


def with_second_opinion(
    settings: OpinionSettings, given: CheckInput, result: CheckResult
) -> CheckResult:
    """``result`` after the second opinion. Slow: for a background lane, after the check is shown.

    No failure gets out: without an opinion the result is what it was.
    """
    if not is_wanted(settings, result):
        return result
    try:
        ask = _of_model if settings.kind == "nli" else _of_server
        return apply_opinions(result, ask(settings, given, result), given.text)
    except AppError as fault:
        _LOG.warning("no second opinion: %s", fault)
        return result


def _of_model(
    settings: OpinionSettings, given: CheckInput, result: CheckResult
) -> tuple[Opinion, ...]:
    pairs = pairs_for(given.text, given.findings, result, result.language)
    if not pairs:
        return ()
    model = _model(settings.folder)
    judged = ((pair, model.judge(pair.premise, pair.hypothesis)) for pair in pairs)
    return tuple(
        Opinion("demote", pair.premise, _WHY[result.language], pair.discrepancy_id)
        for pair, found in judged
        if _is_false(pair, found)
    )


_WHY: Final = {
    "en": "the sentence says it, read by the local language model",
    "ru": "по оценке локальной языковой модели это следует из предложения",
}


def _is_false(pair: Pair, found: Inference) -> bool:
    """Whether the model is sure that the alert is false."""
    if pair.expected == "entailed":
        return found.entailment >= _SURE
    if pair.expected == "contradicted":
        return found.contradiction >= _SURE
    return found.contradiction <= _UNLIKELY


@functools.lru_cache(maxsize=1)
def _model(folder: str) -> NliModel:
    from app.inference.text.nli import NliModel

    return NliModel(Path(folder))


def _of_server(
    settings: OpinionSettings, given: CheckInput, result: CheckResult
) -> tuple[Opinion, ...]:
    from app.inference.text.chat_server import AlertText, ChatServer

    server = ChatServer(settings.url, settings.model, settings.seconds)
    alerts = [
        AlertText(
            item.id, item.rule, item.message.text(result.language),
            item.spans[0].text if item.spans else "",
        )
        for item in result.discrepancies
        if item.severity == "warn"
    ]  # fmt: skip
    answer = server.ask(given.text, alerts)
    said = [
        Opinion("demote" if one.verdict == "false_alarm" else "explain", one.quote, one.why, one.id)
        for one in answer.alerts
        if one.verdict != "unsure"
    ]
    if answer.note is not None:
        said.append(Opinion("note", answer.note.quote, answer.note.why))
    return tuple(said)
