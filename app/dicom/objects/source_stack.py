"""To which images of a study a result belongs, and whether it may be laid on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from pydicom.dataset import Dataset

from app.core.errors import FrameOfReferenceMismatch, InputError
from app.core.study import FrameRef, Series, SeriesRef, Stack, Study
from app.dicom.files.headers import read_dataset
from app.dicom.objects.object_kinds import kind_of
from app.dicom.objects.object_reading import ObjectReference, references_of, word_of
from app.dicom.tolerant import items_of

_SEVERAL_FRAMES_OF_REFERENCE = ("G19", "G21")


@dataclass(frozen=True, slots=True)
class SourceStack:
    """A stack of images, and whether the result names its images by their UID."""

    series: Series
    stack: Stack
    is_referenced: bool

    def ref(self, study: Study) -> SeriesRef:
        """The name of the stack."""
        return SeriesRef(
            study.study_instance_uid, self.series.series_instance_uid, self.stack.index
        )


def frame_references(ds: Dataset) -> tuple[tuple[ObjectReference, ...], ...]:
    """For each frame the source images it names (Derivation Image Macro), its own before shared."""
    shared = items_of(ds, "SharedFunctionalGroupsSequence")
    common = _derivation(shared[0]) if shared else ()
    return tuple(
        _derivation(groups) or common for groups in items_of(ds, "PerFrameFunctionalGroupsSequence")
    )


def referenced_series(ds: Dataset) -> tuple[str, ...]:
    """The series that the object names as a whole (Common Instance Reference Module)."""
    found = (
        word_of(item, "SeriesInstanceUID") for item in items_of(ds, "ReferencedSeriesSequence")
    )
    return tuple(uid for uid in dict.fromkeys(found) if uid)


def referenced_instances(ds: Dataset) -> tuple[ObjectReference, ...]:
    """The instances named by the Common Instance Reference Module."""
    return tuple(
        reference
        for series in items_of(ds, "ReferencedSeriesSequence")
        for keyword in ("ReferencedInstanceSequence", "ReferencedSOPSequence")
        for reference in references_of(series, keyword)
    )


def find_source(
    study: Study,
    *,
    references: Iterable[ObjectReference],
    series_uids: Collection[str] = (),
    frame_of_reference_uid: str = "",
) -> SourceStack | None:
    """The stack a result was made from, or else one in its frame of reference; None: neither.

    Of several the one with most of the named images is taken, then volumes before stacks.
    """
    wanted: set[tuple[str, int]] = set()
    for reference in references:
        frames = reference.frames or (0,)
        wanted.update((reference.sop_instance_uid, frame) for frame in frames)
    counts: Counter[int] = Counter()
    images = tuple(image_stacks(study))
    for n, (_, stack) in enumerate(images):
        counts[n] = sum(_is_named(frame, wanted) for frame in stack.frames)
    best = max(range(len(images)), key=lambda n: (counts[n], images[n][1].is_volume), default=None)
    if best is not None and counts[best]:
        return SourceStack(*images[best], is_referenced=True)
    for is_named in (True, False):
        fitting = [
            (series, stack)
            for series, stack in images
            if (
                series.series_instance_uid in series_uids
                if is_named
                else stack.geometry is not None
                and stack.geometry.frame_of_reference_uid == frame_of_reference_uid
            )
        ]
        if fitting:
            chosen = max(fitting, key=lambda one: (one[1].is_volume, len(one[1].frames)))
            return SourceStack(*chosen, is_referenced=is_named)
    return None


def named_stack(study: Study, ref: SeriesRef) -> SourceStack:
    """The stack with this name. Raises ``InputError`` where the study has none."""
    for series, stack in image_stacks(study):
        if (series.series_instance_uid, stack.index) == (ref.series_instance_uid, ref.stack):
            return SourceStack(series, stack, is_referenced=False)
    raise InputError(
        "The study has no such series of images.", ru="В исследовании нет такой серии снимков."
    )


def image_stacks(study: Study) -> Iterable[tuple[Series, Stack]]:
    """All stacks of images proper: no segmentations, no maps."""
    for series in study.series:
        for stack in series.stacks:
            kind = kind_of(stack.frames[0].instance.sop_class_uid, has_pixels=True)
            if kind is None:
                yield series, stack


def require_same_frame_of_reference(frame_of_reference_uid: str, source: SourceStack) -> None:
    """Raise ``FrameOfReferenceMismatch`` where a result lies in another space than the images.

    Images that name several frames of reference, or none (G19, G21), cannot contradict a result
    that names these very images.
    """
    own = stack_frame_of_reference(source.stack)
    if frame_of_reference_uid == own:
        return
    is_silent = not frame_of_reference_uid or not own
    codes = {warning.code for warning in source.stack.warnings}
    if source.is_referenced and (is_silent or codes.intersection(_SEVERAL_FRAMES_OF_REFERENCE)):
        return
    raise FrameOfReferenceMismatch(
        "The segmentation lies in another frame of reference than the images.",
        ru="Сегментация задана в другой системе координат, чем снимки.",
        hint="Open it with the images it was made from, or register the two first.",
        hint_ru="Откройте её с теми снимками, по которым она сделана, или сначала совместите их.",
    )


def stack_frame_of_reference(stack: Stack) -> str:
    """The frame of reference of a stack's images, or empty."""
    if stack.geometry is not None:
        return stack.geometry.frame_of_reference_uid
    return word_of(read_dataset(stack.frames[0].instance.path, pixels=False), "FrameOfReferenceUID")


def _is_named(frame: FrameRef, wanted: set[tuple[str, int]]) -> bool:
    uid = frame.instance.sop_instance_uid
    return (uid, 0) in wanted or (uid, frame.frame) in wanted


def _derivation(groups: Dataset) -> tuple[ObjectReference, ...]:
    return tuple(
        reference
        for derivation in items_of(groups, "DerivationImageSequence")
        for reference in references_of(derivation, "SourceImageSequence")
    )
