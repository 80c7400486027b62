"""Whether the objects of one study belong to one patient (D08)."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from app.core.study import Patient
from app.dicom.character_sets import name_groups


def identity_conflict(patients: Sequence[Patient]) -> str:
    """What differs between the patients named in one study, in words without the data; or empty.

    Missing entries conflict with nothing: third-party objects often leave them out.
    """
    ids = {(p.id.strip().casefold(), p.issuer.strip().casefold()) for p in patients if p.id.strip()}
    # An issuer is compared only where both name one.
    plain_ids = {patient_id for patient_id, _ in ids}
    issuers = {issuer for _, issuer in ids if issuer}
    names = {normalized_name(p.name) for p in patients} - {""}
    births = {str(p.birth_date) for p in patients} - {""}
    differing = [
        word
        for word, values in (
            ("patient ID", plain_ids),
            ("issuer of the patient ID", issuers),
            ("patient name", names),
            ("birth date", births),
        )
        if len(values) > 1
    ]
    if not differing:
        return ""
    return f"The images of this study differ in {' and '.join(differing)}."


def normalized_name(name: str) -> str:
    """The alphabetic group without case, accents, punctuation and doubled spaces."""
    alphabetic, ideographic, _ = name_groups(name)
    text = unicodedata.normalize("NFKD", alphabetic or ideographic).casefold()
    kept = "".join(c if c.isalnum() else " " for c in text if not unicodedata.combining(c))
    return " ".join(kept.split())
