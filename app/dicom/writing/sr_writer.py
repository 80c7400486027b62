"""Findings as a Comprehensive 3D SR, root TID 1500 (PS3.16).

Two generations, two documents (copilot-practice 5.2): what the models said, unverified, with the
device as observer; and after review a new, verified document with the person and the device as
observers, naming its predecessor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import highdicom as hd
import pydicom
from highdicom.sr import CodedConcept

from app.core import codes
from app.core.codes import Code
from app.core.finding import Finding
from app.core.measurement import Measurement
from app.core.signing import Signature
from app.dicom.writing import authoring
from app.dicom.writing.sr_people import name_signers
from app.dicom.writing.sr_regions import (
    Group,
    coordinates_of,
    region_of,
    source_image_of,
    volume_surface_of,
    with_points,
)

KIND_CODES: dict[str, tuple[Code, Code | None]] = {
    # kind: (measured quantity, derivation)
    "volume": (codes.VOLUME, None),
    "area": (codes.AREA, None),
    "long_axis": (codes.LONG_AXIS, None),
    "short_axis": (codes.SHORT_AXIS, None),
    "max_diameter_3d": (codes.DIAMETER, Code("56851009", "SCT", "Maximum")),
    "mean": (Code("112031", "DCM", "Attenuation Coefficient"), Code("373098007", "SCT", "Mean")),
    "median": (
        Code("112031", "DCM", "Attenuation Coefficient"),
        Code("373099004", "SCT", "Median"),
    ),
    "min": (Code("112031", "DCM", "Attenuation Coefficient"), Code("255605001", "SCT", "Minimum")),
    "max": (Code("112031", "DCM", "Attenuation Coefficient"), Code("56851009", "SCT", "Maximum")),
    "sd": (
        Code("112031", "DCM", "Attenuation Coefficient"),
        Code("386136009", "SCT", "Standard Deviation"),
    ),
}

_TOLD = CodedConcept("73568-8", "LN", "Communication of Critical Results")
_UNIT_MEANINGS = {
    "mm": "millimeter", "cm": "centimeter", "mm2": "square millimeter", "cm2": "square centimeter",
    "mm3": "cubic millimeter", "mL": "milliliter", "ml": "milliliter", "1": "no units",
    "%": "percent", "[hnsf'U]": "Hounsfield unit", "deg": "degree", "{pixels}": "pixels",
    "cm2/m2": "square centimeter per square meter", "mL/m2": "milliliter per square meter",
    "d": "day",
}  # fmt: skip

_PROCEDURES = {
    "CT": Code("77477000", "SCT", "Computed tomography"),
    "MR": Code("113091000", "SCT", "Magnetic resonance imaging"),
    "DX": Code("168537006", "SCT", "Plain radiography"),
    "CR": Code("168537006", "SCT", "Plain radiography"),
}


@dataclass(frozen=True, slots=True)
class SegmentPlace:
    """Where a finding's mask stands: segmentation object and segment number."""

    segmentation: pydicom.Dataset
    segment_number: int


@dataclass(frozen=True, slots=True)
class SrRequest:
    """One SR document over the findings of one study.

    ``source`` holds the images that were read, ``places`` the segment of each finding that has one
    (by finding uid). ``observer_name`` and ``organization`` are set for the verified document;
    ``signatures`` are all that it rests on, oldest first (empty: the observer alone): who is no
    resident verifies, a resident is an author. ``communications`` are sentences on who was told
    of a critical finding. ``predecessor`` is the document it replaces or follows. ``missing`` says
    what of the study was not there (D18); it stands in the completion flag's description (PS3.3
    C.17.2), and only a document that is not verified can be flagged as partial.
    """

    source: authoring.SourceImages
    findings: tuple[Finding, ...]
    places: Mapping[str, SegmentPlace]
    identity: authoring.Identity
    device_uid: str
    description: str
    at_utc: str
    language: str = "en"
    is_verified: bool = False
    observer_name: str = ""
    organization: str = ""
    predecessor: pydicom.Dataset | None = None
    missing: str = ""
    signatures: tuple[Signature, ...] = ()
    communications: tuple[str, ...] = ()


def write_sr(request: SrRequest) -> pydicom.Dataset:
    """The SR document; ``is_verified`` decides which of the two generations it is."""
    headers = authoring.read_source_headers(request.source)
    segmentations = _unique(place.segmentation for place in request.places.values())
    evidence = [*map(authoring.with_accepted_name, headers), *segmentations]
    content = hd.sr.MeasurementReport(
        observation_context=_observers(request),
        procedure_reported=authoring.coded(_procedure(headers[0])),
        imaging_measurements=[_group(request, finding, headers) for finding in request.findings]
        or [_nothing_found(request)],
        title=CodedConcept("126000", "DCM", "Imaging Measurement Report"),
        language_of_content_item_and_descendants=hd.sr.LanguageOfContentItemAndDescendants(
            CodedConcept("ru", "RFC5646", "Russian")
            if request.language == "ru"
            else CodedConcept("en", "RFC5646", "English")
        ),
        referenced_images=headers if _can_be_listed(headers) else None,
    )
    for sentence in request.communications:
        content[0].ContentSequence.append(
            hd.sr.TextContentItem(_TOLD, sentence, hd.sr.RelationshipTypeValues.CONTAINS)
        )
    document = hd.sr.Comprehensive3DSR(
        evidence=evidence,
        content=content[0],
        series_instance_uid=request.identity.series_instance_uid,
        series_number=request.identity.series_number,
        sop_instance_uid=request.identity.sop_instance_uid,
        instance_number=1,
        manufacturer=authoring.MANUFACTURER,
        is_complete=request.is_verified or not request.missing,
        is_final=request.is_verified,
        is_verified=request.is_verified,
        verifying_observer_name=authoring.person_name(request.observer_name)
        if request.is_verified
        else None,
        verifying_organization=(request.organization or "Overread")
        if request.is_verified
        else None,
        previous_versions=[request.predecessor] if request.predecessor is not None else None,
        contributing_equipment=authoring.contributing_equipment(request.findings) or None,
        specific_character_set=authoring.CHARACTER_SET,
    )
    document.ManufacturerModelName = authoring.MODEL_NAME
    document.SoftwareVersions = authoring.SOFTWARE_VERSION
    document.DeviceSerialNumber = authoring.DEVICE_SERIAL_NUMBER
    if request.missing:
        document.CompletionFlagDescription = request.missing[:64]
    authoring.finish(document, headers[0], request.description, request.at_utc)
    if request.is_verified and request.signatures:
        name_signers(document, request.signatures, request.organization)
    return document


def _observers(request: SrRequest) -> hd.sr.ObservationContext:
    device = hd.sr.ObserverContext(
        observer_type=CodedConcept("121007", "DCM", "Device"),
        observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(
            uid=request.device_uid,
            name=authoring.MODEL_NAME,
            manufacturer_name=authoring.MANUFACTURER,
            model_name=authoring.MODEL_NAME,
        ),
    )
    if not request.is_verified:
        return hd.sr.ObservationContext(observer_device_context=device)
    person = hd.sr.ObserverContext(
        observer_type=CodedConcept("121006", "DCM", "Person"),
        observer_identifying_attributes=hd.sr.PersonObserverIdentifyingAttributes(
            name=authoring.person_name(request.observer_name),
            organization_name=request.organization or None,
        ),
    )
    return hd.sr.ObservationContext(observer_person_context=person, observer_device_context=device)


def _group(request: SrRequest, finding: Finding, headers: Sequence[pydicom.Dataset]) -> Group:
    content = finding.current
    algorithm = _algorithm(finding)
    where = content.region.slice if content.region else None
    numbers = [item for item in content.measurements if item.value is not None]
    points = [coordinates_of(item, where, headers) for item in numbers]
    score = _score(finding)
    if score is not None:
        numbers, points = [*numbers, score], [*points, None]
    common: dict[str, Any] = {
        "tracking_identifier": hd.sr.TrackingIdentifier(
            uid=finding.tracking_uid,
            identifier=f"{content.label.text(request.language)} {finding.tracking_uid[-6:]}",
        ),
        "finding_type": authoring.coded(authoring.finding_code(finding)),
        "finding_category": authoring.coded(
            codes.ANATOMICAL_STRUCTURE
            if content.significance == "descriptive"
            else codes.MORPHOLOGICALLY_ABNORMAL_STRUCTURE
        ),
        "finding_sites": _sites(finding),
        "algorithm_id": algorithm,
        "measurements": [_measurement(item, algorithm) for item in numbers] or None,
        "qualitative_evaluations": _evaluations(finding),
    }
    place = request.places.get(finding.uid)
    if place is None:
        series = finding.series_instance_uid or headers[0].SeriesInstanceUID
        surface = volume_surface_of(content.region, headers, series)
        if surface is not None:
            boxed = hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
                referenced_volume_surface=surface, **common
            )
            return with_points(boxed, points)
        region = region_of(content.region, headers)
        if region is not None:
            planar = hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
                referenced_region=region, **common
            )
            return with_points(planar, points)
        image = source_image_of(content.region, headers)
        images = None if image is None else [image]
        return with_points(
            hd.sr.MeasurementsAndQualitativeEvaluations(source_images=images, **common), points
        )
    series = finding.series_instance_uid or headers[0].SeriesInstanceUID
    # Built by hand: from_segmentation fails on single-segment objects (copilot-practice T2).
    segment = hd.sr.ReferencedSegment(
        sop_class_uid=place.segmentation.SOPClassUID,
        sop_instance_uid=place.segmentation.SOPInstanceUID,
        segment_number=place.segment_number,
        source_series=hd.sr.SourceSeriesForSegmentation(series),
    )
    volumetric = hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        referenced_segment=segment, **common
    )
    return with_points(volumetric, points)


def _nothing_found(request: SrRequest) -> hd.sr.MeasurementsAndQualitativeEvaluations:
    """TID 1501 group saying in a code that there was nothing, which silence would not say."""
    summary = (
        authoring.private_code("none-accepted", "No findings accepted")
        if request.is_verified
        else Code("111241", "DCM", "All algorithms succeeded; without findings")
    )
    return hd.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(uid=hd.UID(), identifier=summary.meaning),
        qualitative_evaluations=[
            hd.sr.QualitativeEvaluation(
                name=CodedConcept("111017", "DCM", "CAD Processing and Findings Summary"),
                value=authoring.coded(summary),
            )
        ],
    )


def _measurement(
    item: Measurement, algorithm: hd.sr.AlgorithmIdentification | None
) -> hd.sr.Measurement:
    quantity, derivation = KIND_CODES.get(
        item.kind, (authoring.private_code(item.kind, item.kind.replace("_", " ")), None)
    )
    method, _, _ = item.method.partition("@")
    return hd.sr.Measurement(
        name=authoring.coded(quantity),
        value=float(item.value or 0.0),
        unit=_unit(item),
        derivation=authoring.coded(derivation) if derivation else None,
        method=authoring.coded(authoring.private_code(method, item.method)),
        properties=_properties(item),
        algorithm_id=algorithm,
    )


def _score(finding: Finding) -> Measurement | None:
    """What the model said of itself, as a plain number: a score is no probability by itself."""
    value = finding.proposal.score
    if value is None or not finding.is_from_model:
        return None
    return Measurement("model_score", value, "1", "score-of-model@1")


def _properties(item: Measurement) -> hd.sr.MeasurementProperties | None:
    """Uncertainty as TID 310 has it: how far the value may lie higher and lower, in its unit."""
    if item.uncertainty is None or item.value is None:
        return None
    low, high = item.uncertainty.low, item.uncertainty.high
    properties = hd.sr.MeasurementProperties(
        upper_measurement_uncertainty=None if high is None else high - item.value,
        lower_measurement_uncertainty=None if low is None else item.value - low,
    )
    for bound in properties:  # highdicom writes them without a unit
        bound.MeasuredValueSequence[0].MeasurementUnitsCodeSequence = [_unit(item)]
    return properties


def _unit(item: Measurement) -> CodedConcept:
    return CodedConcept(
        "ml" if item.unit == "mL" else item.unit,
        "UCUM",
        _UNIT_MEANINGS.get(item.unit, item.unit),
    )


def _algorithm(finding: Finding) -> hd.sr.AlgorithmIdentification | None:
    if not finding.is_from_model:
        return None
    model = authoring.algorithm_of(finding)
    return hd.sr.AlgorithmIdentification(
        name=model.name,
        version=model.version,
        parameters=authoring.algorithm_parameters(finding) or None,
        family=CodedConcept("123110", "DCM", "Artificial Intelligence"),
        manufacturer=model.maker,
    )


def _sites(finding: Finding) -> list[hd.sr.FindingSite] | None:
    site, laterality = finding.current.site, finding.current.laterality
    code = site.code if site is not None else None
    if code is None:
        concept = finding.current.concept
        if laterality is None or concept is None or not concept.same_concept(codes.LUNG):
            return None
        code = codes.LUNG
    side = None if laterality is None else authoring.coded(codes.LATERALITY_CODES[laterality])
    return [hd.sr.FindingSite(anatomic_location=authoring.coded(code), laterality=side)]


def _evaluations(finding: Finding) -> list[hd.sr.QualitativeEvaluation]:
    """State of the review, and every measurement that is not plainly valid, in words."""
    rows = [
        hd.sr.QualitativeEvaluation(
            name=authoring.coded(authoring.private_code("review-state", "Review state")),
            value=authoring.coded(authoring.private_code(finding.state, finding.state)),
        )
    ]
    if finding.current.laterality is not None and _sites(finding) is None:
        rows.append(
            hd.sr.QualitativeEvaluation(
                name=CodedConcept("272741003", "SCT", "Laterality"),
                value=authoring.coded(codes.LATERALITY_CODES[finding.current.laterality]),
            )
        )
    for item in finding.current.measurements:
        if item.status != "valid":
            status = f"{item.kind}: {item.status}".replace("_", " ")
            rows.append(
                hd.sr.QualitativeEvaluation(
                    name=authoring.coded(
                        authoring.private_code("measure-status", "Measurement status")
                    ),
                    value=authoring.coded(authoring.private_code(item.status, status)),
                )
            )
    return rows


def _procedure(header: pydicom.Dataset) -> Code:
    return _PROCEDURES.get(
        str(header.get("Modality", "")), Code("363679005", "SCT", "Imaging procedure")
    )


# What highdicom's image library reads of images of each kind, whether they have it or not.
_LISTED_ATTRIBUTES = dict.fromkeys(
    ("CT", "MR", "PT"),
    ("PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient", "SliceThickness"),
) | dict.fromkeys(
    ("CR", "DX", "IO", "MG", "PX", "RF", "RG", "XA"), ("ImagerPixelSpacing", "PatientOrientation")
)


def _can_be_listed(headers: Sequence[pydicom.Dataset]) -> bool:
    """Whether the image library can describe the images: multi-frame objects it cannot.

    Without the library the images are named all the same, in the evidence sequence.
    """
    return all(
        header.get(keyword) not in (None, "")
        for header in headers
        for keyword in _LISTED_ATTRIBUTES.get(header.get("Modality", ""), ())
    )


def _unique(objects: Any) -> list[pydicom.Dataset]:  # noqa: ANN401 - any iterable of datasets
    seen: dict[str, pydicom.Dataset] = {}
    for item in objects:
        seen.setdefault(item.SOPInstanceUID, item)
    return list(seen.values())
