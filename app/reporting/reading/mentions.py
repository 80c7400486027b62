"""Mentions of findings: what is named, whether it is asserted, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from app.core.codes import Laterality
from app.core.report import Change
from app.reporting.reading.assertion import Assertion, AssertionReader
from app.reporting.reading.attributes import AttributeReader
from app.reporting.reading.document import Document, Sentence
from app.reporting.reading.lexicon import NEGATIONS, denied_when_normal, heads
from app.reporting.reading.lexicon import concept as concept_of
from app.reporting.reading.patterns import Hit
from app.reporting.reading.sizes import Size

_Row = tuple[Hit, str, str]  # a name, its concept, the organ it stands with
Polarity = Literal["present", "absent", "uncertain", "context"]


@dataclass(frozen=True, slots=True)
class Mention:
    """A finding named in the text.

    ``polarity`` ``context`` is history, a question or a condition: named, not stated.
    ``implied``: a normal statement that denies the finding without naming it. ``limit``: a
    denial of *other*, *new* or *large* ones only. ``sites`` hold ``axis=value``. ``organ``, ``hit``
    and ``assertion`` say how it was read.
    """

    concept: str
    polarity: Polarity
    implied: bool
    limit: Literal["", "soft", "hard"]
    plural: bool
    side: Laterality | None
    sites: frozenset[str]
    sizes: tuple[Size, ...]
    change: Change | None
    section: str
    sentence: int
    start: int
    end: int
    side_span: tuple[int, int] | None = None
    site_spans: tuple[tuple[str, int, int], ...] = ()
    organ: str = ""
    hit: Hit | None = None
    assertion: Assertion | None = None

    @property
    def is_stated(self) -> bool:
        """Present or hedged: the report says that the finding is there."""
        return self.polarity in ("present", "uncertain")

    @property
    def limited(self) -> bool:
        """A denial of some kinds of the finding only: no contradiction of others."""
        return bool(self.limit)

    @property
    def sizes_mm(self) -> tuple[float, ...]:
        """Current lengths, ranges and earlier values left out."""
        return tuple(
            value
            for size in self.sizes
            if not size.earlier and not size.is_range
            for value in size.values_mm
        )


def mentions_of(document: Document, region: str = "") -> tuple[Mention, ...]:
    """All mentions in ``document``; ``region`` is the body part, used where no organ is named."""
    resolver = _Resolver(document, region)
    found: list[Mention] = []
    assertion = AssertionReader(document)
    named: list[list[_Row]] = []
    for number, sentence in enumerate(document.sentences):
        named.append(resolver.named(sentence, number))
    attributes = AttributeReader(document, [[row[0] for row in rows] for rows in named])
    for number, (sentence, rows) in enumerate(zip(document.sentences, named, strict=True)):
        for hit, concept, organ in rows:
            stated = assertion.judge(number, hit)
            what = attributes.read(number, hit, organ, stated.polarity)
            sided = concept_of(concept).sided
            words = document.words
            found.append(
                Mention(
                    concept=concept,
                    polarity=stated.polarity,
                    implied=hit.kind == "denied",
                    limit=stated.limit,
                    plural=what.plural,
                    side=what.side if sided else None,
                    sites=what.sites,
                    sizes=what.sizes,
                    change=what.change,
                    section=sentence.section,
                    sentence=number,
                    start=words[hit.first].start,
                    end=words[hit.last - 1].end,
                    side_span=what.side_span if sided else None,
                    site_spans=what.site_spans,
                    organ=organ,
                    hit=hit,
                    assertion=stated,
                )
            )
    return tuple(_with_shared_attributes(found))


def _with_shared_attributes(mentions: list[Mention]) -> Iterable[Mention]:
    """A finding named twice in a sentence ("emphysema, bullae up to 3 cm") is one finding."""
    sized: dict[tuple[int, str], Mention] = {}
    sided: dict[tuple[int, str], Mention] = {}
    for mention in mentions:
        key = (mention.sentence, mention.concept)
        if mention.is_stated and mention.sizes:
            sized.setdefault(key, mention)
            for parent in concept_of(mention.concept).parents:
                sized.setdefault((mention.sentence, parent), mention)
        if mention.is_stated and mention.side:
            sided.setdefault(key, mention)
    for mention in mentions:
        key = (mention.sentence, mention.concept)
        shared = mention
        if mention.is_stated and not mention.sizes and key in sized:
            shared = replace(shared, sizes=sized[key].sizes)
        if mention.is_stated and mention.side is None and key in sided:
            other = sided[key]
            shared = replace(shared, side=other.side, side_span=other.side_span)
        yield shared


class _Resolver:
    """Turns lexicon hits into concepts: direct names, and heads by their organ."""

    def __init__(self, document: Document, region: str) -> None:
        self._document = document
        self._region = region or _guess_region(document)
        self._by_start: dict[int, list[Hit]] = {}
        for hit in document.hits:
            self._by_start.setdefault(hit.first, []).append(hit)
        self._previous_organs: list[str] = []
        self._previous_section = ""

    def named(self, sentence: Sentence, number: int) -> list[_Row]:
        """(hit, concept, organ) of a sentence, in order."""
        hits = [
            hit
            for first in range(sentence.first, sentence.last)
            for hit in self._by_start.get(first, ())
            if hit.last <= sentence.last
        ]
        organs = _without_contained([hit for hit in hits if hit.kind == "organ"])
        if sentence.section != self._previous_section:
            self._previous_organs = []
            self._previous_section = sentence.section
        rows: list[_Row] = []
        for hit in _names(hits, organs):
            if self._is_surname(hit):
                continue
            if hit.kind == "head":
                concept, organ = self._resolve(hit, organs, sentence)
            else:
                concept, organ = hit.value, self._nearest(hit, organs, sentence)
            if concept:
                rows.append((hit, concept, organ))
        rows.extend(self._of_joined_organs(hits, organs, rows))
        rows.extend(_called_normal(sentence, hits, organs, rows))
        if organs:
            self._previous_organs = [organ.value for organ in organs]
        return _distinct(rows)

    def _of_joined_organs(
        self, hits: Sequence[Hit], organs: Sequence[Hit], rows: Sequence[_Row]
    ) -> list[_Row]:
        """The other findings of a noun shared by two organs ("pleural or pericardial effusion")."""
        found: list[_Row] = []
        nouns = [hit for hit in hits if hit.kind == "head"]
        for hit, concept, organ in rows:
            near = [o for o in organs if o.value == organ and hit.first <= o.first <= hit.last + 2]
            for noun in (n for n in nouns if hit.first <= n.first and n.last <= hit.last):
                for other in organs:
                    meant = heads()[noun.value].organs.get(other.value, "")
                    if other.value == organ or not meant or meant == concept:
                        continue
                    is_before = self._joined(other.last, hit.first)
                    if is_before or any(self._joined(one.last, other.first) for one in near):
                        first, last = min(other.first, noun.first), max(other.last, noun.last)
                        found.append((replace(noun, first=first, last=last), meant, other.value))
        return found

    def _joined(self, first: int, last: int) -> bool:
        """Whether an "and" or "or" stands between two words, after one noun at most."""
        return last - first in (1, 2) and self._document.words[last - 1].text in _JOINTS

    def _is_surname(self, hit: Hit) -> bool:
        """Whether the words are somebody's name ("Dr. Stone")."""
        words = self._document.words
        if hit.first == 0 or words[hit.first - 1].text not in _TITLES:
            return False
        return self._document.text[words[hit.first].start].isupper()

    def _resolve(self, hit: Hit, organs: Sequence[Hit], sentence: Sentence) -> tuple[str, str]:
        head = heads()[hit.value]
        fitting = [organ for organ in organs if organ.value in head.organs]
        nearest = self._nearest(hit, fitting, sentence)
        if nearest:
            return head.organs[nearest], nearest
        if not organs:
            for organ in self._previous_organs:
                if organ in head.organs:
                    return head.organs[organ], organ
        if self._region in head.regions:
            return head.regions[self._region], ""
        return head.default, ""

    def _nearest(self, hit: Hit, organs: Sequence[Hit], sentence: Sentence) -> str:
        best, best_rank = "", (9, 999)
        for organ in organs:
            clauses = abs(_clause_at(sentence, organ.first) - _clause_at(sentence, hit.first))
            if hit.first <= organ.first < hit.last or organ.first <= hit.first < organ.last:
                distance = 0
            elif organ.first >= hit.last:
                distance = organ.first - hit.last + 1
            else:
                distance = hit.first - organ.last + 1
            rank = (min(clauses, 2), distance)
            if rank < best_rank:
                best, best_rank = organ.value, rank
        return best


def _called_normal(
    sentence: Sentence, hits: Sequence[Hit], organs: Sequence[Hit], rows: Sequence[_Row]
) -> list[_Row]:
    """Denials by a normal organ ("intact menisci"), where its clause names no finding."""
    found = []
    for normal in (hit for hit in hits if hit.kind == "normal"):
        at = _clause_at(sentence, normal.first)
        clause = sentence.clauses[at]
        first = clause.first
        if clause.opens == ":" and at > 0:
            first = sentence.clauses[at - 1].first  # "Adrenals: normal"
        if any(first <= row[0].first < clause.last for row in rows):
            continue
        near = [organ for organ in organs if first <= organ.first < clause.last]
        for organ in near[:1]:
            concept = denied_when_normal().get(organ.value)
            if concept:
                start, end = sorted((organ, normal), key=lambda hit: hit.first)
                denial = Hit("denied", concept, start.first, max(end.last, start.last))
                found.append((denial, concept, organ.value))
    return found


def _clause_at(sentence: Sentence, word: int) -> int:
    for number, clause in enumerate(sentence.clauses):
        if clause.first <= word < clause.last:
            return number
    return len(sentence.clauses) - 1


def _names(hits: Iterable[Hit], organs: Sequence[Hit]) -> list[Hit]:
    """Concept, denial and head hits without those that lie inside a longer one."""
    named = [hit for hit in hits if hit.kind in ("concept", "denied", "head")]
    # A denial with a "not" in one of its gaps ("... is not intact") denies nothing.
    nots = [hit for hit in hits if hit.kind in NEGATIONS]
    named = [h for h in named if h.kind != "denied" or not any(h.spans(cue) for cue in nots)]
    denied = [hit for hit in named if hit.kind == "denied"]
    kept = []
    for hit in named:
        inside_denial = hit.kind != "denied" and any(
            other.first < hit.last and hit.first < other.last for other in denied
        )
        # "Lymph nodes" is an organ: its "nodes" are no finding.
        inside_organ = hit.kind == "head" and any(
            organ.owns(hit) and organ.last - organ.first > hit.last - hit.first for organ in organs
        )
        if not inside_denial and not inside_organ:
            kept.append(hit)
    return _without_contained(_without_general(kept))


def _without_general(hits: Sequence[Hit]) -> list[Hit]:
    """Names without those that overlap a name of a more special concept of theirs."""
    direct = [hit for hit in hits if hit.kind == "concept"]
    return [
        hit
        for hit in hits
        if hit.kind != "concept"
        or not any(
            other is not hit
            and (other.first, other.last) != (hit.first, hit.last)
            and other.first < hit.last
            and hit.first < other.last
            and hit.value in concept_of(other.value).parents
            for other in direct
        )
    ]


def _without_contained(hits: Sequence[Hit]) -> list[Hit]:
    kept = []
    for hit in hits:
        covered = any(
            other is not hit
            and other.first <= hit.first
            and hit.last <= other.last
            and (other.last - other.first > hit.last - hit.first)
            for other in hits
        )
        if not covered:
            kept.append(hit)
    return kept


def _distinct(rows: list[_Row]) -> list[_Row]:
    """One row per place and concept; a direct name wins over a head at the same words."""
    direct = {(hit.first, hit.last) for hit, _, _ in rows if hit.kind != "head"}
    seen: set[tuple[int, int, str]] = set()
    kept = []
    for hit, concept, organ in sorted(rows, key=lambda row: (row[0].first, row[0].last)):
        key = (hit.first, hit.last, concept)
        if key in seen or (hit.kind == "head" and (hit.first, hit.last) in direct):
            continue
        seen.add(key)
        kept.append((hit, concept, organ))
    return kept


_JOINTS = frozenset({"and", "or", "nor", "и", "или", "ни"})
_TITLES = frozenset({"dr", "prof", "mr", "mrs", "ms", "доктор", "доктору", "врачу", "врач"})
_REGION_ORGANS = {
    "CHEST": {"lung", "pleura", "heart", "mediastinum", "rib", "diaphragm"},
    "ABDOMEN": {"liver", "kidney", "spleen", "pancreas", "gallbladder", "adrenal", "peritoneum"},
    "HEAD": {"brain", "skull", "ventricle", "sinus", "pituitary"},
    "KNEE": {"meniscus", "acl", "knee", "condyle", "cruciate"},
    "BREAST": {"breast"},
    "LSPINE": {"vertebra", "disc", "canal"},
}


def _guess_region(document: Document) -> str:
    """The body part that most organ words of the text belong to; empty when there are none."""
    counts = dict.fromkeys(_REGION_ORGANS, 0)
    for hit in document.hits:
        if hit.kind == "organ":
            for region, organs in _REGION_ORGANS.items():
                counts[region] += hit.value in organs
    best = max(counts, key=lambda region: counts[region])
    return best if counts[best] else ""
