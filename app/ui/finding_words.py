"""Findings in words: labels, numbers with units, states and counts, in the language of the screen.

Pure functions over core values; no widgets. A number that is not valid always carries the reason
in words, never a color alone.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from app.core.codes import Laterality
from app.core.finding import Finding, FindingContent, Significance
from app.core.measurement import Measurement, PreviousValue, Reference
from app.core.message import decimal
from app.core.report import Message
from app.measure.definitions import name_of
from app.ui.texts import entries, tr
from app.ui.texts import language as current_language
from app.workflow.review import reason_text

SIGNIFICANCE_ORDER: Final[tuple[Significance, ...]] = (
    "critical",
    "significant",
    "incidental",
    "descriptive",
)
_SIDE_ORDER: Final[tuple[Laterality | None, ...]] = ("right", "left", "bilateral", "midline", None)
_SIDE_WORDS: Final = {
    "left": re.compile(r"\b(left\b|лев(ый|ая|ое|ые|ого|ой)\b)"),
    "right": re.compile(r"\b(right\b|прав(ый|ая|ое|ые|ого|ой)\b)"),
}


def finding_numbers(findings: Iterable[Finding]) -> dict[str, int]:
    """The number of each finding on screen, from 1, by uid.

    Depends only on what was proposed, so a number stays while a finding is decided or edited.
    """

    def key(finding: Finding) -> tuple[str, int, int, str, str]:
        content = finding.proposal.content
        rank = SIGNIFICANCE_ORDER.index(content.significance)
        side = _SIDE_ORDER.index(content.laterality)
        return finding.provenance.at_utc, rank, side, content.label.en, finding.uid

    return {finding.uid: n for n, finding in enumerate(sorted(findings, key=key), 1)}


def shown_measurements(content: FindingContent) -> tuple[Measurement, ...]:
    """The measurements that are numbers for a reader; a place (centroid) is none."""
    return tuple(item for item in content.measurements if item.unit != "{point}")


def headline(content: FindingContent) -> str:
    """Label, presence if not plainly present, side and site: ``Nodule, right, upper lobe S3``."""
    language = current_language()
    parts = [content.label.text(language)]
    if content.presence != "present":
        parts[0] += f" ({tr('findings.' + content.presence)})"
    name = parts[0].casefold()
    if content.laterality is not None and not _says_side(name, content.laterality):
        parts.append(tr(f"side.{content.laterality}"))
    site = site_text(content)
    if site and site.casefold() not in name:
        parts.append(site)
    text = ", ".join(parts)
    return text[:1].upper() + text[1:]


def site_text(content: FindingContent) -> str:
    """Site and segment, or an empty text."""
    if content.site is None:
        return ""
    name = content.site.text(current_language())
    return " ".join(part for part in (name, content.site.segment) if part)


def _says_side(name: str, laterality: str) -> bool:
    # at the beginning of a word only: "плевральный" says no side
    words = _SIDE_WORDS.get(laterality)
    return words is not None and words.search(name) is not None


def number_text(value: float, unit: str = "") -> str:
    """A value as read by people: precision by size, decimal comma in Russian."""
    size = abs(value)
    if unit in ("1", "ratio") or size < 1:
        text = f"{value:.2f}"
    elif size >= 100:
        text = f"{value:.0f}"
    else:
        text = f"{value:.1f}"
    if "." in text and unit not in ("1", "ratio"):
        text = text.rstrip("0").rstrip(".")
    text = text.replace("-", "−")
    return decimal(text, current_language())


def unit_text(unit: str) -> str:
    """A UCUM unit as written on screen (``cm2`` becomes cm²)."""
    return _known(f"unit.{unit}", unit)


def kind_text(kind: str) -> str:
    """The name of a measurement kind."""
    name = name_of(kind)
    otherwise = kind.replace("_", " ") if name is None else name.text(current_language())
    return _known(f"measure.{kind}", otherwise)


def value_text(value: float, unit: str) -> str:
    """Number and unit with a space that does not break."""
    shown = unit_text(unit)
    number = number_text(value, unit)
    if not shown:
        return number
    return f"{number}{shown}" if shown == "°" else f"{number}\u00a0{shown}"


def measurement_text(measurement: Measurement) -> str:
    """Kind, value, unit, previous value; the reason if the value is not to be trusted."""
    text = kind_text(measurement.kind)
    if measurement.value is not None:
        text += f" {value_text(measurement.value, measurement.unit)}"
        reason = status_text(measurement)
        if reason:
            text += f" ({reason})"
    else:
        text += f": {status_text(measurement)}"
    if measurement.previous is not None:
        text += f", {previous_text(measurement.previous)}"
    return text


def status_text(measurement: Measurement) -> str:
    """Why the value may not be trusted, in words; empty for a valid one."""
    if measurement.status == "valid":
        return ""
    return tr(f"measure.status.{measurement.status}")


def previous_text(previous: PreviousValue) -> str:
    """The earlier value, with its date if known."""
    value = value_text(previous.value, previous.unit)
    if previous.date:
        return tr("findings.was_on", value=value, date=date_text(previous.date))
    return tr("findings.was", value=value)


def measurement_hover(measurement: Measurement) -> str:
    """Method, reference range and note, for the tooltip."""
    lines = [
        tr("measure.method_hover", kind=kind_text(measurement.kind), method=measurement.method)
    ]
    if measurement.reference is not None:
        lines.append(_reference_text(measurement.reference, measurement.unit))
    if measurement.note:
        is_russian = current_language() == "ru"
        lines.append((is_russian and measurement.note_ru) or measurement.note)
    return "\n".join(line for line in lines if line)


def _reference_text(reference: Reference, unit: str) -> str:
    low = None if reference.low is None else value_text(reference.low, unit)
    high = None if reference.high is None else value_text(reference.high, unit)
    source = f" ({reference.source})" if reference.source else ""
    if low is not None and high is not None:
        return tr("measure.reference", low=low, high=high) + source
    if high is not None:
        return tr("measure.reference_up_to", high=high) + source
    if low is not None:
        return tr("measure.reference_from", low=low) + source
    return ""


def quality_texts(content: FindingContent, texts: Mapping[str, Message]) -> tuple[str, ...]:
    """Quality flags in the words of the pack that raised them; an unknown flag as it is."""
    language = current_language()
    words = (
        texts[flag].text(language) if flag in texts else flag.replace("-", " ").replace("_", " ")
        for flag in content.quality_flags
    )
    return tuple(dict.fromkeys(words))


def score_text(finding: Finding) -> str:
    """The score against its operating point, never as a percentage; empty without either."""
    score, point = finding.proposal.score, finding.proposal.operating_point
    if score is None or point is None:
        return ""
    key = "findings.score_above" if score >= point.threshold else "findings.score_below"
    return tr(key, score=_two_digits(score), threshold=_two_digits(point.threshold))


def origin_hover(finding: Finding) -> str:
    """Who or what made the finding: pack, version, device, operating point; or the person."""
    made = finding.provenance
    at = time_text(made.at_utc)
    if made.kind == "person":
        return tr("findings.own_hover", person=made.person or "?", at=at)
    lines = [
        tr(
            "findings.ai_hover",
            pack=made.pack,
            version=made.version,
            device=made.device or "CPU",
            at=at,
        )
    ]
    score = finding.proposal.score
    if score is not None and finding.proposal.operating_point is None:
        lines.append(tr("findings.score_only", score=_two_digits(score)))
    if finding.proposal.operating_point is not None:
        lines.append(tr("findings.score_point", name=finding.proposal.operating_point.name))
    if made.forced:
        lines.append(tr("findings.ai_forced"))
    lines += [
        tr("findings.also", pack=other.provenance.pack, version=other.provenance.version)
        for other in finding.others
    ]
    return "\n".join(lines)


def decision_text(finding: Finding) -> str:
    """State, who and when, and the reason; empty for an undecided finding."""
    if finding.decision is None:
        return ""
    state = tr(f"state.{finding.state}")
    by, at = finding.decision.by, time_text(finding.decision.at_utc)
    text = " · ".join(part for part in (state, by, at) if part)
    reason = reason_text(finding.decision.reason, current_language())
    return f"{text}: {reason}" if reason else text


def time_text(at_utc: str) -> str:
    """A UTC time as local wall time; with the date when it is not of today."""
    try:
        moment = dt.datetime.fromisoformat(at_utc).astimezone()
    except ValueError:
        return at_utc
    clock = moment.strftime("%H:%M")
    today = dt.datetime.now(dt.UTC).astimezone().date()
    return clock if moment.date() == today else f"{moment:%Y-%m-%d} {clock}"


def full_time_text(at_utc: str) -> str:
    """A UTC time as local date and time with the offset, as a signature needs it."""
    try:
        moment = dt.datetime.fromisoformat(at_utc).astimezone()
    except ValueError:
        return at_utc
    return f"{moment:%Y-%m-%d %H:%M:%S %z}"


def date_text(date: str) -> str:
    """An ISO or DICOM date as ``YYYY-MM-DD``."""
    if len(date) == 8 and date.isdigit():
        return f"{date[:4]}-{date[4:6]}-{date[6:]}"
    return date


def counted(noun: str, count: int) -> str:
    """``1 block``, ``2 запрета``: the noun from the catalogue in the form the number asks for."""
    return f"{count} {tr(f'count.{noun}.{_plural_form(count)}')}"


def counted_all(counts: Sequence[tuple[str, int]]) -> str:
    """Those nouns whose count is not zero, joined."""
    return " · ".join(counted(noun, count) for noun, count in counts if count)


def _plural_form(count: int) -> str:
    if current_language() != "ru":
        return "one" if count == 1 else "many"
    if count % 10 == 1 and count % 100 != 11:
        return "one"
    if count % 10 in (2, 3, 4) and count % 100 not in (12, 13, 14):
        return "few"
    return "many"


def _two_digits(value: float) -> str:
    text = f"{value:.2f}"
    return decimal(text, current_language())


def _known(key: str, otherwise: str) -> str:
    return tr(key) if key in entries() else otherwise
