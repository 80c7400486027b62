"""Cleaning of free text: only words of a known vocabulary stay, known identifiers never.

A dropped word leaves a mark (``*``), so that a reader sees that something was cut: a shortened
sentence must not pass for the whole one.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Final

from pydicom.dataset import Dataset

from app.config.folders import resources_folder
from app.dicom.tolerant import MALFORMED

REMOVED: Final = "Removed"
CUT: Final = "*"

_TOKEN: Final = re.compile(r"[^\W_]+", re.UNICODE)
_PLAIN_NUMBER: Final = re.compile(r"\d{1,3}")
_NUMBER_WITH_UNIT: Final = re.compile(
    r"\d{1,4}(mm|cm|ml|min|sec|s|ms|kv|kvp|mas|ma|kev|hz|ph|b|d|t|x|deg|pct)|"
    r"(b|t|l|c|s|p|r|x|q|n|th|te|tr|ti|i|j|br|qr|hr|bl|bf|u|fc|b0)\d{1,4}f?",
    re.IGNORECASE,
)
# 12.03.61: three small numbers together are a date
_THREE_NUMBERS: Final = re.compile(r"\d+[./-]\d+[./-]\d+")
_CUTS: Final = re.compile(r"\*([\s.,;:]*\*)*[\s.]*")
_SHORTEST_NAME = 3
_SHORTEST_NUMBER = 4
# How our own segmentations name the run behind them: nothing of a patient in it.
_PROVENANCE: Final = re.compile(
    r"((weights|manifest)_sha256=[0-9a-f]{64}|device=(cpu|cuda(:\d+)?)|forced=yes|partial=yes|"
    r"operating_point=[a-z0-9-]+:[0-9.e-]+)"
)
_IDENTIFYING_NAMES: Final = (
    "PatientName", "OtherPatientNames", "PatientBirthName", "PatientMotherBirthName",
    "ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName", "PhysiciansOfRecord",
    "NameOfPhysiciansReadingStudy", "RequestingPhysician", "ConsultingPhysicianName",
    "ContentCreatorName", "ResponsiblePerson", "ScheduledPerformingPhysicianName",
    "VerifyingObserverName", "PersonName", "InstitutionName",
)  # fmt: skip
_MAKERS: Final = ("Manufacturer", "ManufacturerModelName")
_IDENTIFYING_NUMBERS: Final = (
    "PatientID", "OtherPatientIDs", "AccessionNumber", "StudyID", "AdmissionID", "PatientAddress",
    "PatientTelephoneNumbers", "MilitaryRank", "MedicalRecordLocator", "PatientBirthDate",
    "StationName", "DeviceSerialNumber", "InstitutionAddress",
)  # fmt: skip


@functools.cache
def safe_words() -> frozenset[str]:
    """The vocabulary, lower case."""
    lines = (resources_folder() / "deid" / "safe_words.txt").read_text("utf-8").splitlines()
    return frozenset(
        token.lower()
        for line in lines
        if not line.startswith("#")
        for token in _TOKEN.findall(line)
    )


class Identifiers:
    """What is known to identify this patient: found in any text that stays, it is taken out.

    Single words: the parts of names and the numbers that the header gives in their own places.
    """

    def __init__(self, words: Iterable[str] = ()) -> None:
        self._words = frozenset(word.lower() for word in words)

    @classmethod
    def of(cls, ds: Dataset) -> Identifiers:
        """The parts of names, and the numbers, that the dataset gives at any depth."""
        found: set[str] = set()
        _collect(ds, found)
        return cls(found)

    @classmethod
    def in_text(cls, text: str) -> Identifiers:
        """The words of a name or number given as text."""
        return cls(word for word in _words(text) if len(word) >= _SHORTEST_NAME)

    def __or__(self, other: Identifiers) -> Identifiers:
        return Identifiers(self._words | other._words)

    def __contains__(self, word: str) -> bool:
        return word.lower() in self._words

    def scrub(self, text: str) -> str:
        """The text without the words that identify; the text itself where there are none."""
        if not self._words:
            return text
        return _TOKEN.sub(lambda match: CUT if match[0] in self else match[0], text)


def clean(text: str, identifiers: Identifiers) -> str:
    """The text with every word outside the vocabulary cut; empty where no word is left.

    Numbers stay up to three digits or with a unit: longer ones may be dates or record numbers.
    """
    parts = [
        part if _PROVENANCE.fullmatch(part.strip(",;")) else _clean_part(part, identifiers)
        for part in text.split()
    ]
    shown = _CUTS.sub(f"{CUT} ", " ".join(parts)).strip()
    return shown if _TOKEN.search(shown) else ""


def is_safe(text: str, identifiers: Identifiers) -> bool:
    """Whether every word of the text may stay: for sentences, which a cut could turn round."""
    return clean(text, identifiers) == " ".join(text.split())


def _clean_part(part: str, identifiers: Identifiers) -> str:
    if "@" in part or "://" in part or _THREE_NUMBERS.search(part):
        return CUT

    def keep(match: re.Match[str]) -> str:
        word = match[0]
        if word in identifiers:
            return CUT
        known = word.lower() in safe_words()
        number = _PLAIN_NUMBER.fullmatch(word) or _NUMBER_WITH_UNIT.fullmatch(word)
        return word if known or number else CUT

    return _TOKEN.sub(keep, part)


def _collect(ds: Dataset, found: set[str]) -> None:
    makers = {word for maker in _MAKERS for text in _texts(ds, maker) for word in _words(text)}
    for keyword in (*_IDENTIFYING_NAMES, *_IDENTIFYING_NUMBERS):
        shortest = _SHORTEST_NAME if keyword in _IDENTIFYING_NAMES else _SHORTEST_NUMBER
        for value in _texts(ds, keyword):
            for word in _words(value) - makers:
                if len(word) >= (_SHORTEST_NUMBER if word.isdigit() else shortest):
                    found.add(word)
    for tag in list(ds.keys()):
        try:
            element = ds[tag]
            items = list(element.value or ()) if element.VR == "SQ" else []
        except MALFORMED:
            continue
        for item in items:
            _collect(item, found)


def _words(text: str) -> set[str]:
    return {word.lower() for word in _TOKEN.findall(text)}


def _texts(ds: Dataset, keyword: str) -> list[str]:
    try:
        value = ds.get(keyword)
    except MALFORMED:
        return []
    if value is None or value == "":
        return []
    is_list = hasattr(value, "__iter__") and not isinstance(value, (str, bytes))
    many = list(value) if is_list and not hasattr(value, "family_name") else [value]
    return [str(one) for one in many]
