"""A draft report from the accepted findings, each sentence linked to its finding."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.core.finding import Finding, FindingContent
from app.core.measurement import Measurement
from app.core.report import Language, SentenceLink, StudyFacts
from app.reporting.phrases import Phrases, phrases

_ORDER = {"critical": 0, "significant": 1, "incidental": 2, "descriptive": 3}
_SIDE_ORDER = {"right": 0, "left": 1}
_LOBE_WITHOUT_SIDE = re.compile(r"^in the (?=(upper|middle|lower) lobe)")
_LENGTH_PAIR = ("long_axis", "short_axis")
_SHOWN_STATUS = frozenset({"valid", "edited"})
_LONGEST_LIST = 4


@dataclass(frozen=True, slots=True)
class Draft:
    """A composed text and its generated sentences."""

    text: str
    links: tuple[SentenceLink, ...]


def content_sha256(finding: Finding) -> str:
    """Hash of the content a sentence is made from; changes when the finding is edited."""
    return hashlib.sha256(repr(finding.current).encode("utf-8")).hexdigest()


def compose(
    findings: Sequence[Finding],
    study_facts: StudyFacts,
    language: Language,
    *,
    technique: str = "",
    comparison: str = "",
) -> Draft:
    """The draft of accepted and edited findings, the gravest first.

    Without any, the findings section is left to be written: a placeholder that the check demands
    to be filled stands there, never a claim of normality.
    """
    words = phrases(language)
    shown = sorted(
        (f for f in findings if f.is_in_report and not is_quality_note(f.current)),
        key=_reading_order,
    )
    links: list[SentenceLink] = []
    described: list[str] = []
    concluded: list[str] = []
    stated: set[tuple[str, float | None]] = set()
    for finding in shown:
        sentence = finding_sentence(_without_stated_ratios(finding, stated), language)
        described.append(sentence)
        links.append(SentenceLink(sentence, finding.uid, content_sha256(finding)))
        if finding.current.significance != "descriptive":
            short = finding_sentence(finding, language, brief=True)
            concluded.append(short)
            links.append(SentenceLink(short, finding.uid, content_sha256(finding)))
    body = " ".join(described) if described else words.fill_findings
    if concluded:
        conclusion = " ".join(concluded)
    else:
        conclusion = words.nothing_significant if described else words.fill_impression
    if any(f.current.significance == "critical" and f.current.presence != "absent" for f in shown):
        conclusion = f"{conclusion} {words.communication}"
    parts = [words.title(study_facts)]
    if technique:
        parts.append(f"{words.technique}: {technique}")
    if comparison:
        parts.append(f"{words.comparison}: {comparison}")
    parts += [f"{words.findings}:\n{body}", f"{words.impression}:\n{conclusion}"]
    return Draft("\n\n".join(part for part in parts if part) + "\n", tuple(links))


def _reading_order(finding: Finding) -> tuple[int, int, str]:
    """The gravest first, of equals the right side before the left."""
    content = finding.current
    return _ORDER[content.significance], _SIDE_ORDER.get(content.laterality or "", 2), finding.uid


def _without_stated_ratios(finding: Finding, stated: set[tuple[str, float | None]]) -> Finding:
    """The finding without ratios that an earlier sentence gave: both lungs carry the same one."""
    kept = []
    for item in finding.current.measurements:
        if item.kind.endswith("_ratio"):
            if (item.kind, item.value) in stated:
                continue
            stated.add((item.kind, item.value))
        kept.append(item)
    return replace(finding, current=replace(finding.current, measurements=tuple(kept)))


def is_quality_note(content: FindingContent) -> bool:
    """A remark of a model on its own result (no concept, only flags): nothing for a report."""
    return content.concept is None and bool(content.quality_flags) and not content.measurements


def finding_sentence(finding: Finding, language: Language, *, brief: bool = False) -> str:
    """One sentence that states a finding: name, side, place and, unless ``brief``, sizes."""
    content = finding.current
    words = phrases(language)
    name = _name_inside(content)
    if language == "ru":
        name = content.label.ru or content.label.en
    if content.presence == "absent":
        return _capital(words.absent.format(name=name)) + "."
    place = _place(content, words)
    side = words.sides.get(content.laterality or "", "")
    if side and names_side(f"{name} {place}", content.laterality or "", words):
        side = ""
    if language == "en" and side in ("right", "left"):
        # "nodule in the right upper lobe", not "right nodule in the upper lobe"
        place, count = _LOBE_WITHOUT_SIDE.subn(f"in the {side} ", place)
        side = "" if count else side
    if language == "en":
        phrase = " ".join(part for part in (side, name, place) if part)
    else:
        phrase = " ".join(part for part in (name, side) if part)
        phrase = f"{phrase}, {place}" if place else phrase
    if content.presence == "uncertain":
        phrase = words.uncertain.format(name=phrase)
    sizes = "" if brief else measurements_text(content.measurements, language)
    return _capital(f"{phrase}, {sizes}" if sizes else phrase) + "."


def _name_inside(content: FindingContent) -> str:
    """The English name as it stands inside a sentence: lower case, except abbreviations."""
    name = content.label.en or (content.concept.meaning if content.concept else "")
    first = name.split(" ", 1)[0]
    return name if first.isupper() and len(first) > 1 else name[:1].lower() + name[1:]


def _place(content: FindingContent, words: Phrases) -> str:
    site = content.site
    if site is None:
        return ""
    known = words.place(site.code.value if site.code else "", site.text("en"))
    text = known or words.at_place(site.text(words.language))
    if site.segment and site.segment not in text:
        text = f"{text} ({site.segment})" if text else site.segment
    return text


def names_side(text: str, side: str, words: Phrases) -> bool:
    """Whether the text says the side itself ("left lung"), so that it is not said twice."""
    stems = words.side_stems.get(side, ())
    return any(word.startswith(tuple(stems)) for word in re.findall(r"\w+", text.lower()))


def measurements_text(measurements: Sequence[Measurement], language: Language) -> str:
    """Measurements as they are written in a report: ``12 × 8 mm, volume 1.4 mL``."""
    words = phrases(language)
    usable = [m for m in measurements if m.value is not None and m.status in _SHOWN_STATUS]
    parts: list[str] = []
    axes = {m.kind: m for m in usable if m.kind in _LENGTH_PAIR and m.unit in ("mm", "cm")}
    if len(axes) == 2 and axes["long_axis"].unit == axes["short_axis"].unit:
        long_axis, short_axis = axes["long_axis"], axes["short_axis"]
        one = words.number(long_axis.value or 0.0, long_axis.unit)
        two = words.number(short_axis.value or 0.0, short_axis.unit)
        parts.append(f"{one} × {two} {words.unit(long_axis.unit)}")
        usable = [m for m in usable if m is not long_axis and m is not short_axis]
    for measure in usable[: _LONGEST_LIST - len(parts)]:
        shown = f"{words.number(measure.value or 0.0, measure.unit)} {words.unit(measure.unit)}"
        kind = words.measure_name(measure.kind)
        parts.append(re.sub(r"\s+", " ", f"{kind} {shown}").strip())
    return ", ".join(parts)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
