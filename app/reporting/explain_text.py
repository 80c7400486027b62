"""An explanation of a reading as text for people, and as JSON (``overread.explain/1``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.core.report import Message, Span
from app.reporting.explain import ExplainedMention, ExplainedSentence, Explanation

EXPLAIN_SCHEMA = "overread.explain/1"
Json = dict[str, Any]

_WORDS = {
    "section": Message("section", "раздел"),
    "no_header": Message("no header", "без заголовка"),
    "sentence": Message("Sentence", "Предложение"),
    "clause": Message("clause", "часть"),
    "cue": Message("cue", "указатель"),
    "unused": Message("not used: part of a longer cue or of a name",
                      "не действует: входит в более длинный или в название"),
    "term": Message("matched", "по записи словаря"),
    "organ": Message("organ", "орган"),
    "no_findings": Message("no finding is named", "находки не названы"),
}  # fmt: skip
KINDS = {
    "neg_pre": Message("denies what follows", "отрицает следующее"),
    "neg_post": Message("denies what precedes", "отрицает предыдущее"),
    "neg_word": Message("denies the next word", "отрицает ближайшее слово"),
    "unc_pre": Message("hedges what follows", "предположение о следующем"),
    "unc_post": Message("hedges what precedes", "предположение о предыдущем"),
    "unc_list": Message("hedges the list that follows", "предположение о перечне"),
    "pseudo": Message("denies nothing", "ничего не отрицает"),
    "hist": Message("history", "анамнез"),
    "family": Message("another person", "другой человек"),
    "cond": Message("question or condition", "вопрос или условие"),
    "verb": Message("makes a statement", "утверждение"),
    "scope_word": Message("limits a denial", "ограничивает отрицание"),
    "scope_soft": Message("limits a denial a little", "смягчает отрицание"),
    "new": Message("change: new", "динамика: новое"),
    "stable": Message("change: stable", "динамика: без изменений"),
    "larger": Message("change: larger", "динамика: больше"),
    "smaller": Message("change: smaller", "динамика: меньше"),
}
_BOUND = {
    "side": Message("side", "сторона"),
    "site": Message("place", "место"),
    "size": Message("size", "размер"),
    "earlier size": Message("earlier size", "прежний размер"),
    "range": Message("range", "интервал"),
    "change": Message("change", "динамика"),
}
_VALUES = {
    "left": Message("left", "слева"),
    "right": Message("right", "справа"),
    "bilateral": Message("both", "с обеих сторон"),
    "new": Message("new", "новое"),
    "stable": Message("stable", "без изменений"),
    "larger": Message("larger", "больше"),
    "smaller": Message("smaller", "меньше"),
}
_PRESENCE = {
    "present": Message("present", "есть"),
    "absent": Message("absent", "нет"),
    "uncertain": Message("uncertain", "не утверждается"),
}


def explanation_lines(explanation: Explanation, language: str) -> Iterator[str]:
    """The explanation as lines of text in ``language`` (``en`` or ``ru``)."""

    def say(key: str) -> str:
        return _WORDS[key].text(language)

    for name, header, span in explanation.sections:
        shown = header or say("no_header")
        yield f"[{say('section')}: {name} | {shown} | {span.start}-{span.end}]"
    for number, sentence in enumerate(explanation.sentences, 1):
        yield ""
        yield f"{say('sentence')} {number} ({sentence.section}): {_one_line(sentence.span.text)}"
        for clause in sentence.clauses:
            mark = f" {clause.opens}" if clause.opens else ""
            yield f"  {say('clause')}{mark}: {clause.words}"
        for cue in sentence.cues:
            note = "" if cue.holds else f" ({say('unused')})"
            kind = KINDS[cue.kind].text(language)
            yield f"  {say('cue')}: {_one_line(cue.span.text)} - {kind}{note}"
        if not sentence.mentions:
            yield f"  {say('no_findings')}"
        for mention in sentence.mentions:
            yield from _mention_lines(mention, language)


def _mention_lines(mention: ExplainedMention, language: str) -> Iterator[str]:
    code = f", {mention.code}" if mention.code else ""
    presence = _PRESENCE[mention.presence].text(language)
    yield (
        f"  * {_one_line(mention.span.text)} = {mention.label.text(language)} "
        f"({mention.concept}{code}): {presence}"
    )
    cue = f": {_one_line(mention.cue.text)}" if mention.cue else ""
    yield f"      {mention.reason.text(language)}{cue}"
    organ = f", {_WORDS['organ'].text(language)}: {mention.organ}" if mention.organ else ""
    yield f"      {_WORDS['term'].text(language)}: {mention.term}{organ}"
    for item in mention.bound:
        words = f" ({_one_line(item.span.text)})" if item.span else ""
        kind = _BOUND[item.kind].text(language)
        value = _VALUES[item.value].text(language) if item.value in _VALUES else item.value
        yield f"      {kind}: {value}{words}, {item.where.text(language)}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def explanation_to_json(explanation: Explanation, id: Any = None) -> Json:  # noqa: ANN401
    """The explanation as an object; with ``id`` of a line, that too."""
    row: Json = {"schema": EXPLAIN_SCHEMA}
    if id is not None:
        row["id"] = id
    return row | {
        "language": explanation.language,
        "sections": [
            {"name": name, "header": header, **_ends(span)}
            for name, header, span in explanation.sections
        ],
        "sentences": [_sentence(sentence) for sentence in explanation.sentences],
    }


def _sentence(item: ExplainedSentence) -> Json:
    return {
        "section": item.section,
        "span": _span(item.span),
        "clauses": [
            {"opens": clause.opens, "words": clause.words, **_ends(clause.span)}
            for clause in item.clauses
        ],
        "cues": [
            {
                "kind": cue.kind,
                "term": cue.term,
                "holds": cue.holds,
                "span": _span(cue.span),
                "meaning": _both(KINDS[cue.kind]),
            }
            for cue in item.cues
        ],
        "mentions": [_mention(mention) for mention in item.mentions],
    }


def _mention(item: ExplainedMention) -> Json:
    return {
        "concept": item.concept,
        "label": _both(item.label),
        "code": item.code,
        "term": item.term,
        "organ": item.organ,
        "presence": item.presence,
        "reason": _both(item.reason),
        "cue": _span(item.cue) if item.cue else None,
        "span": _span(item.span),
        "bound": [
            {
                "kind": bound.kind,
                "value": bound.value,
                "span": _span(bound.span) if bound.span else None,
                "where": _both(bound.where),
            }
            for bound in item.bound
        ],
    }


def _both(message: Message) -> Json:
    return {"en": message.en, "ru": message.ru}


def _span(span: Span) -> Json:
    return {**_ends(span), "text": span.text}


def _ends(span: Span) -> Json:
    return {"start": span.start, "end": span.end}
