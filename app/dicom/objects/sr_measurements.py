"""Measurement groups of TID 1500 reports of any maker, as values of this program (PS3.16)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from app.core.codes import Code, Laterality
from app.core.measurement import Measurement
from app.dicom.objects.object_reading import ObjectReference
from app.dicom.objects.segment_facts import laterality_of
from app.dicom.objects.sr_tree import SrNode
from app.dicom.writing.authoring import PRIVATE_SCHEME
from app.dicom.writing.sr_writer import KIND_CODES

_GROUP: Final = "125007"
_TRACKING_ID: Final = "112039"
_TRACKING_UID: Final = "112040"
_FINDING: Final = "121071"
_CATEGORY: Final = "276214006"
_SITE: Final = "363698007"
_LATERALITY: Final = "272741003"
_DERIVATION: Final = "121401"
_METHOD: Final = "370129005"
_ALGORITHM_NAME: Final = "111001"
_ALGORITHM_VERSION: Final = "111003"
_METHOD_FORM: Final = re.compile(r"^[a-z0-9][a-z0-9.-]*@\d+$")

READ_METHOD: Final = "dicom-sr@1"
"""The method of numbers that another program measured and this one only read."""


@dataclass(frozen=True, slots=True)
class SrRegion:
    """Where something was measured: points as in ``SrNode``, on ``image`` for SCOORD."""

    graphic_type: str
    points: tuple[tuple[float, ...], ...]
    image: ObjectReference | None
    frame_of_reference_uid: str = ""

    @property
    def is_in_space(self) -> bool:
        """Whether the points are LPS millimetres and not pixels of an image."""
        return self.image is None


@dataclass(frozen=True, slots=True)
class MeasurementGroup:
    """One measurement group. ``position`` is its place in the document.

    ``segments`` name segmentations, ``images`` the images that the group rests on (D06: with their
    frames). ``measured_on`` is where each of the measurements was taken; ``evaluations`` are
    qualitative: name and value.
    """

    position: str
    tracking_id: str
    tracking_uid: str
    finding: Code | None
    category: Code | None
    site: Code | None
    laterality: Laterality | None
    algorithm: str
    algorithm_version: str
    measurements: tuple[Measurement, ...]
    measured_on: tuple[tuple[SrRegion, ...], ...]
    evaluations: tuple[tuple[Code, Code], ...]
    regions: tuple[SrRegion, ...]
    segments: tuple[ObjectReference, ...]
    images: tuple[ObjectReference, ...]

    @property
    def label(self) -> str:
        """A name for people: the finding's meaning, else the tracking identifier."""
        return self.finding.meaning if self.finding else self.tracking_id


def measurement_groups(root: SrNode) -> tuple[MeasurementGroup, ...]:
    """All measurement groups of a document, in its order; empty for other templates."""
    return tuple(
        _group(node)
        for node in root.walk()
        if node.concept is not None
        and (node.concept.value, node.concept.scheme) == (_GROUP, "DCM")
        and node.value_type == "CONTAINER"
    )


def _group(node: SrNode) -> MeasurementGroup:
    sites = _codes(node, _SITE)
    algorithms = [item.text for item in node.walk() if _is(item, _ALGORITHM_NAME)]
    versions = [item.text for item in node.walk() if _is(item, _ALGORITHM_VERSION)]
    known = (_FINDING, _CATEGORY, _SITE, _LATERALITY, _METHOD)
    references = [
        reference
        for item in node.walk()
        if item.value_type in ("IMAGE", "COMPOSITE")
        for reference in item.references
    ]
    numbers = [item for item in node.children if item.value_type == "NUM"]
    return MeasurementGroup(
        position=node.position,
        tracking_id=_text(node, _TRACKING_ID),
        tracking_uid=_text(node, _TRACKING_UID),
        finding=_first(_codes(node, _FINDING)),
        category=_first(_codes(node, _CATEGORY)),
        site=_first(sites),
        laterality=_side(node),
        algorithm=algorithms[0] if algorithms else "",
        algorithm_version=versions[0] if versions else "",
        measurements=tuple(_measurement(item) for item in numbers),
        measured_on=tuple(tuple(_regions(item)) for item in numbers),
        evaluations=tuple(
            (item.concept, item.code)
            for item in node.children
            if item.value_type == "CODE"
            and item.relationship == "CONTAINS"
            and item.concept is not None
            and item.code is not None
            and item.concept.value not in known
        ),
        regions=tuple(
            region for item in node.children if item not in numbers for region in _regions(item)
        ),
        segments=tuple(one for one in references if one.segments),
        images=tuple(dict.fromkeys(one for one in references if not one.segments)),
    )


def _measurement(node: SrNode) -> Measurement:
    quantity, derivation = node.concept, _first(_codes(node, _DERIVATION))
    unit = node.unit.value if node.unit else "1"
    points = tuple(
        (point[0], point[1], point[2])
        for item in node.walk()
        if item.value_type == "SCOORD3D"
        for point in item.points
        if len(point) == 3
    )
    return Measurement(
        kind=_kind(quantity, derivation),
        value=node.number,
        unit="mL" if unit == "ml" else unit,
        method=_method(_first(_codes(node, _METHOD))),
        status="valid" if node.number is not None else "failed",
        note="" if node.number is not None else node.text,
        points_lps=points,
    )


def _kind(quantity: Code | None, derivation: Code | None) -> str:
    """Our own kind where the codes are ours, else the words of the report as a name."""
    if quantity is None:
        return "value"
    if quantity.scheme == PRIVATE_SCHEME:
        return _slug(quantity.meaning)
    for kind, (own, own_derivation) in KIND_CODES.items():
        if own.same_concept(quantity) and (
            derivation.same_concept(own_derivation)
            if derivation is not None and own_derivation is not None
            else derivation is own_derivation
        ):
            return kind
    words = quantity.meaning if derivation is None else f"{quantity.meaning} {derivation.meaning}"
    return _slug(words) or _slug(quantity.value) or "value"


def _slug(words: str) -> str:
    plain = unicodedata.normalize("NFKC", words).lower()
    return re.sub(r"\W+", "_", plain).strip("_")


def _method(code: Code | None) -> str:
    if code is not None and code.scheme == PRIVATE_SCHEME and _METHOD_FORM.match(code.meaning):
        return code.meaning
    return READ_METHOD


def _regions(node: SrNode) -> Iterator[SrRegion]:
    for item in node.walk():
        if item.value_type == "SCOORD3D":
            yield SrRegion(item.graphic_type, item.points, None, item.frame_of_reference_uid)
        elif item.value_type == "SCOORD":
            images = [one for child in item.children for one in child.references]
            if images:
                yield SrRegion(item.graphic_type, item.points, images[0])


def _side(node: SrNode) -> Laterality | None:
    for item in node.walk():
        if _is(item, _LATERALITY):
            side = laterality_of(item.code)
            if side is not None:
                return side
    return None


def _codes(node: SrNode, value: str) -> tuple[Code, ...]:
    return tuple(item.code for item in node.children if _is(item, value) and item.code is not None)


def _text(node: SrNode, value: str) -> str:
    return next((item.text for item in node.children if _is(item, value)), "")


def _is(node: SrNode, value: str) -> bool:
    return node.concept is not None and node.concept.value == value


def _first(codes: Sequence[Code]) -> Code | None:
    return codes[0] if codes else None
