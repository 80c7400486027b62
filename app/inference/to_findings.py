"""From the masks and scores of a run to proposed findings with measurements and provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from app.core.acquisition import Acquisition
from app.core.codes import Code
from app.core.finding import (
    Finding,
    FindingContent,
    Label,
    OperatingPoint,
    Proposal,
    Region,
    Site,
    SliceRef,
)
from app.core.measurement import Measurement
from app.core.ports import Clock, UidSource
from app.core.provenance import Provenance
from app.core.segmentation import Mask
from app.core.study import Series, Stack, Study
from app.core.volume import Volume
from app.imaging.labelmap import content_sha256
from app.inference.finding_regions import box_region, middle_slice, point_region
from app.inference.label_masks import FindingMasks
from app.inference.manifest import ModelPack
from app.inference.manifest_parts import LabelEntry, MeasurementEntry
from app.inference.result import InferenceResult, QualityFlag
from app.inference.run_context import acquisition_of
from app.measure.by_role import Setting, measure_labels
from app.measure.definitions import definition_of
from app.measure.methods import METHODS, OF_TWO_MASKS, REGIONAL
from app.measure.ratios import area_ratio, cardiothoracic_ratio
from app.measure.registry import BORDER_NOTE, measure_mask, touches_border

IMAGE_QUALITY = Label("Quality of the model's result", "Качество результата модели")
FILM_QUALITY = Label("Image quality", "Качество снимка")


@dataclass(frozen=True, slots=True)
class ProposedFindings:
    """Findings in state ``proposed`` and their masks by content hash."""

    findings: tuple[Finding, ...]
    masks: Mapping[str, Mask]


def to_findings(
    result: InferenceResult,
    pack: ModelPack,
    study: Study,
    volume: Volume,
    *,
    clock: Clock,
    uids: UidSource,
) -> ProposedFindings:
    """One finding per label with voxels, head at its operating point, box, landmark or number; any
    thread.

    Doubts from the pack's checks become quality flags and the status of the numbers they
    concern, and, if there are any, one finding about the whole image that carries them.
    """
    builder = _Builder(result, pack, study, volume, clock.now_utc(), uids)
    match pack.task:
        case "segmentation":
            findings = builder.from_masks()
        case "detection":
            findings = builder.from_boxes()
        case "landmarks":
            findings = builder.from_landmarks()
        case "regression":
            findings = builder.from_numbers()
        case "quality":
            findings = []
        case _:
            findings = builder.from_scores()
    if result.flags:
        findings.append(builder.about_quality())
    return ProposedFindings(tuple(findings), builder.masks)


class _Builder:
    """Holds what every finding of one run shares."""

    def __init__(
        self,
        result: InferenceResult,
        pack: ModelPack,
        study: Study,
        volume: Volume,
        at_utc: str,
        uids: UidSource,
    ) -> None:
        self._result = result
        self._pack = pack
        self._study = study
        self._volume = volume
        self._at_utc = at_utc
        self._uids = uids
        self.masks = FindingMasks(result.by_label, result.source)

    def from_masks(self) -> list[Finding]:
        """Findings of a segmentation; empty masks and labels without finding are left out."""
        voxels = self._result.by_label
        wanted = [entry for entry in self._pack.output.labels if entry.finding]
        carriers = [entry.index for entry in wanted if voxels[entry.index].any()]
        values = self._values(voxels)
        return [
            self._segment_finding(entry, voxels, values)
            for entry in wanted
            if entry.index in carriers
        ]

    def from_scores(self) -> list[Finding]:
        """Findings of a classifier: heads whose score reaches the operating point."""
        findings = []
        for entry in self._pack.output.labels:
            score = self._result.scores.get(entry.name.en)
            point = self._point(entry.index)
            if not entry.finding or score is None:
                continue
            if point is not None and score < point.threshold:
                continue
            region = Region(
                "image", slice=self._slice(0), attention_sha256=self._attention(entry.index)
            )
            findings.append(self._finding(self._content(entry, region, ()), score, point))
        return findings

    def _attention(self, index: int) -> str:
        """Keep the area where the model looked: at least half of the map's maximum."""
        found = dict(self._result.attention).get(index)
        if found is None or not found.max() > 0:
            return ""
        area = np.asarray(found >= 0.5 * found.max(), dtype=np.uint8)
        sha256 = content_sha256(area)
        self.masks.keep(sha256, Mask(area, self._result.source))
        return sha256

    def from_boxes(self) -> list[Finding]:
        """One finding per detection, highest score first."""
        flat, count = self._pack.input.dimensions == 2, self._volume.voxels.shape[0]
        findings = []
        for box in self._result.boxes:
            entry = self._pack.label(box.label)
            if not entry.finding:
                continue
            where = self._slice(middle_slice(box, count))
            region = box_region(box, self._volume, where, flat=flat)
            content = self._content(entry, region, ())
            findings.append(self._finding(content, box.score, self._point(box.label)))
        return findings

    def from_landmarks(self) -> list[Finding]:
        """One finding per landmark that has a label."""
        count = self._volume.voxels.shape[0]
        findings = []
        for mark in self._result.landmarks:
            entry = self._pack.label(mark.label) if mark.label else None
            if entry is None or not entry.finding:
                continue
            where = self._slice(min(max(0, round(mark.ijk[2])), count - 1))
            content = self._content(entry, point_region(mark, self._volume, where), ())
            findings.append(self._finding(content, mark.score, self._point(mark.label)))
        return findings

    def from_numbers(self) -> list[Finding]:
        """One finding per label with its numbers, about the whole image."""
        findings = []
        for entry in self._pack.output.labels:
            numbers = tuple(
                judged(number, list(self._result.flags_of(entry.index)))
                for index, number in self._result.numbers
                if index == entry.index
            )
            if entry.finding and numbers:
                content = self._content(entry, Region("image", slice=self._slice(0)), numbers)
                findings.append(self._finding(content, None, None))
        return findings

    def about_quality(self) -> Finding:
        """The one finding that says what the pack's checks, or a model of quality, found."""
        texts = [flag.text for flag in self._result.flags]
        about = FILM_QUALITY if self._pack.task == "quality" else IMAGE_QUALITY
        label = Label(
            f"{about.en}: " + "; ".join(text.en.rstrip(".") for text in texts),
            f"{about.ru}: " + "; ".join(text.ru.rstrip(".") for text in texts),
        )
        content = FindingContent(
            concept=None,
            label=label,
            region=Region("image", slice=self._slice(0)),
            quality_flags=tuple(flag.id for flag in self._result.flags),
        )
        return self._finding(content, None, None)

    def _segment_finding(
        self,
        entry: LabelEntry,
        voxels: Mapping[int, npt.NDArray[Any]],
        values: npt.NDArray[np.float32] | None,
    ) -> Finding:
        mask = np.ascontiguousarray(voxels[entry.index], dtype=np.uint8)
        sha256 = content_sha256(mask)
        self.masks.add(sha256, entry.index)
        largest = int(np.argmax(mask.sum(axis=(1, 2), dtype=np.int64)))
        region = Region("segment", mask_sha256=sha256, slice=self._slice(largest))
        numbers = tuple(
            self._measure(wanted, entry, voxels, values)
            for wanted in self._pack.measurements
            if entry.index == wanted.on or (wanted.on is None and entry.index in wanted.requires)
        )
        numbers += tuple(
            judged(number, list(self._result.flags_of(entry.index)))
            for index, number in self._result.numbers
            if index == entry.index
        )
        content = self._content(entry, region, numbers)
        score = self._result.scores.get(entry.name.en)
        return self._finding(content, score, self._point(entry.index))

    def _measure(
        self,
        wanted: MeasurementEntry,
        entry: LabelEntry,
        voxels: Mapping[int, npt.NDArray[Any]],
        values: npt.NDArray[np.float32] | None,
    ) -> Measurement:
        kind = kind_of(wanted)
        if kind in OF_TWO_MASKS:
            first, second = (voxels[index] for index in wanted.requires[:2])
            if kind == "area_ratio":
                cut = touches_border(first) or touches_border(second)
                number = area_ratio(
                    first,
                    second,
                    status="truncated_fov" if cut else "valid",
                    note=BORDER_NOTE if cut else "",
                )
            else:
                lungs = np.logical_or.reduce([voxels[i] for i in wanted.requires[1:]])
                number = cardiothoracic_ratio(
                    first, lungs, geometry=self._volume.geometry, view_position=self._view()
                )
            concerned = wanted.requires
        elif kind in REGIONAL:
            names = {self._pack.label(i).name.en: voxels[i] for i in wanted.requires}
            setting = Setting(self._volume.geometry, values, self._volume.quantity, self._facts())
            number = measure_labels(kind, names, entry.name.en, setting)
            concerned = wanted.requires
        else:
            number = measure_mask(
                voxels[entry.index],
                geometry=self._volume.geometry,
                pixel_spacing_mm=self._volume.pixel_spacing_mm,
                spacing_source=self._volume.spacing_source,
                values=values,
                what=(kind,),
                quantity=self._volume.quantity,
            )[0]
            concerned = (entry.index,)
        return judged(number, [f for f in self._result.flags if set(f.labels) & set(concerned)])

    def _values(self, voxels: Mapping[int, npt.NDArray[Any]]) -> npt.NDArray[np.float32] | None:
        """Modality values, only where a measurement needs them."""
        sizes = ("volume", "area", "long_axis", "short_axis", "max_diameter_3d", "surface_area",
                 "centroid", *OF_TWO_MASKS)  # fmt: skip
        needed = any(
            definition_of(kind).needs_values if kind in REGIONAL else kind not in sizes
            for kind in map(kind_of, self._pack.measurements)
        )
        return self._volume.measured_values() if needed and voxels else None

    def _content(
        self, entry: LabelEntry, region: Region, numbers: tuple[Measurement, ...]
    ) -> FindingContent:
        site = None
        if entry.site is not None:
            code = Code(entry.site.value, entry.site.scheme, entry.site.meaning)
            name = entry.site_name
            site = Site(code, name.en if name else code.meaning, name.ru if name else "")
        return FindingContent(
            concept=Code(entry.code.value, entry.code.scheme, entry.code.meaning),
            label=Label(entry.name.en, entry.name.ru),
            laterality=entry.laterality,
            site=site,
            significance=entry.significance,
            region=region,
            measurements=numbers,
            quality_flags=tuple(flag.id for flag in self._result.flags_of(entry.index)),
        )

    def _finding(
        self, content: FindingContent, score: float | None, point: OperatingPoint | None
    ) -> Finding:
        result = self._result
        return Finding(
            uid=self._uids.new_uid(),
            tracking_uid=self._uids.new_uid(),
            study_instance_uid=result.source.study_instance_uid,
            series_instance_uid=result.source.series_instance_uid,
            stack=result.source.stack,
            proposal=Proposal(content, score, point),
            current=content,
            state="proposed",
            provenance=Provenance(
                kind="model",
                at_utc=self._at_utc,
                pack=result.pack_id,
                version=result.version,
                weights_sha256=result.weights_sha256,
                manifest_sha256=result.manifest_sha256,
                device=result.device,
                operating_point=point.name if point else "",
                forced=result.forced,
                partial=not self._study.completeness.is_complete,
                lossy=self._volume.lossy,
            ),
        )

    def _point(self, index: int) -> OperatingPoint | None:
        point = self._pack.operating_point(index)
        return OperatingPoint(point.name, point.threshold) if point else None

    def _slice(self, k: int) -> SliceRef | None:
        """The image of slice ``k``; None where stack and volume do not match one to one."""
        stack = self._stack()
        if stack is None or len(stack.frames) != self._volume.voxels.shape[0]:
            return None
        frame = stack.frames[k]
        return SliceRef(frame.instance.sop_instance_uid, frame.frame)

    def _stack(self) -> Stack | None:
        series = self._study.find_series(self._result.source.series_instance_uid)
        stacks = series.stacks if series else ()
        return next((s for s in stacks if s.index == self._result.source.stack), None)

    def _facts(self) -> Acquisition:
        series, stack = self._series(), self._stack()
        if series is None or stack is None:
            return Acquisition()
        return acquisition_of(self._study, series, stack)

    def _series(self) -> Series | None:
        return self._study.find_series(self._result.source.series_instance_uid)

    def _view(self) -> str:
        series = self._study.find_series(self._result.source.series_instance_uid)
        stack = self._stack()
        return (stack.view_position if stack else "") or (series.view_position if series else "")


def kind_of(wanted: MeasurementEntry) -> str:
    """The kind of measurement whose method the pack names; its id decides between several."""
    kinds = [kind for kind, method in METHODS.items() if method == wanted.definition_id]
    if wanted.id in kinds:
        return wanted.id
    return kinds[0] if kinds else wanted.id


def judged(number: Measurement, flags: list[QualityFlag]) -> Measurement:
    """A number with the status of the doubts about its masks; truncation weighs most."""
    if number.value is None or not flags:
        return number
    ranking = ("truncated_fov", "wrong_protocol", "low_quality")
    statuses = {flag.status for flag in flags}
    status = next((s for s in ranking if s in statuses), None)
    if status is None or number.status == "truncated_fov":
        return number
    text = next(flag.text.en for flag in flags if flag.status == status)
    return replace(number, status=status, note=number.note or text)
