"""What is said of a mention: side, place, size, change.

Words bind to the mention in their own clause first, then to one in a neighboring clause that
has no finding of its own, so that no side is taken from another organ's phrase.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.core.codes import Laterality
from app.core.report import Change
from app.reporting.reading.document import Clause, Document, Sentence, by_sentence
from app.reporting.reading.leads import leads_of
from app.reporting.reading.levels import numbered_sites
from app.reporting.reading.lexicon import CHANGES, kin_organs
from app.reporting.reading.patterns import Hit
from app.reporting.reading.sizes import Size, sizes_in

_JOINTS = frozenset({"and", "и", "а"})
# "An aneurysm of 52 mm with a thrombus": the size is not that of what comes with it.
_WITH = re.compile(r"^\W*(?:с|со|with|and|и)\s", re.IGNORECASE)
_FAR = 1000
_SAY_SIZE = re.compile(
    r"^\W*(?:размер\w*|диаметр\w*|максимальн\w*|толщин\w*|it |this |these |measur\w*|size|"
    r"maximum|diameter|в динамике|отрицательн\w*|положительн\w*|без динамик\w*)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Attributes:
    """Side (with the span of its word), ``axis=value`` places, sizes, change, plurality.

    ``site_spans``: each place with the characters that say it.
    """

    side: Laterality | None
    side_span: tuple[int, int] | None
    sites: frozenset[str]
    sizes: tuple[Size, ...]
    change: Change | None
    plural: bool
    site_spans: tuple[tuple[str, int, int], ...] = ()


class AttributeReader:
    """Binds attributes to the mentions of one document; ``named`` are those of each sentence."""

    def __init__(self, document: Document, named: Sequence[Sequence[Hit]]) -> None:
        self._document = document
        self._named = named
        rows: dict[str, list[Hit]] = {}
        for hit in document.hits:
            rows.setdefault("change" if hit.kind in CHANGES else hit.kind, []).append(hit)

        def of(*kinds: str) -> list[list[Hit]]:
            return by_sentence(document, [hit for kind in kinds for hit in rows.get(kind, [])])

        self._sides = of("side")
        self._organs = of("organ")
        self._denials = of("normal", "neg_post")
        self._plurals = of("plural")
        self._changes = [_longest(row) for row in of("change")]
        numbered = by_sentence(document, numbered_sites(document))
        self._sites = [_longest(row) + more for row, more in zip(of("site"), numbered, strict=True)]
        self._sizes = [
            list(sizes_in(document.text, sentence.start, sentence.end))
            for sentence in document.sentences
        ]
        self._leads = list(leads_of(document, self._sides, self._organs, named))

    def read(self, number: int, hit: Hit, organ: str, polarity: str) -> Attributes:
        """The attributes of mention ``hit`` in sentence ``number``."""
        sentence = self._document.sentences[number]
        at = _clause_number(sentence, hit.first)
        clauses = self._clauses_for(sentence, number, hit, is_denied=polarity == "absent")
        side, span = self._side(clauses, number, hit)
        if side is None:
            side, span = self._led_side(number, organ, is_denied=polarity == "absent")
        places = self._places(clauses, number, hit)
        return Attributes(
            side,
            span,
            frozenset(place.value for place in places),
            self._lengths(sentence, number, at, hit, organ) if polarity != "absent" else (),
            self._change(sentence, number, hit),
            bool(self._plurals[number]),
            tuple((place.value, *self._span(place)) for place in places),
        )

    def places_anywhere(self) -> frozenset[str]:
        """All places named in the document, whatever they are said of."""
        return frozenset(site.value for row in self._sites for site in row)

    def _side(
        self, clauses: Sequence[Clause], number: int, hit: Hit
    ) -> tuple[Laterality | None, tuple[int, int] | None]:
        for clause in clauses:
            sides = [s for s in self._sides[number] if clause.first <= s.first < clause.last]
            if not sides:
                continue
            values = {s.value for s in sides}
            if "bilateral" in values and len(values) == 1:
                return "bilateral", self._span(sides[0])
            if {"left", "right"} <= values and self._joined(sides):
                return "bilateral", self._span(sides[0])
            nearest = min(sides, key=lambda side: self._remoteness(number, side, hit))
            value: Laterality = nearest.value  # type: ignore[assignment]
            return value, self._span(nearest)
        return None, None

    def _led_side(
        self, number: int, organ: str, *, is_denied: bool
    ) -> tuple[Laterality | None, tuple[int, int] | None]:
        """The side that the line began with ("Left kidney: ... . No stone."), of its organ."""
        lead = self._leads[number]
        if lead is None:
            return None, None
        side, of = lead
        kin = kin_organs().get(of, frozenset()) if not is_denied else frozenset()
        if of and organ and organ != of and organ not in kin:
            return None, None
        value: Laterality = side.value  # type: ignore[assignment]
        return value, self._span(side)

    def _remoteness(self, number: int, side: Hit, hit: Hit) -> tuple[int, int]:
        """How far a side word is: other findings and an "and" in between count first."""
        first, last = min(side.last, hit.last), max(side.first, hit.first)
        between = sum(first <= other.first and other.last <= last for other in self._named[number])
        joint = any(word.text in _JOINTS for word in self._document.words[first:last])
        return between + joint, _distance(side, hit)

    def _joined(self, sides: list[Hit]) -> bool:
        """Whether two side words are coordinated ("справа и слева", "right and left")."""
        for one, two in itertools.pairwise(sides):
            between = self._document.words[one.last : two.first]
            if len(between) == 1 and between[0].text in ("и", "and", "or", "или"):
                return True
        return False

    def _places(self, clauses: Sequence[Clause], number: int, hit: Hit) -> list[Hit]:
        found: dict[str, Hit] = {}
        for clause in clauses:
            here: dict[str, list[Hit]] = {}
            for site in self._sites[number]:
                if clause.first <= site.first < clause.last:
                    here.setdefault(site.value.partition("=")[0], []).append(site)
            for axis, sites in here.items():
                if axis not in found:
                    nearest = min(sites, key=lambda s: _distance(s, hit))
                    found[axis] = nearest
        return list(found.values())

    def _clauses_for(
        self, sentence: Sentence, number: int, hit: Hit, *, is_denied: bool
    ) -> list[Clause]:
        """The mention's clause, those after it that hold no finding, those before it.

        A denial takes nothing from before a finding: "nodule on the right, no effusion" denies the
        effusion on both sides.
        """
        clauses = sentence.clauses
        at = _clause_number(sentence, hit.first)
        last = max(at, _clause_number(sentence, hit.last - 1))
        chosen = list(clauses[at : last + 1])  # "Adrenals: right normal" reaches over a colon
        for near in range(last + 1, len(clauses)):
            clause = clauses[near]
            if clause.opens not in (",", "(", "-", ":", ")") or self._speaks(clause, number):
                break
            chosen.append(clause)
        for near in range(at - 1, -1, -1):
            if clauses[near + 1].opens in (";", "contrast"):
                break
            if is_denied and self._speaks(clauses[near], number):
                break
            chosen.append(clauses[near])
        return chosen

    def _speaks(self, clause: Clause, number: int) -> bool:
        """Whether a clause names a finding or says that something is normal."""
        rows = [*self._named[number], *self._denials[number]]
        return any(clause.first <= hit.first < clause.last for hit in rows)

    def _lengths(
        self, sentence: Sentence, number: int, at: int, hit: Hit, organ: str
    ) -> tuple[Size, ...]:
        found: list[Size] = []
        for size in self._sizes[number]:
            owner = self._owner(sentence, number, size)
            if owner is not None and (owner.first, owner.last) == (hit.first, hit.last):
                found.append(size)
        if found or hit is not self._last_named(number):
            return tuple(found)
        following = number + 1
        if following < len(self._document.sentences) and not self._named[following]:
            next_sentence = self._document.sentences[following]
            text = self._document.text[next_sentence.start : next_sentence.end]
            if next_sentence.section == sentence.section and _SAY_SIZE.match(text):
                found.extend(self._sizes[following])
        return tuple(found)

    def _last_named(self, number: int) -> Hit | None:
        return self._named[number][-1] if self._named[number] else None

    def _owner(self, sentence: Sentence, number: int, size: Size) -> Hit | None:
        """The mention that a size belongs to: in its clause, else the last one before it."""
        rows = [hit for hit in self._named[number] if hit.kind != "denied"]
        words = self._document.words
        here = next(
            (c for c in sentence.clauses
             if words[c.first].start <= size.start < words[c.last - 1].end + 8),
            sentence.clauses[-1],
        )  # fmt: skip
        for clause in sentence.clauses:
            if words[clause.first].start <= size.start <= words[clause.last - 1].end:
                here = clause
        inside = [hit for hit in rows if here.first <= hit.first < here.last]
        before = [hit for hit in rows if words[hit.first].start < size.start]
        if inside and here.opens == ")" and before and before[-1].first < here.first:
            # "a lesion (its nature) 34 mm with oedema": the bracket does not part it from its size
            return before[-1]
        if inside:
            return min(inside, key=lambda hit: self._gap(hit, size))
        if before:
            return before[-1] if self._same_place(number, here) else None
        after = [hit for hit in rows if words[hit.first].start > size.start]
        if not after or here is not sentence.clauses[0] or self._is_of_organ(number, here, size):
            return None
        return after[0]

    def _is_of_organ(self, number: int, clause: Clause, size: Size) -> bool:
        """Whether a size is that of an organ before a colon ("Left kidney 110 x 50 mm: ...")."""
        words = self._document.words
        following = self._document.sentences[number].clauses[1:2]
        return any(clause.opens == ":" for clause in following) and any(
            clause.first <= organ.first < clause.last and words[organ.first].start < size.start
            for organ in self._organs[number]
        )

    def _same_place(self, number: int, clause: Clause) -> bool:
        """Whether a clause speaks of the organ of the words before it, or of none."""
        organs = self._organs[number]
        there = {o.value for o in organs if clause.first <= o.first < clause.last}
        own = {o.value for o in organs if o.first < clause.first}
        if not there or not own:
            return True
        kin = kin_organs()
        return any(organ in own or own & kin.get(organ, frozenset()) for organ in there)

    def _gap(self, hit: Hit, size: Size) -> int:
        words = self._document.words
        start, end = words[hit.first].start, words[hit.last - 1].end
        if size.start >= end:
            return size.start - end
        between = self._document.text[size.end : start]
        return 2 * (start - size.end) + _FAR * bool(_WITH.search(between))

    def _change(self, sentence: Sentence, number: int, hit: Hit) -> Change | None:
        rows = [number]
        following = number + 1
        if (
            hit is self._last_named(number)
            and following < len(self._document.sentences)
            and not self._named[following]
            and self._document.sentences[following].section == sentence.section
        ):
            rows.append(following)
        for one in rows:
            for change in self._changes[one]:
                if not (hit.first <= change.first < hit.last):
                    value: Change = change.kind  # type: ignore[assignment]
                    return value
        return None

    def _span(self, hit: Hit) -> tuple[int, int]:
        words = self._document.words
        return words[hit.first].start, words[hit.last - 1].end


def changes_of(document: Document) -> tuple[Change | None, ...]:
    """The first word for an interval change in each sentence, or None."""
    # "increased interstitial markings", "degenerative change" are names and tell of no change
    names = [hit for hit in document.hits if hit.kind == "concept"]
    rows = by_sentence(
        document,
        [
            hit
            for hit in document.hits
            if hit.kind in CHANGES
            and not any(n.first < hit.last and hit.first < n.last for n in names)
        ],
    )
    found: list[Change | None] = []
    for row in map(_longest, rows):
        kind: Change | None = row[0].kind if row else None  # type: ignore[assignment]
        found.append(kind)
    return tuple(found)


def places_of(document: Document) -> tuple[frozenset[str], ...]:
    """``axis=value`` places and ``side=...`` named in each sentence."""
    kinds = [hit for hit in document.hits if hit.kind in ("site", "side")]
    rows = by_sentence(document, [*kinds, *numbered_sites(document)])
    return tuple(
        frozenset(f"side={hit.value}" if hit.kind == "side" else hit.value for hit in row)
        for row in rows
    )


def _longest(hits: list[Hit]) -> list[Hit]:
    return [
        hit
        for hit in hits
        if not any(
            o.first <= hit.first and hit.last <= o.last and o.last - o.first > hit.last - hit.first
            for o in hits
        )
    ]


def _distance(one: Hit, other: Hit) -> int:
    if one.first >= other.last:
        return 2 * (one.first - other.last) + 1
    if one.last <= other.first:
        return 2 * (other.first - one.last)
    return 0


def _clause_number(sentence: Sentence, word: int) -> int:
    for number, clause in enumerate(sentence.clauses):
        if clause.first <= word < clause.last:
            return number
    return len(sentence.clauses) - 1
