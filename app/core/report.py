"""Reports, the statements read in them, and the discrepancies that a check found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from app.core.clinical import ClinicalFacts
from app.core.codes import Code, Laterality
from app.core.communication import Communication
from app.core.finding import Finding, Presence, Site
from app.core.message import Message as Message  # part of this module's vocabulary
from app.core.signing import Signature as Signature
from app.core.study_details import FindingImages, RequiredItem, SeriesFacts, TechniqueFacts

Language = Literal["en", "ru"]
ReportState = Literal["draft", "preliminary", "signed", "amended"]
VersionChange = Literal["original", "cosignature", "addendum", "correction"]
Severity = Literal["block", "warn", "note"]
CheckVerdict = Literal["clean", "warnings", "blocked"]
Change = Literal["new", "stable", "larger", "smaller"]
SectionName = Literal[
    "technique", "indication", "comparison", "findings", "impression", "recommendation",
    "communication", "other",
]  # fmt: skip


_NO_TECHNIQUE = TechniqueFacts()
_NOTHING_CLINICAL = ClinicalFacts()


@dataclass(frozen=True, slots=True)
class StudyFacts:
    """What the check knows of the study; empty or None means not known.

    Dates are ISO 8601; ``laterality`` is R, L or empty; ``contrast`` None: unknown or not
    applicable; ``priors`` None: unknown, empty: there are none. ``is_incomplete``: images are
    known to be missing (D18), ``received`` of ``expected`` where they were counted.
    ``comparable_priors`` are dates of earlier studies of the same body region; ``external_prior``:
    one from elsewhere was seen. ``absent_organs`` are ids of organs (``resources/lexicon``) that
    were removed; ``required`` and ``required_sections`` what the template demands;
    ``known_lesions`` tracking UIDs of lesions that an earlier report told or rejected.
    """

    modality: str = ""
    body_part: str = ""
    patient_name: str = ""
    patient_sex: str = ""
    patient_birth_date: str = ""
    study_date: str = ""
    laterality: str = ""
    contrast: bool | None = None
    priors: tuple[str, ...] | None = None
    is_incomplete: bool = False
    received: int | None = None
    expected: int | None = None
    accession_number: str = ""
    patient_id: str = ""
    comparable_priors: tuple[str, ...] | None = None
    external_prior: bool = False
    series: tuple[SeriesFacts, ...] = ()
    finding_images: tuple[FindingImages, ...] = ()
    technique: TechniqueFacts = _NO_TECHNIQUE
    absent_organs: tuple[str, ...] = ()
    required: tuple[RequiredItem, ...] = ()
    required_sections: tuple[str, ...] = ()
    clinical: ClinicalFacts = _NOTHING_CLINICAL
    known_lesions: tuple[str, ...] = ()

    @property
    def incompleteness(self) -> Message | None:
        """What is missing, as a sentence without full stop; None where nothing is known to be."""
        if not self.is_incomplete:
            return None
        if self.received is None or self.expected is None:
            return Message(
                "the study is incomplete: not all its images were received",
                "исследование неполное: получены не все снимки",
            )
        return Message(
            f"the study is incomplete: {self.received} of {self.expected} images were received",
            f"исследование неполное: получено снимков {self.received} из {self.expected}",
        )


@dataclass(frozen=True, slots=True)
class Span:
    """Characters ``start <= n < end`` of the report text as given."""

    start: int
    end: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """One assertion read from the text: concept, presence, place and size."""

    concept: Code | None
    label: str
    presence: Presence
    laterality: Laterality | None
    site: Site | None
    sizes_mm: tuple[float, ...]
    change: Change | None
    section: str
    span: Span


@dataclass(frozen=True, slots=True)
class Fix:
    """A one-key repair: replace ``start..end`` (equal: insert) by ``insert``."""

    insert: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Softening:
    """Why a discrepancy weighs less here than its rule says: ``was`` is what the rule says."""

    was: Severity
    why: Message


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """Where report and findings (or study) disagree; ``id`` is stable for the same fault.

    ``softened``: the site's experience with the rule, or a second opinion, took weight from it.
    ``remark``: what a second opinion says of it, in its own words.
    """

    rule: str
    severity: Severity
    message: Message
    finding_uid: str | None = None
    spans: tuple[Span, ...] = ()
    fix: Fix | None = None
    softened: Softening | None = None
    remark: str = ""

    @property
    def id(self) -> str:
        """Rule, finding and the words concerned: stays the same while other text moves."""
        words = "|".join(span.text for span in self.spans)
        key = f"{self.rule}|{self.finding_uid or ''}|{words}"
        return f"{self.rule}:{hashlib.sha256(key.encode()).hexdigest()[:12]}"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of one check, bound by hashes to what it checked (law 4)."""

    language: Language
    report_sha256: str
    findings_sha256: str
    discrepancies: tuple[Discrepancy, ...]
    statements: tuple[Statement, ...]
    elapsed_ms: float

    @property
    def verdict(self) -> CheckVerdict:
        """``blocked`` if anything blocks, ``warnings`` if anything warns, else ``clean``."""
        severities = {item.severity for item in self.discrepancies}
        if "block" in severities:
            return "blocked"
        return "warnings" if "warn" in severities else "clean"


@dataclass(frozen=True, slots=True)
class SentenceLink:
    """A generated sentence, the finding it states and a hash of the content it was made from."""

    text: str
    finding_uid: str
    content_sha256: str


@dataclass(frozen=True, slots=True)
class Override:
    """A discrepancy that the signer lets stand, with the reason."""

    discrepancy_id: str
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """A report version. Signed versions never change; every change is a new version.

    ``preliminary``: signed by a resident, awaits co-signature. ``change`` is what this version is
    to its predecessor, ``change_reason`` why it was corrected. ``prior_signatures`` are those of
    earlier versions that this one rests on, oldest first. ``template_id`` names the template that
    the draft was made from.
    """

    uid: str
    study_instance_uid: str
    version: int
    language: Language
    text: str
    state: ReportState
    links: tuple[SentenceLink, ...] = ()
    overrides: tuple[Override, ...] = ()
    signature: Signature | None = None
    predecessor_uid: str = ""
    content_sha256: str = ""
    change: VersionChange = "original"
    change_reason: str = ""
    prior_signatures: tuple[Signature, ...] = ()
    communications: tuple[Communication, ...] = ()
    template_id: str = ""

    @property
    def is_final(self) -> bool:
        """Whether it is signed for good: neither a draft nor preliminary."""
        return self.state in ("signed", "amended")

    @property
    def signatures(self) -> tuple[Signature, ...]:
        """All signatures, oldest first."""
        own = () if self.signature is None else (self.signature,)
        return (*self.prior_signatures, *own)

    @property
    def communicated(self) -> frozenset[str]:
        """The findings of which a record says that somebody was told."""
        return frozenset(uid for record in self.communications for uid in record.finding_uids)


def text_sha256(text: str) -> str:
    """Hash of a report text, over its UTF-8 bytes."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def findings_sha256(findings: Iterable[Finding]) -> str:
    """Hash of the decided content of findings, independent of their order.

    Covers uid, state, current content: whatever changes the outcome of a check.
    """
    rows = sorted(repr((f.uid, f.state, f.current)) for f in findings)
    return hashlib.sha256(json.dumps(rows).encode("utf-8")).hexdigest()
