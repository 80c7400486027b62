"""A draft report from the accepted findings, each generated sentence linked to its finding.

Findings stand in the order of anatomy, the impression in the order of weight. What is normal comes
from the template, and only where it was asked for and no accepted finding contradicts it. Nothing
that was not accepted enters. Standard library only: the template comes in as a value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from app.core.finding import Finding, FindingContent
from app.core.report import Language, Message, SentenceLink, StudyFacts
from app.reporting.figures import figures_of, left_out, value_text
from app.reporting.guidelines.advice import Advice, advice_of
from app.reporting.normals import Filling, Found, fill, statement_text
from app.reporting.nouns import organ_of, organ_order
from app.reporting.phrases import Phrases, measure_in_words, phrases
from app.reporting.phrases import names_side as names_side
from app.reporting.plain_template import plain_template
from app.reporting.regions import region_of
from app.reporting.sentences import are_alike, group_sentence, is_structure
from app.reporting.sentences import finding_sentence as finding_sentence
from app.reporting.subjects import concept_of, subject_of
from app.reporting.templates.variables import LUNG_RADS, MEASUREMENT

if TYPE_CHECKING:
    from app.reporting.templates.model import Part, ReportTemplate, Section

_ORDER = {"critical": 0, "significant": 1, "incidental": 2, "descriptive": 3}
_SIDE_ORDER = {"right": 0, "left": 1}
_CHANGE_ORDER = {"larger": 0, "smaller": 2, "stable": 3}
_ANY_ORGAN = "*"


@dataclass(frozen=True, slots=True)
class Draft:
    """A composed text, its generated sentences, and what a reader should know of it.

    ``notes`` say what was left out and why, and what a recommendation lacks; they are no part of
    the text.
    """

    text: str
    links: tuple[SentenceLink, ...]
    notes: tuple[Message, ...] = ()
    template_id: str = ""


@dataclass(frozen=True, slots=True)
class Composing:
    """How a draft is made.

    ``template`` None: bare sections. ``values`` are the variables of the study. ``normals`` False:
    nothing is called normal, since nobody has looked.
    """

    template: ReportTemplate | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    normals: bool = True


@dataclass(frozen=True, slots=True)
class _Group:
    """Findings that one sentence states."""

    findings: tuple[Finding, ...]
    organ: str

    @property
    def first(self) -> Finding:
        return self.findings[0]


def content_sha256(finding: Finding) -> str:
    """Hash of the content a sentence is made from; changes when the finding is edited."""
    return hashlib.sha256(repr(finding.current).encode("utf-8")).hexdigest()


def is_quality_note(content: FindingContent) -> bool:
    """A remark of a model on its own result (no concept, only flags): nothing for a report."""
    return content.concept is None and bool(content.quality_flags) and not content.measurements


def compose(
    findings: Sequence[Finding],
    study_facts: StudyFacts,
    language: Language,
    how: Composing = Composing(),
) -> Draft:
    """The draft of accepted and edited findings.

    Without any and without a template, the findings section is left to be written: a placeholder
    that the check demands to be filled stands there, never a claim of normality.
    """
    shown = [f for f in findings if f.is_in_report and not is_quality_note(f.current)]
    return _Composer(shown, study_facts, language, how).draft()


class _Composer:
    """One draft in the making."""

    def __init__(
        self, shown: Sequence[Finding], facts: StudyFacts, language: Language, how: Composing
    ) -> None:
        self._facts = facts
        self._language: Language = language
        self._words: Phrases = phrases(language)
        self._normals = how.normals and how.template is not None
        self._template = how.template or plain_template(self._words)
        self._groups = _grouped(shown, language)
        self._links: list[SentenceLink] = []
        self._ratios: set[tuple[str, float | None]] = set()
        positive = [f for f in shown if f.current.presence != "absent" and not is_structure(f)]
        self._positive = positive
        self._found = Found(
            frozenset(concept_of(f) for f in positive),
            frozenset(map(organ_of, positive)),
            frozenset(concept_of(f) for f in shown if f.current.presence == "absent"),
        )
        self._filling = Filling(
            language,
            {**how.values, **_measured(shown, language)},
            {one.name: one.label for one in self._template.fields},
            region_of(facts.body_part),
            facts.patient_sex.upper(),
        )

    def draft(self) -> Draft:
        advice = advice_of(self._positive, self._facts, self._template.guideline)
        if advice is not None and advice.category is not None:
            values = {**self._filling.values, LUNG_RADS: advice.category.text(self._language)}
            self._filling = replace(self._filling, values=values)
        sections = [self._section(section, advice) for section in self._template.sections]
        parts = [self._title(), *sections]
        text = "\n\n".join(part for part in parts if part) + "\n"
        notes = (*self._left_out(), *(advice.missing if advice else ()))
        return Draft(text, tuple(self._links), notes, self._template.id)

    def _title(self) -> str:
        title = self._template.title
        if not title:
            return self._words.title(self._facts)
        filled = fill(title, self._filling)
        return self._words.title(self._facts) if "[" in filled else filled

    def _section(self, section: Section, advice: Advice | None) -> str:
        match section.id:
            case "findings":
                body = self._findings(section)
            case "impression":
                body = self._impression(section, advice)
            case "recommendation":
                lines = [*self._statements(section.statements, self._found)]
                if advice is not None and advice.text is not None:
                    lines.insert(0, self._linked_all(advice))
                body = " ".join(lines)
            case _:
                body = " ".join(self._statements(section.statements, self._found, fixed=True))
        return f"{section.header}:\n{body}" if body else ""

    def _findings(self, section: Section) -> str:
        left = list(self._groups)
        paragraphs = []
        parts = section.parts or ()
        for number, part in enumerate(parts):
            rest = parts[number + 1 :]
            here = [g for g in left if _belongs(g, part, rest)]
            left = [g for g in left if g not in here]
            paragraph = self._part(part, here)
            if paragraph:
                paragraphs.append(paragraph)
        if left:
            paragraphs.append(" ".join(self._stated(left)))
        paragraphs += self._statements(section.statements, self._found)
        return "\n".join(p for p in paragraphs if p) or self._words.fill_findings

    def _part(self, part: Part, here: Sequence[_Group]) -> str:
        sentences = self._stated(here)
        positive = any(
            g.first.current.presence != "absent" and not is_structure(g.first) for g in here
        )
        found = replace(self._found, here=positive)
        sentences += self._statements(part.statements, found)
        if not sentences:
            return ""
        return " ".join([part.heading, *sentences] if part.heading else sentences)

    def _statements(
        self, statements: Sequence[object], found: Found, *, fixed: bool = False
    ) -> list[str]:
        if not (self._normals or fixed):
            return []
        texts = (statement_text(one, found, self._filling) for one in statements)  # type: ignore[arg-type]
        return [text for text in texts if text]

    def _stated(self, groups: Sequence[_Group]) -> list[str]:
        sentences = []
        for group in groups:
            said = [self._without_stated_ratios(finding) for finding in group.findings]
            sentence = group_sentence(said, self._language, priors=self._facts.priors)
            if not sentence:
                continue
            self._linked(sentence, group.findings)
            if sentence not in sentences:
                sentences.append(sentence)
        return sentences

    def _without_stated_ratios(self, finding: Finding) -> Finding:
        """The finding without ratios that were said: both lungs carry the same one."""
        kept = []
        for item in finding.current.measurements:
            if item.kind.endswith("_ratio"):
                if (item.kind, item.value) in self._ratios:
                    continue
                self._ratios.add((item.kind, item.value))
            kept.append(item)
        return replace(finding, current=replace(finding.current, measurements=tuple(kept)))

    def _linked(self, sentence: str, findings: Sequence[Finding]) -> str:
        for finding in findings:
            self._links.append(SentenceLink(sentence, finding.uid, content_sha256(finding)))
        return sentence

    def _linked_all(self, advice: Advice) -> str:
        text = advice.text.text(self._language) if advice.text else ""
        return self._linked(text, advice.findings)

    def _impression(self, section: Section, advice: Advice | None) -> str:
        concluded = []
        for group in sorted(self._groups, key=_weight):
            content = group.first.current
            if content.presence == "absent" or is_structure(group.first):
                continue
            if content.significance == "descriptive" and not _has_grown(group):
                continue
            sentence = group_sentence(
                group.findings, self._language, brief=True, priors=self._facts.priors
            )
            if sentence and self._linked(sentence, group.findings) not in concluded:
                concluded.append(sentence)
        if advice is not None and advice.category is not None:
            concluded.append(self._linked(advice.category.text(self._language), advice.findings))
        said = self._statements(section.statements, self._found)
        if len(concluded) > 1:
            concluded = [f"{number}. {text}" for number, text in enumerate(concluded, 1)]
        lines = "\n".join([*concluded, *said])
        if not lines:
            has_text = any(group_sentence(g.findings, self._language) for g in self._groups)
            words = self._words
            lines = words.nothing_significant if has_text else words.fill_impression
        is_critical = any(f.current.significance == "critical" for f in self._positive)
        return f"{lines}\n{self._words.communication}" if is_critical else lines

    def _left_out(self) -> tuple[Message, ...]:
        """One note for each reason: which values of which findings it keeps out of the text."""
        reasons: dict[Message, tuple[dict[Message, None], dict[Message, None]]] = {}
        for group in self._groups:
            for finding in group.findings:
                label = finding.current.label
                for measure, why in left_out(finding.current.measurements):
                    labels, kinds = reasons.setdefault(why, ({}, {}))
                    labels[Message(label.en, label.ru)] = None
                    kinds[measure_in_words(measure.kind)] = None
        return tuple(
            Message(
                f"Left out ({_listed(labels, 'en')}): {_listed(kinds, 'en')}. "
                f"{why.en.rstrip('.')}.",
                f"Не указано ({_listed(labels, 'ru')}): {_listed(kinds, 'ru')}. "
                f"{why.ru.rstrip('.')}.",
            )
            for why, (labels, kinds) in reasons.items()
        )


def _listed(names: Iterable[Message], language: Language) -> str:
    return ", ".join(name.text(language) for name in names)


def _grouped(shown: Sequence[Finding], language: Language) -> tuple[_Group, ...]:
    """Findings that are alike together, in the order of anatomy."""
    ordered = sorted(shown, key=lambda f: _place_in_order(f, language))
    groups: list[list[Finding]] = []
    for finding in ordered:
        mates = next((g for g in groups if are_alike(g[0], finding, language)), None)
        if mates is None:
            groups.append([finding])
        else:
            mates.append(finding)
    return tuple(_Group(tuple(group), organ_of(group[0])) for group in groups)


def _place_in_order(finding: Finding, language: Language) -> tuple[int, int, int, str, float, str]:
    """Organ, what is found before what was measured, right before left, upper before lower."""
    content = finding.current
    size = figures_of(content.measurements, language).longest_mm or 0.0
    site = content.site
    level = "" if site is None else f"{_level(site.text('en'))}{site.segment}"
    return (
        organ_order().get(organ_of(finding), 999),
        int(is_structure(finding)),
        _SIDE_ORDER.get(content.laterality or "", 2),
        level,
        -size,
        finding.uid,
    )


def _level(site: str) -> str:
    """Sorts places from above to below."""
    for rank, word in enumerate(("upper", "middle", "lower")):
        if word in site.lower():
            return f"{rank}"
    return f"9{site}"


def _weight(group: _Group) -> tuple[int, int, int, float, str]:
    """The gravest first; of equals what grew, then by organ, then the largest."""
    content = group.first.current
    figures = figures_of(content.measurements, "en")
    return (
        min(_ORDER[f.current.significance] for f in group.findings),
        _CHANGE_ORDER.get(figures.change or "", 1),
        organ_order().get(group.organ, 999),
        -(figures.longest_mm or 0.0),
        group.first.uid,
    )


def _has_grown(group: _Group) -> bool:
    return any(subject_of(finding).has_grown for finding in group.findings)


def _belongs(group: _Group, part: Part, later: Sequence[Part]) -> bool:
    """Whether a group is described in a part: its organ is named there, or nowhere and any is."""
    if group.organ in part.organs:
        return True
    if _ANY_ORGAN not in part.organs:
        return False
    return not any(group.organ in other.organs for other in later)


def _measured(shown: Sequence[Finding], language: Language) -> dict[str, str]:
    """Variables ``measurement:KIND`` of accepted findings; a kind that two give is ambiguous."""
    found: dict[str, set[str]] = {}
    for finding in shown:
        for m in finding.current.measurements:
            if m.value is None or m.status not in ("valid", "edited"):
                continue
            names = [f"{MEASUREMENT}{m.kind}"]
            if finding.current.laterality in ("left", "right"):
                names.append(f"{MEASUREMENT}{m.kind}:{finding.current.laterality}")
            for name in names:
                found.setdefault(name, set()).add(value_text(m, language))
    return {name: texts.pop() for name, texts in found.items() if len(texts) == 1}


def refreshed(
    uids: Sequence[str], findings: Sequence[Finding], language: Language, facts: StudyFacts,
    *, brief: bool,
) -> str:  # fmt: skip
    """The sentence as it would now be written for those of ``uids`` that are accepted."""
    accepted = [f for f in findings if f.uid in uids and f.is_in_report]
    if not accepted:
        return ""
    groups = _grouped(accepted, language)
    sentences = [
        group_sentence(g.findings, language, brief=brief, priors=facts.priors) for g in groups
    ]
    return " ".join(sentence for sentence in sentences if sentence)
