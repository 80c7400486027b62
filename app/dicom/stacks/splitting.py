"""Which frames of a series share a stack: by what they are, by direction, by time (G08-G10, G18).

Every frame comes to exactly one stack; a stack of a split series says what sets it apart.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from app.core.report import Message
from app.core.study import StudyWarning
from app.dicom import wording
from app.dicom.files.record import FrameFacts, Record
from app.dicom.stacks.passes import distant_parts, interleaved_parts, ranked_parts
from app.dicom.stacks.placement import SAME_PLACE_MM, name_of, positions_along_normal

SEGMENTATION_CLASSES: Final = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
_SAME_DIRECTION = 1e-4
# Radial acquisitions turn each image a little: beyond this many single images they stay together.
_MOST_SINGLE_ORIENTATIONS = 8
# Three attributes together are tried only where few vary: each try looks at all frames.
_MOST_FOR_THREE = 8
# Up to this share of images at places that are taken, they are strays and the rest is the volume.
_MOST_STRAYS = 0.1
_FEWEST_IN_PART = 4
_NOTHING = Message("", "")

Member = tuple[FrameFacts, Record]


class FrameGroup:
    """Frames that share a stack, with the record of each, and the words on how they were chosen.

    ``is_time_point``: one of several volumes of the same places.
    """

    def __init__(
        self, members: Sequence[Member], why: Message = _NOTHING, *, is_time_point: bool = False
    ) -> None:
        self.members = list(members)
        self.why = why
        self.is_time_point = is_time_point
        self.warnings: tuple[StudyWarning, ...] = ()

    @property
    def frames(self) -> list[FrameFacts]:
        """The frames alone."""
        return [frame for frame, _ in self.members]

    @property
    def records(self) -> list[Record]:
        """The record of each frame."""
        return [record for _, record in self.members]


def split(records: Sequence[Record]) -> list[FrameGroup]:
    """All frames of a series in stacks, in the order of acquisition."""
    by_kind: dict[tuple[object, ...], list[Member]] = {}
    for record in records:
        for frame in record.frames:
            by_kind.setdefault(_kind_key(frame, record), []).append((frame, record))
    groups: list[FrameGroup] = []
    for members in by_kind.values():
        if members[0][0].orientation is None or members[0][0].position_lps is None:
            groups.append(FrameGroup(members))
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
        in_space and not record.is_projection,
    )
    if instance.sop_class_uid in SEGMENTATION_CLASSES:
        return (*key, instance.path)
    if in_space and not record.is_projection:
        return (*key, *(value for _, value in frame.splitters))
    # A cine loop is a stack of its own, and so is a film (the views of one series differ);
    # other single images of one size share one.
    is_own = instance.number_of_frames > 1 or record.is_projection
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


def _split_by_phase(members: list[Member]) -> list[FrameGroup]:
    """Volumes of a 4D series by the first few attributes that tell them apart together."""
    if _places_are_unique(members):
        passes = [FrameGroup(part, why) for part, why in interleaved_parts(members)]
        return passes or _blocks(members)
    labels = [dict(frame.phases) for frame, _ in members]
    varying = [name for name in labels[0] if len({one[name] for one in labels}) > 1]
    deepest = _most_at_one_place(members)
    ragged: list[FrameGroup] = []
    for choice in _choices(varying):
        parts_of: dict[tuple[str, ...], list[Member]] = {}
        for member, label in zip(members, labels, strict=True):
            parts_of.setdefault(tuple(label[name] for name in choice), []).append(member)
        # A part per image is no 4D series: the attribute only counts the images.
        if not deepest <= len(parts_of) < len(members) or (ragged and len(parts_of) > deepest):
            continue
        if all(_places_are_unique(part) for part in parts_of.values()):
            ordered = sorted(parts_of.items(), key=lambda part: [_number_first(v) for v in part[0]])
            groups = _time_points([(part, _words(choice, key)) for key, part in ordered])
            if len(groups) == deepest:
                return groups
            ragged = [FrameGroup(one.members, one.why) for one in groups]
    # More parts than images at any place: times that differ from place to place, or stations.
    groups = _time_points(ranked_parts(members)) or ragged
    return groups or _time_points_without_strays(members, varying) or _without_strays(members)


def _blocks(members: list[Member]) -> list[FrameGroup]:
    """One volume, or several of places far from each other, each with the warning (G04)."""
    blocks = [FrameGroup(part, why) for part, why in distant_parts(members)]
    for one in blocks:
        one.warnings = (wording.warning("G04", one.why),)
    return blocks or [FrameGroup(members)]


def _time_points(parts: Sequence[tuple[list[Member], Message]]) -> list[FrameGroup]:
    return [FrameGroup(part, why, is_time_point=True) for part, why in parts]


def _choices(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    yield from ((name,) for name in names)
    yield from itertools.combinations(names, 2)
    if len(names) <= _MOST_FOR_THREE:
        yield from itertools.combinations(names, 3)


def _time_points_without_strays(
    members: Sequence[Member], names: Sequence[str]
) -> list[FrameGroup]:
    """Time points of which some have a stray or two; empty where no attribute makes such."""
    for name in names:
        parts: dict[str, list[Member]] = {}
        for member in members:
            parts.setdefault(dict(member[0].phases)[name], []).append(member)
        if not 1 < len(parts) <= len(members) / _FEWEST_IN_PART:
            continue
        groups: list[FrameGroup] = []
        for value, part in sorted(parts.items(), key=lambda one: _number_first(one[0])):
            found = _without_strays(part)
            if len(found) == 1 and not _places_are_unique(part):
                break
            for one in found:
                one.why = wording.joined(wording.attribute(name, value), one.why, by=", ")
            groups += found
        else:
            return groups
    return []


def _without_strays(members: list[Member]) -> list[FrameGroup]:
    """Few images at places that are taken: apart, and named; the first of each place stays (G09).

    Many are a 4D series that nothing tells apart: one stack, no volume.
    """
    along = positions_along_normal([frame for frame, _ in members])
    if along is None:
        return [FrameGroup(members)]
    order = np.argsort(along, kind="stable")
    strays = {
        int(n)
        for before, n in itertools.pairwise(order)
        if along[n] - along[before] < SAME_PLACE_MM
    }
    kept = [member for n, member in enumerate(members) if n not in strays]
    most = max(_MOST_STRAYS * len(kept), 1 if len(kept) >= _FEWEST_IN_PART else 0)
    if not strays or len(strays) > most or not _places_are_unique(kept):
        return [FrameGroup(members)]
    apart = FrameGroup([members[n] for n in sorted(strays)], wording.REPEATED_PLACES)
    whole = FrameGroup(kept)
    names = [name_of(members[n][0]) for n in sorted(strays)]
    warning = wording.warning("G09", wording.repeated(names))
    apart.warnings = whole.warnings = (warning,)
    return [whole, apart]


def _words(names: tuple[str, ...], values: tuple[str, ...]) -> Message:
    words = [wording.attribute(n, v) for n, v in zip(names, values, strict=True)]
    return wording.joined(*words, by=", ")


def _places_are_unique(members: Sequence[Member]) -> bool:
    along = positions_along_normal([frame for frame, _ in members])
    if along is None or len(along) < 2:
        return True
    return bool(np.diff(np.sort(along)).min() >= SAME_PLACE_MM)


def _most_at_one_place(members: Sequence[Member]) -> int:
    along = positions_along_normal([frame for frame, _ in members])
    if along is None:
        return 1
    runs = np.split(np.sort(along), np.flatnonzero(np.diff(np.sort(along)) >= SAME_PLACE_MM) + 1)
    return max(len(run) for run in runs)


def _explain_split(groups: list[FrameGroup]) -> None:
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
                one.warnings += (wording.warning("G08", wording.OTHER_ORIENTATION),)
        one.why = wording.joined(*words, one.why, by=", ")


def _number_first(text: str) -> tuple[float, str]:
    try:
        return float(text), text
    except ValueError:
        # Frames without the attribute come last (G10).
        return float("inf"), text
