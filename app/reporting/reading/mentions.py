"""Mentions of findings: what is named, whether it is asserted, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from app.core.codes import Laterality
from app.core.report import Change
from app.reporting.reading.assertion import Assertion, AssertionReader
from app.reporting.reading.attributes import AttributeReader
from app.reporting.reading.document import Document
from app.reporting.reading.lexicon import concept as concept_of
from app.reporting.reading.naming import Namer, Row
from app.reporting.reading.patterns import Hit
from app.reporting.reading.sizes import Size

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
    resolver = Namer(document, region)
    found: list[Mention] = []
    assertion = AssertionReader(document)
    named: list[list[Row]] = []
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
