"""Whether the objects of one study belong to one patient (D08)."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from app.core.report import Message
from app.core.study import Patient
from app.dicom.character_sets import name_groups


def identity_conflict(patients: Sequence[Patient]) -> Message | None:
    """What differs between the patients named in one study, in words without the data; or None.

    Missing entries conflict with nothing: third-party objects often leave them out.
    """
    ids = {(p.id.strip().casefold(), p.issuer.strip().casefold()) for p in patients if p.id.strip()}
    # An issuer is compared only where both name one.
    plain_ids = {patient_id for patient_id, _ in ids}
    issuers = {issuer for _, issuer in ids if issuer}
    # A name written in Latin letters conflicts with none that is written in ideographs only.
    groups = [name_groups(p.name) for p in patients]
    spellings = [{normalized_name(one[n]) for one in groups} - {""} for n in (0, 1)]
    names = max(spellings, key=len)
    births = {str(p.birth_date) for p in patients} - {""}
    differing = [
        word
        for word, values in (
            (Message("patient ID", "номер пациента"), plain_ids),
            (Message("issuer of the patient ID", "источник номера пациента"), issuers),
            (Message("patient name", "имя пациента"), names),
            (Message("birth date", "дата рождения"), births),
        )
        if len(values) > 1
    ]
    if not differing:
        return None
    return Message(
        f"The images of this study differ in {' and '.join(word.en for word in differing)}.",
        f"Снимки этого исследования различаются: {', '.join(word.ru for word in differing)}.",
    )


def normalized_name(group: str) -> str:
    """One group of a name without case, accents, punctuation and doubled spaces."""
    text = unicodedata.normalize("NFKD", group).casefold()
    kept = "".join(c if c.isalnum() else " " for c in text if not unicodedata.combining(c))
    return " ".join(kept.split())
