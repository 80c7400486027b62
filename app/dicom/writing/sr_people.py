"""Who verified a structured report and who wrote it (PS3.3 C.17.2)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pydicom

from app.core.signing import Signature
from app.dicom.writing import authoring


def name_signers(
    document: pydicom.Dataset, signatures: Sequence[Signature], organization: str
) -> None:
    """Each senior with the time of the own signature; residents as authors (PS3.3 C.17.2)."""
    seniors = [one for one in signatures if one.role != "resident"]
    document.VerifyingObserverSequence = [
        _verifier(one, organization) for one in seniors
    ] or document.VerifyingObserverSequence
    residents = [one for one in signatures if one.role == "resident"]
    if residents:
        document.AuthorObserverSequence = [_author(one, organization) for one in residents]


def _verifier(signature: Signature, organization: str) -> pydicom.Dataset:
    item = pydicom.Dataset()
    item.VerifyingObserverName = authoring.person_name(signature.name)
    item.VerifyingOrganization = organization or "Overread"
    moment = dt.datetime.fromisoformat(signature.at_utc).astimezone(dt.UTC)
    item.VerificationDateTime = moment.strftime("%Y%m%d%H%M%S+0000")
    item.VerifyingObserverIdentificationCodeSequence = []
    return item


def _author(signature: Signature, organization: str) -> pydicom.Dataset:
    item = pydicom.Dataset()
    item.ObserverType = "PSN"
    item.PersonName = authoring.person_name(signature.name)
    item.PersonIdentificationCodeSequence = []
    item.InstitutionName = organization
    item.InstitutionCodeSequence = []
    return item
