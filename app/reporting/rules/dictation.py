"""What dictation and pasting leave behind: sentences twice, spoken punctuation, lost negations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from app.core.report import Discrepancy, Fix, Message
from app.reporting.case import Case, discrepancy
from app.reporting.reading.document import Sentence, by_sentence
from app.reporting.reading.lexicon import NEGATIONS
from app.reporting.reading.mentions import Mention
from app.reporting.rules.template import MARKUP

_FEWEST_WORDS: Final = 4
_MOST_REPEATED: Final = 10  # a text pasted over and over is one fault, not hundreds
_SPOKEN: Final = re.compile(
    r"(?<!\w)(?:(?:full stop|new line|(?:new|next) paragraph|(?:open|close) bracket)(?!\w)|"
    r"(?:(?<=\w )|(?<=\w, ))comma(?= \w)|"
    r"(?:с новой строки|новая строка|новый абзац|открыть скобк\w+|закрыть скобк\w+)(?!\w)|"
    r"(?<=\w )запятая(?= \w))",
    re.IGNORECASE,
)
_NUMBER_WORDS: Final = re.compile(
    r"(?<![\w.,])\d+\s+(?:point|запятая|целых|целая)\s+(?:\d+|one|two|three|four|five|six|seven|"
    r"eight|nine)(?!\w)",
    re.IGNORECASE,
)
# Words that sound alike, each in the company in which it cannot be the one meant; what was meant.
_CONFUSED: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), right)
    for pattern, right in (
        (r"\bthere (?:is|are) (?P<word>know)\b", "no"),
        (r"\b(?P<word>ileum)\b(?= (?:fracture|wing|crest|bone))", "ilium"),
        (r"fracture of the (?:left |right )?(?P<word>ileum)\b", "ilium"),
        (r"\b(?:terminal|distal) (?P<word>ilium)\b", "ileum"),
        (r"\b(?P<word>ilium)\b(?= loops?\b)", "ileum"),
        (r"\b(?P<word>peritoneal)\b(?= (?:nerve|tendons?|muscles?)\b)", "peroneal"),
        (r"\b(?P<word>peroneal)\b(?= (?:fluid|cavity|carcinomatosis|implants?)\b)", "peritoneal"),
        (r"\b(?P<word>plural)\b(?= (?:effusions?|thickening|fluid|space|plaques?)\b)", "pleural"),
        (r"\b(?P<word>humorous)\b(?= (?:fracture|head|shaft|neck)\b)", "humerus"),
        (r"\bmass (?P<word>affect)\b", "effect"),
        (r"\b(?P<word>new thorax)\b", "pneumothorax"),
        (r"\b(?:acute|focal|bony|osseous) (?P<word>of normality)\b", "abnormality"),
        (r"\b(?P<word>hypertense)\b(?= (?:signal|lesions?|focus|foci)\b)", "hyperintense"),
        (r"(?<!\w)(?P<word>гипертензивн)\w+(?= (?:МР-?\s?)?(?:сигнал|очаг))", "гиперинтенсивн"),
        (r"(?<!\w)(?P<word>гипотензивн)\w+(?= (?:МР-?\s?)?(?:сигнал|очаг))", "гипоинтенсивн"),
        (r"(?<!\w)плевральн\w+ (?P<word>выход)(?=а?(?!\w))", "выпот"),
        (r"(?<!\w)(?P<word>перенхим)\w*", "паренхим"),
        (r"(?<!\w)(?P<word>мочеточечник)\w*", "мочеточник"),
    )
)
_DOUBLED: Final = re.compile(
    r"(?<![\w-])(?P<word>[^\W\d_]{2,})(?P<gap>[ \t]+)(?P=word)(?![\w-])", re.IGNORECASE
)
# Words that stand twice in good text ("very very", "еле-еле" with a blank, Latin names).
_MAY_DOUBLE: Final = frozenset({"very", "much", "had", "that", "очень", "едва", "чуть", "xx", "хх"})
_MIXED: Final = re.compile(r"[^\W\d_]*(?:[а-яё][a-z]|[a-z][а-яё])[^\W\d_]*", re.IGNORECASE)
_SEEN_RU: Final = r"(?:выявлено|обнаружено|отмечено|получено|определяется|выявляется|отмечается|"
_SEEN_RU_RE: Final = re.compile(
    _SEEN_RU + r"визуализируется|обнаруживается|прослеживается|наблюдается)\s*$", re.IGNORECASE
)
_GENITIVE_HEAD: Final = re.compile(
    r"^(?:[\w-]+(?:ых|их|ого|его|ой|ей)\s+){0,3}[\w-]+(?:ов|ев|ей|ий|ения|ости|ции|"
    r"оза|ита|енов|ний|тов|ота|ыпота|ома|оракса)(?:\s+[\w-]+){0,4}\s*$",
    re.IGNORECASE,
)
_COUNTED: Final = re.compile(
    r"\d|нескольк|множеств|много|ряд|больше|немало|мало|дв[аух]|тр[иёе]|четыр|пят|единич|до\s|из\s|"
    r"около|более|менее|часть|половин|не(?!\w)|ни(?!\w)|нет(?!\w)|без(?!\w)|:|при\s|для\s|после\s",
    re.IGNORECASE,
)


def duplicated_sentences(case: Case) -> Iterator[Discrepancy]:
    """``dictation-error``: a sentence twice in one section; the second may go."""
    seen: dict[tuple[str, str], Sentence] = {}
    told = 0
    for sentence in case.document.sentences:
        words = case.document.words[sentence.first : sentence.last]
        if len(words) < _FEWEST_WORDS or sentence.section in ("other", "technique"):
            continue
        key = (sentence.section, " ".join(word.text for word in words))
        if key not in seen:
            seen[key] = sentence
            continue
        start = sentence.start
        while start > 0 and case.text[start - 1] in " \t":
            start -= 1
        told += 1
        if told > _MOST_REPEATED:
            return
        yield _dictated(
            case, sentence.start, sentence.end,
            Message("This sentence stands twice.", "Предложение повторяется."),
            Fix("", start, sentence.end),
        )  # fmt: skip


def spoken_words(case: Case) -> Iterator[Discrepancy]:
    """``dictation-error``: spoken punctuation, spoken decimals, words that sound alike."""
    for match in _SPOKEN.finditer(case.flat):
        yield _dictated(
            case, match.start(), match.end(),
            Message("Spoken punctuation was written out.", "Знак препинания записан словом."),
        )  # fmt: skip
    for match in _NUMBER_WORDS.finditer(case.flat):
        yield _dictated(
            case, match.start(), match.end(),
            Message("A number is partly in words.", "Часть числа записана словом."),
        )  # fmt: skip
    for pattern, right in _CONFUSED:
        for match in pattern.finditer(case.flat):
            start, end = match.span("word")
            shown = case.text[start:end]
            yield _dictated(
                case, start, end,
                Message(f"“{shown}” looks misheard: {right}?",
                        f"«{shown}» похоже на ошибку распознавания: {right}?"),
                Fix(right.capitalize() if shown[:1].isupper() else right, start, end),
            )  # fmt: skip


def slips_of_the_keys(case: Case) -> Iterator[Discrepancy]:
    """``dictation-error`` as a note: a word twice, mixed alphabets in one word, pasted markup."""
    markup = MARKUP.search(case.text)
    if markup:
        yield _dictated(
            case, markup.start(), markup.end(),
            Message("Markup of a web page was pasted.", "Вставлена разметка веб-страницы."),
            note=True,
        )  # fmt: skip
    for match in _DOUBLED.finditer(case.text):
        if match["word"].lower() in _MAY_DOUBLE:
            continue
        cut = match.start("gap")
        yield _dictated(
            case, match.start(), match.end(),
            Message("A word stands twice.", "Слово повторяется."),
            Fix("", cut, match.end()), note=True,
        )  # fmt: skip
    for match in _MIXED.finditer(case.text):
        if len(match.group()) > 3:
            yield _dictated(
                case, match.start(), match.end(),
                Message("Latin and Cyrillic letters in one word.",
                        "В одном слове латинские и русские буквы."),
                note=True,
            )  # fmt: skip


def lost_negations(case: Case) -> Iterator[Discrepancy]:
    """``dictation-error``: a denial that lost its "no" or its «не»."""
    negations = by_sentence(
        case.document, [hit for hit in case.document.hits if hit.kind in NEGATIONS]
    )
    for number, sentence in enumerate(case.document.sentences):
        if sentence.section not in ("findings", "impression"):
            continue
        if negations[number]:
            continue
        if case.document.language == "ru":
            yield from _lost_ne(case, sentence)
        else:
            yield from _lost_no(case, sentence, case.stated_in(number))


def _lost_ne(case: Case, sentence: Sentence) -> Iterator[Discrepancy]:
    """«Переломов выявлено»: a genitive that only a negation explains, the verb at the end."""
    text = case.flat[sentence.start : sentence.end].rstrip(" .")
    verb = _SEEN_RU_RE.search(text)
    if verb is None:
        return
    head = text[: verb.start()].strip()
    if not _GENITIVE_HEAD.match(head) or _COUNTED.search(head):
        return
    at = sentence.start + verb.start()
    yield _dictated(
        case, sentence.start, sentence.end,
        Message("“не” may be missing here.", "Здесь, возможно, пропущено «не»."),
        Fix("не ", at, at),
    )  # fmt: skip


_OR_ONLY: Final = (
    frozenset({"pneumothorax", "pleural_effusion"}), frozenset({"fracture", "tear"}),
    frozenset({"pleural_effusion", "lung_consolidation"}),
    frozenset({"pneumothorax", "lung_consolidation"}),
    frozenset({"pneumothorax", "infiltrate"}),
    frozenset({"intracerebral_hemorrhage", "cerebral_infarction"}),
)  # fmt: skip
_THERE_IS: Final = re.compile(r"^\s*(?:there\s+(?:is|are)\s+)", re.IGNORECASE)


def _lost_no(case: Case, sentence: Sentence, mentions: list[Mention]) -> Iterator[Discrepancy]:
    """ "There is pneumothorax or effusion": an "or" that only a denial would use."""
    text = case.flat[sentence.start : sentence.end]
    opening = _THERE_IS.match(text)
    if opening is None or " or " not in text.lower():
        return
    concepts = {m.concept for m in mentions if m.polarity == "present"}
    if not any(pair <= concepts for pair in _OR_ONLY):
        return
    at = sentence.start + opening.end()
    yield _dictated(
        case, sentence.start, sentence.end,
        Message("“no” may be missing here.", "Здесь, возможно, пропущено «no»."),
        Fix("no ", at, at),
    )  # fmt: skip


def _dictated(
    case: Case,
    start: int,
    end: int,
    message: Message,
    fix: Fix | None = None,
    *,
    note: bool = False,
) -> Discrepancy:
    return discrepancy(
        "dictation-error", "note" if note else "warn", message,
        spans=[case.span(start, end)], fix=fix,
    )  # fmt: skip
