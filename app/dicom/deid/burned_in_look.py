"""Whether a stack of images may carry a name in its pixels: what its header says, and a look.

Looked at are the first, the middle and the last frame, and for kinds of images that are known for
burned-in names also what stands still through the stack: text over moving anatomy is found so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from app.core.report import Message
from app.core.study import FrameRef
from app.dicom.deid.burned_in_text import TextBox, find_text, visible
from app.dicom.pixels.image_object import ImageObject
from app.dicom.tolerant import text_words_upper
from app.jobs.cancel import CancelToken

_RISKY_MODALITIES: Final = frozenset(
    {"US", "IVUS", "SC", "XA", "RF", "ES", "OT", "XC", "GM", "OP", "DOC", "ECG", "DG", "TG"}
)
_RISKY_IMAGE_TYPES: Final = frozenset(
    {
        "SCREEN SAVE", "SCREEN", "SCREENSHOT", "CAPTURE", "MIP", "MINIP", "VRT", "VOLREN", "3D",
        "VOLUME RENDERED", "SSD", "DOSE", "DOSE_INFO", "PROJECTION IMAGE", "REPORT", "CSA REPORT",
    }
)  # fmt: skip
_SECONDARY_CAPTURE: Final = "1.2.840.10008.5.1.4.1.1.7"
_STILL_FRAMES = 7
_PASSES = 3


@dataclass(frozen=True, slots=True)
class BurnedIn:
    """What is known of text in the pixels of one stack.

    ``declared`` is BurnedInAnnotation (YES, NO or empty); ``is_risky``: images of this kind often
    carry names; ``boxes`` are lines of text in pixels of the frames, ``markers`` side markers;
    ``frames_seen`` of ``frames`` were looked at.
    """

    declared: str
    is_risky: bool
    boxes: tuple[TextBox, ...]
    markers: tuple[TextBox, ...]
    frames_seen: int
    frames: int

    @property
    def blocks(self) -> bool:
        """Whether this must not leave the house without a decision by a person."""
        return self.declared == "YES" or bool(self.boxes)

    def message(self) -> Message | None:
        """What to tell about the stack; None where there is nothing to tell."""
        seen = f"{self.frames_seen} of {self.frames} frames looked at"
        seen_ru = f"просмотрено кадров: {self.frames_seen} из {self.frames}"
        if self.boxes:
            return Message(
                f"Text is burned into the pixels ({len(self.boxes)} lines, {seen}).",
                f"В пикселях есть надписи (строк: {len(self.boxes)}, {seen_ru}).",
            )
        if self.declared == "YES":
            return Message(
                "The header says that there is text in the pixels (BurnedInAnnotation).",
                "По заголовку в пикселях есть надписи (BurnedInAnnotation).",
            )
        if self.is_risky:
            return Message(
                f"Images of this kind often carry names in the pixels; none was found ({seen}).",
                f"На снимках этого вида часто есть имя; надписей не найдено ({seen_ru}).",
            )
        if self.markers:
            return Message(
                "There is a side or position marker in the pixels; a technician's initials on it "
                "cannot be told from it.",
                "В пикселях есть маркер стороны или укладки; инициалы лаборанта на нём от него "
                "неотличимы.",
            )
        return None


def look(
    frames: Sequence[FrameRef], modality: str, *, most: int = 3, cancel: CancelToken | None = None
) -> BurnedIn:
    """Look at one stack (frames of one size, in their order). Any thread; about a second a frame.

    ``most`` frames are looked at: the middle one, with two the ends, with three all of those.
    Raises ``DicomReadError`` where the frames cannot be decoded, ``Cancelled``.
    """
    first = ImageObject(frames[0].instance)
    declared = (text_words_upper(first.dataset, "BurnedInAnnotation") or ("",))[0]
    risky = _is_risky(first, modality)
    chosen = _chosen(len(frames), most)
    pictures = _pictures(frames, chosen, cancel)
    if risky and len(frames) > 2:
        spread = np.linspace(0, len(frames) - 1, min(len(frames), _STILL_FRAMES)).astype(int)
        still = _what_stands_still(_pictures(frames, sorted(set(spread.tolist())), cancel))
        pictures += [] if still is None else [still]
    found: list[TextBox] = []
    for picture in pictures:
        for _ in range(_PASSES):
            if cancel is not None:
                cancel.raise_if_cancelled()
            new = [b for b in find_text(picture) if not any(known.covers(b) for known in found)]
            if not new:
                break
            found += new
            picture = _without(picture, new)
    return BurnedIn(
        declared=declared,
        is_risky=risky,
        boxes=tuple(box for box in found if not box.is_marker),
        markers=tuple(box for box in found if box.is_marker),
        frames_seen=len(chosen),
        frames=len(frames),
    )


def _chosen(count: int, most: int) -> list[int]:
    """Which of ``count`` frames are looked at."""
    ends = {0, count - 1} if most > 1 else set()
    middle = set() if most == 2 else {count // 2}
    return sorted(ends | middle)


def _without(picture: npt.NDArray[np.uint8], boxes: Sequence[TextBox]) -> npt.NDArray[np.uint8]:
    """The picture with the lines found so far blacked out: crowded ones are missed at first."""
    left = picture.copy()
    for box in boxes:
        left[box.top : box.bottom, box.left : box.right] = 0
    return left


def _is_risky(image: ImageObject, modality: str) -> bool:
    ds = image.dataset
    sop_class = str(ds.get("SOPClassUID") or "")
    return (
        modality.upper() in _RISKY_MODALITIES
        or sop_class.startswith(_SECONDARY_CAPTURE)
        or bool(_RISKY_IMAGE_TYPES & set(text_words_upper(ds, "ImageType")))
    )


def _pictures(
    frames: Sequence[FrameRef], chosen: Sequence[int], cancel: CancelToken | None
) -> list[npt.NDArray[np.uint8]]:
    pictures, image, path = [], None, None
    for n in chosen:
        if cancel is not None:
            cancel.raise_if_cancelled()
        if image is None or frames[n].instance.path != path:
            image, path = ImageObject(frames[n].instance), frames[n].instance.path
        pictures.append(visible(image.stored_frame(frames[n].frame - 1)))
    return pictures


def _what_stands_still(
    pictures: Sequence[npt.NDArray[np.uint8]],
) -> npt.NDArray[np.uint8] | None:
    """The pixels that are the same in all pictures, the others black; None: nothing to see."""
    first = pictures[0]
    if any(picture.shape != first.shape for picture in pictures[1:]):
        return None
    spread = np.ptp(np.stack(pictures).astype(np.int16), axis=0)
    still = np.asarray(np.where(spread <= 2, first, 0), dtype=np.uint8)
    return still if still.any() else None
