"""How a report text was read: sections, sentences, clauses, names, cues and what they bind."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.finding import Presence
from app.core.report import Language, Message, Span
from app.reporting.extract import Reading, language_of, read
from app.reporting.reading.cues import CUES, settled
from app.reporting.reading.document import Sentence, by_sentence
from app.reporting.reading.lexicon import concept as concept_of
from app.reporting.reading.mentions import Mention
from app.reporting.reading.patterns import Hit

_NAMES = ("concept", "head", "denied")


@dataclass(frozen=True, slots=True)
class Bound:
    """Something said of a mention: ``kind`` (side, site, size, change), its value and words."""

    kind: str
    value: str
    span: Span | None
    where: Message


@dataclass(frozen=True, slots=True)
class ExplainedMention:
    """A name in the text, the concept it was taken for, and why it was read as it was.

    ``term`` is the entry of the lexicon that matched, ``organ`` the organ that decided the
    concept of a general word; ``cue`` are the words that decided ``presence``.
    """

    concept: str
    label: Message
    code: str
    term: str
    organ: str
    span: Span
    presence: Presence
    reason: Message
    cue: Span | None
    bound: tuple[Bound, ...]


@dataclass(frozen=True, slots=True)
class Cue:
    """Words that can decide an assertion; ``holds``: not part of a name or of a longer cue."""

    kind: str
    term: str
    span: Span
    holds: bool


@dataclass(frozen=True, slots=True)
class ExplainedClause:
    """A clause: the separator that opens it, and its words as they are compared."""

    opens: str
    words: str
    span: Span


@dataclass(frozen=True, slots=True)
class ExplainedSentence:
    """One sentence of the report."""

    section: str
    span: Span
    clauses: tuple[ExplainedClause, ...]
    cues: tuple[Cue, ...]
    mentions: tuple[ExplainedMention, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The reading of a whole text. ``sections``: name, header as written, span of the body."""

    language: Language
    sections: tuple[tuple[str, str, Span], ...]
    sentences: tuple[ExplainedSentence, ...]


_REASONS = {
    "plain": Message("stated: no word denies or hedges it", "утверждается: ничто не отрицает"),
    "section": Message(
        "not stated: it stands in a section that asks or tells of the past",
        "не утверждается: стоит в разделе вопроса или анамнеза",
    ),
    "history": Message("not stated: history", "не утверждается: анамнез"),
    "condition": Message("not stated: a question or a condition", "не утверждается: вопрос"),
    "question_mark": Message("hedged: a question mark follows", "под вопросом: далее стоит «?»"),
    "hedge": Message("hedged", "предположение"),
    "hedge_list": Message("hedged: an item of a list", "предположение: пункт перечня"),
    "negation": Message("denied", "отрицается"),
    "normal_statement": Message(
        "denied by a normal statement", "отрицается описанием нормы"
    ),
}  # fmt: skip
_LIMITS = {
    "hard": Message(" (only other, new or large ones)", " (только иные, новые или крупные)"),
    "soft": Message(" (only acute or definite ones)", " (только острые)"),
}
_SAME = Message("in the same clause", "в той же части предложения")
_OTHER = Message("in another clause of the sentence", "в другой части предложения")
_NEXT = Message("in a neighboring sentence", "в соседнем предложении")
_SENTENCE = Message("from the sentence", "из предложения")


def explain(text: str, language: str | None = None, region: str = "") -> Explanation:
    """The reading of ``text``, step by step. Raises ``UnsupportedLanguage``."""
    reading = read(text, language_of(text, language), region)
    document = reading.document
    cues = by_sentence(document, [hit for hit in document.hits if hit.kind in CUES])
    names = by_sentence(document, [hit for hit in document.hits if hit.kind in _NAMES])
    sentences = tuple(
        ExplainedSentence(
            sentence.section,
            _span(text, sentence.start, sentence.end),
            _clauses(reading, sentence),
            _cues(reading, cues[number], names[number]),
            tuple(
                _mention(reading, sentence, mention)
                for mention in reading.mentions
                if mention.sentence == number
            ),
        )
        for number, sentence in enumerate(document.sentences)
    )
    sections = tuple(
        (item.name, item.header, _span(text, item.start, item.end)) for item in document.sections
    )
    return Explanation(document.language, sections, sentences)


def _clauses(reading: Reading, sentence: Sentence) -> tuple[ExplainedClause, ...]:
    words, text = reading.document.words, reading.document.text
    return tuple(
        ExplainedClause(
            clause.opens,
            " ".join(word.text for word in words[clause.first : clause.last]),
            _span(text, words[clause.first].start, words[clause.last - 1].end),
        )
        for clause in sentence.clauses
    )


def _cues(reading: Reading, hits: list[Hit], names: list[Hit]) -> tuple[Cue, ...]:
    kept = settled(hits, names)
    return tuple(
        Cue(hit.kind, hit.term, _hit_span(reading, hit), hit in kept)
        for hit in sorted(hits, key=lambda hit: (hit.first, hit.last))
    )


def _mention(reading: Reading, sentence: Sentence, mention: Mention) -> ExplainedMention:
    concept = concept_of(mention.concept)
    stated, text = mention.assertion, reading.document.text
    why = _REASONS[stated.why if stated else "plain"]
    limit = _LIMITS.get(mention.limit, Message("", ""))
    cue = stated.cue if stated and stated.cue is not mention.hit else None
    return ExplainedMention(
        concept=mention.concept,
        label=Message(concept.label.en, concept.label.ru),
        code=f"{concept.code.scheme} {concept.code.value}" if concept.code else "",
        term=mention.hit.term if mention.hit else "",
        organ=mention.organ,
        span=_span(text, mention.start, mention.end),
        presence="uncertain" if mention.polarity == "context" else mention.polarity,
        reason=Message(why.en + limit.en, why.ru + limit.ru),
        cue=_hit_span(reading, cue) if cue else None,
        bound=tuple(_bound(reading, sentence, mention)),
    )


def _bound(reading: Reading, sentence: Sentence, mention: Mention) -> list[Bound]:
    text = reading.document.text
    found = []
    if mention.side:
        span = _span(text, *mention.side_span) if mention.side_span else None
        where = _where(reading, sentence, mention, mention.side_span)
        found.append(Bound("side", mention.side, span, where))
    for value, start, end in mention.site_spans:
        where = _where(reading, sentence, mention, (start, end))
        found.append(Bound("site", value, _span(text, start, end), where))
    for size in mention.sizes:
        value = " x ".join(f"{one:g}" for one in size.values_mm) + " mm"
        kind = "earlier size" if size.earlier else "range" if size.is_range else "size"
        where = _where(reading, sentence, mention, (size.start, size.end))
        found.append(Bound(kind, value, _span(text, size.start, size.end), where))
    if mention.change:
        found.append(Bound("change", mention.change, None, _SENTENCE))
    return found


def _where(
    reading: Reading, sentence: Sentence, mention: Mention, span: tuple[int, int] | None
) -> Message:
    if span is None:
        return _SENTENCE
    if not sentence.start <= span[0] < sentence.end:
        return _NEXT
    words = reading.document.words
    for clause in sentence.clauses:
        start, end = words[clause.first].start, words[clause.last - 1].end
        if start <= mention.start < end:
            return _SAME if start <= span[0] < end + 8 else _OTHER
    return _SENTENCE


def _hit_span(reading: Reading, hit: Hit) -> Span:
    words = reading.document.words
    return _span(reading.document.text, words[hit.first].start, words[hit.last - 1].end)


def _span(text: str, start: int, end: int) -> Span:
    return Span(start, end, text[start:end])
