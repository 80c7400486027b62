"""What the beginning of a line says for all that follows on it.

"Left kidney: 11 cm. Stone of 4 mm. No hydronephrosis." speaks of one kidney to its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.reporting.reading.document import Document, Sentence, width_of
from app.reporting.reading.patterns import Hit

Lead = tuple[Hit, str]  # the word for the side, the organ named beside it (may be empty)

_FIRST_WORDS = 2  # a side word that leads stands among them
_LONGEST_LEAD = 5  # words before the colon
_WRAPPED, _SHORTEST_WRAPPED = 18, 50


def leads_of(
    document: Document,
    sides: Sequence[Sequence[Hit]],
    organs: Sequence[Sequence[Hit]],
    named: Sequence[Sequence[Hit]],
) -> Iterator[Lead | None]:
    """Per sentence the side that its line began with, or None. The rows are hits by sentence."""
    lead: Lead | None = None
    before: Sentence | None = None
    for number, sentence in enumerate(document.sentences):
        if (
            before is None
            or before.section != sentence.section
            or begins_line(document, before, sentence)
        ):
            lead = None
        own = _own_lead(document, sentence, sides[number], organs[number], named[number])
        lead = own or lead
        yield lead
        before = sentence


def begins_line(document: Document, before: Sentence, sentence: Sentence) -> bool:
    """Whether a sentence stands on a line of its own, not on one that was wrapped."""
    text = document.text
    if "\n" not in text[before.end : sentence.start]:
        return False
    start = text.rfind("\n", 0, before.end) + 1
    full = width_of(text)
    was_wrapped = full >= _SHORTEST_WRAPPED and before.end - start >= full - _WRAPPED
    return not was_wrapped or "\n\n" in text[before.end : sentence.start]


def _own_lead(
    document: Document,
    sentence: Sentence,
    sides: Sequence[Hit],
    organs: Sequence[Hit],
    named: Sequence[Hit],
) -> Lead | None:
    first = sentence.clauses[0]
    here = [s for s in sides if first.first <= s.first < first.last]
    if len({s.value for s in here}) != 1 or here[0].value not in ("left", "right"):
        return None
    side = here[0]
    if side.first - sentence.first >= _FIRST_WORDS:
        return None
    is_label = (
        len(sentence.clauses) > 1
        and sentence.clauses[1].opens == ":"
        and first.last - first.first <= _LONGEST_LEAD
    )
    # "Right lobe 52 x 19 x 20 mm.": an organ and its size, no finding.
    text = document.text[sentence.start : sentence.end]
    is_measured = not named and any(letter.isdigit() for letter in text)
    if not is_label and not is_measured:
        return None
    if any(s.value != side.value for s in sides):
        return None  # the sentence itself turns to the other side
    beside = [o.value for o in organs if first.first <= o.first < first.last]
    return side, beside[0] if beside else ""
