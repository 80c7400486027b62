"""The outputs of a reviewed study: DICOM SEG and SR, the report as PDF, key images.

Written anew from the same decisions, objects keep their UIDs, so an archive sees one object.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from app.core.errors import IdentityConflict, ReportError
from app.core.finding import Finding
from app.core.report import Report, findings_sha256
from app.core.segmentation import Mask
from app.core.study import FrameRef, SeriesRef
from app.dicom.writing.authoring import Identity, SourceImages, write_dataset
from app.dicom.writing.key_object_writer import KeyObjectRequest, write_key_objects
from app.dicom.writing.seg_writer import SegmentSource, SegRequest, write_seg
from app.dicom.writing.sr_writer import SegmentPlace, SrRequest, write_sr
from app.workflow import report_document
from app.workflow.derived_uid import derived_uid
from app.workflow.export_report import PDF_SERIES_NUMBER, require_ready, write_report
from app.workflow.facts import image_series
from app.workflow.key_images import FindingImage, key_images
from app.workflow.output_files import name_for, whole_or_not, write_bytes
from app.workflow.session import StudySession
from app.workflow.settle_proposals import every_proposal
from app.workflow.sign_report import missing_when_read, require_intact
from app.workflow.volume_cache import find_stack

if TYPE_CHECKING:
    import pydicom

ExportKind = Literal["seg", "sr", "pdf", "key-images", "fhir", "hl7", "text"]
KINDS: Final[tuple[ExportKind, ...]] = ("seg", "sr", "pdf", "key-images")
# written only where they are asked for
ON_REQUEST: Final[tuple[ExportKind, ...]] = ("fhir", "hl7", "text")

# beyond the numbers that scanners give to their own series
_SERIES_NUMBER: Final = {
    "ai-seg": 9101, "ai-sr": 9102, "seg": 9201, "sr": 9202, "pdf": PDF_SERIES_NUMBER,
    "key-images": 9204,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Generation:
    """One state of the findings: as the models proposed them, or as they were decided."""

    name: Literal["ai", "final"]
    findings: tuple[Finding, ...]
    at_utc: str
    signed: Report | None = None

    @property
    def signer(self) -> str:
        """Who signed this state, or empty."""
        return self.signed.signature.name if self.signed and self.signed.signature else ""


def export(
    session: StudySession, folder: Path, kinds: Collection[ExportKind] = KINDS
) -> tuple[Path, ...]:
    """Write the outputs into ``folder``; the files written. Main thread or a lane of its own.

    Before signing: SEG and SR (unverified) of what is not rejected. After signing: those of the
    accepted findings, the SR verified with the signer as observer and the models' own as its
    predecessor, the report as PDF and encapsulated PDF, and the key images as a key object
    selection too. Raises ``IdentityConflict`` for a blocked study, ``ReportError`` where a PDF
    alone is asked for and nothing is signed, or where the signed report no longer matches its
    signature.
    """
    if session.study.blocked:
        raise IdentityConflict(
            "Nothing is exported: the images contradict each other about the patient.",
            ru="Экспорт невозможен: снимки противоречат друг другу о пациенте.",
            hint="Clear up whose images these are first.",
            hint_ru="Сначала выясните, чьи это снимки.",
        )
    if set(kinds) == {"pdf"} and not session.is_signed:
        raise ReportError(
            "The report is written as PDF once it is signed.",
            ru="Заключение записывается в PDF после подписи.",
            hint="Sign the report first.",
            hint_ru="Сначала подпишите заключение.",
        )
    if session.is_being_corrected:
        raise ReportError(
            "A correction of the signed report is being written; nothing is exported meanwhile.",
            ru="Подписанное заключение исправляется; до окончания экспорт невозможен.",
            hint="Sign the correction or discard it.",
            hint_ru="Подпишите исправление или отмените его.",
        )
    if session.is_signed:
        require_intact(session)
    require_ready(session, kinds)
    images = key_images(session) if _needs_images(session, kinds) else ()
    files: list[Path] = []
    if {"seg", "sr"} & set(kinds):
        files += _Objects(session, folder / "dicom").write(kinds)
    if "key-images" in kinds:
        for number, image in enumerate(images, 1):
            name = f"{name_for(number, image.finding.current.label.en)}.png"
            files.append(write_bytes(folder / "key-images" / name, image.png))
        files += _write_key_objects(session, images, folder / "dicom")
    files += write_report(session, kinds, images, folder)
    session.context.store.audit.append(
        session.context.user, "study.exported", session.study.study_instance_uid,
        {"kinds": ",".join(sorted(kinds)), "files": str(len(files))},
    )  # fmt: skip
    return tuple(files)


def _needs_images(session: StudySession, kinds: Collection[ExportKind]) -> bool:
    """Pictures stand on the PDF, and that stands in the bundle and perhaps in the message."""
    if "hl7" in kinds and session.is_signed and session.context.settings.report.hl7.embed_pdf:
        return True
    wanted = {"pdf", "key-images", "fhir"} if session.is_signed else {"key-images"}
    return bool(wanted & set(kinds))


class _Objects:
    """Writes SEG and SR of one session, stack by stack."""

    def __init__(self, session: StudySession, folder: Path) -> None:
        self._session = session
        self._folder = folder
        self._files: list[Path] = []

    def write(self, kinds: Collection[ExportKind]) -> list[Path]:
        """All objects; the files in order.

        Of several signed versions (addenda) the last is written; each names the one before.
        """
        generations = self._generations()
        earlier: dict[SeriesRef, pydicom.Dataset] = {}
        for generation in generations:
            is_written = generation.name == "ai" or generation is generations[-1]
            for ref, findings in self._by_stack(generation).items():
                segmentation, places = self._segmentation(ref, findings, generation)
                if segmentation is not None and is_written and "seg" in kinds:
                    self._write(generation, "seg", segmentation)
                if "sr" in kinds:
                    document = self._document(ref, findings, generation, places, earlier.get(ref))
                    earlier[ref] = document
                    if is_written:
                        self._write(generation, "sr", document)
        return self._files

    def _generations(self) -> list[_Generation]:
        session = self._session
        if not session.is_signed:
            kept = tuple(f for f in session.findings if f.state != "rejected")
            return [_Generation("final", kept, session.context.clock.now_utc())]
        versions = session.context.store.reports.versions(
            session.study.study_instance_uid, session.reading
        )
        decided = tuple(f for f in session.findings if f.is_in_report)
        signed = [
            _Generation("final", decided, version.signature.at_utc, version)
            for version in versions
            if version.signature is not None and version.is_final
        ]
        models = (f for f in session.findings if f.is_from_model)
        proposed = every_proposal([_as_proposed(f) for f in models])
        if not proposed:
            return signed
        at_utc = max(finding.provenance.at_utc for finding in proposed)
        return [_Generation("ai", proposed, at_utc), *signed]

    def _by_stack(self, generation: _Generation) -> dict[SeriesRef, tuple[Finding, ...]]:
        found: dict[SeriesRef, list[Finding]] = defaultdict(list)
        for finding in generation.findings:
            found[self._session.ref_of(finding)].append(finding)
        if not found:
            # a document that says that nothing was found stands on the first images
            study = self._session.study
            for series in image_series(study):
                for stack in series.stacks[:1]:
                    ref = SeriesRef(
                        study.study_instance_uid, series.series_instance_uid, stack.index
                    )
                    return {ref: ()}
        return {ref: tuple(findings) for ref, findings in found.items()}

    def _source(self, ref: SeriesRef) -> SourceImages:
        _series, stack = find_stack(self._session.study, ref)
        return SourceImages(ref.study_instance_uid, ref.series_instance_uid, stack.frames)

    def _segmentation(
        self,
        ref: SeriesRef,
        findings: Sequence[Finding],
        generation: _Generation,
    ) -> tuple[pydicom.Dataset | None, dict[str, SegmentPlace]]:
        """The segmentation of one stack; the segment of each finding that has a mask."""
        segments = [
            SegmentSource(finding, mask.voxels)
            for finding in findings
            if (mask := self._mask(finding)) is not None and not mask.is_empty
        ]
        if not segments:
            return None, {}
        _series, stack = find_stack(self._session.study, ref)
        is_raw = generation.name == "ai"
        dataset = write_seg(
            SegRequest(
                source=self._source(ref),
                segments=tuple(segments),
                identity=self._identity("seg", ref, generation),
                description="AI segmentation" if is_raw else "Segmentation",
                at_utc=generation.at_utc,
                content_creator=generation.signer,
                resampled_grid=stack.own_grid,
            )
        )
        return dataset, {
            segment.finding.uid: SegmentPlace(dataset, number)
            for number, segment in enumerate(segments, 1)
        }

    def _document(
        self,
        ref: SeriesRef,
        findings: Sequence[Finding],
        generation: _Generation,
        places: dict[str, SegmentPlace],
        predecessor: pydicom.Dataset | None,
    ) -> pydicom.Dataset:
        is_raw = generation.name == "ai"
        context = self._session.context
        return write_sr(
            SrRequest(
                source=self._source(ref),
                findings=tuple(findings),
                places=places,
                identity=self._identity("sr", ref, generation),
                device_uid=derived_uid("device", context.settings.organisation or "overread"),
                description="AI findings" if is_raw else "Findings",
                at_utc=generation.at_utc,
                language=self._session.language,
                is_verified=generation.signed is not None,
                observer_name=generation.signer,
                organization=context.settings.organisation,
                predecessor=predecessor,
                missing=self._missing(generation),
                signatures=generation.signed.signatures if generation.signed else (),
                communications=self._communications(generation),
            )
        )

    def _communications(self, generation: _Generation) -> tuple[str, ...]:
        """Who was told of the critical findings, as the signed version says it."""
        report = generation.signed
        if report is None:
            return ()
        return tuple(report_document.told(self._session, report))

    def _missing(self, generation: _Generation) -> str:
        """What of the study was not there; what a model said stays partial for ever."""
        if generation.name == "ai" and not any(f.provenance.partial for f in generation.findings):
            return ""
        missing = missing_when_read(self._session)
        if missing is None:
            return "read from an incomplete study" if generation.name == "ai" else ""
        return missing.en

    def _mask(self, finding: Finding) -> Mask | None:
        region = finding.current.region
        if region is None or not region.mask_sha256:
            return None
        return self._session.stored_mask(region.mask_sha256, self._session.ref_of(finding))

    def _identity(
        self, kind: Literal["seg", "sr"], ref: SeriesRef, generation: _Generation
    ) -> Identity:
        name = _file_kind(generation, kind)
        seed = (
            name, ref.study_instance_uid, ref.series_instance_uid, str(ref.stack),
            findings_sha256(generation.findings), generation.at_utc,
            generation.signed.content_sha256 if generation.signed else "",
        )  # fmt: skip
        return Identity(
            series_instance_uid=derived_uid("series", *seed),
            sop_instance_uid=derived_uid("instance", *seed),
            series_number=_SERIES_NUMBER[name],
        )

    def _write(
        self, generation: _Generation, kind: Literal["seg", "sr"], dataset: pydicom.Dataset
    ) -> None:
        name = _file_kind(generation, kind)
        count = sum(path.name.startswith(f"{name}-") for path in self._files) + 1
        self._files.append(_write_object(dataset, self._folder / f"{name}-{count}.dcm"))


def _file_kind(generation: _Generation, kind: Literal["seg", "sr"]) -> str:
    return f"ai-{kind}" if generation.name == "ai" else kind


def _as_proposed(finding: Finding) -> Finding:
    return replace(
        finding, state="proposed", current=finding.proposal.content, decision=None, history=()
    )


def _write_object(dataset: pydicom.Dataset, path: Path) -> Path:
    with whole_or_not(path.with_suffix(".part")):
        return write_dataset(dataset, path)


def _write_key_objects(
    session: StudySession, images: Sequence[FindingImage], folder: Path
) -> list[Path]:
    """Once it is signed, the key images of each series as a selection for the archive."""
    report = session.report
    if report is None or report.signature is None or not session.is_signed:
        return []
    chosen: dict[SeriesRef, dict[FrameRef, str]] = defaultdict(dict)
    for image in images:
        ref = session.ref_of(image.finding)
        _series, stack = find_stack(session.study, ref)
        if stack.own_grid is None:  # else its slices are no images of the archive
            label = image.finding.current.label.text(report.language)
            chosen[ref].setdefault(stack.frames[image.k], label)
    files = []
    for number, (ref, frames) in enumerate(chosen.items(), 1):
        seed = ("key-images", ref.series_instance_uid, str(ref.stack), report.content_sha256)
        dataset = write_key_objects(
            KeyObjectRequest(
                source=SourceImages(ref.study_instance_uid, ref.series_instance_uid, tuple(frames)),
                identity=Identity(
                    derived_uid("series", *seed),
                    derived_uid("instance", *seed),
                    _SERIES_NUMBER["key-images"],
                ),
                description="; ".join(dict.fromkeys(frames.values())),
                at_utc=report.signature.at_utc,
                observer_name=report.signature.name,
            )
        )
        files.append(_write_object(dataset, folder / f"key-images-{number}.dcm"))
    return files
