"""One pack on one study or image, to files: the verb ``infer``. No library, no session."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from app.core.errors import IdentityConflict, InputError
from app.core.findings_json import findings_to_json
from app.core.ports import Clock, UidSource
from app.core.reader_input import ReaderInput
from app.core.study import (
    FrameRef,
    Instance,
    Patient,
    PatientText,
    Series,
    SeriesRef,
    Stack,
    Study,
)
from app.core.volume import Rescale, Volume
from app.dicom.files.scan import scan
from app.dicom.stacks.assemble import assemble_volume
from app.dicom.stacks.grouping import group
from app.dicom.writing.authoring import SourceImages
from app.imaging.labelmap import content_sha256
from app.imaging.nifti import read_nifti, write_like, write_nifti
from app.inference.gate import Suitability, judge, judge_content
from app.inference.manifest import ModelPack
from app.inference.pack_store import InstalledPack
from app.inference.run_context import RunContext, acquisition_of
from app.inference.run_report import mask_file_name, run_json, scores_json, suitability_row
from app.inference.to_findings import ProposedFindings, to_findings
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress, no_progress, part_of
from app.workflow.attention_files import MapSource, write_attention, write_attention_dicom
from app.workflow.completeness import with_archive_counts
from app.workflow.derived_uid import derived_uid
from app.workflow.infer_dicom import DicomTarget, write_ai_seg, write_ai_sr
from app.workflow.output_files import disk_faults, remove_outputs, write_json
from app.workflow.quality_gates import GatedImage, QualityGates
from app.workflow.run_models import refused

if TYPE_CHECKING:
    from app.inference.result import InferenceResult
    from app.inference.worker import InferenceProcess

IMAGE_ENDINGS = (".nii", ".nii.gz", ".nrrd")
_NONE = PatientText("")


@dataclass(frozen=True, slots=True)
class InferRequest:
    """What to run on what. ``series`` and ``stack`` narrow the choice; empty and None: the best.

    ``workspace`` takes what is unpacked from archives. ``expected`` gives the objects per series
    that an archive has of a study, by its UID: a run on less is marked as partial (D18). Those of
    ``packs_in_use`` that are about image quality are gates (``quality_gates``).
    """

    path: Path
    installed: InstalledPack
    out: Path
    workspace: Path
    series: str = ""
    stack: int | None = None
    forced: bool = False
    expected: Callable[[str], Mapping[str, int]] | None = None
    reader_input: ReaderInput = field(default_factory=ReaderInput)
    packs_in_use: tuple[InstalledPack, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageSource:
    """The chosen image; ``file`` is the image file where it is not DICOM.

    ``others`` are further stacks that the pack fits as well, which this run leaves out.
    """

    study: Study
    ref: SeriesRef
    stack: Stack
    volume: Volume
    fit: Suitability
    file: Path | None = None
    others: tuple[SeriesRef, ...] = ()


def infer_image(
    request: InferRequest,
    process: InferenceProcess,
    *,
    clock: Clock,
    uids: UidSource,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> dict[str, Any]:
    """Run the pack and write all outputs; the object of ``run.json``.

    Raises ``PackRefused`` with the reasons unless forced, ``InputError``, ``ModelPackError``,
    ``InferenceError``, ``DiskFull``.
    """
    started = time.monotonic()
    source = choose_image(request, part_of(progress, 0.0, 0.2), cancel)
    read_seconds = time.monotonic() - started
    source = _gated(request, source, process, cancel)
    pack = request.installed.pack
    result = run_on(request, source, process, progress=part_of(progress, 0.2, 0.9), cancel=cancel)
    proposed = to_findings(result, pack, source.study, source.volume, clock=clock, uids=uids)
    writing = time.monotonic()
    progress(0.92, "Writing")
    remove_outputs(request.out)
    files, names = _write_masks(request.out, pack, result, source)
    files.append(_write_findings(request.out, source.study, proposed, names))
    if pack.task != "segmentation":
        files.append(write_json(request.out / "scores.json", scores_json(result, pack)))
    maps = MapSource(source.ref, source.stack.frames, source.volume, source.file)
    files += write_attention(request.out, pack, result, maps)
    notes = _notes_on_others(source.others)
    if source.file is None:
        images = SourceImages(
            source.ref.study_instance_uid, source.ref.series_instance_uid, source.stack.frames
        )
        target = DicomTarget(request.out, images, source.ref, source.stack.own_grid)
        seg, refusals = write_ai_seg(target, proposed, clock)
        files += seg
        notes += refusals
        if pack.task != "segmentation":
            document, refusals = write_ai_sr(target, proposed, clock)
            files += document
            notes += refusals
        written, doubts = write_attention_dicom(request.out, pack, result, maps, clock.now_utc())
        files += written
        notes += [{"en": doubt.en, "ru": doubt.ru} for doubt in doubts]
    report = run_json(
        result,
        pack=pack,
        geometry=source.volume.geometry,
        completeness=source.study.completeness,
        read_seconds=read_seconds,
        write_seconds=time.monotonic() - writing,
    )
    report["suitability"] = suitability_row(source.fit)
    report["notes"] += notes
    report["files"] = [path.relative_to(request.out).as_posix() for path in files]
    write_json(request.out / "run.json", report)
    progress(1.0, "Done")
    return report


def choose_image(
    request: InferRequest, progress: Progress = no_progress, cancel: CancelToken | None = None
) -> ImageSource:
    """The image that the request means, read and judged by its content too.

    Raises as ``infer_image``.
    """
    if request.path.name.lower().endswith(IMAGE_ENDINGS) and request.path.is_file():
        source = _image_source(request)
    else:
        source = _dicom_source(request, progress, cancel)
    fit = judge_content(source.fit, request.installed.pack, source.volume)
    _admit(source.study, fit, forced=request.forced)
    return replace(source, fit=fit)


def run_on(
    request: InferRequest,
    source: ImageSource,
    process: InferenceProcess,
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
) -> InferenceResult:
    """Run the pack of the request on a chosen image."""
    series = _series_of(source)
    context = RunContext(request.reader_input, acquisition_of(source.study, series, source.stack))
    return process.run(
        request.installed, source.volume, forced=request.forced, context=context,
        progress=progress, cancel=cancel,
    )  # fmt: skip


def _series_of(source: ImageSource) -> Series:
    series = source.study.find_series(source.ref.series_instance_uid)
    if series is None:
        raise AssertionError("the chosen series is of the study")
    return series


def _gated(
    request: InferRequest,
    source: ImageSource,
    process: InferenceProcess,
    cancel: CancelToken | None,
) -> ImageSource:
    """The source with what packs of image quality say. Raises ``PackRefused`` unless forced."""
    gates = QualityGates(
        request.packs_in_use,
        lambda one, image, given: process.run(one, image, context=given, cancel=cancel),
    )
    image = GatedImage(source.study, _series_of(source), source.stack, source.volume)
    fit = gates.judge(source.fit, request.installed.pack, image)
    _admit(source.study, fit, forced=request.forced)
    return replace(source, fit=fit)


def _dicom_source(
    request: InferRequest, progress: Progress, cancel: CancelToken | None
) -> ImageSource:
    pack = request.installed.pack
    found = scan([request.path], workspace=request.workspace, progress=progress, cancel=cancel)
    judged = [
        (study, series, stack, judge(pack, study, series, stack))
        for study in _counted(group(found.records), request)
        for series in study.series
        for stack in series.stacks
        if stack.frames and request.series in ("", series.series_instance_uid)
        and request.stack in (None, stack.index)
    ]  # fmt: skip
    if not judged:
        raise InputError(
            "There are no images for a model in these files.",
            ru="В этих файлах нет изображений для модели.",
            hint="overread inspect lists what there is.",
            hint_ru="Что есть, покажет overread inspect.",
        )
    study, series, stack, fit = max(judged, key=lambda entry: _preference(entry[3], entry[2]))
    _admit(study, fit, forced=request.forced)
    volume = assemble_volume(study, series, stack, progress=progress, cancel=cancel)
    others = tuple(
        _ref(a_study, a_series, a_stack)
        for a_study, a_series, a_stack, a_fit in judged
        if a_fit.verdict != "refused" and a_stack is not stack
    )
    return ImageSource(study, _ref(study, series, stack), stack, volume, fit, others=others)


def _counted(studies: Sequence[Study], request: InferRequest) -> tuple[Study, ...]:
    if request.expected is None:
        return tuple(studies)
    return tuple(
        with_archive_counts(study, request.expected(study.study_instance_uid)) for study in studies
    )


def _ref(study: Study, series: Series, stack: Stack) -> SeriesRef:
    return SeriesRef(study.study_instance_uid, series.series_instance_uid, stack.index)


def _preference(fit: Suitability, stack: Stack) -> tuple[float, int, int]:
    """Score first; among refused ones that with fewest refusals, then the longest stack."""
    refusals = sum(reason.refuses for reason in fit.reasons)
    is_other_modality = any(r.rule == "modality" and not r.ok for r in fit.reasons)
    return fit.score, -(refusals + 100 * is_other_modality), len(stack.frames)


def _admit(study: Study, fit: Suitability, *, forced: bool) -> None:
    if study.blocked:
        raise IdentityConflict(
            "No model is run on this study: its images contradict each other about the patient.",
            ru="Модели не запускаются: снимки исследования противоречат друг другу о пациенте.",
            hint="Clear up whose images these are first.",
            hint_ru="Сначала выясните, чьи это снимки.",
        )
    if fit.verdict == "refused" and not forced:
        raise refused(fit)


def _image_source(request: InferRequest) -> ImageSource:
    """A NIfTI or NRRD file: it states no modality, so that of the pack is taken as meant."""
    pack = request.installed.pack
    array, geometry = read_nifti(request.path)
    if array.ndim != 3:
        raise InputError("The image is in color; models read gray images.",
                         ru="Изображение цветное; модели читают серые.")  # fmt: skip
    i_mm, j_mm, _ = geometry.spacing_ijk
    is_film = pack.input.dimensions == 2
    seed = content_sha256((array != 0).astype(np.uint8)), str(float(np.sum(array, dtype=float)))
    ref = SeriesRef(derived_uid("study", *seed), derived_uid("series", *seed), 0)
    image = Instance(
        request.path, derived_uid("image", *seed), "", "", 1, len(array), *array.shape[1:]
    )
    frames = tuple(FrameRef(image, n + 1) for n in range(len(array)))
    stack = Stack(
        0, "one file", frames, "ok", None if is_film else geometry, array.shape[1],
        array.shape[2], "MONOCHROME2", pack.input.units,
    )  # fmt: skip
    rule = pack.input.series[0]
    series = Series(
        ref.series_instance_uid, rule.modality[0], "", "", None, (), (), (image,), len(array),
        (stack,),
    )  # fmt: skip
    study = Study(
        ref.study_instance_uid, Patient(_NONE, _NONE, _NONE, ""), "", "", _NONE, "", (series,)
    )
    fit = judge(pack, study, series, stack)
    _admit(study, fit, forced=request.forced)
    volume = Volume(
        array,
        stack.geometry,
        Rescale(),
        pack.input.units,
        ref,
        pixel_spacing_mm=(j_mm, i_mm) if is_film else None,
        spacing_source="file" if is_film else "",
    )
    return ImageSource(study, ref, stack, volume, fit, file=request.path)


def _write_masks(
    out: Path, pack: ModelPack, result: InferenceResult, source: ImageSource
) -> tuple[list[Path], dict[str, str]]:
    """Every mask, and the labelmap where labels do not overlap; the files, and names by hash."""
    volume = source.volume
    files: list[Path] = []
    names: dict[str, str] = {}

    def write(path: Path, mask: npt.NDArray[Any]) -> None:
        if source.file is None:
            write_nifti(path, mask, volume.geometry, volume.pixel_spacing_mm)
        else:
            write_like(path, mask, source.file)
        files.append(path)

    total: npt.NDArray[np.uint16] = np.zeros(volume.voxels.shape[:3], np.uint16)
    overlap = False
    with disk_faults(out):
        (out / "masks").mkdir(parents=True, exist_ok=True)
        for index, mask in result.masks:
            name = mask_file_name(pack, index)
            write(out / name, mask)
            names.setdefault(content_sha256(mask), name)
            inside = mask != 0
            overlap = overlap or bool(total[inside].any())
            total[inside] = index
        if result.masks and not overlap:
            highest = max(index for index, _ in result.masks)
            labelmap = total.astype(np.uint8) if highest <= np.iinfo(np.uint8).max else total
            write(out / "labelmap.nii.gz", labelmap)
    return files, names


def _write_findings(
    out: Path, study: Study, proposed: ProposedFindings, names: dict[str, str]
) -> Path:
    data = findings_to_json(study.study_instance_uid, proposed.findings)
    for row in data["findings"]:
        for region in (row["region"], row["proposal"]["region"]):
            if region is not None and region.get("mask_sha256") in names:
                region["mask"] = names[region["mask_sha256"]]
    return write_json(out / "findings.json", data)


def _notes_on_others(others: tuple[SeriesRef, ...]) -> list[dict[str, str]]:
    """One run reads one image: what else the pack would fit is not passed over in silence."""
    if not others:
        return []
    first = others[0]
    where = f"{first.series_instance_uid}, {first.stack}"
    return [
        {
            "en": f"The pack fits {len(others)} more image(s) or stack(s), which were not read; "
            f"name one with --series and --stack (the next is {where}).",
            "ru": f"Пакет подходит ещё к изображениям или стопкам: {len(others)}; они не читались. "
            f"Укажите нужную через --series и --stack (следующая: {where}).",
        }
    ]
