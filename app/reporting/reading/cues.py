"""Words that decide what is asserted: which of them hold, and where they lie."""

from __future__ import annotations

from app.reporting.reading.document import Sentence
from app.reporting.reading.lexicon import CHANGES, NEGATIONS
from app.reporting.reading.patterns import Hit

TAKES_PART = frozenset({"neg_pre", "neg_post", "neg_word", "unc_pre", "unc_post"})
CUES = TAKES_PART | {
    "pseudo", "unc_list", "hist", "cond", "verb", "scope_word", "scope_soft", "family", *CHANGES,
}  # fmt: skip


def ends_with(cue: Hit, hit: Hit) -> bool:
    """Whether the words of a mention are the last ones of a longer cue ("is not enlarged")."""
    return cue.first < hit.first and hit.last == cue.last


def inside_longer(cue: Hit, cues: list[Hit]) -> bool:
    """Whether a cue is part of a longer negation or hedge ("no history of")."""
    return any(
        c.kind in ("neg_pre", "unc_pre", "unc_post")
        and c.first <= cue.first
        and cue.last <= c.last
        and c.last - c.first > cue.last - cue.first
        for c in cues
    )


def settled(hits: list[Hit], covering: list[Hit]) -> list[Hit]:
    """Cues without those that are part of a name or of a longer cue of another meaning."""
    kept: list[Hit] = []
    overriding = [h for h in hits if h.kind in ("pseudo", "unc_pre", "unc_post", *CHANGES)]
    for hit in hits:
        length = hit.last - hit.first
        in_name = hit.kind in TAKES_PART and any(
            c.owns(hit) and c.last - c.first > length for c in covering
        )
        overridden = hit.kind in NEGATIONS and any(
            o.first < hit.last
            and hit.first < o.last
            and (o.last - o.first > length or (o.kind == "pseudo" and o.last - o.first >= length))
            and not _named_after(hit, o, covering)
            for o in overriding
        )
        bare = hit.kind == "neg_word" and any(
            o.kind in ("neg_pre", "neg_post") and o.first <= hit.first < o.last for o in hits
        )
        if not (in_name or overridden or bare):
            kept.append(hit)
    return kept


def _named_after(negation: Hit, pseudo: Hit, covering: list[Hit]) -> bool:
    """Whether what follows a negation inside a longer cue begins a name ("no [change in vision]").

    Then the name is denied after all.
    """
    return pseudo.first == negation.first and any(
        negation.last <= name.first < pseudo.last <= name.last for name in covering
    )


def clause_number(sentence: Sentence, word: int) -> int:
    """The clause that holds word ``word``; the last one for a word that none holds."""
    for number, clause in enumerate(sentence.clauses):
        if clause.first <= word < clause.last:
            return number
    return len(sentence.clauses) - 1


def holds(outer: Hit, inner: Hit) -> bool:
    """Whether ``inner`` lies within the words of ``outer``."""
    return outer.first <= inner.first and inner.last <= outer.last
