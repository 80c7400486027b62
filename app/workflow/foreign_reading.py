"""Reads objects of other makers one by one and collects what becomes a finding; stores nothing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from pydicom.dataset import Dataset

from app.core.errors import AppError, Cancelled
from app.core.finding import Finding
from app.core.report import Message
from app.core.segmentation import Mask
from app.core.study import Study
from app.dicom.character_sets import text_of
from app.dicom.files.headers import read_dataset
from app.dicom.objects.object_reading import ObjectReference
from app.dicom.objects.seg_reader import ReadSegment, ReadSegmentation, read_segmentation
from app.dicom.objects.source_stack import find_source
from app.dicom.objects.sr_measurements import MeasurementGroup, measurement_groups
from app.dicom.objects.sr_tree import SrDocument, SrNode, read_sr
from app.dicom.objects.structure_set import Roi, StructureSet, rasterised, structure_set
from app.jobs.cancel import CancelToken
from app.store.blobs import PackedMask, packed
from app.workflow.foreign_findings import ForeignFindings, Maker, MaskedFinding, is_background
from app.workflow.other_objects import OtherObject

_PERSON_NAME: Final = "121008"
_DEVICE_UID: Final = "121012"


class ForeignReading:
    """Collects findings object by object; one that cannot be read becomes a note.

    Reports come before the segmentations of which they speak; ``add_groups`` comes last.
    """

    def __init__(self, study: Study, at_utc: str, cancel: CancelToken) -> None:
        self._study = study
        self._cancel = cancel
        self._make = ForeignFindings(study, at_utc)
        self._groups: list[tuple[SrDocument, MeasurementGroup, Maker]] = []
        self._segments: set[tuple[str, int]] = set()
        self.findings: list[Finding] = []
        self.masks: dict[str, PackedMask] = {}
        self.notes: list[Message] = []

    def read(self, one: OtherObject) -> None:
        """Take in one segmentation, report or structure set. Raises ``Cancelled``."""
        try:
            if one.family == "report":
                document = read_sr(one.path)
                maker = _maker_of_report(one.path, document)
                self._groups += [(document, g, maker) for g in measurement_groups(document.root)]
            elif one.family == "segmentation":
                self._take_segmentation(one, read_segmentation(one.path, self._study))
            elif one.family == "structure-set":
                self._take_structures(one, structure_set(one.path))
        except Cancelled:
            raise
        except AppError as fault:
            name = one.title or one.kind.en
            self._note(f"{name}: {fault.message}", f"{name}: {fault.ru}")

    def add_groups(self) -> None:
        """Findings of the measurement groups that have no segment of their own."""
        for document, group, maker in self._groups:
            named = ((one.sop_instance_uid, n) for one in group.segments for n in one.segments)
            is_empty = group.finding is None and not group.measurements
            if is_empty or not self._segments.isdisjoint(named):
                continue
            finding = self._make.of_group(document.sop_instance_uid, group, _own(maker, group))
            if finding is None:
                self._note_elsewhere(group.label)
            else:
                self.findings.append(finding)

    def _take_segmentation(self, one: OtherObject, read: ReadSegmentation) -> None:
        if read.source.series_instance_uid == read.series_instance_uid:
            self._note_elsewhere(one.title)
            return
        header = read_dataset(one.path, pixels=False)
        for segment in read.segments:
            self._cancel.raise_if_cancelled()
            facts = segment.facts
            self._segments.add((read.sop_instance_uid, facts.number))
            if is_background(segment):
                continue
            if not segment.voxel_count:
                self._note(f"The segment {facts.label} is empty.", f"Сегмент «{facts.label}» пуст.")
                continue
            maker = _maker(
                header,
                by_hand=facts.algorithm_type == "MANUAL",
                person=read.creator,
                algorithm=(facts.algorithm_name, facts.algorithm_version),
            )
            groups = self._groups_of(read.sop_instance_uid, segment)
            self._take(self._make.of_segment(read, segment, groups, maker))

    def _take_structures(self, one: OtherObject, read: StructureSet) -> None:
        header = read_dataset(one.path, pixels=False)
        for roi in read.rois:
            self._cancel.raise_if_cancelled()
            if not any(contour.is_closed for contour in roi.contours):
                continue  # a point or a line encloses nothing
            self._take_structure(read, roi, header)

    def _take_structure(self, read: StructureSet, roi: Roi, header: Dataset) -> None:
        source = find_source(
            self._study,
            references=[reference for contour in roi.contours for reference in contour.references],
            frame_of_reference_uid=roi.frame_of_reference_uid,
        )
        geometry = source.stack.geometry if source is not None else None
        if source is None or geometry is None or not source.stack.is_volume:
            self._note_elsewhere(roi.name)
            return
        voxels = rasterised(roi, geometry)
        if not voxels.any():
            self._note(f"The structure {roi.name} is empty.", f"Структура «{roi.name}» пуста.")
            return
        maker = _maker(header, by_hand=roi.algorithm.upper() == "MANUAL")
        mask = Mask(voxels, source.ref(self._study))
        self._take(self._make.of_structure(read.sop_instance_uid, roi, mask, geometry, maker))

    def _take(self, made: MaskedFinding) -> None:
        self.findings.append(made.finding)
        self.masks[made.sha256] = packed(made.mask.voxels)

    def _groups_of(
        self, sop_instance_uid: str, segment: ReadSegment
    ) -> tuple[MeasurementGroup, ...]:
        number = segment.facts.number
        return tuple(
            group
            for _document, group, _maker in self._groups
            if any(_names(reference, sop_instance_uid, number) for reference in group.segments)
        )

    def _note(self, en: str, ru: str) -> None:
        self.notes.append(Message(en, ru))

    def _note_elsewhere(self, name: str) -> None:
        self._note(
            f"{name}: its images are not in this study.",
            f"{name}: снимков этого результата в исследовании нет.",
        )


def _maker(
    header: Dataset,
    *,
    by_hand: bool,
    person: str = "",
    algorithm: tuple[str, str] = ("", ""),
) -> Maker:
    """The maker that a header states; ``algorithm`` is the name and version of the object's own."""
    manufacturer = text_of(header, "Manufacturer")
    model = text_of(header, "ManufacturerModelName")
    return Maker(
        manufacturer,
        algorithm[0] or model or manufacturer or "DICOM",
        algorithm[1] or text_of(header, "SoftwareVersions"),
        "person" if by_hand else "model",
        person if by_hand else "",
    )


def _maker_of_report(path: Path, document: SrDocument) -> Maker:
    """By hand where a person is named as observer and no device."""
    nodes = tuple(document.root.walk())
    people = _texts(nodes, _PERSON_NAME)
    by_hand = bool(people) and not _texts(nodes, _DEVICE_UID)
    header = read_dataset(path, pixels=False)
    return _maker(header, by_hand=by_hand, person=people[0] if people else "")


def _own(maker: Maker, group: MeasurementGroup) -> Maker:
    """The algorithm that the group names, else the maker of the report."""
    if not group.algorithm:
        return maker
    return Maker(maker.manufacturer, group.algorithm, group.algorithm_version or maker.version)


def _texts(nodes: Iterable[SrNode], value: str) -> list[str]:
    return [node.text for node in nodes if node.concept and node.concept.value == value]


def _names(reference: ObjectReference, sop_instance_uid: str, number: int) -> bool:
    return reference.sop_instance_uid == sop_instance_uid and number in reference.segments
