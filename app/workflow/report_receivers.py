"""The table ``[report]`` of the settings, changed part by part: what a window edits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import ValidationError

from app.config.report_settings import ReportSettings
from app.config.settings import save_settings
from app.core.message import Message
from app.workflow.check_outputs import OutputCheck, check_outputs
from app.workflow.context import AppContext
from app.workflow.report_pdf import secret_name

OutputPart = Literal["objects", "letterhead", "hl7", "fhir", "certificates", "targets"]

_WORDS: Final = {
    "string_too_short": Message("must not be empty.", "нужно заполнить."),
    "missing": Message("must not be empty.", "нужно заполнить."),
    "too_short": Message("choose at least one.", "выберите хотя бы одно."),
    "string_too_long": Message("is too long.", "слишком длинное значение."),
    "string_pattern_mismatch": Message(
        "holds a character that is not allowed here.", "недопустимый знак."
    ),
    "value_error": Message(
        "must be an address that starts with http:// or https://.",
        "нужен адрес, который начинается с http:// или https://.",
    ),
}
_OTHER: Final = Message("is not valid.", "недопустимое значение.")
_EMPTY: Final = _WORDS["missing"]
_TAKEN: Final = Message("is used by another row already.", "уже занято другой строкой.")
_NEEDED: Final = {"file": ("file",), "module": ("module", "token", "certificate")}


@dataclass(frozen=True, slots=True)
class FieldFault:
    """Which field was not taken, and why in a sentence."""

    field: str
    why: Message


def keep_output(
    context: AppContext, part: OutputPart, values: Mapping[str, Any], index: int | None = None
) -> FieldFault | None:
    """Save a part, or row ``index`` of its rows (None: a new one at the end).

    None where it was saved. Raises ``EnvironmentFault`` where the file cannot be written.
    """
    before = context.settings.report
    raw = before.model_dump(mode="json")
    if part == "objects":
        raw |= values
    elif part in ("certificates", "targets"):
        rows = raw[part]
        if index is None:
            rows.append(dict(values))
        else:
            rows[index] = dict(values)
    else:
        raw[part] |= values
    fault = _lacking(values) if part == "certificates" else None
    if fault is not None:
        return fault
    try:
        changed = ReportSettings.model_validate(raw)
    except ValidationError as found:
        return _fault(part, found)
    _save(context, changed)
    return None


def remove_output(
    context: AppContext, part: Literal["certificates", "targets"], index: int
) -> None:
    """Forget a receiver or a certificate, and the password that was given for it."""
    rows = list(getattr(context.settings.report, part))
    del rows[index]
    _save(context, context.settings.report.model_copy(update={part: tuple(rows)}))


def try_output(context: AppContext, part: OutputPart, index: int | None) -> list[OutputCheck]:
    """Look whether a part as saved works: nothing is sent, no token is opened. Any thread."""
    report = context.settings.report
    alone = ReportSettings(letterhead=report.letterhead)
    if index is not None and part == "certificates":
        alone = ReportSettings(certificates=(report.certificates[index],))
    elif index is not None:
        alone = ReportSettings(targets=(report.targets[index],))
    return list(check_outputs(alone, context.secrets))


def _save(context: AppContext, report: ReportSettings) -> None:
    before = context.settings.report.certificates
    changed = context.settings.model_copy(update={"report": report})
    save_settings(context.store.folder, changed)
    context.settings = changed
    for certificate in before:
        # a password belongs to its file or token: a new one must not be tried with the old
        if certificate not in report.certificates:
            context.secrets.remove(secret_name(certificate))


def _lacking(values: Mapping[str, Any]) -> FieldFault | None:
    kind = "file" if "file" in values else "module"
    empty = [name for name in _NEEDED[kind] if not values.get(name)]
    return FieldFault(empty[0], _EMPTY) if empty else None


def _fault(part: OutputPart, found: ValidationError) -> FieldFault:
    """The first fault; that of the whole table is one of names: all else is told per field."""
    first = found.errors()[0]
    names = [name for name in first["loc"] if isinstance(name, str)]
    if not names:
        return FieldFault("user" if part == "certificates" else "name", _TAKEN)
    return FieldFault(names[-1], _WORDS.get(first["type"], _OTHER))
