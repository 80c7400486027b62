"""Findings as the check sees them: concept, side, places and lengths in the reader's terms."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

from app.core.codes import Laterality
from app.core.finding import Finding, Site
from app.core.measurement import Measurement
from app.core.report import Language
from app.reporting.reading.attributes import AttributeReader
from app.reporting.reading.document import document_of
from app.reporting.reading.lexicon import concept_names, concepts, own_concept, own_pattern
from app.reporting.reading.mentions import mentions_of
from app.reporting.reading.patterns import Pattern

SAFETY_NET = "safety-net"  # the name of its operating point
# A change within the larger of these is none: the uncertainty of measuring by hand.
STABLE_MM, STABLE_SHARE = 2.0, 0.15
_MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0}


@dataclass(frozen=True, slots=True)
class Subject:
    """A finding with its concept id (empty: unknown to the lexicon), places and lengths.

    ``lengths_mm`` are current values, the longest first; ``earlier_mm`` those of the prior.
    """

    finding: Finding
    concept: str
    side: Laterality | None
    sites: frozenset[str]
    lengths_mm: tuple[float, ...]
    earlier_mm: tuple[float, ...]

    @property
    def uid(self) -> str:
        """The finding's uid."""
        return self.finding.uid

    @property
    def is_proposed(self) -> bool:
        """Whether nobody has decided on it."""
        return self.finding.state == "proposed"

    @property
    def is_unnamed(self) -> bool:
        """Whether the lexicon has no name for it: a structure or a measure, no finding."""
        return not self.concept

    @property
    def has_grown(self) -> bool:
        """Whether its longest length grew beyond the uncertainty of measuring."""
        if not self.lengths_mm or not self.earlier_mm:
            return False
        before = self.earlier_mm[0]
        return self.lengths_mm[0] - before > max(STABLE_MM, STABLE_SHARE * before)

    @property
    def is_in_the_net(self) -> bool:
        """Whether it is a proposal of a safety net, which nobody is asked to decide."""
        point = self.finding.proposal.operating_point
        return self.is_proposed and point is not None and point.name == SAFETY_NET

    @property
    def is_abnormal_measure(self) -> bool:
        """Whether it is an opportunistic measure: incidental or descriptive, valid, out of range.

        An accepted finding with a name of its own is none: the report has to state it.
        """
        content = self.finding.current
        if content.significance not in ("incidental", "descriptive"):
            return False
        if content.presence == "absent" or not (self.is_unnamed or self.is_proposed):
            return False
        return any(_is_out_of_range(item) for item in content.measurements)

    @property
    def is_significant(self) -> bool:
        """Whether it must be decided and belongs in the impression."""
        return self.finding.current.significance in ("critical", "significant")

    @property
    def is_critical(self) -> bool:
        """Whether somebody has to be told at once."""
        return self.finding.current.significance == "critical"


def subject_of(finding: Finding) -> Subject:
    """The finding's current content (edits count) in the reader's terms."""
    content = finding.current
    lengths = sorted(
        (
            measure.value * _MM[measure.unit]
            for measure in content.measurements
            if _is_length(measure) and measure.value is not None
        ),
        reverse=True,
    )
    earlier = sorted(
        (
            measure.previous.value * _MM.get(measure.previous.unit, 1.0)
            for measure in content.measurements
            if measure.previous is not None and _is_length(measure)
        ),
        reverse=True,
    )
    return Subject(
        finding,
        concept_of(finding),
        content.laterality,
        _sites(content.site),
        tuple(lengths),
        tuple(earlier),
    )


def _is_out_of_range(measure: Measurement) -> bool:
    value, known = measure.value, measure.reference
    if value is None or known is None or measure.status not in ("valid", "edited"):
        return False
    below = known.low is not None and value < known.low
    return below or (known.high is not None and value > known.high)


def _is_length(measure: Measurement) -> bool:
    return measure.unit in _MM and measure.value is not None


def concept_of(finding: Finding) -> str:
    """The lexicon's concept for a finding: by code, by name, or by reading its label as text."""
    names = concept_names()
    content = finding.current
    for label in (content.label.en, content.label.ru):
        known = names.get(label.lower().replace("ё", "е"))
        if known:
            return known
    if content.concept is not None:
        known = names.get(f"code:{content.concept.value}")
        if known:
            return known
    for text, language in ((content.label.en, "en"), (content.label.ru, "ru")):
        known = _read_label(text, "ru" if language == "ru" else "en")
        if known:
            return known
    # A descriptive structure (an area of a lung) is no finding that a text could deny.
    is_structure = content.significance == "descriptive"
    return "" if is_structure else own_concept(content.label.en)


def own_patterns(subjects: Iterable[Subject], language: Language) -> tuple[Pattern, ...]:
    """Patterns for the names of findings that the lexicon does not know."""
    found: dict[Pattern, None] = {}
    for subject in subjects:
        if subject.concept and subject.concept not in concepts():
            label = subject.finding.current.label.text(language)
            pattern = own_pattern(subject.concept, label)
            if pattern is not None:
                found[pattern] = None
    return tuple(found)


@functools.lru_cache(maxsize=512)
def _read_label(text: str, language: str) -> str:
    document = document_of(text, "ru" if language == "ru" else "en")
    found = mentions_of(document)
    if not found:
        return ""
    longest = max(found, key=lambda mention: mention.end - mention.start)
    return longest.concept if longest.concept in concepts() else ""


def _sites(site: Site | None) -> frozenset[str]:
    if site is None:
        return frozenset()
    found = set(_read_site(site.meaning_en or (site.code.meaning if site.code else "")))
    if not found and site.meaning_ru:
        found = set(_read_site(site.meaning_ru, "ru"))
    if not found and site.code is not None:
        found = set(_read_site(site.code.value))
    if site.segment:
        found.add(f"segment={site.segment.upper()}")
    return frozenset(found)


@functools.lru_cache(maxsize=512)
def _read_site(text: str, language: str = "en") -> frozenset[str]:
    document = document_of(text, "ru" if language == "ru" else "en")
    reader = AttributeReader(document, [[] for _ in document.sentences])
    return reader.places_anywhere()
