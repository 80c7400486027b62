"""Which finding does which mention speak of? An assignment per section of the report.

A mention scores for a finding by concept, side, place, size and the images named in its sentence.
The best pairs are taken first, so that two nodules do not share one sentence; what is left over
may share a mention that contradicts nothing ("multiple nodules").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.core.study_details import FindingImages
from app.reporting.extract import Reading
from app.reporting.image_references import agreement, references_in
from app.reporting.reading.lexicon import concept as concept_of
from app.reporting.reading.mentions import Mention
from app.reporting.subjects import Subject

_EXACT, _NEAR = 4.0, 2.0
_SIDE_FITS, _SIDE_DIFFERS = 3.0, -2.0
_SITE_FITS, _SITE_DIFFERS = 2.0, -1.5
_SIZE_FITS, _SIZE_DIFFERS = 2.0, -0.5
_BOTH_DIFFER = -1.5
_IMAGE_FITS, _IMAGE_DIFFERS = 3.0, -1.0
_LEAST = 1.0
_SAME_SIZE_MM, _SAME_SIZE_SHARE = 1.0, 0.1
_LUNG_LOBES = {
    "S1": "upper", "S2": "upper", "S3": "upper", "S6": "lower", "S7": "lower", "S8": "lower",
    "S9": "lower", "S10": "lower",
}  # fmt: skip


@dataclass(slots=True)
class Matches:
    """Mentions of one finding by section; the first of each list is the best."""

    subject: Subject
    by_section: dict[str, list[Mention]] = field(default_factory=dict)

    def of(self, section: str) -> list[Mention]:
        """The mentions in a section."""
        return self.by_section.get(section, [])

    @property
    def all(self) -> list[Mention]:
        """The mentions of all sections, findings first."""
        return [m for name in ("findings", "impression") for m in self.of(name)]


def is_same_concept(wanted: str, named: str) -> bool:
    """Whether a mention names exactly the concept of a finding."""
    return bool(wanted) and wanted == named


def is_near_concept(wanted: str, named: str) -> bool:
    """Whether one may stand for the other in a text (mass and lesion, pneumonia and opacity)."""
    one, other = concept_of(wanted), concept_of(named)
    related = one.near | one.parents
    return named in related or wanted in other.near or wanted in other.parents


def side_agrees(subject: Subject, mention: Mention) -> bool | None:
    """True: same side; False: the opposite one; None: nothing to compare."""
    one, two = subject.side, mention.side
    if one not in ("left", "right", "bilateral") or two is None:
        return None
    if one == two:
        return True
    return None if "bilateral" in (one, two) else False


def sites_of(concept: str, sites: frozenset[str]) -> dict[str, str]:
    """Places by axis, with the lobe that a lung segment lies in."""
    found: dict[str, str] = {}
    for site in sorted(sites):
        axis, value = site.split("=", 1)
        joint = "-" if axis == "level" else " "
        found[axis] = f"{found[axis]}{joint}{value}" if axis in found else value
    segment = found.get("segment", "")
    if "lobe" not in found and segment in _LUNG_LOBES and not concept.startswith("liver"):
        found["lobe"] = _LUNG_LOBES[segment]
    return found


def compare_sites(subject: Subject, mention: Mention) -> tuple[set[str], set[str]]:
    """(axes that agree, axes that differ) between a finding and a mention."""
    ours = sites_of(subject.concept, subject.sites)
    theirs = sites_of(subject.concept, mention.sites)
    same: set[str] = set()
    other: set[str] = set()
    for axis in ours.keys() & theirs.keys():
        one, two = set(ours[axis].split(" ")), set(theirs[axis].split(" "))
        if axis == "level":
            one, two = set(ours[axis].split("-")), set(theirs[axis].split("-"))
        if one == two or one <= two or two <= one:
            same.add(axis)
        else:
            other.add(axis)
    return same, other


def size_agrees(subject: Subject, mention: Mention) -> bool | None:
    """Whether some length of the mention is one of the finding; None: nothing to compare."""
    if not subject.lengths_mm or not mention.sizes_mm:
        return None
    return any(
        abs(one - two) <= max(_SAME_SIZE_MM, _SAME_SIZE_SHARE * two)
        for one in mention.sizes_mm
        for two in subject.lengths_mm
    )


def _size_gap(subject: Subject, mention: Mention) -> float:
    """Least difference in mm between a length of the finding and one of the mention."""
    return min(
        (abs(one - two) for one in mention.sizes_mm for two in subject.lengths_mm), default=0.0
    )


def score(subject: Subject, mention: Mention) -> float:
    """How well a mention fits a finding; below ``_LEAST`` it does not."""
    if is_same_concept(subject.concept, mention.concept):
        total = _EXACT
    elif is_near_concept(subject.concept, mention.concept):
        total = _NEAR
    else:
        return -1.0
    side = side_agrees(subject, mention)
    if side is not None:
        total += _SIDE_FITS if side else _SIDE_DIFFERS
    same, other = compare_sites(subject, mention)
    total += _SITE_FITS * bool(same) + _SITE_DIFFERS * bool(other)
    size = size_agrees(subject, mention)
    if size is not None:
        total += _SIZE_FITS if size else _SIZE_DIFFERS
    if side is False and size is False:
        total += _BOTH_DIFFER  # another finding, not this one with two errors
    return total


def match(
    subjects: Sequence[Subject], reading: Reading, images: Sequence[FindingImages] = ()
) -> dict[str, Matches]:
    """Mentions per finding uid, by section; only statements, not denials.

    ``images`` say where findings lie: an image that the sentence names then tells them apart.
    """
    found = {subject.uid: Matches(subject) for subject in subjects}
    shown = _shown_in(reading, images)
    for section in ("findings", "impression"):
        mentions = [m for m in reading.mentions if m.section == section and m.is_stated]
        for uid, chosen in _assign(subjects, mentions, shown).items():
            found[uid].by_section[section] = chosen
    return found


def _shown_in(reading: Reading, images: Sequence[FindingImages]) -> dict[tuple[str, int], float]:
    """(finding uid, number of the sentence): what the images named there add to the fit."""
    found: dict[tuple[str, int], float] = {}
    by_uid: dict[str, list[FindingImages]] = {}
    for place in images:
        by_uid.setdefault(place.finding_uid, []).append(place)
    for number, sentence in enumerate(reading.document.sentences) if by_uid else ():
        named = list(references_in(reading.document.text, sentence.start, sentence.end))
        for uid, places in by_uid.items():
            agrees = agreement(named, places)
            if agrees is not None:
                found[uid, number] = _IMAGE_FITS if agrees else _IMAGE_DIFFERS
    return found


def _assign(
    subjects: Sequence[Subject],
    mentions: Sequence[Mention],
    shown: Mapping[tuple[str, int], float],
) -> dict[str, list[Mention]]:
    by_uid = {subject.uid: subject for subject in subjects}
    scored = (
        (fit + shown.get((subject.uid, mention.sentence), 0.0), subject, number)
        for subject in subjects
        for number, mention in enumerate(mentions)
        if (fit := score(subject, mention)) >= _LEAST  # an image alone ties nothing
    )
    pairs = sorted(
        ((-fit, subject.uid, number) for fit, subject, number in scored if fit >= _LEAST),
        # of equal fits that of the nearest size, then that which the text names first
        key=lambda pair: (
            pair[0], _size_gap(by_uid[pair[1]], mentions[pair[2]]), pair[2], pair[1],
        ),
    )  # fmt: skip
    chosen: dict[str, list[Mention]] = {}
    taken: set[tuple[int, str]] = set()  # (number of the mention, concept of the finding)
    claimed: set[int] = set()  # mentions that speak of a finding already, itself or beside it
    equals: dict[tuple[float, str], list[int]] = {}
    for rank, uid, number in pairs:
        equals.setdefault((rank, uid), []).append(number)
    for rank, uid, number in pairs:
        subject, mention = by_uid[uid], mentions[number]
        if uid in chosen or (number, subject.concept) in taken:
            continue
        if number in claimed and (
            not _contradicts_nothing(subject, mention)
            # a mention as good that speaks of nothing yet comes first
            or any(other not in claimed for other in equals[rank, uid])
        ):
            continue
        chosen[uid] = [mention, *_companions(subject, mention, mentions)]
        taken.add((number, subject.concept))
        claimed.update(n for n, m in enumerate(mentions) if any(m is c for c in chosen[uid]))
    exact = {number for number, concept in taken if mentions[number].concept == concept}
    for _, uid, number in pairs:
        subject, mention = by_uid[uid], mentions[number]
        if number in exact and mention.concept != subject.concept and not mention.plural:
            continue  # it names another finding: a near name is no second word for this one
        if shown.get((uid, mention.sentence), 0.0) < 0.0:
            continue  # the images named are of another one
        if uid not in chosen and _contradicts_nothing(subject, mention):
            chosen[uid] = [mention, *_companions(subject, mention, mentions)]
    return chosen


def _contradicts_nothing(subject: Subject, mention: Mention) -> bool:
    if side_agrees(subject, mention) is False or compare_sites(subject, mention)[1]:
        return False
    return mention.plural or size_agrees(subject, mention) is not False


def _companions(subject: Subject, chosen: Mention, mentions: Sequence[Mention]) -> list[Mention]:
    """Other mentions in the same sentence that speak of the same thing."""
    return [
        other
        for other in mentions
        if other is not chosen
        and other.sentence == chosen.sentence
        and (
            is_same_concept(subject.concept, other.concept)
            or is_near_concept(subject.concept, other.concept)
        )
        and side_agrees(subject, other) is not False
    ]
