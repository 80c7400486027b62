"""Images that a text points at: "series 3 image 45", "(4:184)", "сер. 3, изобр. 45"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from app.core.study_details import FindingImages

# A mask that ends one slice early is no wrong reference.
TOLERANCE: Final = 2
_REFERENCE: Final = re.compile(
    r"(?<!\w)(?:series|se\.?|серии|серия|сери[юей]|сер\.)\s*(?:№|#)?\s*(?P<s1>\d{1,4})\s*[,;:/]?\s*"
    r"(?:images?|im\.?|img\.?|slices?|изображени\w*|изобр\.?|им\.|снимк?\w*|срез\w*|ср\.)\s*"
    r"(?:№|#)?\s*(?P<i1>\d{1,4})(?:\s*[-–]\s*(?P<j1>\d{1,4}))?"
    r"|(?:images?|изображени\w*|срез\w*|снимок)\s*(?:№|#)?\s*(?P<i2>\d{1,4})"
    r"(?:\s*[-–]\s*(?P<j2>\d{1,4}))?\s*(?:of|in|on|,)?\s*(?:series|серии)\s*(?:№|#)?\s*(?P<s2>\d{1,4})"
    r"|\((?P<s3>\d{1,3}):(?P<i3>\d{1,4})(?:\s*[-–]\s*(?P<j3>\d{1,4}))?\)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ImageReference:
    """Images ``first <= n <= last`` of a series, and where the text says so."""

    series: int
    first: int
    last: int
    start: int
    end: int

    def shows(self, place: FindingImages) -> bool | None:
        """Whether the images are of the finding; None: another series, nothing to compare."""
        if place.series != self.series:
            return None
        return place.first - TOLERANCE <= self.last and self.first <= place.last + TOLERANCE


def references_in(text: str, start: int, end: int) -> Iterator[ImageReference]:
    """All references between two offsets, in order."""
    for match in _REFERENCE.finditer(text, start, end):
        for number in "123":
            if match[f"s{number}"]:
                first = int(match[f"i{number}"])
                last = int(match[f"j{number}"] or first)
                yield ImageReference(
                    int(match[f"s{number}"]), first, max(first, last), match.start(), match.end()
                )


def agreement(references: Sequence[ImageReference], places: Sequence[FindingImages]) -> bool | None:
    """True: some reference shows the finding; False: one of the same series shows other images."""
    answers = [ref.shows(place) for ref in references for place in places]
    if True in answers:
        return True
    return False if False in answers else None
