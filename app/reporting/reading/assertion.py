"""Is a finding stated, denied, hedged or only spoken of?

Cues act within their clause: forward ones on what follows, backward ones on what precedes. A
list ("no A, B or C"; "A, B и C не выявлено") carries a cue over commas as long as the next
clause has no statement of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.reporting.reading.cues import (
    CUES,
    clause_number,
    ends_with,
    holds,
    inside_longer,
    settled,
)
from app.reporting.reading.document import Clause, Document, Sentence, by_sentence
from app.reporting.reading.lexicon import CHANGES, NEGATIONS, lexicon
from app.reporting.reading.patterns import Hit
from app.reporting.reading.sizes import sizes_in

_NEAR_WORDS = 3  # reach of a bare "не" / "not"
_FORWARD_WORDS = 14
_LIMIT_WORDS = 3  # from "other" to what is denied
_LIST_ENDS = frozenset({"or", "nor", "или", "либо"})
_LIST_WORDS = frozenset({"and", "or", "nor", "и", "или", "либо", "ни"})
_PLURAL_ENDS = ("ются", "ятся", "ены", "аны", "уют")
_PREPOSITIONS = frozenset({"в", "во", "на", "по", "с", "со", "под", "над", "из", "при", "между"})
_EXCEPT = frozenset({"кроме", "помимо", "except", "besides", "excepting"})
_PRONOUNS = frozenset({"which", "that", "it", "this", "these", "they", "который", "которая",
                       "которое", "которые"})  # fmt: skip


Why = Literal[
    "plain", "section", "history", "condition", "question_mark", "hedge", "hedge_list",
    "negation", "normal_statement",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Assertion:
    """What is asserted of one mention.

    ``limit`` of a denial: ``hard`` when only other, new or large ones are denied, ``soft`` for
    acute or definite ones. ``why`` says how it was decided, ``cue`` is the word that did.
    """

    polarity: Literal["present", "absent", "uncertain", "context"]
    limit: Literal["", "soft", "hard"] = ""
    why: Why = "plain"
    cue: Hit | None = None


class AssertionReader:
    """Judges mentions of one document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        hits = [hit for hit in document.hits if hit.kind in CUES]
        covering = [hit for hit in document.hits if hit.kind in ("concept", "head", "denied")]
        self._named = by_sentence(document, covering)
        self._cues = [
            settled(row, named)
            for row, named in zip(by_sentence(document, hits), self._named, strict=True)
        ]
        self._sides = by_sentence(document, [hit for hit in document.hits if hit.kind == "side"])
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
        context = self._context(sentence, hit, cues)
        if context is not None:
            return context
        at = clause_number(sentence, hit.first)
        clause = sentence.clauses[at]
        start = max(clause.first, hit.first - _LIMIT_WORDS)
        if hit.kind == "denied":  # "the other tendons are intact"
            limit = self._limit(cues, hit, start, hit.first)
            return Assertion("absent", limit, "normal_statement", hit)
        own = [c for c in cues if clause.first <= c.first < clause.last]
        hedge = self._hedge(sentence, at, hit, cues, own)
        if hedge is not None:
            return hedge
        cue = self._negation(sentence, at, hit, cues, own)
        if cue is None:
            return Assertion("present")
        first, last = cue.first, hit.first
        if cue.first > hit.first:  # "other lesions are not seen"
            first, last = start, hit.last
        return Assertion("absent", self._limit(cues, hit, first, last), "negation", cue)

    def _limit(
        self, cues: list[Hit], hit: Hit, first: int, last: int
    ) -> Literal["", "soft", "hard"]:
        """How the words from ``first`` to ``last`` limit the denial of ``hit``."""
        limits = {c.kind for c in cues if first <= c.first <= last and not holds(hit, c)}
        if "scope_word" in limits:
            return "hard"
        return "soft" if "scope_soft" in limits else ""

    def _context(self, sentence: Sentence, hit: Hit, cues: list[Hit]) -> Assertion | None:
        if sentence.section in ("indication", "recommendation", "comparison", "technique"):
            return Assertion("context", why="section")
        clause = sentence.clauses[clause_number(sentence, hit.first)]
        for cue in cues:
            if cue.kind == "cond" and clause.first <= cue.first < hit.first:
                if inside_longer(cue, cues):
                    continue  # "cannot be excluded" holds an "exclude"
                return Assertion("context", why="condition", cue=cue)
            if cue.kind in ("hist", "family") and cue.first < hit.first:
                if inside_longer(cue, cues):
                    continue
                reach = clause_number(sentence, hit.first) - clause_number(sentence, cue.first)
                separators = {c.opens for c in sentence.clauses[1:]}
                carried = reach <= 2 and cue.first == sentence.first
                if reach == 0 or (carried and not self._states(clause, cues)):
                    if separators & {";", "contrast"} and reach:
                        return None
                    return Assertion("context", why="history", cue=cue)
            if cue.kind == "family" and clause.first <= cue.first < clause.last:
                return Assertion("context", why="history", cue=cue)
        return None

    def _hedge(
        self, sentence: Sentence, at: int, hit: Hit, cues: list[Hit], own: list[Hit]
    ) -> Assertion | None:
        if self._is_questioned(sentence, hit):
            return Assertion("uncertain", why="question_mark")
        clause = sentence.clauses[at]
        words = self._document.words
        for cue in own:
            if cue.kind == "unc_pre" and cue.last <= hit.first + 1 and cue.first < hit.first:
                denied = any(
                    c.kind == "neg_pre" and 0 <= cue.first - c.last < _NEAR_WORDS for c in own
                )
                if denied or inside_longer(cue, cues):
                    continue  # "no findings suggesting ..."
                return Assertion("uncertain", why="hedge", cue=cue)
            backward = cue.kind == "unc_post" and cue.first >= hit.last
            weighs = (
                words[cue.first].text in ("versus", "vs") and cue.first - hit.last < _NEAR_WORDS
            )
            if backward and (weighs or cue.last >= clause.last - 1):
                return Assertion("uncertain", why="hedge", cue=cue)
        # A hedge that is a clause of its own: "вероятнее всего, очаг ...", "Вероятно, ...".
        if at > 0 and sentence.clauses[at].opens in (",", "contrast"):
            before = sentence.clauses[at - 1]
            for cue in cues:
                if cue.kind == "unc_pre" and cue.first >= before.first and cue.last == before.last:
                    return Assertion("uncertain", why="hedge", cue=cue)
        # "... differential includes A, B and C": the hedge reaches over the list.
        for number in range(at, 0, -1):
            opens, before = sentence.clauses[number].opens, sentence.clauses[number - 1]
            if opens not in (",", "contrast") or self._states(sentence.clauses[number], cues):
                return None
            for cue in cues:
                if cue.kind == "unc_list" and before.first <= cue.first < before.last:
                    return Assertion("uncertain", why="hedge_list", cue=cue)
        return None

    def _is_questioned(self, sentence: Sentence, hit: Hit) -> bool:
        """Whether a question mark follows within a few words."""
        words = self._document.words
        if hit.first == sentence.first and "?" in words[hit.first].gap[-3:]:
            return True  # "? fracture"
        for index in range(hit.last, min(hit.last + 4, sentence.last + 1, len(words))):
            if "?" in words[index].gap and index < sentence.last:
                return True
        tail = words[sentence.last - 1].end
        near = hit.last + 3 >= sentence.last or hit.first >= sentence.clauses[-1].first
        return near and "?" in self._document.text[tail : tail + 2]

    def _negation(
        self, sentence: Sentence, at: int, hit: Hit, cues: list[Hit], own: list[Hit]
    ) -> Hit | None:
        for cue in own:
            if cue.kind == "neg_word" and 0 <= hit.first - cue.last < _NEAR_WORDS - 1:
                return cue
            if cue.kind in NEGATIONS and (hit.spans(cue) or ends_with(cue, hit)):
                return cue  # "... is not enlarged" holds its finding
        if self._document.words[sentence.clauses[at].first].text in _EXCEPT:
            return None  # "apart from A no change": A is there
        for cue in own:
            if cue.kind == "neg_post" and cue.first >= hit.last:
                if self._cut_off(hit, cue, own) or _of_the_change(hit, own):
                    break
                return cue
        for cue in own:
            if cue.kind == "neg_pre" and cue.last <= hit.first + 1 and cue.first < hit.first:
                if self._blocked(cue, hit, own):
                    continue
                return cue
        return (
            self._carried_forward(sentence, at, hit, cues)
            or self._carried_back(sentence, at, hit, cues)
            or self._taken_back(sentence, at, hit, cues)
        )

    def _cut_off(self, hit: Hit, cue: Hit, own: list[Hit]) -> bool:
        """Whether a size or a verb and then another finding stand between a mention and a cue.

        In a text without commas the cue speaks of the later finding.
        """
        others = [
            other.first
            for other in self._named[self._number]
            if hit.last <= other.first and other.last <= cue.first
        ]
        if not others:
            return False
        words = self._document.words
        start, end = words[hit.last - 1].end, words[others[-1]].start
        if any(start <= size < end for size in self._sizes[self._number]):
            return True
        named = self._named[self._number]
        return any(
            c.kind == "verb"
            and hit.last <= c.first < others[-1]
            and not any(holds(name, c) for name in named)
            for c in own
        )

    def _taken_back(self, sentence: Sentence, at: int, hit: Hit, cues: list[Hit]) -> Hit | None:
        """A following clause that says the finding is gone ("..., which has since resolved")."""
        if at + 1 >= len(sentence.clauses):
            return None
        clause = sentence.clauses[at + 1]
        words = self._document.words[clause.first : clause.first + 2]
        if clause.opens not in (",", "contrast") or not any(w.text in _PRONOUNS for w in words):
            return None
        if any(clause.first <= n.first < clause.last for n in self._named[self._number]):
            return None
        for cue in cues:
            if cue.kind == "neg_post" and clause.first <= cue.first < clause.last:
                return cue
        return None

    def _blocked(self, cue: Hit, hit: Hit, own: list[Hit]) -> bool:
        """Whether a forward cue has been used up before it reaches the mention."""
        if hit.first - cue.last > _FORWARD_WORDS or self._begins_anew(cue, hit, own):
            return True
        return any(
            c.kind == "neg_post" and c.first <= cue.first < c.last and self._serves_left(c, own)
            for c in own
        )

    def _begins_anew(self, cue: Hit, hit: Hit, own: list[Hit]) -> bool:
        """Whether another finding and then a verb or its own organ stand between cue and mention.

        "No effusion is seen heart is enlarged": without commas the second is no item of the list.
        """
        between = [
            other
            for other in self._named[self._number]
            if cue.last <= other.first and other.last <= hit.first
        ]
        if not between:
            return False
        done = between[0].last
        if any(c.kind in ("verb", "neg_post") and done <= c.first < hit.first for c in own):
            words = self._document.words
            return not any(words[n].text in _LIST_WORDS for n in range(done, hit.first))
        return False

    def _serves_left(self, cue: Hit, own: list[Hit]) -> bool:
        """A cue that works both ways ("нет") belongs to a finding at its left if there is one."""
        first = min(c.first for c in own)
        clause_first = min(first, cue.first)
        sentence = self._document.sentences[self._number]
        start = sentence.clauses[clause_number(sentence, cue.first)].first
        return clause_first >= start and any(
            hit.kind != "denied" and start <= hit.first and hit.last <= cue.first
            for hit in self._named[self._number]
        )

    def _carried_forward(
        self, sentence: Sentence, at: int, hit: Hit, cues: list[Hit]
    ) -> Hit | None:
        for number in range(at, 0, -1):
            clause, before = sentence.clauses[number], sentence.clauses[number - 1]
            if clause.opens not in (",", "(", "-") or self._is_other_side(before, clause):
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
        listed = self._is_listed(hit)
        for number in range(at + 1, len(sentence.clauses)):
            following = sentence.clauses[number]
            if self._document.words[following.first].text in _EXCEPT:
                continue
            if following.opens not in (",", "contrast") or (
                following.opens == "contrast" and number == at + 1
            ):
                return None
            if self._is_other_side(clause, following):
                return None
            backward = [
                c
                for c in cues
                if c.kind == "neg_post"
                and following.first <= c.first < following.last
                and (c.first > following.first or following.last - c.last <= 2)
            ]
            if backward:
                # "Выпот, пневмоторакс не определяются": the plural denies the items named
                return backward[0] if listed or self._is_plural(backward[0]) else None
            if self._states(following, cues):
                return None
        return None

    def _is_plural(self, cue: Hit) -> bool:
        """Whether a denial is said of several things."""
        return self._document.words[cue.last - 1].text.endswith(_PLURAL_ENDS)

    def _is_other_side(self, one: Clause, two: Clause) -> bool:
        """Whether clause ``two`` turns to the other side ("fluid on the right, left: none")."""
        ours, theirs = (
            [s for s in self._sides[self._number] if clause.first <= s.first < clause.last]
            for clause in (one, two)
        )
        if not ours or not theirs or {s.value for s in ours} & {s.value for s in theirs}:
            return False
        names = [
            {n.value for n in self._named[self._number] if clause.first <= n.first < clause.last}
            for clause in (one, two)
        ]
        return theirs[0].first == two.first or bool(names[0] & names[1])

    def _is_listed(self, hit: Hit) -> bool:
        """Whether the words of a mention can be an item of a denied list."""
        if self._document.language == "en":
            return True
        forms = lexicon(self._document.language).words
        endings, nouns = tuple(forms["genitive_endings"]), forms["genitive_nouns"]
        words = [word.text for word in self._document.words[hit.first : hit.last]]
        place = next((n for n, word in enumerate(words) if n and word in _PREPOSITIONS), None)
        return all(word.endswith(endings) or word in nouns for word in words[:place])

    def _states(self, clause: Clause, cues: list[Hit]) -> bool:
        """Whether a clause makes a statement of its own: a verb, a size, a cue, a change."""
        start = self._document.words[clause.first].start
        end = self._document.words[clause.last - 1].end
        if any(start <= size < end for size in self._sizes[self._number]):
            return True
        kinds = {"verb", "neg_pre", "neg_post", "neg_word", *CHANGES}
        return any(clause.first <= c.first < clause.last and c.kind in kinds for c in cues)


def _of_the_change(hit: Hit, own: list[Hit]) -> bool:
    """Whether a denial at the end is one of growth or regress ("нарастания выпота нет")."""
    return any(c.kind in ("larger", "smaller") and c.last <= hit.first for c in own)
