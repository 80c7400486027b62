"""From header records to studies, series and stacks with a verdict on each.

The frames of the stacks of a series are all its frames, always: whatever does not fit a volume is
shown image by image and says why (sum of displayed = received, G09).
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from app.core.report import Message
from app.core.study import Instance, Series, Stack, Study, StudyWarning
from app.dicom import wording
from app.dicom.headers import FrameFacts, Record, is_projection
from app.dicom.identity import identity_conflict
from app.dicom.placement import (
    SAME_PLACE_MM,
    Placement,
    place,
    positions_along_normal,
    spacing_warnings,
)
from app.dicom.series_facts import merged

_SAME_DIRECTION = 1e-4
_SEGMENTATION_CLASSES = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
_VIDEO_PREFIX = "1.2.840.10008.1.2.4.10"
# Radial acquisitions turn each image a little: beyond this many single images they stay together.
_MOST_SINGLE_ORIENTATIONS = 8

Member = tuple[FrameFacts, Record]


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
        warnings=(wording.warning("D08", blocked),) if blocked else (),
        blocked=blocked.en if blocked else "",
        blocked_ru=blocked.ru if blocked else "",
        referring_physician=first.referring_physician,
        study_id=first.study_id,
    )


def _series(uid: str, records: list[Record]) -> Series:
    first = records[0]
    kinds = sorted({record.kind for record in records if not record.has_pixels})
    description = first.series_description
    if kinds and not any(record.has_pixels for record in records):
        description = ": ".join(text for text in ("; ".join(kinds), description) if text)
    groups = _split(records)
    facts = merged([record.facts for record in records])
    stacks = [_stack(index, members) for index, members in enumerate(groups)]
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
        stacks=tuple(stacks),
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


_NOTHING = Message("", "")


class _Group:
    """Frames that share a stack, with the record of each, and the words on how they were chosen."""

    def __init__(self, members: Sequence[Member], why: Message = _NOTHING) -> None:
        self.members = list(members)
        self.why = why
        self.warnings: tuple[StudyWarning, ...] = ()

    @property
    def frames(self) -> list[FrameFacts]:
        return [frame for frame, _ in self.members]


def _split(records: list[Record]) -> list[_Group]:
    """All frames of a series in stacks (G08, G09, G18), largest volumes not first: file order."""
    by_kind: dict[tuple[object, ...], list[Member]] = {}
    for record in records:
        for frame in record.frames:
            by_kind.setdefault(_kind_key(frame, record), []).append((frame, record))
    groups: list[_Group] = []
    for members in by_kind.values():
        if members[0][0].orientation is None or members[0][0].position_lps is None:
            groups.append(_Group(members))
        else:
            for same_direction in _split_by_direction(members):
                groups += _split_by_phase(same_direction)
    if len(groups) > 1:
        _explain_split(groups)
    return groups


def _kind_key(frame: FrameFacts, record: Record) -> tuple[object, ...]:
    """What frames of one stack have in common besides direction and time."""
    instance = record.instance
    in_space = frame.position_lps is not None and frame.orientation is not None
    spacing = frame.spacing.row_column_mm
    key: tuple[object, ...] = (
        instance.rows,
        instance.columns,
        record.is_color,
        record.photometric == "MONOCHROME1",
        None if spacing is None else (round(spacing[0], 4), round(spacing[1], 4)),
        in_space and not is_projection(record.modality),
    )
    if instance.sop_class_uid in _SEGMENTATION_CLASSES:
        return (*key, instance.path)
    if in_space and not is_projection(record.modality):
        return (*key, *(value for _, value in frame.splitters))
    # A cine loop is a stack of its own, and so is a film (the views of one series differ);
    # other single images of one size share one.
    is_own = instance.number_of_frames > 1 or is_projection(record.modality)
    return (*key, instance.path if is_own else "")


def _split_by_direction(
    members: list[Member],
) -> list[list[Member]]:
    found: list[tuple[np.ndarray, list[Member]]] = []
    for member in members:
        direction = np.asarray(member[0].orientation)
        for known, group_members in found:
            if float(np.abs(known - direction).max()) <= _SAME_DIRECTION:
                group_members.append(member)
                break
        else:
            found.append((direction, [member]))
    if len(found) > _MOST_SINGLE_ORIENTATIONS and all(len(one) == 1 for _, one in found):
        return [members]
    return [one for _, one in found]


def _split_by_phase(members: list[Member]) -> list[_Group]:
    """Volumes of a 4D series by the first attribute, or pair of them, that tells them apart."""
    if _places_are_unique(members):
        return [_Group(members)]
    names = [name for name, _ in members[0][0].phases]
    varying = [
        name for name in names if len({dict(frame.phases)[name] for frame, _ in members}) > 1
    ]
    choices = itertools.chain(((name,) for name in varying), itertools.combinations(varying, 2))
    for choice in choices:
        parts: dict[tuple[str, ...], list[Member]] = {}
        for frame, record in members:
            labels = dict(frame.phases)
            parts.setdefault(tuple(labels[name] for name in choice), []).append((frame, record))
        # A part per image is no 4D series: the attribute only counts the images.
        if len(parts) < len(members) and all(_places_are_unique(p) for p in parts.values()):
            ordered = sorted(parts.items(), key=lambda part: [_number_first(v) for v in part[0]])
            return [_Group(part, _words(choice, key)) for key, part in ordered]
    return [_Group(members)]


def _words(names: tuple[str, ...], values: tuple[str, ...]) -> Message:
    words = [wording.attribute(n, v) for n, v in zip(names, values, strict=True)]
    return wording.joined(*words, by=", ")


def _places_are_unique(members: Sequence[Member]) -> bool:
    along = positions_along_normal([frame for frame, _ in members])
    if along is None or len(along) < 2:
        return True
    return bool(np.diff(np.sort(along)).min() >= SAME_PLACE_MM)


def _explain_split(groups: list[_Group]) -> None:
    """Say of each stack of a split series what sets it apart."""
    instances = [one.members[0][1].instance for one in groups]
    sizes = {(instance.rows, instance.columns) for instance in instances}
    for one in groups:
        frame, record = one.members[0]
        words: list[Message] = []
        if len(sizes) > 1:
            words.append(wording.size(record.instance.columns, record.instance.rows))
        if len({group.members[0][1].photometric for group in groups}) > 1:
            words.append(wording.attribute("photometric", record.photometric))
        for n, (name, value) in enumerate(frame.splitters):
            if len({g.members[0][0].splitters[n][1] for g in groups}) > 1:
                words.append(wording.attribute(name, value))
        directions = [g.members[0][0].orientation for g in groups]
        if len({None if d is None else tuple(round(v, 3) for v in d) for d in directions}) > 1:
            words.append(wording.OWN_ORIENTATION)
            if len(one.members) < 4 or dict(frame.splitters).get("image type") == "LOCALIZER":
                one.warnings = (wording.warning("G08", wording.OTHER_ORIENTATION),)
        one.why = wording.joined(*words, one.why, by=", ")


def _stack(index: int, one: _Group) -> Stack:
    frames, records = one.frames, [record for _, record in one.members]
    first = records[0]
    frame_uid, uid_warnings = _frame_of_reference(records)
    placement = _placement(one, frame_uid)
    order = placement.order or tuple(range(len(frames)))
    own = tuple(dict.fromkeys(w for record in records for w in record.warnings))
    if first.instance.transfer_syntax_uid.startswith(_VIDEO_PREFIX):
        own += (wording.warning("D16", wording.VIDEO),)
    why = wording.joined(placement.why, one.why)
    is_film = is_projection(first.modality)
    return Stack(
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
        view_position=first.view_position if is_film else "",
        patient_orientation=first.facts.patient_orientation if is_film else None,
    )


def _placement(one: _Group, frame_of_reference_uid: str) -> Placement:
    first = one.members[0][1]
    as_given = tuple(range(len(one.members)))
    if first.instance.sop_class_uid in _SEGMENTATION_CLASSES:
        return Placement(as_given, "stack", wording.SEGMENTATION, None)
    if is_projection(first.modality):
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


def _number_first(text: str) -> tuple[float, str]:
    try:
        return float(text), text
    except ValueError:
        # Frames without the attribute come last (G10).
        return float("inf"), text
