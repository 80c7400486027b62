"""How the text of a report says that somebody was told of a critical finding."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Final

from app.core.communication import Communication, way_text
from app.core.finding import Finding
from app.core.report import Language
from app.reporting.phrases import phrases

_HEADING: Final = {
    "en": "CRITICAL RESULT COMMUNICATION",
    "ru": "СООБЩЕНИЕ О КРИТИЧЕСКОЙ НАХОДКЕ",
}


def communication_sentence(
    record: Communication,
    findings: Sequence[Finding],
    language: Language,
    *,
    zone: dt.tzinfo | None = None,
) -> str:
    """One record as a sentence; the time is that of ``zone`` (None: of this machine)."""
    at = dt.datetime.fromisoformat(record.at_utc).astimezone(zone)
    told = {finding.uid: finding for finding in findings}
    named = [_name(told[uid], language) for uid in record.finding_uids if uid in told]
    what = ", ".join(dict.fromkeys(named))
    whom = f"{_person(record.told)} ({record.told_role})" if record.told_role else record.told
    way = way_text(record.way).text(language)
    if language == "ru":
        about = f"О критической находке ({what})" if what else "О критической находке"
        end = "информация повторена и подтверждена" if record.read_back else ""
        parts = [
            f"{about} сообщено {way}: {whom}; сообщил(а) {_person(record.by)},"
            f" {at:%d.%m.%Y} в {at:%H:%M}",
            end, record.note,
        ]  # fmt: skip
    else:
        about = f"Critical result ({what})" if what else "Critical result"
        end = "read back and confirmed" if record.read_back else ""
        parts = [
            f"{about} communicated {way} to {whom} by {_person(record.by)}"
            f" on {at:%Y-%m-%d} at {at:%H:%M}",
            end, record.note,
        ]  # fmt: skip
    return "; ".join(part.strip().rstrip(".") for part in parts if part.strip()) + "."


def with_communication(text: str, sentence: str, language: Language) -> str:
    """The text with the sentence: in the place that the draft left for it, else in its section."""
    if sentence in text:
        return text
    place = phrases(language).communication
    if place in text:
        return text.replace(place, sentence, 1)
    heading = _HEADING[language]
    found = re.search(rf"^{heading}:[^\S\n]*\n(?:[^\n]*\S[^\n]*\n?)*", text, re.MULTILINE)
    if found is None:
        return f"{text.rstrip()}\n\n{heading}:\n{sentence}\n".lstrip()
    before = text[: found.end()].rstrip("\n")
    return f"{before}\n{sentence}\n{text[found.end() :]}"


def without_communication(text: str, sentence: str, language: Language) -> str:
    """The text without the sentence, and without its section where nothing else stands there."""
    if sentence not in text:
        return text
    heading = re.escape(_HEADING[language])
    text = re.sub(rf"[^\S\n]*{re.escape(sentence)}\n?", "", text, count=1)
    return re.sub(rf"\n*^{heading}:\s*(?=\n\S|\Z)", "\n", text, flags=re.MULTILINE)


def _name(finding: Finding, language: Language) -> str:
    content = finding.current
    side = phrases(language).sides.get(content.laterality or "", "")
    label = content.label.text(language)
    label = label[:1].lower() + label[1:] if label[1:2].islower() else label
    if not side or side.lower() in label.lower():
        return label
    return f"{label} {side}" if language == "ru" else f"{side} {label}"


def _person(name: str) -> str:
    """A DICOM person name as people write it."""
    return " ".join(name.replace("^", " ").split())
