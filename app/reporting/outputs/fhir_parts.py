"""Data types of FHIR R4 as we write them: codes, names, quantities, references."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.core.codes import Code
from app.core.measurement import Measurement

_SYSTEMS: Final = {
    "SCT": "http://snomed.info/sct",
    "LN": "http://loinc.org",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "RADLEX": "http://radlex.org",
    "RADELEMENT": "https://radelement.org",
}
UCUM: Final = "http://unitsofmeasure.org"
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SPACE: Final = uuid.UUID("6b2f4a52-3a8e-4e44-9d1c-6f0f1c1f6a11")


def pruned(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Without what is empty, which FHIR forbids, and without control characters in texts."""
    if isinstance(value, Mapping):
        kept = {key: pruned(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if not _is_empty(item)}
    if isinstance(value, list | tuple):
        return [item for item in (pruned(one) for one in value) if not _is_empty(item)]
    return _CONTROLS.sub(" ", value) if isinstance(value, str) else value


def _is_empty(value: object) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, dict | list) and not value)


def full_url(*parts: str) -> str:
    """The ``urn:uuid`` that belongs to these texts, always the same."""
    digest = hashlib.sha256("\x00".join(parts).encode("utf-8")).hexdigest()
    return f"urn:uuid:{uuid.uuid5(_SPACE, digest)}"


def coding(code: Code) -> dict[str, str]:
    """A code with its system; of our own scheme the code and its words alone."""
    found = {"code": code.value, "display": code.meaning}
    system = _SYSTEMS.get(code.scheme)
    return {"system": system, **found} if system else found


def concept(code: Code, text: str = "") -> dict[str, Any]:
    """A CodeableConcept; a code without a known system stands as text."""
    words = text or code.meaning
    return {"coding": [coding(code)], "text": words} if code.scheme in _SYSTEMS else {"text": words}


def listed(system: str, code: str, display: str) -> dict[str, Any]:
    """A CodeableConcept of one of HL7's own tables."""
    where = f"http://terminology.hl7.org/CodeSystem/{system}"
    return {"coding": [{"system": where, "code": code, "display": display}]}


def human_name(name: str) -> list[dict[str, Any]]:
    """A DICOM person name (the first of its writings) as HumanName."""
    parts = [part.strip() for part in name.split("=", 1)[0].split("^")]
    family, given, middle, prefix, suffix = (*parts, "", "", "", "", "")[:5]
    words = [word for word in (prefix, given, middle, family, suffix) if word]
    return [
        {
            "family": family,
            "given": [*given.split(), *middle.split()],
            "prefix": prefix.split(),
            "suffix": suffix.split(),
            "text": " ".join(words),
        }
    ]


def quantity_of(value: float | None, unit: str) -> dict[str, Any] | None:
    """A UCUM Quantity; None where there is no value."""
    if value is None:
        return None
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def reference_range(item: Measurement) -> list[dict[str, Any]]:
    """The range with its source; none where neither bound is known."""
    found = item.reference
    if found is None or (found.low is None and found.high is None):
        return []
    words = "; ".join(part for part in (found.population, found.source) if part)
    low, high = quantity_of(found.low, item.unit), quantity_of(found.high, item.unit)
    return [{"low": low, "high": high, "text": words}]


def interpretation(item: Measurement) -> list[dict[str, Any]]:
    """Low, high or normal where there is a range to compare with."""
    if item.value is None or not reference_range(item) or item.reference is None:
        return []
    low, high = item.reference.low, item.reference.high
    code, words = "N", "Normal"
    if low is not None and item.value < low:
        code, words = "L", "Low"
    elif high is not None and item.value > high:
        code, words = "H", "High"
    return [listed("v3-ObservationInterpretation", code, words)]


def references(urls: Sequence[str]) -> list[dict[str, str]]:
    """References to entries of the same bundle."""
    return [{"reference": url} for url in urls]
