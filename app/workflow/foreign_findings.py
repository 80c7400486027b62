"""Results of other makers as proposed findings of this program; nothing is stored here."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from app.core import codes
from app.core.codes import Code
from app.core.finding import (
    Finding,
    FindingContent,
    Label,
    Proposal,
    Region,
    Significance,
    Site,
    SliceRef,
)
from app.core.geometry import Geometry, Triple
from app.core.measurement import Measurement
from app.core.provenance import Provenance
from app.core.segmentation import Mask
from app.core.study import SeriesRef, Study
from app.dicom.objects.seg_reader import ReadSegment, ReadSegmentation
from app.dicom.objects.sr_measurements import MeasurementGroup, SrRegion
from app.dicom.objects.structure_set import Roi
from app.imaging.labelmap import content_sha256
from app.measure.registry import measure_mask
from app.workflow.image_places import ImagePlaces, PlacedRegion
from app.workflow.russian_names import RUSSIAN_NAMES
from app.workflow.volume_cache import find_stack

_TARGETS: Final = ("GTV", "CTV", "PTV", "ITV", "IRRAD_VOLUME", "TREATED_VOLUME")
_BACKGROUND: Final = Code("125040", "DCM", "Background")


@dataclass(frozen=True, slots=True)
class Maker:
    """Who made a result: manufacturer, its algorithm or program, version; by hand or not."""

    manufacturer: str
    name: str
    version: str
    kind: Literal["model", "person"] = "model"
    person: str = ""


@dataclass(frozen=True, slots=True)
class MaskedFinding:
    """A finding with its mask and the hash by which the mask is stored."""

    finding: Finding
    sha256: str
    mask: Mask


def finding_uid(sop_instance_uid: str, part: str) -> str:
    """The same uid for the same part of the same object, so that none is imported twice."""
    return _uid_of(f"foreign|{sop_instance_uid}|{part}")


def is_background(segment: ReadSegment) -> bool:
    """Whether a segment only says where nothing is."""
    concept = segment.facts.property_type
    if concept is not None and concept.same_concept(_BACKGROUND):
        return True
    return segment.facts.number == 0 and segment.facts.label.casefold() == "background"


class ForeignFindings:
    """Makes findings of a study from one object's results, all with the time ``at_utc``."""

    def __init__(self, study: Study, at_utc: str) -> None:
        self._study = study
        self._at_utc = at_utc
        self._places = ImagePlaces(study)

    def of_segment(
        self,
        segmentation: ReadSegmentation,
        segment: ReadSegment,
        groups: Sequence[MeasurementGroup],
        maker: Maker,
    ) -> MaskedFinding:
        """A finding of one segment.

        Numbers come from the ``groups`` of reports that speak of the segment; where none does, the
        volume (of a film the area) is measured here.
        """
        mask = segmentation.mask(segment.facts.number)
        sha256 = content_sha256(mask.voxels)
        facts = segment.facts
        group = groups[0] if groups else None
        content = FindingContent(
            concept=facts.property_type or (group.finding if group else None),
            label=_label(facts.label, facts.property_type),
            laterality=facts.laterality or (group.laterality if group else None),
            site=_site(facts.region or (group.site if group else None)),
            significance=_significance(facts.category or (group.category if group else None)),
            region=Region(
                "segment",
                mask_sha256=sha256,
                slice=self._largest_slice(segmentation.source, segment),
            ),
            measurements=tuple(number for one in groups for number in one.measurements)
            or self._size(segmentation, mask),
        )
        uid = finding_uid(segmentation.sop_instance_uid, str(facts.number))
        tracked = facts.tracking_uid or (group.tracking_uid if group else "")
        finding = self._finding(content, segmentation.source, (uid, tracked), maker)
        return MaskedFinding(finding, sha256, mask)

    def of_structure(
        self, sop_instance_uid: str, roi: Roi, mask: Mask, geometry: Geometry, maker: Maker
    ) -> MaskedFinding:
        """A finding of one region of a structure set, ``mask`` on the volume of ``geometry``."""
        sha256 = content_sha256(mask.voxels)
        k = int(np.argmax(mask.voxels.sum(axis=(1, 2), dtype=np.int64)))
        content = FindingContent(
            concept=None,
            label=Label(roi.name, roi.name),
            significance="significant" if roi.kind in _TARGETS else "descriptive",
            region=Region(
                "segment", mask_sha256=sha256, slice=self._image_of_slice(mask.source, k)
            ),
            measurements=measure_mask(mask.voxels, geometry=geometry, what=("volume",)),
        )
        uid = finding_uid(sop_instance_uid, f"roi {roi.number}")
        return MaskedFinding(self._finding(content, mask.source, (uid, ""), maker), sha256, mask)

    def of_group(
        self, sop_instance_uid: str, group: MeasurementGroup, maker: Maker
    ) -> Finding | None:
        """A finding of a measurement group without a segment; None: its images are not here."""
        placed = self._region_of(group)
        if placed is None:
            return None
        content = FindingContent(
            concept=group.finding,
            label=_label(group.label, group.finding),
            laterality=group.laterality,
            site=_site(group.site),
            significance=_significance(group.category),
            region=placed.region,
            measurements=tuple(
                self._with_points(number, regions)
                for number, regions in zip(group.measurements, group.measured_on, strict=True)
            ),
        )
        uid = finding_uid(sop_instance_uid, group.position)
        return self._finding(content, placed.source, (uid, group.tracking_uid), maker)

    def _region_of(self, group: MeasurementGroup) -> PlacedRegion | None:
        """Where the group lies: its own region, else the place of a number, else its image."""
        measured = [region for regions in group.measured_on for region in regions]
        places = (
            *(self._places.region(region) for region in (*group.regions, *measured)),
            *(self._places.image(image) for image in group.images),
        )
        return next((place for place in places if place is not None), None)

    def _with_points(self, number: Measurement, regions: Sequence[SrRegion]) -> Measurement:
        points: list[Triple] = []
        for region in regions:
            points += self._places.points_of(region)
        return replace(number, points_lps=tuple(points)) if points else number

    def _largest_slice(self, source: SeriesRef, segment: ReadSegment) -> SliceRef | None:
        """The image with most of the segment."""
        if segment.box is None:
            return None
        area = segment.voxels.sum(axis=(1, 2), dtype=np.int64)
        return self._image_of_slice(source, segment.box.lower_ijk[2] + int(np.argmax(area)))

    def _image_of_slice(self, source: SeriesRef, k: int) -> SliceRef | None:
        """The image of slice ``k``; None where slices and images do not match one to one."""
        _series, stack = find_stack(self._study, source)
        if stack.geometry is not None and len(stack.frames) != stack.geometry.size_ijk[2]:
            return None
        frame = stack.frames[k]
        return SliceRef(frame.instance.sop_instance_uid, frame.frame)

    def _size(self, segmentation: ReadSegmentation, mask: Mask) -> tuple[Measurement, ...]:
        geometry = segmentation.geometry
        return measure_mask(
            mask.voxels, geometry=geometry, what=("volume",) if geometry else ("area",)
        )

    def _finding(
        self, content: FindingContent, source: SeriesRef, uids: tuple[str, str], maker: Maker
    ) -> Finding:
        """``uids``: of the finding, and the maker's tracking UID, if any."""
        uid, tracked = uids
        return Finding(
            uid=uid,
            tracking_uid=tracked or _uid_of(f"tracking|{uid}"),
            study_instance_uid=self._study.study_instance_uid,
            series_instance_uid=source.series_instance_uid,
            stack=source.stack,
            proposal=Proposal(content),
            current=content,
            state="proposed",
            provenance=Provenance(
                kind=maker.kind,
                at_utc=self._at_utc,
                person=maker.person,
                pack=maker.name,
                version=maker.version,
                manufacturer=maker.manufacturer,
            ),
        )


def _label(text: str, concept: Code | None) -> Label:
    """The maker's own words; in Russian the name of the code where they are only its meaning."""
    if concept is None or text.casefold() != concept.meaning.casefold():
        return Label(text, text)
    return Label(text, RUSSIAN_NAMES.get(concept.value, text))


def _site(code: Code | None) -> Site | None:
    if code is None:
        return None
    return Site(code, code.meaning, RUSSIAN_NAMES.get(code.value, ""))


def _significance(category: Code | None) -> Significance:
    """What is morphologically abnormal is a finding; an organ is only described."""
    if category is None or category.same_concept(codes.MORPHOLOGICALLY_ABNORMAL_STRUCTURE):
        return "significant"
    return "descriptive"


def _uid_of(words: str) -> str:
    return f"2.25.{int(hashlib.sha256(words.encode()).hexdigest()[:32], 16)}"
