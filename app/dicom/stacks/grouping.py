"""From header records to studies, series and stacks with a verdict on each.

The frames of the stacks of a series are all its frames, always: whatever does not fit a volume is
shown image by image and says why (sum of displayed = received, G09).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from app.core.report import Message
from app.core.study import Instance, Series, Stack, Study, StudyWarning
from app.dicom import wording
from app.dicom.files.record import Record
from app.dicom.files.series_facts import merged
from app.dicom.stacks.health import (
    StackEvidence,
    compared_with_siblings,
    completeness,
    not_shown_reason,
    stack_health,
)
from app.dicom.stacks.identity import identity_conflict
from app.dicom.stacks.placement import Placement, place, spacing_warnings
from app.dicom.stacks.splitting import SEGMENTATION_CLASSES, FrameGroup, split


def group(records: Iterable[Record]) -> tuple[Study, ...]:
    """Studies in the order of date and UID, each with its series by number. Pure."""
    by_study: dict[str, list[Record]] = {}
    for record in records:
        by_study.setdefault(record.study_instance_uid, []).append(record)
    studies = [_study(uid, members) for uid, members in by_study.items()]
    return tuple(sorted(studies, key=lambda s: (s.study_date, s.study_time, s.study_instance_uid)))


def _study(uid: str, records: list[Record]) -> Study:
    records = sorted(records, key=_acquisition_order)
    first = max(records, key=lambda r: (r.has_pixels, bool(r.patient.id), bool(r.patient.name)))
    blocked = identity_conflict([record.patient for record in records])
    by_series: dict[str, list[Record]] = {}
    for record in records:
        by_series.setdefault(record.series_instance_uid, []).append(record)
    series = [_series(series_uid, members) for series_uid, members in by_series.items()]
    if blocked:
        series = [_blocked(one, blocked) for one in series]
    return Study(
        study_instance_uid=uid,
        patient=first.patient,
        study_date=first.study_date,
        study_time=first.study_time,
        accession_number=first.accession_number,
        description=first.study_description,
        series=tuple(sorted(series, key=_series_order)),
        warnings=_study_warnings(records, blocked),
        blocked=blocked.en if blocked else "",
        blocked_ru=blocked.ru if blocked else "",
        referring_physician=first.referring_physician,
        study_id=first.study_id,
        completeness=completeness(series),
    )


def _study_warnings(records: Sequence[Record], blocked: Message | None) -> tuple[StudyWarning, ...]:
    conflict = (wording.warning("D08", blocked),) if blocked else ()
    doubts = dict.fromkeys(doubt for record in records for doubt in record.doubts)
    headers = sum("Image" in record.kind and not record.has_pixels for record in records)
    alone = (wording.warning("D12", wording.headers_alone(headers)),) if headers else ()
    return (*conflict, *alone, *(wording.warning("D10", doubt) for doubt in doubts))


def _series(uid: str, records: list[Record]) -> Series:
    first = records[0]
    kinds = sorted({record.kind for record in records if not record.has_pixels})
    description = first.series_description
    if kinds and not any(record.has_pixels for record in records):
        description = ": ".join(text for text in ("; ".join(kinds), description) if text)
    facts = merged([record.facts for record in records])
    stacks = _stacks(split(records))
    return Series(
        series_instance_uid=uid,
        modality=first.modality,
        description=description,
        body_part=next((r.body_part for r in records if r.body_part), ""),
        number=first.series_number,
        sop_class_uids=tuple(sorted({r.instance.sop_class_uid for r in records})),
        transfer_syntax_uids=tuple(sorted({r.instance.transfer_syntax_uid for r in records})),
        instances=tuple(record.instance for record in records),
        frames=sum(len(record.frames) for record in records),
        stacks=stacks,
        laterality=next((r.laterality for r in records if r.laterality), ""),
        view_position=next((r.view_position for r in records if r.view_position), ""),
        contrast=_any_contrast(records),
        image_type=facts.image_type,
        patient_orientation=facts.patient_orientation,
        slice_thickness_mm=facts.slice_thickness_mm,
        kernel=facts.kernel,
        kvp=facts.kvp,
        patient_age_years=facts.patient_age_years,
    )


def _stacks(groups: Sequence[FrameGroup]) -> tuple[Stack, ...]:
    """A stack of each group with its health; time points are judged by each other too."""
    stacks = [
        _stack(index, one, is_only_stack=len(groups) == 1) for index, one in enumerate(groups)
    ]
    time_points = [n for n, one in enumerate(groups) if one.is_time_point]
    stated = {r.counts.temporal_positions for one in groups for r in one.records}
    judged = compared_with_siblings(
        [stacks[n] for n in time_points], stated.pop() if len(stated) == 1 else 0
    )
    for n, stack in zip(time_points, judged, strict=True):
        stacks[n] = stack
    return tuple(stacks)


def _stack(index: int, one: FrameGroup, *, is_only_stack: bool) -> Stack:
    frames, records = one.frames, one.records
    first = records[0]
    frame_uid, uid_warnings = _frame_of_reference(records)
    placement = _placement(one, frame_uid)
    order = placement.order or tuple(range(len(frames)))
    own = tuple(dict.fromkeys(w for record in records for w in record.warnings))
    why = wording.joined(placement.why, one.why)
    stack = Stack(
        index=index,
        why=why.en,
        why_ru=why.ru,
        frames=tuple(frames[n].ref for n in order),
        verdict=placement.verdict,
        geometry=placement.geometry,
        rows=first.instance.rows,
        columns=first.instance.columns,
        photometric=first.photometric,
        quantity=first.quantity,
        warnings=(*placement.warnings, *uid_warnings, *one.warnings, *own),
        view_position=first.view_position if first.is_projection else "",
        laterality=first.laterality if first.is_projection else "",
        patient_orientation=first.facts.patient_orientation if first.is_projection else None,
    )
    hidden = not_shown_reason(stack)
    if hidden:
        stack = replace(stack, warnings=(*stack.warnings, wording.warning("D16", hidden)))
    evidence = StackEvidence(
        counts=list({record.instance.path: record.counts for record in records}.values()),
        modality=first.modality,
        is_original=first.facts.image_type[:2] == ("ORIGINAL", "PRIMARY"),
        is_only_stack=is_only_stack,
        is_one_acquisition=len({record.acquisition_number for record in records}) == 1,
        missing=placement.missing,
        resampled_why=placement.why if placement.verdict == "resampled" else None,
    )
    return replace(stack, health=stack_health(stack, evidence))


def _placement(one: FrameGroup, frame_of_reference_uid: str) -> Placement:
    first = one.members[0][1]
    as_given = tuple(range(len(one.members)))
    if first.instance.sop_class_uid in SEGMENTATION_CLASSES:
        return Placement(as_given, "stack", wording.SEGMENTATION, None)
    if first.is_projection:
        warnings = spacing_warnings(one.members[0][0])
        return Placement(as_given, "stack", wording.PROJECTION, None, warnings)
    return place(one.frames, frame_of_reference_uid)


def _frame_of_reference(records: list[Record]) -> tuple[str, tuple[StudyWarning, ...]]:
    """The first frame of reference, and a warning where the images name several (G19, G21).

    Images that name none get one of their own, so that they are never taken to lie in one space
    with other series that name none either.
    """
    uids = list(dict.fromkeys(r.frame_of_reference_uid for r in records))
    named = next((uid for uid in uids if uid), "")
    if not named:
        digest = hashlib.sha256(f"frame|{records[0].series_instance_uid}".encode()).hexdigest()
        in_space = records[0].frames[0].position_lps is not None
        warnings = (wording.warning("G19", wording.NO_FRAME_OF_REFERENCE),) if in_space else ()
        return f"2.25.{int(digest[:32], 16)}", warnings
    if len(uids) < 2:
        return named, ()
    return named, (wording.warning("G19", wording.several_frames_of_reference(len(uids))),)


def _blocked(series: Series, reason: Message) -> Series:
    stacks = tuple(
        replace(stack, verdict="blocked", why=reason.en, why_ru=reason.ru, geometry=None)
        for stack in series.stacks
    )
    return replace(series, stacks=stacks)


def _any_contrast(records: list[Record]) -> bool | None:
    known = {record.contrast for record in records} - {None}
    return None if not known else True in known


def _acquisition_order(record: Record) -> tuple[int, int, str, str]:
    instance: Instance = record.instance
    return (
        record.acquisition_number if record.acquisition_number is not None else 2**31,
        instance.instance_number if instance.instance_number is not None else 2**31,
        instance.sop_instance_uid,
        str(instance.path),
    )


def _series_order(series: Series) -> tuple[int, str]:
    return (series.number if series.number is not None else 2**31, series.series_instance_uid)
