"""Results of other makers taken into the open study: proposed, shown and edited like our own.

``read_results`` does the reading (any thread, nothing is stored), ``apply_results`` adds what came
out (main thread). An object opened twice adds nothing: every finding has its uid from the object
and the segment (or report item) it came from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import AppError, IdentityConflict
from app.core.finding import Finding
from app.core.report import Message
from app.core.segmentation import Mask
from app.core.study import Study
from app.dicom.character_sets import text_of
from app.dicom.headers import read_dataset
from app.dicom.object_reading import ObjectReference
from app.dicom.seg_reader import ReadSegment, ReadSegmentation, read_segmentation
from app.dicom.sr_measurements import MeasurementGroup, measurement_groups
from app.dicom.sr_tree import SrDocument, SrNode, read_sr
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress, no_progress
from app.workflow.context import AppContext
from app.workflow.foreign_findings import ForeignFindings, Maker, is_background
from app.workflow.other_objects import OtherObject, list_objects
from app.workflow.session import StudySession


@dataclass(frozen=True, slots=True)
class ForeignResults:
    """Findings read from objects of other makers, their masks by hash, and what was left out."""

    study_instance_uid: str
    findings: tuple[Finding, ...]
    masks: Mapping[str, Mask]
    notes: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class ImportedResults:
    """What an import added: uids of the new findings, and what was left out and why."""

    added: tuple[str, ...]
    notes: tuple[Message, ...]


def import_results(
    context: AppContext, session: StudySession, objects: Sequence[OtherObject]
) -> ImportedResults:
    """Read and add in one go, for scripts; main thread."""
    results = read_results(context, session.study, objects)
    return ImportedResults(apply_results(session, results), results.notes)


def read_results(
    context: AppContext,
    study: Study,
    objects: Sequence[OtherObject],
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> ForeignResults:
    """The findings in the segmentations and reports among ``objects``. Any thread.

    A report's segmentations, and the reports on a segmentation, are read with it, so that masks
    and numbers come together. What cannot be read is noted in words, the rest is taken. Raises
    ``IdentityConflict`` for a blocked study (D08), ``Cancelled``.
    """
    if study.blocked:
        raise IdentityConflict(
            "No results are taken in: the objects of the study contradict each other about the"
            " patient.",
            ru="Результаты не принимаются: объекты исследования противоречат друг другу"
            " о пациенте.",
            hint="Clear up whose images these are first.",
            hint_ru="Сначала выясните, чьи это снимки.",
        )
    run = _Reading(study, context.clock.now_utc())
    token = cancel or CancelToken()
    wanted = _with_partners(study, objects)
    # Reports first: their numbers belong to the segments.
    ordered = sorted(wanted, key=lambda one: one.family != "report")
    for done, one in enumerate(ordered):
        token.raise_if_cancelled()
        progress(done / len(ordered), "reading results")
        run.read(one)
    run.add_groups()
    return ForeignResults(
        study.study_instance_uid, tuple(run.findings), dict(run.masks), tuple(run.notes)
    )


def apply_results(session: StudySession, results: ForeignResults) -> tuple[str, ...]:
    """Add what is new as proposals; uids of the new findings. Main thread.

    Results of another study, or for a closed or signed one, are dropped (D09). What the reading
    has or had already is left as it is, whatever was decided about it.
    """
    study, store, context = session.study.study_instance_uid, session.context.store, session.context
    if not session.is_open or session.is_signed or results.study_instance_uid != study:
        store.audit.append(context.user, "result.dropped", results.study_instance_uid, {})
        return ()
    known = store.findings.known(study, session.reading)
    tracked = {finding.tracking_uid for finding in session.findings}
    new = [
        finding
        for finding in results.findings
        if finding.uid not in known and finding.tracking_uid not in tracked
    ]
    wanted = {f.current.region.mask_sha256 for f in new if f.current.region is not None}
    masks = {sha256: mask for sha256, mask in results.masks.items() if sha256 in wanted}
    now = context.clock.now_utc()
    with store.transaction():
        for sha256, mask in masks.items():
            store.blobs.put(sha256, mask.voxels)
        for finding in new:
            origin = finding.provenance
            store.findings.put(
                session.reading, finding, action="finding.proposed",
                actor=f"maker:{origin.manufacturer} {origin.pack}".strip(), at_utc=now,
            )  # fmt: skip
            store.audit.append(
                context.user, "finding.proposed", finding.uid,
                {
                    "study": study,
                    "manufacturer": origin.manufacturer,
                    "pack": origin.pack,
                    "version": origin.version,
                    "imported": "true",
                },
            )  # fmt: skip
    session.take_findings(new, masks)
    return tuple(finding.uid for finding in new)


class _Reading:
    """Collects findings object by object; one that cannot be read becomes a note."""

    def __init__(self, study: Study, at_utc: str) -> None:
        self._study = study
        self._make = ForeignFindings(study, at_utc)
        self._groups: list[tuple[SrDocument, MeasurementGroup, Maker]] = []
        self._segments: set[tuple[str, int]] = set()
        self.findings: list[Finding] = []
        self.masks: dict[str, Mask] = {}
        self.notes: list[Message] = []

    def read(self, one: OtherObject) -> None:
        """Take in one segmentation or report."""
        try:
            if one.family == "report":
                document = read_sr(one.path)
                maker = _maker_of_report(one.path, document)
                self._groups += [(document, g, maker) for g in measurement_groups(document.root)]
            elif one.family == "segmentation":
                self._take_segmentation(one, read_segmentation(one.path, self._study))
        except AppError as fault:
            name = one.title or one.kind.en
            self.notes.append(Message(f"{name}: {fault.message}", f"{name}: {fault.ru}"))

    def add_groups(self) -> None:
        """Findings of the measurement groups that have no segment of their own."""
        for document, group, maker in self._groups:
            if any((s.sop_instance_uid, n) in self._segments for s in group.segments
                   for n in s.segments):  # fmt: skip
                continue
            if group.finding is None and not group.measurements:
                continue
            finding = self._make.of_group(document.sop_instance_uid, group, _own(maker, group))
            if finding is None:
                self.notes.append(
                    Message(
                        f"{group.label}: its images are not in this study.",
                        f"{group.label}: снимков этого результата в исследовании нет.",
                    )
                )
            else:
                self.findings.append(finding)

    def _take_segmentation(self, one: OtherObject, read: ReadSegmentation) -> None:
        if read.source.series_instance_uid == read.series_instance_uid:
            self.notes.append(
                Message(
                    f"{one.title}: its images are not in this study.",
                    f"{one.title}: снимков этой сегментации в исследовании нет.",
                )
            )
            return
        header = read_dataset(one.path, pixels=False)
        manufacturer, model = (
            text_of(header, "Manufacturer"),
            text_of(header, "ManufacturerModelName"),
        )
        for segment in read.segments:
            self._segments.add((read.sop_instance_uid, segment.facts.number))
            if is_background(segment):
                continue
            if not segment.voxel_count:
                name = segment.facts.label
                self.notes.append(
                    Message(f"The segment {name} is empty.", f"Сегмент «{name}» пуст.")
                )
                continue
            facts = segment.facts
            by_hand = facts.algorithm_type == "MANUAL"
            maker = Maker(
                manufacturer,
                facts.algorithm_name or model or manufacturer or "DICOM SEG",
                facts.algorithm_version or text_of(header, "SoftwareVersions"),
                "person" if by_hand else "model",
                read.creator if by_hand else "",
            )
            made = self._make.of_segment(
                read, segment, self._groups_of(read.sop_instance_uid, segment), maker
            )
            self.findings.append(made.finding)
            self.masks[made.sha256] = made.mask

    def _groups_of(
        self, sop_instance_uid: str, segment: ReadSegment
    ) -> tuple[MeasurementGroup, ...]:
        number = segment.facts.number
        return tuple(
            group
            for _document, group, _maker in self._groups
            if any(_names(reference, sop_instance_uid, number) for reference in group.segments)
        )


def _with_partners(study: Study, objects: Sequence[OtherObject]) -> tuple[OtherObject, ...]:
    """The objects with the segmentations they name, and the reports that name them."""
    wanted = {one.sop_instance_uid: one for one in objects}
    others = [
        one
        for one in list_objects(study)
        if one.family in ("segmentation", "report") and one.sop_instance_uid not in wanted
    ]
    named = {uid for one in objects for uid in one.references}
    for one in others:
        is_named = one.family == "segmentation" and one.sop_instance_uid in named
        if is_named or (one.family == "report" and not wanted.keys().isdisjoint(one.references)):
            wanted[one.sop_instance_uid] = one
    return tuple(one for one in wanted.values() if one.family in ("segmentation", "report"))


def _maker_of_report(path: Path, document: SrDocument) -> Maker:
    header = read_dataset(path, pixels=False)
    manufacturer = text_of(header, "Manufacturer")
    name = text_of(header, "ManufacturerModelName") or manufacturer or "DICOM SR"
    nodes = tuple(document.root.walk())
    people = _texts(nodes, "121008")  # Person Observer Name
    devices = _texts(nodes, "121012")  # Device Observer UID
    by_hand = bool(people) and not devices
    return Maker(
        manufacturer,
        name,
        text_of(header, "SoftwareVersions"),
        "person" if by_hand else "model",
        people[0] if by_hand else "",
    )


def _own(maker: Maker, group: MeasurementGroup) -> Maker:
    """The algorithm that the group names, else the maker of the report."""
    if not group.algorithm:
        return maker
    return Maker(maker.manufacturer, group.algorithm, group.algorithm_version or maker.version)


def _texts(nodes: Iterable[SrNode], value: str) -> list[str]:
    return [node.text for node in nodes if node.concept and node.concept.value == value]


def _names(reference: ObjectReference, sop_instance_uid: str, number: int) -> bool:
    return reference.sop_instance_uid == sop_instance_uid and number in reference.segments
