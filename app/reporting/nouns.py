"""Names of findings in their forms, the organ each belongs to, and phrases for places.

Tables: ``resources/report/nouns.json`` (number, gender, case), ``anatomy.json`` (organs in the
order of a report), ``places.json``. A name outside of the tables is never inflected: it stands as
given. Standard library only.
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from typing import Any, Literal

from app.config.folders import resources_folder
from app.core.codes import Laterality
from app.core.finding import Finding, FindingContent, Site
from app.core.report import Language
from app.reporting.subjects import concept_of

Gender = Literal["m", "f", "n", "p"]
Counting = Literal["count", "mass", "plural"]
OTHER = "other"
_LEVEL = re.compile(r"^(?:C|Th?|L|S)\d{1,2}(?:-(?:C|Th?|L|S)?\d{1,2})?$")
_RIB = re.compile(r"^rib (\d{1,2})$")
_LIVER = re.compile(r"^liver segment (\d)$")
_LOBE = re.compile(
    r"^(?P<name>(?:(?:left|right) )?(?:upper|middle|lower) lobe)(?: of (?:the )?(?:\w+ )?lung)?$",
    re.IGNORECASE,
)
_ROMAN = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")


@dataclass(frozen=True, slots=True)
class Noun:
    """A name in one language.

    ``one``, ``many``, ``few`` (after two to four), ``gen`` and ``gen_many`` are whole phrases;
    ``bare`` the same without the organ (``bare_organ``) that a place may name instead. ``is_known``
    False: the name as a model or person gave it, not to be inflected. ``sized``: how a length is
    said of it (``layer``, ``diameter``, ``shift``, ``calibre`` or empty).
    """

    one: str
    many: str
    few: str
    gen: str
    gen_many: str
    bare: tuple[str, str, str, str, str]
    bare_organ: str
    gender: Gender
    counting: Counting
    sized: str
    is_known: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where a finding is, as a phrase.

    ``text`` is a phrase of place ("in the right lower lobe", "в нижней доле правого лёгкого");
    ``attribute`` follows the name instead ("VII ребра", "L4-L5"); ``says_side`` and ``organ`` tell
    what need not be said again. All empty: nothing is known.
    """

    text: str = ""
    attribute: str = ""
    says_side: bool = False
    organ: str = ""
    note: str = ""


@functools.cache
def _table(name: str) -> dict[str, Any]:
    path = resources_folder() / "report" / f"{name}.json"
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


@functools.cache
def organ_order() -> dict[str, int]:
    """The rank of every organ in a report."""
    return {organ: rank for rank, organ in enumerate(_table("anatomy")["order"])}


@functools.cache
def is_paired(organ: str) -> bool:
    """Whether there may be the same thing on both sides."""
    return organ in _table("anatomy")["paired"]


@functools.cache
def organ_of_name(concept: str, label_en: str) -> str:
    """The organ of a concept (id or empty) with its English name; ``other`` where unknown."""
    table = _table("anatomy")
    if concept in table["concepts"]:
        return str(table["concepts"][concept])
    key = f"{concept} {label_en}".lower()
    for organ, stems in table["stems"]:
        if any(stem in key for stem in stems):
            return str(organ)
    return OTHER


def organ_of(finding: Finding) -> str:
    """The organ under which a finding is described: of its concept, else of its site."""
    content = finding.current
    organ = organ_of_name(concept_of(finding), content.label.en)
    if organ in (OTHER, "soft_tissue", "bone") and content.site is not None:
        entry = _entry(content.site)
        if entry is not None and entry.get("organ"):
            return str(entry["organ"])
    return organ


def noun_of(finding: Finding, language: Language) -> Noun:
    """The name of a finding with its forms; one that the table does not know stands as it is."""
    own = own_name(finding.current, language)
    known = _known_noun(_plain(own), language)
    if known is not None:
        return known
    forms = (own, own, own, own, own)
    return Noun(*forms, forms, "", "n", "count", "", is_known=False)


@functools.cache
def _known_noun(name: str, language: Language) -> Noun | None:
    row = _table("nouns")[language].get(name)
    if row is None:
        return None
    sized = row.get("sized", "")
    if language == "en":
        one = row.get("one", name)
        many = row.get("many", one)
        forms = (one, many, many, one, many)
        return Noun(*forms, forms, "", "n", row["kind"], sized, is_known=True)
    rest = f" {row['rest']}" if "rest" in row else ""
    tail = f" {row['tail']}" if "tail" in row else ""
    tails = f" {row['tail_many']}" if tail else ""
    one, many, few, gen, gen_many = (f"{form}{rest}" for form in row["forms"])
    return Noun(
        f"{one}{tail}", f"{many}{tails}", f"{few}{tails}", f"{gen}{tail}", f"{gen_many}{tails}",
        (one, many, few, gen, gen_many), row.get("tail_of", ""), row["gender"], row["kind"], sized,
        is_known=True,
    )  # fmt: skip


def _plain(name: str) -> str:
    return name.lower().replace("ё", "е")


def own_name(content: FindingContent, language: Language) -> str:
    """The finding's own name as it stands inside a sentence: lower case, except abbreviations."""
    if language == "ru":
        name = content.label.ru or content.label.en
    else:
        name = content.label.en or (content.concept.meaning if content.concept else "")
    first = re.split(r"[\s-]", name, maxsplit=1)[0]
    is_abbreviation = len(first) > 1 and any(letter.isupper() for letter in first[1:])
    if is_abbreviation or first in _PROPER:
        return name
    return name[:1].lower() + name[1:]


_PROPER = frozenset({"Baker", "Бейкера", "Chiari", "Hill", "Bankart", "Schmorl", "Crohn"})


def place_of(content: FindingContent, noun: Noun, language: Language) -> Place:
    """The phrase for a finding's site and side; empty where there is neither."""
    site, side = content.site, content.laterality
    if site is None:
        return _organ_place(noun, side, language)
    name = site.meaning_en or (site.code.meaning if site.code else "")
    numbered = _numbered(name, noun, side, language)
    if numbered is not None:
        return numbered
    entry = _entry(site)
    if entry is None:
        return _unknown(site, language)
    place = _english(entry, side) if language == "en" else _russian(entry, side, site, noun)
    if not site.segment or site.segment in place.text:
        return place
    return Place(
        f"{place.text} ({site.segment})" if place.text else place.text,
        place.attribute, place.says_side, place.organ,
        "" if place.text else site.segment,
    )  # fmt: skip


def _numbered(name: str, noun: Noun, side: Laterality | None, language: Language) -> Place | None:
    """Ribs, liver segments, vertebral levels."""
    rib, liver = _RIB.match(name), _LIVER.match(name)
    if rib and 1 <= int(rib[1]) <= 12:
        number = int(rib[1])
        if language == "en":
            has_side = side in ("left", "right")
            text = f"of the {f'{side} ' if has_side else ''}{number}{_ordinal(number)} rib"
            return Place(text, says_side=has_side, organ="rib")
        return Place(attribute=f"{_ROMAN[number]} ребра", organ="rib")
    if liver:
        text = "in segment {} of the liver" if language == "en" else "в S{} печени"
        return Place(text.format(liver[1]), organ="liver")
    if _LEVEL.match(name):
        if language == "en":
            return Place(f"at {name}")
        if noun.bare_organ in ("vertebra", "disc") and noun.is_known:
            return Place(attribute=f"{_ORGAN_RU[noun.bare_organ]} {name}", organ=noun.bare_organ)
        return Place(f"на уровне {name}")
    return None


def _ordinal(number: int) -> str:
    return {1: "st", 2: "nd", 3: "rd"}.get(number, "th")


_ORGAN_RU = {"vertebra": "позвонка", "disc": "межпозвонкового диска"}


def _entry(site: Site) -> dict[str, Any] | None:
    by_key = _places_by_key()
    for key in (
        site.code.value.lower() if site.code else "",
        site.meaning_en.lower(),
        site.code.meaning.lower() if site.code else "",
    ):
        if key in by_key:
            return by_key[key]
    return None


@functools.cache
def _places_by_key() -> dict[str, dict[str, Any]]:
    return {key: entry for entry in _table("places")["places"] for key in entry["keys"]}


def _english(entry: dict[str, Any], side: Laterality | None) -> Place:
    organ = str(entry.get("organ", ""))
    if side == "bilateral" and "both" in entry:
        return Place(str(entry["both"]), says_side=True, organ=organ)
    pattern = str(entry["en"])
    has_side = "{side}" in pattern and side in ("left", "right")
    text = pattern.replace("{side}", f"{side} " if has_side else "")
    return Place(text, says_side=has_side or "side" in entry, organ=organ)


def _russian(entry: dict[str, Any], side: Laterality | None, site: Site, noun: Noun) -> Place:
    words, organ = entry["ru"], str(entry.get("organ", ""))
    if "of" in words:
        return Place(attribute=str(words["of"]), organ=organ)
    if side == "bilateral" and "both" in words:
        return Place(str(words["both"]), says_side=True, organ=organ)
    fits = not noun.bare_organ or not organ or organ == noun.bare_organ
    prefix = "side_" if side in ("left", "right") and "side_loc" in words and fits else ""
    forms = _table("places")["sides"].get(side or "", {})
    if site.segment and f"{prefix}gen" in words:
        text = f"в {site.segment} {words[f'{prefix}gen']}"
    else:
        text = str(words[f"{prefix}loc"])
    for form, word in forms.items():
        text = text.replace(f"{{{form}}}", word)
    # "in the upper pole" alone does not say of what
    sided = str(words.get("side_loc", ""))
    names_organ = bool(prefix) or not sided or sided.rsplit(" ", 1)[-1] in str(words["loc"])
    return Place(
        text, says_side=bool(prefix) or "side" in entry, organ=organ if names_organ else ""
    )


def _organ_place(noun: Noun, side: Laterality | None, language: Language) -> Place:
    """Russian names the organ with its side: "в правой почке"."""
    key = _table("places")["paired_organs"].get(noun.bare_organ)
    if language == "en" or key is None or side not in ("left", "right", "bilateral"):
        return Place()
    return _russian(_places_by_key()[key], side, Site(), noun)


def _unknown(site: Site, language: Language) -> Place:
    """A site that the table does not know: "in the ..." in English, in brackets in Russian."""
    text = site.text(language)
    note = site.segment if site.segment not in text else ""
    if language == "ru":
        return Place(note=", ".join(part for part in (text, note) if part))
    if not text:
        return Place(note=note)
    lobe = _LOBE.match(text)
    if lobe:
        return Place(f"in the {lobe['name'].lower()}", note=note)
    inside = text if text.split(" ", 1)[0].isupper() else text[:1].lower() + text[1:]
    phrase = inside if inside.startswith(("in ", "at ", "of ")) else f"in the {inside}"
    return Place(phrase, note=note)
