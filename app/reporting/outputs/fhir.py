"""The report as a FHIR R4 Bundle: DiagnosticReport with what it rests on.

Patient, ImagingStudy, Practitioners and the models that took part; an Observation for each finding
and each measurement; who was told of a critical finding; the chain of versions as Provenance; the
printed report and the plain text as presented forms. Codes are those of the findings.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final
from xml.sax.saxutils import escape

from app.core.codes import LATERALITY_CODES, Code
from app.core.communication import way_text
from app.core.finding import Finding, Presence
from app.core.measurement import Measurement
from app.core.report import Signature
from app.reporting.outputs.document import ReportDocument
from app.reporting.outputs.fhir_parts import (
    concept,
    full_url,
    human_name,
    interpretation,
    listed,
    pruned,
    quantity_of,
    reference_range,
    references,
)
from app.reporting.outputs.sections import REPORT, coded_sections, quantity, result_status
from app.reporting.outputs.words import measure_name, status_word

_FINDING: Final = Code("121071", "DCM", "Finding")
_LATERALITY: Final = Code("272741003", "SCT", "Laterality")
_IMPRESSION: Final = "19005-8"
_GENDERS: Final = {"M": "male", "F": "female", "O": "other"}
_PRESENCE: Final[dict[Presence, tuple[str, str]]] = {
    "present": ("POS", "Positive"),
    "absent": ("NEG", "Negative"),
    "uncertain": ("IND", "Indeterminate"),
}
_OBSERVATION_STATUS: Final = {
    "preliminary": "preliminary", "final": "final", "amended": "amended", "appended": "amended",
    "corrected": "corrected",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FhirNames:
    """Systems (URIs) of identifiers, empty where none is named, and the clinic's name."""

    patient_id_system: str = ""
    accession_system: str = ""
    organisation: str = ""


def fhir_bundle(document: ReportDocument, names: FhirNames, at_utc: str) -> bytes:
    """The bundle as JSON, UTF-8. ``at_utc`` (ISO 8601) is the time of the version.

    The same version gives the same bytes. ``document.pdf`` is the printed report.
    """
    bundle = _Bundle(document, names, at_utc).made()
    return (json.dumps(bundle, ensure_ascii=False, indent=1) + "\n").encode("utf-8")


class _Bundle:
    def __init__(self, document: ReportDocument, names: FhirNames, at_utc: str) -> None:
        self._document = document
        self._report = document.report
        self._names = names
        self._at_utc = at_utc
        self._status = result_status(document.report)
        self._entries: list[dict[str, Any]] = []

    def made(self) -> dict[str, Any]:
        self._patient = self._add(self._patient_resource(), "patient")
        self._study = self._add(self._study_resource(), "study")
        self._clinic = (
            self._add(self._clinic_resource(), "clinic") if self._names.organisation else ""
        )
        signers = [self._add(_practitioner(one), "signer", one.login or one.name)
                   for one in self._report.signatures]  # fmt: skip
        results = [self._finding(finding) for finding in self._document.findings]
        report = self._add(self._report_resource(signers, results), "report")
        for record in self._report.communications:
            self._add(self._communication(record.uid, report), "told", record.uid)
        if signers:
            self._add(self._provenance(report, signers), "provenance")
        entries = [entry for n, entry in enumerate(self._entries) if entry not in self._entries[:n]]
        return {
            "resourceType": "Bundle",
            "type": "collection",
            "timestamp": self._at_utc,
            "identifier": {"system": "urn:ietf:rfc3986", "value": f"urn:oid:{self._report.uid}"},
            "entry": entries,
        }

    def _add(self, resource: dict[str, Any], *parts: str) -> str:
        url = full_url(self._report.study_instance_uid, self._report.uid, *parts)
        self._entries.append({"fullUrl": url, "resource": pruned(resource)})
        return url

    def _subject(self) -> dict[str, str]:
        return {"reference": self._patient}

    def _patient_resource(self) -> dict[str, Any]:
        document = self._document
        identifier = {"system": self._names.patient_id_system, "value": str(document.patient_id)}
        return {
            "resourceType": "Patient",
            "identifier": [identifier] if document.patient_id else [],
            "name": human_name(document.patient_name) if document.patient_name else [],
            "gender": _GENDERS.get(document.patient_sex, "unknown"),
            "birthDate": str(document.patient_birth_date),
        }

    def _study_resource(self) -> dict[str, Any]:
        document = self._document
        series = [
            {
                "uid": one.uid, "modality": _modality(one.modality),
                "description": one.description, "numberOfInstances": one.images,
            }
            for one in document.series
        ]  # fmt: skip
        modalities = list(dict.fromkeys(one.modality for one in document.series if one.modality))
        return {
            "resourceType": "ImagingStudy",
            "identifier": [
                {
                    "system": "urn:dicom:uid",
                    "value": f"urn:oid:{self._report.study_instance_uid}",
                },
                self._accession(),
            ],
            "status": "available",
            "modality": [_modality(one) for one in modalities],
            "subject": self._subject(),
            # the images tell no offset from UTC, and FHIR wants one with a time
            "started": document.study_date,
            "referrer": {"display": document.referring_physician.replace("^", " ").strip()},
            "numberOfSeries": len(series) or None,
            "numberOfInstances": sum(one.images for one in document.series) or None,
            "description": document.study_description,
            "series": series,
        }

    def _accession(self) -> dict[str, Any]:
        if not self._document.accession_number:
            return {}
        return {
            "type": {
                "coding": [
                    {"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "ACSN"}
                ]
            },
            "system": self._names.accession_system,
            "value": str(self._document.accession_number),
        }

    def _clinic_resource(self) -> dict[str, Any]:
        return {"resourceType": "Organization", "name": self._names.organisation}

    def _finding(self, finding: Finding) -> str:
        content, language = finding.current, self._report.language
        members = [
            self._measurement(finding, item, number)
            for number, item in enumerate(content.measurements)
        ]
        label = content.label.text(language)
        value = concept(content.concept, label) if content.concept else {"text": label}
        site = content.site
        components = []
        if content.laterality is not None:
            side = concept(LATERALITY_CODES[content.laterality])
            components.append({"code": concept(_LATERALITY), "valueCodeableConcept": side})
        place = None
        if site is not None:
            words = site.text(language)
            place = concept(site.code, words) if site.code else {"text": words or site.segment}
        return self._add(
            self._observation(finding)
            | {
                "code": concept(_FINDING),
                "valueCodeableConcept": value,
                "interpretation": [
                    listed("v3-ObservationInterpretation", *_PRESENCE[content.presence])
                ],
                "bodySite": place,
                "component": components,
                "hasMember": references(members),
            },
            "finding", finding.uid,
        )  # fmt: skip

    def _measurement(self, finding: Finding, item: Measurement, number: int) -> str:
        language = self._report.language
        absent = listed("data-absent-reason", "error", "Error")
        status = status_word(item.status, language)
        note = item.note_ru if language == "ru" and item.note_ru else item.note
        notes = [] if item.status == "valid" else [status]
        notes += [note] if note else []
        return self._add(
            self._observation(finding)
            | {
                "code": concept(quantity(item), measure_name(item, language)),
                "valueQuantity": quantity_of(item.value, item.unit),
                "dataAbsentReason": None if item.value is not None else absent,
                "interpretation": interpretation(item),
                "note": [{"text": words} for words in notes],
                "method": {"text": item.method},
                "referenceRange": reference_range(item),
            },
            "measurement", finding.uid, str(number),
        )  # fmt: skip

    def _observation(self, finding: Finding) -> dict[str, Any]:
        """What all observations of a finding share."""
        origin = finding.provenance
        device = None
        if finding.is_from_model:
            version = [{"value": origin.version}] if origin.version else []
            name = origin.pack or "not stated"
            device = self._add(
                {
                    "resourceType": "Device",
                    "deviceName": [{"name": name, "type": "model-name"}],
                    "version": version,
                },
                "device", name, origin.version,
            )  # fmt: skip
        return {
            "resourceType": "Observation",
            "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{finding.tracking_uid}"}],
            "status": _OBSERVATION_STATUS[self._status],
            "category": [listed("observation-category", "imaging", "Imaging")],
            "subject": self._subject(),
            "effectiveDateTime": self._document.study_date,
            "issued": self._at_utc,
            "derivedFrom": references([self._study]),
            "device": {"reference": device} if device else None,
        }

    def _report_resource(self, signers: list[str], results: list[str]) -> dict[str, Any]:
        report, document = self._report, self._document
        conclusion = "".join(
            part.text for part in coded_sections(report) if part.code.value == _IMPRESSION
        ).strip()
        performers = [*signers[-1:], *([self._clinic] if self._clinic else [])]
        first = document.chain_uid or report.uid
        return {
            "resourceType": "DiagnosticReport",
            "meta": {"versionId": str(report.version)},
            "language": report.language,
            "text": {"status": "generated", "div": _narrative(report.text)},
            "identifier": [
                {"use": "official", "system": "urn:ietf:rfc3986", "value": f"urn:oid:{first}"},
                {"use": "secondary", "system": "urn:ietf:rfc3986", "value": f"urn:oid:{report.uid}"}
                if report.uid != first
                else {},
            ],
            "status": self._status,
            "category": [listed("v2-0074", "RAD", "Radiology")],
            "code": concept(REPORT, document.study_description),
            "subject": self._subject(),
            "effectiveDateTime": document.study_date,
            "issued": self._at_utc,
            "performer": references(performers),
            "resultsInterpreter": references(list(dict.fromkeys(signers))),
            "result": references(results),
            "imagingStudy": references([self._study]),
            "conclusion": conclusion,
            "presentedForm": self._forms(),
        }

    def _forms(self) -> list[dict[str, Any]]:
        forms = []
        if self._document.pdf:
            forms.append(self._attachment("application/pdf", self._document.pdf))
        forms.append(self._attachment("text/plain; charset=utf-8", self._report.text.encode()))
        return forms

    def _attachment(self, kind: str, content: bytes) -> dict[str, Any]:
        digest = hashlib.sha1(content, usedforsecurity=False).digest()
        return {
            "contentType": kind,
            "language": self._report.language,
            "data": base64.b64encode(content).decode("ascii"),
            "size": len(content),
            "hash": base64.b64encode(digest).decode("ascii"),
            "creation": self._at_utc,
        }

    def _communication(self, uid: str, report: str) -> dict[str, Any]:
        record = next(one for one in self._report.communications if one.uid == uid)
        told = ", ".join(part for part in (record.told, record.told_role) if part)
        return {
            "resourceType": "Communication",
            "identifier": [{"system": "urn:ietf:rfc3986", "value": f"urn:oid:{uid}"}],
            "status": "completed",
            "priority": "urgent",
            "medium": [{"text": way_text(record.way).text(self._report.language)}],
            "subject": self._subject(),
            "about": references([report]),
            "sent": record.at_utc,
            "recipient": [{"display": told}],
            "sender": {"display": record.by.replace("^", " ").strip()},
            "note": [{"text": record.note}] if record.note else [],
        }

    def _provenance(self, report: str, signers: list[str]) -> dict[str, Any]:
        agents = []
        for url, signature in zip(signers, self._report.signatures, strict=True):
            kind = "author" if signature.meaning in ("author", "preliminary") else "verifier"
            role = listed("provenance-participant-type", kind, kind.capitalize())
            agents.append({"type": role, "who": {"reference": url}})
        before = self._report.predecessor_uid
        what = {"identifier": {"system": "urn:ietf:rfc3986", "value": f"urn:oid:{before}"}}
        return {
            "resourceType": "Provenance",
            "target": references([report]),
            "recorded": self._at_utc,
            "reason": [{"text": self._report.change_reason}] if self._report.change_reason else [],
            "agent": agents,
            "entity": [{"role": "revision", "what": what}] if before else [],
        }


def _practitioner(signature: Signature) -> dict[str, Any]:
    return {
        "resourceType": "Practitioner",
        "identifier": [{"value": signature.login}] if signature.login else [],
        "name": human_name(signature.name),
    }


def _modality(modality: str) -> dict[str, str]:
    """R4 demands one of each series: other (OT) where the images do not say."""
    return {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": modality or "OT"}


def _narrative(text: str) -> str:
    """The text as XHTML, line by line, without the control characters XML forbids."""
    plain = "".join(c for c in text.strip() if c >= " " or c in "\n\t")
    lines = "<br/>".join(escape(line) for line in plain.split("\n"))
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{lines}</div>'
