"""Forms of Russian words of the trade by the ending of their first form.

For words that the general dictionary lacks; it need not be right for any other word. A form too
many does little harm, a form too few is an alarm without a cause.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from app.reporting.spelling.rules import rules

_CONSONANTS: Final = "бвгджзклмнпрстфхцчшщ"


def forms_of(word: str) -> Iterator[str]:
    """Every form of ``word`` (its first form, small letters); ``!word`` does not change."""
    if word.startswith("!"):
        yield word[1:]
        return
    for pattern in rules().patterns:
        if word.endswith(pattern.ending):
            stem = word[: len(word) - pattern.gone]
            yield from (stem + ending for ending in pattern.endings)
            if pattern.ending == "ый" and stem.endswith("нн"):
                yield from (stem[:-1] + ending for ending in ("", "а", "о", "ы"))
            elif pattern.ending == "ый" and stem.endswith("н"):
                yield stem[:-1] + "ен"
            return
    yield word
    if word[-1:] in _CONSONANTS:
        yield from (word + ending for ending in rules().hard)
    for ending in ("к", "ц"):
        if word.endswith(("о" if ending == "к" else "е") + ending):
            yield from (word[:-2] + ending + tail for tail in rules().hard[1:])


def may_end(ending: str) -> bool:
    """Whether a stem of the lexicon ("гиподенсн*") may go on like this."""
    return ending in rules().endings
