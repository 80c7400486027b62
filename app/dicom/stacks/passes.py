"""Two passes over one region whose slices lie between each other, e.g. two contrast phases (G09).

No place is taken twice, so the positions alone would make one volume of both. What gives them
away: an attribute of time divides the slices into evenly spaced runs through the same region.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from app.core.report import Message
from app.dicom import wording
from app.dicom.files.record import FrameFacts, Record
from app.dicom.stacks.placement import (
    SAME_PLACE_MM,
    WIDEST_INTERPOLATED_GAP,
    has_even_gaps,
    name_of,
    positions_along_normal,
)

_FEWEST: Final = 3
# These say that slices were taken again later; times differ between slices of one pass too.
_STATED: Final = ("temporal position", "acquisition number")
_TIMES: Final = ("frame reference time", "acquisition time", "content time")
_KINDS: Final = ("contrast agent", "tube voltage", "slice thickness")
_RANKED: Final = ("trigger time", *_TIMES)
# These acquire a region in one sweep; MR acquires every other slice first, as a rule.
_ONE_SWEEP: Final = ("CT", "PT")

Member = tuple[FrameFacts, Record]
Float64Array = npt.NDArray[np.float64]


def interleaved_parts(members: Sequence[Member]) -> list[tuple[list[Member], Message]]:
    """The passes with words on each, in the order of time; empty where the slices are one pass."""
    along = positions_along_normal([frame for frame, _ in members])
    if along is None or len(members) < 2 * _FEWEST:
        return []
    is_one_grid = has_even_gaps(along)
    may_be_one = is_one_grid and members[0][1].modality not in _ONE_SWEEP
    labels = [dict(frame.phases) for frame, _ in members]
    for name in _STATED if may_be_one else (*_STATED, *_TIMES, *_KINDS):
        by_value: dict[str, list[int]] = {}
        for n, label in enumerate(labels):
            by_value.setdefault(label[name], []).append(n)
        parts = [np.asarray(part) for part in by_value.values()]
        if _are_passes(parts, along):
            named = sorted(by_value.items(), key=lambda part: _time_first(part[0]))
            return [
                ([members[n] for n in part], wording.attribute(name, value))
                for value, part in named
            ]
    return [] if is_one_grid else _by_sweeps(members, along)


def distant_parts(members: Sequence[Member]) -> list[tuple[list[Member], Message]]:
    """Blocks of slices too far from each other for one volume, with words on the gaps (G04).

    Two regions in one series, or the two knees. Empty where the slices lie on one grid that is at
    least half full: then slices are missing. In the order along the normal.
    """
    along = positions_along_normal([frame for frame, _ in members])
    if along is None or len(members) < 2 * _FEWEST or has_even_gaps(along):
        return []
    order = np.argsort(along, kind="stable")
    gaps = np.diff(along[order])
    ends = np.flatnonzero(gaps > WIDEST_INTERPOLATED_GAP * float(np.median(gaps)))
    parts = np.split(order, ends + 1)
    if len(parts) < 2 or min(len(part) for part in parts) < _FEWEST:
        return []
    words = wording.joined(
        *(
            wording.empty_between(
                float(gaps[n]),
                name_of(members[order[n]][0]),
                name_of(members[order[n + 1]][0]),
            )
            for n in ends
        )
    )
    return [([members[n] for n in sorted(part)], words) for part in parts]


def ranked_parts(members: Sequence[Member]) -> list[tuple[list[Member], Message]]:
    """Time points where each place has times of its own, as triggered series have.

    The first image of each place makes the first volume, and so on; only where all places have
    equally many images, each with another time. Empty where it is not so.
    """
    along = positions_along_normal([frame for frame, _ in members])
    if along is None:
        return []
    order = np.argsort(along, kind="stable")
    places = np.split(order, np.flatnonzero(np.diff(along[order]) >= SAME_PLACE_MM) + 1)
    count = len(places[0])
    if count < 2 or len(places) < 2 or any(len(place) != count for place in places):
        return []
    for name in _RANKED:
        times = [_seconds(dict(frame.phases)[name]) for frame, _ in members]
        if any(len({times[n] for n in place} - {None}) != count for place in places):
            continue
        ranked = [sorted(place, key=lambda n: times[n] or 0.0) for place in places]
        return [
            ([members[place[rank]] for place in ranked], wording.nth_by(name, rank + 1, count))
            for rank in range(count)
        ]
    return []


def _by_sweeps(
    members: Sequence[Member], along: Float64Array
) -> list[tuple[list[Member], Message]]:
    """Each slice has its own time: a new pass begins where the slices jump back."""
    for name in ("acquisition time", "content time"):
        times = [_seconds(dict(frame.phases)[name]) for frame, _ in members]
        if None in times or len(set(times)) < len(times):
            continue
        order = np.argsort(np.asarray(times, dtype=np.float64), kind="stable")
        steps = np.sign(np.diff(along[order]))
        usual = 1.0 if steps.sum() >= 0 else -1.0
        parts = np.split(order, np.flatnonzero(steps != usual) + 1)
        if _are_passes(parts, along):
            return [
                ([members[n] for n in part], wording.attribute("time of the pass", str(number)))
                for number, part in enumerate(parts, start=1)
            ]
    return []


def _are_passes(parts: Sequence[npt.NDArray[np.int64]], along: Float64Array) -> bool:
    """Whether the parts are evenly spaced and run through the same region."""
    if len(parts) < 2 or min(len(part) for part in parts) < _FEWEST:
        return False
    if not all(has_even_gaps(along[part]) for part in parts):
        return False
    low = max(float(along[part].min()) for part in parts)
    high = min(float(along[part].max()) for part in parts)
    inside = [int(((along[part] >= low) & (along[part] <= high)).sum()) for part in parts]
    return min(inside) >= _FEWEST - 1 and sum(inside) >= _FEWEST * len(parts) - 1


def _seconds(time: str) -> float | None:
    """A time (TM) or the time of a date and time (DT), in an order of its own; None: no such."""
    try:
        return float(time)
    except ValueError:
        return None


def _time_first(value: str) -> tuple[float, str]:
    seconds = _seconds(value)
    return (float("inf") if seconds is None else seconds, value)
