"""Sentences that state findings, made by grammar: number, gender, case, side, place, size.

A sentence states one finding, or several that are alike (same name, place and certainty). The
findings' sentence is whole; ``brief`` is the phrase of the impression. Standard library only.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.core.finding import Finding, FindingContent
from app.core.report import Change, Language
from app.reporting.figures import Figures, at_least, cut_off, figures_of, why_nothing, without_organ
from app.reporting.nouns import (
    Noun,
    Place,
    is_paired,
    noun_of,
    organ_of,
    own_name,
    place_of,
)
from app.reporting.phrases import Phrases, names_side, phrases
from app.reporting.reading.document import document_of
from app.reporting.reading.mentions import mentions_of
from app.reporting.subjects import concept_of

_LONGEST_LIST = 4  # so many sizes of findings that are alike are written out
_VOWEL_NUMBER = re.compile(r"^(?:8\d*|11|18)(?:\D|$)")
_NUMERALS_EN = ("", "one", "two", "three", "four")
_NUMERALS_RU = ("", "один", "два", "три", "четыре")
_CHANGED_RU: dict[Change, dict[str, str]] = {
    "larger": {"m": "увеличился", "f": "увеличилась", "n": "увеличилось", "p": "увеличились"},
    "smaller": {"m": "уменьшился", "f": "уменьшилась", "n": "уменьшилось", "p": "уменьшились"},
}
_CHANGED_PLAIN_RU: dict[Change, str] = {
    "larger": "размеры увеличились", "smaller": "размеры уменьшились",
}  # fmt: skip
_CHANGED_EN: dict[Change, str] = {"larger": "increased", "smaller": "decreased"}


@dataclass(frozen=True, slots=True)
class _Said:
    """Everything that goes into one sentence about one finding."""

    content: FindingContent
    noun: Noun
    place: Place
    side: str
    figures: Figures
    words: Phrases
    is_paired: bool

    @property
    def is_many(self) -> bool:
        """Whether it is said in the plural: a countable thing on both sides."""
        is_both = self.content.laterality == "bilateral" and self.content.presence == "present"
        is_countable = self.is_paired and self.noun.is_known and self.noun.counting == "count"
        many, language = self.noun.many, self.words.language
        return is_both and is_countable and _reads_as_several(many, language)


def finding_sentence(
    finding: Finding,
    language: Language,
    *,
    brief: bool = False,
    priors: tuple[str, ...] | None = None,
) -> str:
    """One sentence that states a finding; empty for a structure with nothing to say of it."""
    return group_sentence((finding,), language, brief=brief, priors=priors)


def group_sentence(
    findings: Sequence[Finding],
    language: Language,
    *,
    brief: bool = False,
    priors: tuple[str, ...] | None = None,
) -> str:
    """One sentence for findings that are alike (``are_alike``), the largest first."""
    first = findings[0]
    if is_structure(first):
        return _structure(first, language)
    if len(findings) > 1:
        return _several(findings, language, brief=brief)
    said = _said(first, language, priors)
    if said.content.presence == "absent":
        return _sentence(_absent(said))
    make = _english if language == "en" else _russian
    return _sentence(make(said, brief=brief))


def is_structure(finding: Finding) -> bool:
    """Whether it is an organ or area that was measured, and no finding a text could deny."""
    return not concept_of(finding)


def are_alike(one: Finding, other: Finding, language: Language) -> bool:
    """Whether one sentence may state both."""
    return _kind_of(one, language) == _kind_of(other, language)


def _kind_of(finding: Finding, language: Language) -> tuple[object, ...]:
    content = finding.current
    noun = noun_of(finding, language)
    is_single = (
        not noun.is_known
        or noun.counting != "count"
        or content.presence != "present"
        or any(m.previous is not None for m in content.measurements)
        or not _reads_as_several(noun.many, language)
    )
    if is_single:
        return (finding.uid,)
    sized = bool(figures_of(content.measurements, language).size)
    place = place_of(content, noun, language)
    return (noun.one, place, content.laterality, content.significance, sized)


@functools.lru_cache(maxsize=512)
def _reads_as_several(name: str, language: Language) -> bool:
    """Whether the check understands the plural, so that one sentence may speak of several."""
    found = mentions_of(document_of(f"{name[:1].upper()}{name[1:]}.", language))
    return bool(found) and all(mention.plural for mention in found)


def _said(finding: Finding, language: Language, priors: tuple[str, ...] | None) -> _Said:
    content = finding.current
    noun = noun_of(finding, language)
    place = place_of(content, noun, language)
    words = phrases(language)
    side = words.sides.get(content.laterality or "", "")
    told = f"{noun.one} {place.text}"
    if side and (place.says_side or names_side(told, content.laterality or "", words)):
        side = ""
    figures = figures_of(content.measurements, language, priors)
    paired = is_paired(organ_of(finding))
    return _Said(content, noun, place, side, figures, words, paired)


# English


def _english(said: _Said, *, brief: bool) -> str:
    noun, place, figures = said.noun, said.place, said.figures
    is_many = said.is_many
    name = noun.many if is_many else noun.one
    if place.organ == "rib":
        name = name.removeprefix("rib ")
    name = " ".join(part for part in (said.side, name) if part)
    where = _after(place)
    size = at_least(figures.size, "en", bound=figures.at_least)
    if said.content.presence == "uncertain":
        return f"possible {name}{where}{_tail_en(said, size, brief=brief)}"
    if is_many and size:
        size = f"up to {size}"
    leads = bool(size) and not noun.sized and noun.counting == "count" and noun.is_known
    if leads and not figures.at_least and not is_many:
        name, size = f"{size} {name}", ""
    tail = _tail_en(said, size, brief=brief)
    if brief or not noun.is_known:
        return f"{name}{where}{tail}"
    if noun.counting == "plural" or is_many:
        return f"there are {name}{where}{tail}"
    article = f"{_article(name)} " if noun.counting == "count" else ""
    return f"there is {article}{name}{where}{tail}"


def _tail_en(said: _Said, size: str, *, brief: bool) -> str:
    figures = said.figures
    parts = []
    if size:
        parts.append(_sized_en(said.noun, size))
    change = _change_en(figures)
    if change and (not brief or figures.change in _CHANGED_EN):
        parts.append(change)
    if not brief:
        parts += _volume(said, "volume")
        parts += figures.extras
        if figures.is_cut_off:
            parts.append(cut_off("en"))
    return "".join(f", {part}" for part in parts)


def _sized_en(noun: Noun, size: str) -> str:
    if noun.sized == "layer" and "×" not in size:
        return f"{size} thick"
    if noun.sized == "diameter" and "×" not in size:
        return f"{size} in diameter"
    return size


def _change_en(figures: Figures) -> str:
    if not figures.earlier or figures.change is None:
        return ""
    said = _CHANGED_EN.get(figures.change, "stable within measurement uncertainty")
    return f"{said} ({_inside(figures.earlier)})"


def _article(name: str) -> str:
    if name[0].isdigit():
        return "an" if _VOWEL_NUMBER.match(name) else "a"
    return "an" if name[0].lower() in "aeiou" and not name.lower().startswith("uter") else "a"


# Russian


def _russian(said: _Said, *, brief: bool) -> str:
    noun, place = said.noun, said.place
    is_bare = noun.is_known and bool(noun.bare_organ) and place.organ == noun.bare_organ
    is_many = noun.gender == "p" or said.is_many
    name = (noun.bare if is_bare else (noun.one, noun.many))[is_many]
    name = " ".join(part for part in (name, place.attribute) if part)
    name = f"{name} ({place.note})" if place.note else name
    tail = _tail_ru(said, brief=brief)
    where = [part for part in (place.text, said.side) if part]
    if said.content.presence == "uncertain":
        return f"{_verb_uncertain(is_many)} {' '.join([name, *where])}{tail}"
    if brief or not noun.is_known:
        return f"{' '.join([name, *where])}{tail}"
    verb = "определяются" if is_many else "определяется"
    return f"{' '.join([*where, verb, name])}{tail}"


def _verb_uncertain(is_many: bool) -> str:
    return "не исключаются" if is_many else "не исключается"


def _tail_ru(said: _Said, *, brief: bool) -> str:
    figures, noun = said.figures, said.noun
    size = at_least(figures.size, "ru", bound=figures.at_least)
    tail = ""
    rest = []
    if size and brief:
        tail = f", до {size}" if said.is_many else f", {size}"
    elif size and said.is_many:
        tail = f" размером до {size}"
    elif size:
        tail = f" {_sized_ru(noun, size)}"
    if figures.volume and not brief:
        volume = at_least(figures.volume, "ru", bound=figures.volume_at_least)
        joint = "," if size else ""
        tail = f"{tail}{joint} объёмом {volume}"
        if figures.volume_earlier:
            rest.append(f"объём {figures.volume_earlier}")
    change = _change_ru(figures, noun, is_many=said.is_many)
    if change and (not brief or figures.change in _CHANGED_RU):
        rest.insert(0, change)
    if not brief:
        rest += figures.extras
        if figures.is_cut_off:
            rest.append(cut_off("ru"))
    return tail + "".join(f", {part}" for part in rest)


def _sized_ru(noun: Noun, size: str) -> str:
    match noun.sized:
        case "layer" if "×" not in size:
            return f"толщиной {size}"
        case "diameter" if "×" not in size:
            return f"диаметром {size}"
        case "shift" if "×" not in size:
            return f"на {size}"
        case "calibre" if "×" not in size:
            return f"до {size}"
    return f"размером {size}"


def _change_ru(figures: Figures, noun: Noun, *, is_many: bool) -> str:
    if not figures.earlier or figures.change is None:
        return ""
    if figures.change == "stable":
        said = "без динамики в пределах точности измерения"
    elif noun.is_known:
        said = _CHANGED_RU[figures.change]["p" if is_many else noun.gender]
    else:
        said = _CHANGED_PLAIN_RU[figures.change]
    return f"{said} ({_inside(figures.earlier)})"


# both


def _after(place: Place) -> str:
    parts = [part for part in (place.text, place.attribute) if part]
    text = "".join(f" {part}" for part in parts)
    return f"{text} ({place.note})" if place.note else text


def _inside(earlier: str) -> str:
    """Brackets within brackets become a comma."""
    return earlier.replace(" (", ", ").replace(")", "")


def _volume(said: _Said, word: str) -> list[str]:
    figures = said.figures
    if not figures.volume:
        return []
    volume = at_least(figures.volume, said.words.language, bound=figures.volume_at_least)
    text = f"{word} {volume}"
    return [f"{text} ({_inside(figures.volume_earlier)})" if figures.volume_earlier else text]


def _absent(said: _Said) -> str:
    noun, words = said.noun, said.words
    if words.language == "en":
        name = " ".join(part for part in (said.side, noun.one) if part)
        return f"no {name}{_after(said.place)}"
    where = [part for part in (said.place.text, said.side) if part]
    if not noun.is_known:
        return f"{' '.join([noun.one, *where])}: не выявлено"
    name = noun.gen
    if noun.bare_organ and said.place.organ == noun.bare_organ:
        name = noun.bare[3]
    return f"{' '.join([name, *where])} не выявлено"


def _several(findings: Sequence[Finding], language: Language, *, brief: bool) -> str:
    """ "Three nodules in the right lower lobe: 8.4 mm, 6 mm and 5 mm." """
    said = [_said(one, language, None) for one in findings]
    said.sort(key=lambda one: -(one.figures.longest_mm or 0.0))
    first, count = said[0], len(said)
    sizes = [one.figures.size for one in said if one.figures.size]
    is_list = count <= _LONGEST_LIST
    if language == "en":
        numeral = _NUMERALS_EN[count] if is_list else "multiple"
        name = f"{numeral} {' '.join(p for p in (first.side, first.noun.many) if p)}"
        name = name if is_list else f"{name} ({count})"
        head = f"{name}{_after(first.place)}"
        head = head if brief else f"there are {head}"
    else:
        head = _several_ru(first, count, brief=brief)
    return _sentence(f"{head}{_sizes(sizes, language)}")


def _several_ru(first: _Said, count: int, *, brief: bool) -> str:
    noun, place = first.noun, first.place
    is_bare = bool(noun.bare_organ) and place.organ == noun.bare_organ
    _one, many, few, _gen, _gen_many = noun.bare if is_bare else (
        noun.one, noun.many, noun.few, noun.gen, noun.gen_many,
    )  # fmt: skip
    if count > _LONGEST_LIST:
        name = f"множественные {many} ({count})"
    else:
        numeral = "две" if count == 2 and noun.gender == "f" else _NUMERALS_RU[count]
        name = f"{numeral} {few}"
    name = f"{name} {place.attribute}" if place.attribute else name
    name = f"{name} ({place.note})" if place.note else name
    where = [part for part in (place.text, first.side) if part]
    return " ".join([name, *where] if brief else [*where, "определяются", name])


def _sizes(sizes: Sequence[str], language: Language) -> str:
    if not sizes:
        return ""
    if len(sizes) > _LONGEST_LIST:
        return f", up to {sizes[0]}" if language == "en" else f", размером до {sizes[0]}"
    if len(set(sizes)) == 1:
        return f", {sizes[0]} each" if language == "en" else f", размером по {sizes[0]}"
    joint = " and " if language == "en" else " и "
    return f": {', '.join(sizes[:-1])}{joint}{sizes[-1]}"


def _structure(finding: Finding, language: Language) -> str:
    """ "Right lung: volume 3120 mL, ..."; why no number may be stated; "outlined" without any."""
    content = finding.current
    figures = figures_of(content.measurements, language, most_extras=9)
    name = own_name(content, language)
    words = phrases(language)
    side = words.sides.get(content.laterality or "", "")
    if side and not names_side(name, content.laterality or "", words):
        name = f"{side} {name}" if language == "en" else f"{name} {side}"
    parts = []
    if figures.size:
        parts.append(at_least(figures.size, language, bound=figures.at_least))
    if figures.volume:
        volume = at_least(figures.volume, language, bound=figures.volume_at_least)
        parts.append(f"{'volume' if language == 'en' else 'объём'} {volume}")
        if figures.volume_earlier:
            parts.append(figures.volume_earlier)
    parts += [without_organ(extra, name) for extra in figures.extras]
    if not parts:
        reason = why_nothing(content.measurements)
        if reason is None:
            return _sentence(f"{name}: {'outlined' if language == 'en' else 'контур построен'}")
        not_measured = "not measured" if language == "en" else "измерения нет"
        return _sentence(f"{name}: {not_measured} ({reason.text(language)})")
    if figures.is_cut_off:
        parts.append(cut_off(language))
    return _sentence(f"{name}: {', '.join(parts)}")


def _sentence(phrase: str) -> str:
    text = re.sub(r"\s+", " ", phrase).strip()
    return f"{text[:1].upper()}{text[1:]}." if text else ""
