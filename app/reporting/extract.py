"""Reading a report text: language, statements, and what is present or absent in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from app.core.errors import UnsupportedLanguage
from app.core.finding import Presence, Site
from app.core.report import Change, Language, Span, Statement
from app.reporting.reading.assertion import AssertionReader
from app.reporting.reading.attributes import changes_of, places_of
from app.reporting.reading.document import Document, document_of, document_with
from app.reporting.reading.lexicon import concept as concept_of
from app.reporting.reading.mentions import Mention, mentions_of
from app.reporting.reading.patterns import Hit, Pattern

_ENGLISH_SHARE = 0.6
# Below so many letters, or with so much of its own script, a language given is believed.
_FEWEST_LETTERS, _LEAST_SHARE = 20, 0.3
_CYRILLIC = re.compile(r"[а-яё]", re.IGNORECASE)
_LATIN = re.compile(r"[a-z]", re.IGNORECASE)
_LETTER = re.compile(r"[^\W\d_]")
# Letters of other Cyrillic and Latin alphabets, and the commonest words of other languages.
_FOREIGN_LETTER = re.compile(r"[іїєґўјљњћџąęłśźżőűğşçãõñßäöåøæřěů¿¡]", re.IGNORECASE)
_ENGLISH_WORD = re.compile(
    r"\b(?:the|of|is|are|no|and|with|in|right|left|normal|there|without|for|mm|cm|ct|mri|findings|"
    r"impression)\b",
    re.IGNORECASE,
)
_FOREIGN_WORD = re.compile(
    r"\b(?:der|die|das|und|keine?|nicht|mit|rechts|links|befund|le|la|les|des|du|pas|avec|droite?|"
    r"gauche|el|los|las|del|sin|con|derecho|izquierdo|il|della|senza|nella|destro|sinistro|"
    r"não|sem|uma|direita|esquerda)\b",
    re.IGNORECASE,
)
_STRENGTH: dict[Presence, int] = {"absent": 0, "uncertain": 1, "present": 2}


@dataclass(frozen=True, slots=True)
class Reading:
    """A document, its mentions; per sentence the word for a change, and its sides and places."""

    document: Document
    mentions: tuple[Mention, ...]
    changes: tuple[Change | None, ...]
    places: tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class Extraction:
    """Statements in order of the text, and the strongest one per concept (English label)."""

    language: Language
    statements: tuple[Statement, ...]
    presence: dict[str, Presence]


def detect_language(text: str) -> Language:
    """``ru`` or ``en``; raises ``UnsupportedLanguage`` for a text in neither.

    A text without letters counts as English: there is nothing to misread.
    """
    letters = len(_LETTER.findall(text))
    if not letters:
        return "en"
    cyrillic, latin = len(_CYRILLIC.findall(text)), len(_LATIN.findall(text))
    foreign = len(_FOREIGN_LETTER.findall(text))
    if cyrillic >= 0.4 * letters and foreign <= 0.01 * letters:
        return "ru"
    english = len(_ENGLISH_WORD.findall(text))
    other = len(_FOREIGN_WORD.findall(text))
    if latin >= _ENGLISH_SHARE * letters and foreign <= 0.02 * letters and english >= other:
        return "en"
    raise UnsupportedLanguage(
        "The report is written in a language that the check does not know.",
        ru="Отчёт написан на языке, которого проверка не знает.",
        hint="Write the report in English or Russian.",
        hint_ru="Составьте отчёт на русском или английском языке.",
    )


def language_of(text: str, language: str | None) -> Language:
    """The language given, or the one detected; raises ``UnsupportedLanguage``.

    A language given for a text in another one is refused: read so, any report would pass.
    """
    if language in get_args(Language):
        given: Language = "ru" if language == "ru" else "en"
        _require_written_in(text, given)
        return given
    if language:
        raise UnsupportedLanguage(
            "The check knows English and Russian only.",
            ru="Проверка знает только русский и английский языки.",
            hint="Give the language as en or ru.",
            hint_ru="Укажите язык как en или ru.",
        )
    return detect_language(text)


def _require_written_in(text: str, language: Language) -> None:
    letters = len(_LETTER.findall(text))
    if letters < _FEWEST_LETTERS:
        return
    own = _CYRILLIC if language == "ru" else _LATIN
    share = len(own.findall(text)) / letters
    if share < _LEAST_SHARE:
        name, name_ru = ("Russian", "русском") if language == "ru" else ("English", "английском")
        raise UnsupportedLanguage(
            f"The report is not written in {name}, the language given for it.",
            ru=f"Отчёт написан не на {name_ru} языке, хотя указан этот язык.",
            hint="Give the language in which it is written, en or ru.",
            hint_ru="Укажите язык, на котором он написан: en или ru.",
        )
    if language == "en" and share >= _ENGLISH_SHARE:
        detect_language(text)


def read(text: str, language: Language, region: str = "", extra: Sequence[Pattern] = ()) -> Reading:
    """Read a report; ``region`` is the body part where it is known (CHEST, HEAD, ...).

    ``extra`` are patterns for findings whose names the lexicon does not know.
    """
    document = document_of(text, language, extra)
    return Reading(
        document, mentions_of(document, region), changes_of(document), places_of(document)
    )


def extract(text: str, language: str | None = None) -> Extraction:
    """The statements in a report text. Raises ``UnsupportedLanguage``."""
    spoken = language_of(text, language)
    statements = statements_of(read(text, spoken))
    presence: dict[str, Presence] = {}
    for statement in statements:
        held = presence.get(statement.label)
        if held is None or _STRENGTH[statement.presence] > _STRENGTH[held]:
            presence[statement.label] = statement.presence
    return Extraction(spoken, statements, presence)


def assertion_of(text: str, start: int, end: int, language: str | None = None) -> Presence:
    """What ``text`` says of the thing that its characters ``start..end`` name.

    The words need not be in the lexicon. History and questions are uncertain, as in statements.
    Raises ``UnsupportedLanguage``.
    """
    document, hit = document_with(text, start, end, language_of(text, language))
    for number, sentence in enumerate(document.sentences):
        if hit is not None and sentence.first <= hit.first < sentence.last:
            if _denies_itself(document, hit):
                return "absent"
            polarity = AssertionReader(document).judge(number, hit).polarity
            return "uncertain" if polarity == "context" else polarity
    return "present"


def _denies_itself(document: Document, hit: Hit) -> bool:
    """Whether a span ends with a denial of what it begins with ("сердце не расширено")."""
    words = document.words[hit.first : hit.last]
    return len(words) > 2 and words[-2].text in ("не", "not")


def statements_of(reading: Reading) -> tuple[Statement, ...]:
    """The mentions of a reading as statements; history and questions are none."""
    text = reading.document.text
    found = []
    for mention in reading.mentions:
        if mention.section in ("indication", "technique", "comparison"):
            continue
        polarity = mention.polarity
        presence: Presence = "uncertain" if polarity == "context" else polarity
        concept = concept_of(mention.concept)
        found.append(
            Statement(
                concept=concept.code,
                label=concept.label.en,
                presence=presence,
                laterality=mention.side,
                site=_site(mention),
                sizes_mm=mention.sizes_mm,
                change=mention.change,
                section=mention.section,
                span=Span(mention.start, mention.end, text[mention.start : mention.end]),
            )
        )
    return tuple(found)


def _site(mention: Mention) -> Site | None:
    if not mention.sites:
        return None
    segment = next((s.partition("=")[2] for s in mention.sites if s.startswith("segment=")), "")
    words = sorted(site.replace("=", " ") for site in mention.sites)
    return Site(meaning_en=", ".join(words), segment=segment)
