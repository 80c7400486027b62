"""Is a finding stated, denied, hedged or only spoken of?

Cues act within their clause: forward ones on what follows, backward ones on what precedes. A
list ("no A, B or C"; "A, B и C не выявлено") carries a cue over commas as long as the next
clause has no statement of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.reporting.reading.document import Clause, Document, Sentence, by_sentence
from app.reporting.reading.lexicon import CHANGES, NEGATIONS, lexicon
from app.reporting.reading.patterns import Hit
from app.reporting.reading.sizes import sizes_in

_NEAR_WORDS = 3  # reach of a bare "не" / "not"
_FORWARD_WORDS = 14
_LIST_ENDS = frozenset({"or", "nor", "или", "либо"})
_TAKES_PART = frozenset({"neg_pre", "neg_post", "neg_word", "unc_pre", "unc_post"})


@dataclass(frozen=True, slots=True)
class Assertion:
    """What is asserted of one mention.

    ``limit`` of a denial: ``hard`` when only other, new or large ones are denied, ``soft`` for
    acute or definite ones.
    """

    polarity: Literal["present", "absent", "uncertain", "context"]
    limit: Literal["", "soft", "hard"] = ""


class AssertionReader:
    """Judges mentions of one document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        kinds = _TAKES_PART | {
            "pseudo",
            "unc_list",
            "hist",
            "cond",
            "verb",
            "scope_word",
            "scope_soft",
            "family",
            *CHANGES,
        }
        hits = [hit for hit in document.hits if hit.kind in kinds]
        covering = [hit for hit in document.hits if hit.kind in ("concept", "head", "denied")]
        self._named = by_sentence(document, covering)
        self._cues = [
            _settled(row, named)
            for row, named in zip(by_sentence(document, hits), self._named, strict=True)
        ]
        self._sizes = [
            [size.start for size in sizes_in(document.text, sentence.start, sentence.end)]
            for sentence in document.sentences
        ]
        self._number = 0

    def judge(self, number: int, hit: Hit) -> Assertion:
        """The assertion of the mention ``hit`` in sentence ``number``."""
        self._number = number
        sentence = self._document.sentences[number]
        cues = [c for c in self._cues[number] if c.last <= sentence.last]
        if hit.kind == "denied":
            if self._is_context(sentence, hit, cues):
                return Assertion("context")
            return Assertion("absent")
        if self._is_context(sentence, hit, cues):
            return Assertion("context")
        at = _clause_number(sentence, hit.first)
        clause = sentence.clauses[at]
        own = [c for c in cues if clause.first <= c.first < clause.last]
        if self._is_uncertain(sentence, at, hit, cues, own):
            return Assertion("uncertain")
        cue = self._negation(sentence, at, hit, cues, own)
        if cue is not None:
            first, last = sorted((cue.first, hit.first))
            limits = {c.kind for c in cues if first <= c.first <= last and not _holds(hit, c)} & {
                "scope_word",
                "scope_soft",
            }
            hard = "scope_word" in limits
            return Assertion("absent", "hard" if hard else "soft" if limits else "")
        return Assertion("present")

    def _is_context(self, sentence: Sentence, hit: Hit, cues: list[Hit]) -> bool:
        if sentence.section in ("indication", "recommendation", "comparison", "technique"):
            return True
        clause = sentence.clauses[_clause_number(sentence, hit.first)]
        for cue in cues:
            if cue.kind == "cond" and clause.first <= cue.first < hit.first:
                return True
            if cue.kind in ("hist", "family") and cue.first < hit.first:
                if _inside_longer(cue, cues):
                    continue
                reach = _clause_number(sentence, hit.first) - _clause_number(sentence, cue.first)
                separators = {c.opens for c in sentence.clauses[1:]}
                carried = reach <= 2 and cue.first == sentence.first
                if reach == 0 or (carried and not self._states(clause, cues)):
                    return not (separators & {";", "contrast"} and reach)
            if cue.kind == "family" and clause.first <= cue.first < clause.last:
                return True
        return False

    def _is_uncertain(
        self, sentence: Sentence, at: int, hit: Hit, cues: list[Hit], own: list[Hit]
    ) -> bool:
        words = self._document.words
        for index in range(hit.last, min(hit.last + 4, sentence.last + 1, len(words))):
            if "?" in words[index].gap and index < sentence.last:
                return True
        tail = words[sentence.last - 1].end
        if hit.last + 3 >= sentence.last and "?" in self._document.text[tail : tail + 2]:
            return True
        clause = sentence.clauses[at]
        for cue in own:
            if cue.kind == "unc_pre" and cue.last <= hit.first + 1 and cue.first < hit.first:
                denied = any(
                    c.kind == "neg_pre" and 0 <= cue.first - c.last < _NEAR_WORDS for c in own
                )
                if denied or _inside_longer(cue, cues):
                    continue  # "no findings suggesting ..."
                return True
            backward = cue.kind == "unc_post" and cue.first >= hit.last
            words = self._document.words
            weighs = (
                words[cue.first].text in ("versus", "vs") and cue.first - hit.last < _NEAR_WORDS
            )
            if backward and (weighs or cue.last >= clause.last - 1):
                return True
        # A hedge that is a clause of its own: "вероятнее всего, очаг ...", "Вероятно, ...".
        if at > 0 and sentence.clauses[at].opens in (",", "contrast"):
            before = sentence.clauses[at - 1]
            for cue in cues:
                if cue.kind == "unc_pre" and cue.first >= before.first and cue.last == before.last:
                    return True
        # "... differential includes A, B and C": the hedge reaches over the list.
        for number in range(at, 0, -1):
            opens, before = sentence.clauses[number].opens, sentence.clauses[number - 1]
            if opens not in (",", "contrast") or self._states(sentence.clauses[number], cues):
                return False
            if any(c.kind == "unc_list" and before.first <= c.first < before.last for c in cues):
                return True
        return False

    def _negation(
        self, sentence: Sentence, at: int, hit: Hit, cues: list[Hit], own: list[Hit]
    ) -> Hit | None:
        for cue in own:
            if cue.kind == "neg_word" and 0 <= hit.first - cue.last < _NEAR_WORDS - 1:
                return cue
            if cue.kind in NEGATIONS and hit.spans(cue):
                return cue
        backward = [c for c in own if c.kind == "neg_post" and c.first >= hit.last]
        if backward:
            return backward[0]
        for cue in own:
            if cue.kind == "neg_pre" and cue.last <= hit.first + 1 and cue.first < hit.first:
                if self._blocked(cue, hit, own):
                    continue
                return cue
        return self._carried_forward(sentence, at, hit, cues) or self._carried_back(
            sentence, at, hit, cues
        )

    def _blocked(self, cue: Hit, hit: Hit, own: list[Hit]) -> bool:
        """Whether a forward cue has been used up before it reaches the mention."""
        if hit.first - cue.last > _FORWARD_WORDS:
            return True
        return any(
            c.kind == "neg_post" and c.first <= cue.first < c.last and self._serves_left(c, own)
            for c in own
        )

    def _serves_left(self, cue: Hit, own: list[Hit]) -> bool:
        """A cue that works both ways ("нет") belongs to a finding at its left if there is one."""
        first = min(c.first for c in own)
        clause_first = min(first, cue.first)
        sentence = self._document.sentences[self._number]
        start = sentence.clauses[_clause_number(sentence, cue.first)].first
        return clause_first >= start and any(
            hit.kind != "denied" and start <= hit.first and hit.last <= cue.first
            for hit in self._named[self._number]
        )

    def _carried_forward(
        self, sentence: Sentence, at: int, hit: Hit, cues: list[Hit]
    ) -> Hit | None:
        for number in range(at, 0, -1):
            clause, before = sentence.clauses[number], sentence.clauses[number - 1]
            if clause.opens not in (",", "(", "-"):
                return None
            if (
                number > self._list_end(sentence, number)
                and not self._only_opens(before, cues)
                and self._states(clause, cues)
            ):
                return None
            forward = [
                c
                for c in cues
                if c.kind == "neg_pre"
                and before.first <= c.first < before.last
                and not any(
                    d.kind == "neg_post" and d.first == c.first and c.first > before.first
                    for d in cues
                )
            ]
            if forward:
                return forward[-1]
            if number - 1 > self._list_end(sentence, number - 1) and self._states(before, cues):
                return None
        return None

    def _only_opens(self, clause: Clause, cues: list[Hit]) -> bool:
        """Whether a clause is no more than a cue and adjectives ("no acute, displaced ...")."""
        known = {"neg_pre", "scope_word", "scope_soft"}
        covered = sum(
            c.last - c.first
            for c in cues
            if c.kind in known and clause.first <= c.first < clause.last
        )
        return clause.last - clause.first <= covered <= 3

    def _list_end(self, sentence: Sentence, number: int) -> int:
        """The last clause of the list "A, B, or C" that clause ``number`` is part of, or -1."""
        for later in range(len(sentence.clauses) - 1, number - 1, -1):
            clause = sentence.clauses[later]
            verbs = [
                c.first
                for c in self._cues[self._number]
                if c.kind == "verb" and clause.first <= c.first < clause.last
            ]
            stop = min(verbs, default=clause.last)
            items = self._document.words[clause.first : stop]
            if clause.opens == "," and any(word.text in _LIST_ENDS for word in items):
                return later
        return -1

    def _carried_back(self, sentence: Sentence, at: int, hit: Hit, cues: list[Hit]) -> Hit | None:
        clause = sentence.clauses[at]
        if self._states(clause, cues):
            return None
        if at + 1 < len(sentence.clauses) and sentence.clauses[at + 1].opens in ("-", ":"):
            # "Effusion: none", "Выпот - не выявлен"
            following = sentence.clauses[at + 1]
            for cue in cues:
                if cue.kind == "neg_post" and cue.first == following.first:
                    return cue
        if not self._is_listed(hit):
            return None
        for number in range(at + 1, len(sentence.clauses)):
            following = sentence.clauses[number]
            if following.opens != ",":
                return None
            backward = [
                c
                for c in cues
                if c.kind == "neg_post"
                and following.first <= c.first < following.last
                and (c.first > following.first or following.last - c.last <= 2)
            ]
            if backward:
                return backward[0]
            if self._states(following, cues):
                return None
        return None

    def _is_listed(self, hit: Hit) -> bool:
        """Whether the words of a mention can be an item of a denied list."""
        if self._document.language == "en":
            return True
        forms = lexicon(self._document.language).words
        endings, nouns = tuple(forms["genitive_endings"]), forms["genitive_nouns"]
        return all(
            word.text.endswith(endings) or word.text in nouns
            for word in self._document.words[hit.first : hit.last]
        )

    def _states(self, clause: Clause, cues: list[Hit]) -> bool:
        """Whether a clause makes a statement of its own: a verb, a size, a cue, a change."""
        start = self._document.words[clause.first].start
        end = self._document.words[clause.last - 1].end
        if any(start <= size < end for size in self._sizes[self._number]):
            return True
        kinds = {"verb", "neg_pre", "neg_post", "neg_word", *CHANGES}
        return any(clause.first <= c.first < clause.last and c.kind in kinds for c in cues)


def _inside_longer(cue: Hit, cues: list[Hit]) -> bool:
    """Whether a cue is part of a longer negation ("no history of")."""
    return any(
        c.kind == "neg_pre"
        and c.first <= cue.first
        and cue.last <= c.last
        and c.last - c.first > cue.last - cue.first
        for c in cues
    )


def _settled(hits: list[Hit], covering: list[Hit]) -> list[Hit]:
    """Cues without those that are part of a name or of a longer cue of another meaning."""
    kept: list[Hit] = []
    overriding = [h for h in hits if h.kind in ("pseudo", "unc_pre", "unc_post", *CHANGES)]
    for hit in hits:
        length = hit.last - hit.first
        in_name = hit.kind in _TAKES_PART and any(
            c.owns(hit) and c.last - c.first > length for c in covering
        )
        overridden = hit.kind in NEGATIONS and any(
            o.first < hit.last
            and hit.first < o.last
            and (o.last - o.first > length or (o.kind == "pseudo" and o.last - o.first >= length))
            for o in overriding
        )
        bare = hit.kind == "neg_word" and any(
            o.kind in ("neg_pre", "neg_post") and o.first <= hit.first < o.last for o in hits
        )
        if not (in_name or overridden or bare):
            kept.append(hit)
    return kept


def _clause_number(sentence: Sentence, word: int) -> int:
    for number, clause in enumerate(sentence.clauses):
        if clause.first <= word < clause.last:
            return number
    return len(sentence.clauses) - 1


def _holds(outer: Hit, inner: Hit) -> bool:
    return outer.first <= inner.first and inner.last <= outer.last
