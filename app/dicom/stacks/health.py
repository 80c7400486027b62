"""Is a stack all that was acquired: what the headers and the positions tell of the rest (D18, D16).

Stated counts are believed only where they cannot mean something else: a wrong alarm on every
series teaches people to overlook the right one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from app.core.report import Message
from app.core.study import Completeness, Series, Stack, StackHealth
from app.dicom import wording
from app.dicom.files.stated_counts import StatedCounts
from app.dicom.pixels.decoders import refusal

_FEW_GAPS: Final = 1.25
_FEWEST_TIME_POINTS: Final = 4
_NEARLY_ALL: Final = 0.75
_WHOLE_SLIDE: Final = "1.2.840.10008.5.1.4.1.1.77.1.6"

IMAGES_IN_ACQUISITION: Final = Message(
    "the number of images of the acquisition (ImagesInAcquisition)",
    "число снимков сбора данных (ImagesInAcquisition)",
)
NUMBER_OF_SLICES: Final = Message(
    "the number of slices in the header (NumberOfSlices)",
    "число срезов в заголовке (NumberOfSlices)",
)
GAPS: Final = Message("gaps between the slices", "промежутки между срезами")
NUMBERS: Final = Message("gaps in the image numbers", "пропуски в номерах снимков")
OTHER_TIME_POINTS: Final = Message("the other time points", "другие временные точки")
CONCATENATION: Final = Message(
    "the number of parts of the object (InConcatenationTotalNumber)",
    "число частей объекта (InConcatenationTotalNumber)",
)


@dataclass(frozen=True, slots=True)
class StackEvidence:
    """What is known of one stack besides its frames; ``missing`` slices show in the positions."""

    counts: Sequence[StatedCounts]
    modality: str
    is_original: bool
    is_only_stack: bool
    is_one_acquisition: bool
    missing: int
    resampled_why: Message | None


def not_shown_reason(stack: Stack) -> Message | None:
    """Why none of the frames can be shown as an image (D16), or None."""
    instance = stack.frames[0].instance
    if instance.sop_class_uid == _WHOLE_SLIDE:
        return wording.WHOLE_SLIDE
    why = refusal(instance.transfer_syntax_uid)
    return None if why is None else wording.not_shown(why)


def stack_health(stack: Stack, evidence: StackEvidence) -> StackHealth:
    """Expected, received and shown frames of ``stack``, with a sentence on each difference."""
    received = len(stack.frames)
    hidden = not_shown_reason(stack)
    expected, told_by = _expected(stack, evidence)
    notes = [wording.frames_missing(expected - received, told_by)] if expected > received else []
    if hidden:
        notes.append(hidden)
    if evidence.resampled_why:
        notes.append(evidence.resampled_why)
    return StackHealth(
        received_frames=received,
        shown_frames=0 if hidden else received,
        expected_frames=expected or None,
        expected_from=told_by if expected else None,
        resampled=stack.verdict == "resampled",
        notes=tuple(notes),
    )


def compared_with_siblings(stacks: Sequence[Stack], stated_time_points: int) -> tuple[Stack, ...]:
    """The time points of one series judged by each other: all have as many slices as nearly all.

    Contrast phases may cover less than others on purpose, so few time points tell nothing. A
    stated number of time points that is not reached is noted on each.
    """
    if len(stacks) < 2:
        return tuple(stacks)
    most, how_often = Counter(len(stack.frames) for stack in stacks).most_common(1)[0]
    is_usual = len(stacks) >= _FEWEST_TIME_POINTS and how_often >= _NEARLY_ALL * len(stacks)
    absent = stated_time_points - len(stacks)
    judged = []
    for stack in stacks:
        health, received = stack.health, len(stack.frames)
        if health.expected_frames is None and received < most and is_usual:
            note = wording.frames_missing(most - received, OTHER_TIME_POINTS)
            health = replace(
                health,
                expected_frames=most,
                expected_from=OTHER_TIME_POINTS,
                notes=(note, *health.notes),
            )
        if absent > 0:
            health = replace(health, notes=(*health.notes, wording.time_points_missing(absent)))
        judged.append(replace(stack, health=health))
    return tuple(judged)


def completeness(series: Iterable[Series]) -> Completeness:
    """What the frames themselves tell of a study; an archive may know better."""
    stacks = [stack for one in series for stack in one.stacks]
    received = sum(len(stack.frames) for stack in stacks)
    missing = sum(stack.health.missing_frames for stack in stacks)
    if missing == 0:
        return Completeness(received)
    return Completeness(received, received + missing, "gaps")


def _expected(stack: Stack, evidence: StackEvidence) -> tuple[int, Message]:
    """The number of frames and what tells it; 0 where nothing does."""
    received = len(stack.frames)
    if evidence.missing:
        return received + evidence.missing, GAPS
    parts = _agreed(evidence.counts, "parts")
    absent = parts - len({counts.part for counts in evidence.counts}) if parts > 1 else 0
    if absent > 0:
        # A part has at least one frame; how many it has, only the part itself knows.
        return received + absent, CONCATENATION
    slices = _agreed(evidence.counts, "slices")
    if evidence.modality == "PT" and slices >= received:
        return slices, NUMBER_OF_SLICES
    images = _agreed(evidence.counts, "images_in_acquisition")
    # A reformatted series inherits the number of the images it was made from.
    numbered = _numbered_to(stack, evidence) if stack.geometry is None else 0
    is_its_own = evidence.is_original and evidence.is_only_stack and evidence.is_one_acquisition
    if is_its_own and images >= received:
        return images, IMAGES_IN_ACQUISITION
    return numbered, NUMBERS


def _numbered_to(stack: Stack, evidence: StackEvidence) -> int:
    """The last image number where the numbers run from 1 with few gaps and nothing else counts."""
    instances = {ref.instance for ref in stack.frames}
    numbers = {one.instance_number for one in instances if one.instance_number is not None}
    if not evidence.is_only_stack or len(numbers) != len(stack.frames) or min(numbers) != 1:
        return 0
    last = max(numbers)
    return last if len(numbers) < last <= len(numbers) * _FEW_GAPS else 0


def _agreed(counts: Sequence[StatedCounts], name: str) -> int:
    values = {getattr(one, name) for one in counts}
    return int(values.pop()) if len(values) == 1 else 0
