"""Which findings a sentence names: direct names, and general words that an organ makes one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from app.reporting.reading.document import Document, Sentence
from app.reporting.reading.leads import begins_line
from app.reporting.reading.lexicon import NEGATIONS, denied_when_normal, general_terms, heads
from app.reporting.reading.lexicon import concept as concept_of
from app.reporting.reading.patterns import Hit
from app.reporting.reading.sizes import sizes_in

Row = tuple[Hit, str, str]  # a name, its concept, the organ it stands with


class Namer:
    """Turns lexicon hits into concepts: direct names, and heads by their organ."""

    def __init__(self, document: Document, region: str) -> None:
        self._document = document
        self._region = region or _guess_region(document)
        self._by_start: dict[int, list[Hit]] = {}
        for hit in document.hits:
            self._by_start.setdefault(hit.first, []).append(hit)
        self._previous_organs: list[str] = []
        self._previous_section = ""
        self._line_organ = ""
        self._before: Sentence | None = None

    def named(self, sentence: Sentence, number: int) -> list[Row]:
        """(hit, concept, organ) of a sentence, in order."""
        hits = [
            hit
            for first in range(sentence.first, sentence.last)
            for hit in self._by_start.get(first, ())
            if hit.last <= sentence.last
        ]
        organs = _without_contained([hit for hit in hits if self._is_organ(hit)])
        if sentence.section != self._previous_section:
            self._previous_organs = []
            self._previous_section = sentence.section
        if self._before is None or begins_line(self._document, self._before, sentence):
            self._line_organ = ""
        self._line_organ = _label_organ(sentence, organs) or self._line_organ
        self._before = sentence
        rows: list[Row] = []
        for hit in _names(hits, organs):
            if self._is_elsewhere(hit, organs):
                continue
            if self._is_surname(hit):
                continue
            if hit.kind == "head":
                concept, organ = self._resolve(hit, organs, sentence)
            else:
                concept, organ = hit.value, self._nearest(hit, organs, sentence)
            if concept:
                rows.append((hit, concept, organ))
        rows.extend(self._of_joined_organs(hits, organs, rows))
        rows.extend(self._measured_nodes(sentence, hits, organs, rows))
        rows.extend(_called_normal(sentence, hits, organs, rows))
        if organs:
            self._previous_organs = [organ.value for organ in organs]
        return _distinct(rows)

    def _is_organ(self, hit: Hit) -> bool:
        """An organ word; a general one ("lobe") is that of the lung only where the chest is."""
        if hit.kind != "organ":
            return False
        return self._region in ("", "CHEST") or hit.term not in general_terms().get(
            hit.value, frozenset()
        )

    def _measured_nodes(
        self, sentence: Sentence, hits: Sequence[Hit], organs: Sequence[Hit], rows: Sequence[Row]
    ) -> list[Row]:
        """A lymph node of 10 mm or more is an enlarged one, whether it is called so or not."""
        nodes = [organ for organ in organs if organ.value == "node"]
        if not nodes or any(hit.kind in _CALMING for hit in hits):
            return []
        words, text = self._document.words, self._document.text
        named = [hit for hit, _, _ in rows]
        found = []
        for node in nodes[:1]:
            last = _clause_at(sentence, node.first) + 1
            end = words[sentence.clauses[min(last, len(sentence.clauses) - 1)].last - 1].end
            if any(node.first <= hit.last + 2 and hit.first <= node.last + 2 for hit in named):
                continue
            start = words[sentence.clauses[last - 1].first].start
            sizes = [s for s in sizes_in(text, start, min(end + 8, sentence.end)) if not s.earlier]
            if any(min(size.values_mm) >= _LARGE_NODE_MM for size in sizes[:1]):
                table = heads()["nodes"]
                near = [organ for organ in organs if organ.value in table.organs]
                concept = table.organs[near[0].value] if near else table.default
                found.append((replace(node, kind="head", value="nodes"), concept, node.value))
        return found

    def _of_joined_organs(
        self, hits: Sequence[Hit], organs: Sequence[Hit], rows: Sequence[Row]
    ) -> list[Row]:
        """The other findings of a noun shared by two organs ("pleural or pericardial effusion")."""
        found: list[Row] = []
        nouns = [hit for hit in hits if hit.kind == "head"]
        for hit, concept, organ in rows:
            near = [o for o in organs if o.value == organ and hit.first <= o.first <= hit.last + 2]
            own = [o for o in organs if o.value == organ]
            for noun in (n for n in nouns if hit.first <= n.first and n.last <= hit.last):
                for other in organs:
                    meant = heads()[noun.value].organs.get(other.value, "")
                    if other.value == organ or not meant or meant == concept:
                        continue
                    if (
                        self._leads_to(other, hit, organs)
                        or any(self._joined(one.last, other.first) for one in near)
                        or (noun.value in _OF_VESSELS and self._beside(own, other))
                    ):
                        first, last = min(other.first, noun.first), max(other.last, noun.last)
                        found.append((replace(noun, first=first, last=last), meant, other.value))
        return found

    def _leads_to(self, other: Hit, hit: Hit, organs: Sequence[Hit]) -> bool:
        """Whether only joints, commas and such adjectives stand before the noun of a name.

        "Intracerebral, subdural or subarachnoid hemorrhage".
        """
        words = self._document.words
        if other.last > hit.first:
            return False
        named = {n for one in organs for n in range(one.first, one.last)}
        between = range(other.last, hit.first)
        joints = [n for n in between if words[n].text in _JOINTS]
        is_chain = all(n in named or n in joints for n in between)
        # the joint of a longer list may stand within the name itself
        inside = [n for n in range(hit.first, hit.last) if words[n].text in _JOINTS]
        if not is_chain or not (joints or inside):
            return False
        gaps = (words[n].gap for n in range(other.last, hit.first + 1))
        return all(set(gap) <= set(" ,/-\n") for gap in gaps)

    def _beside(self, own: Sequence[Hit], other: Hit) -> bool:
        """Whether an organ is coordinated with the finding's own ("aorta and coronaries")."""
        words = self._document.words
        for one in own:
            first, last = min(one.last, other.last), max(one.first, other.first)
            between = [word.text for word in words[first:last]]
            if (
                len(between) <= _MOST_BESIDE
                and any(word in _JOINTS for word in between)
                and not any(word.breaks for word in words[first : last + 1])
                and all(word in _JOINTS or word in _SMALL_WORDS for word in between)
            ):
                return True
        return False

    def _joined(self, first: int, last: int) -> bool:
        """Whether an "and" or "or" stands between two words, after one noun at most."""
        return last - first in (1, 2) and self._document.words[last - 1].text in _JOINTS

    def _is_surname(self, hit: Hit) -> bool:
        """Whether the words are somebody's name ("Dr. Stone")."""
        words = self._document.words
        if hit.first == 0 or words[hit.first - 1].text not in _TITLES:
            return False
        return self._document.text[words[hit.first].start].isupper()

    def _resolve(self, hit: Hit, organs: Sequence[Hit], sentence: Sentence) -> tuple[str, str]:
        head = heads()[hit.value]
        fitting = [organ for organ in organs if organ.value in head.organs]
        nearest = self._nearest(hit, fitting, sentence)
        if nearest:
            return head.organs[nearest], nearest
        if not organs:
            for organ in self._previous_organs:
                if organ in head.organs:
                    return head.organs[organ], organ
        if self._document.words[hit.first].text in _ONLY_OF_AN_ORGAN:
            return "", ""
        if self._line_organ in head.organs:
            return head.organs[self._line_organ], self._line_organ
        if self._region == "ABDOMEN" and "liver" in head.organs and self._has_segment(sentence):
            return head.organs["liver"], "liver"
        if self._region in head.regions:
            return head.regions[self._region], ""
        return head.default, ""

    def _has_segment(self, sentence: Sentence) -> bool:
        """Whether a numbered segment is named, as the liver's are."""
        return _SEGMENT.search(self._document.text, sentence.start, sentence.end) is not None

    def _is_elsewhere(self, hit: Hit, organs: Sequence[Hit]) -> bool:
        """A calcification that is called one of the breast, where no breast is shown or named."""
        if hit.kind != "concept" or self._region in ("", "BREAST"):
            return False
        return hit.value == _BREAST_CALCIFICATION and not any(
            organ.value in _BREAST_ORGANS for organ in organs
        )

    def _nearest(self, hit: Hit, organs: Sequence[Hit], sentence: Sentence) -> str:
        best, best_rank = "", (9, 999)
        for organ in organs:
            clauses = abs(_clause_at(sentence, organ.first) - _clause_at(sentence, hit.first))
            if hit.first <= organ.first < hit.last or organ.first <= hit.first < organ.last:
                distance = 0
            elif organ.first >= hit.last:
                distance = organ.first - hit.last + 1
            else:
                distance = hit.first - organ.last + 1
            rank = (min(clauses, 2), distance)
            if rank < best_rank:
                best, best_rank = organ.value, rank
        return best


def _label_organ(sentence: Sentence, organs: Sequence[Hit]) -> str:
    """The organ of a label at the beginning ("Liver: ...", "LIVER - ...")."""
    clauses = sentence.clauses
    if len(clauses) < 2 or clauses[1].opens not in (":", "-"):
        return ""
    first = clauses[0]
    if first.last - first.first > _LONGEST_LABEL:
        return ""
    here = [organ.value for organ in organs if first.first <= organ.first < first.last]
    return here[0] if here else ""


def _called_normal(
    sentence: Sentence, hits: Sequence[Hit], organs: Sequence[Hit], rows: Sequence[Row]
) -> list[Row]:
    """Denials by a normal organ ("intact menisci"), where its clause names no finding."""
    found = []
    for normal in (hit for hit in hits if hit.kind == "normal"):
        at = _clause_at(sentence, normal.first)
        clause = sentence.clauses[at]
        first = clause.first
        if clause.opens == ":" and at > 0:
            first = sentence.clauses[at - 1].first  # "Adrenals: normal"
        if any(first <= row[0].first < clause.last for row in rows):
            continue
        near = [organ for organ in organs if first <= organ.first < clause.last]
        for organ in near[:1]:
            concept = denied_when_normal().get(organ.value)
            if concept:
                start, end = sorted((organ, normal), key=lambda hit: hit.first)
                denial = Hit("denied", concept, start.first, max(end.last, start.last))
                found.append((denial, concept, organ.value))
    return found


def _clause_at(sentence: Sentence, word: int) -> int:
    for number, clause in enumerate(sentence.clauses):
        if clause.first <= word < clause.last:
            return number
    return len(sentence.clauses) - 1


def _names(hits: Iterable[Hit], organs: Sequence[Hit]) -> list[Hit]:
    """Concept, denial and head hits without those that lie inside a longer one."""
    shadows = [hit for hit in hits if hit.kind == "no_finding"]
    named = [
        hit
        for hit in hits
        if hit.kind in ("concept", "denied", "head")
        and not any(s.first <= hit.first and hit.last <= s.last for s in shadows)
    ]
    # A denial with a "not" in one of its gaps ("... is not intact") denies nothing.
    nots = [hit for hit in hits if hit.kind in NEGATIONS]
    named = [h for h in named if h.kind != "denied" or not any(h.spans(cue) for cue in nots)]
    denied = [hit for hit in named if hit.kind == "denied"]
    kept = []
    for hit in named:
        inside_denial = hit.kind != "denied" and any(
            other.first < hit.last and hit.first < other.last for other in denied
        )
        # "Lymph nodes" is an organ: its "nodes" are no finding.
        inside_organ = hit.kind == "head" and any(
            organ.owns(hit) and organ.last - organ.first > hit.last - hit.first for organ in organs
        )
        if not inside_denial and not inside_organ:
            kept.append(hit)
    return _without_contained(_without_general(kept))


def _without_general(hits: Sequence[Hit]) -> list[Hit]:
    """Names without those that overlap a name of a more special concept of theirs."""
    direct = [hit for hit in hits if hit.kind == "concept"]
    return [
        hit
        for hit in hits
        if hit.kind != "concept"
        or not any(
            other is not hit
            and (other.first, other.last) != (hit.first, hit.last)
            and other.first < hit.last
            and hit.first < other.last
            and hit.value in concept_of(other.value).parents
            for other in direct
        )
    ]


def _without_contained(hits: Sequence[Hit]) -> list[Hit]:
    kept = []
    for hit in hits:
        covered = any(
            other is not hit
            and other.first <= hit.first
            and hit.last <= other.last
            and not (
                hit.kind == "concept"
                and hit.value != other.value
                and other.spans(hit)
                and not other.owns(hit)
            )
            and (other.last - other.first > hit.last - hit.first)
            for other in hits
        )
        if not covered:
            kept.append(hit)
    return kept


def _distinct(rows: list[Row]) -> list[Row]:
    """One row per place and concept; a direct name wins over a head at the same words."""
    direct = {(hit.first, hit.last) for hit, _, _ in rows if hit.kind != "head"}
    seen: set[tuple[int, int, str]] = set()
    kept = []
    for hit, concept, organ in sorted(rows, key=lambda row: (row[0].first, row[0].last)):
        key = (hit.first, hit.last, concept)
        if key in seen or (hit.kind == "head" and (hit.first, hit.last) in direct):
            continue
        seen.add(key)
        kept.append((hit, concept, organ))
    return kept


# "Not traced" is a tear of a ligament, but nothing by itself.
_ONLY_OF_AN_ORGAN = frozenset({"не", "ход"})
_OF_VESSELS = frozenset({"calcification", "atheroma"})
_MOST_BESIDE = 4
_SMALL_WORDS = frozenset(
    {"the", "of", "in", "along", "its", "branches", "arteries", "artery", "arch", "arterial",
     "major", "артерий", "артериях", "артерии", "дуги", "ветвей", "в", "стенок", "стенках",
     "грудной"}
)  # fmt: skip
_LARGE_NODE_MM = 10.0
_LONGEST_LABEL = 4  # words
_BREAST_CALCIFICATION = "benign_breast_calcification"  # "scattered calcifications" of anything
_BREAST_ORGANS = frozenset({"breast", "axilla", "nipple", "milk_duct", "implant"})
_SEGMENT = re.compile(
    r"(?<!\w)(?:segments?|сегмент\w*|seg\.?|сегм\.?)\s*(?:[1-8]|[IVX]{1,4})(?!\w)|"
    r"(?<!\w)[SС][1-8](?:\s?[/,-]\s?[1-8])?(?!\w)"
)
_CALMING = frozenset({*NEGATIONS, "normal", "denied"})
_JOINTS = frozenset({"and", "or", "nor", "и", "или", "ни"})
_TITLES = frozenset({"dr", "prof", "mr", "mrs", "ms", "доктор", "доктору", "врачу", "врач"})
_REGION_ORGANS = {
    "CHEST": {"lung", "pleura", "heart", "mediastinum", "rib", "diaphragm"},
    "ABDOMEN": {"liver", "kidney", "spleen", "pancreas", "gallbladder", "adrenal", "peritoneum"},
    "HEAD": {"brain", "skull", "ventricle", "sinus", "pituitary"},
    "KNEE": {"meniscus", "acl", "knee", "condyle", "cruciate"},
    "BREAST": {"breast"},
    "LSPINE": {"vertebra", "disc", "canal"},
    "NECK": {"thyroid", "salivary", "parathyroid", "larynx", "cervical_node"},
}


def _guess_region(document: Document) -> str:
    """The body part that most organ words of the text belong to; empty when there are none."""
    counts = dict.fromkeys(_REGION_ORGANS, 0)
    for hit in document.hits:
        if hit.kind == "organ" and hit.term not in general_terms().get(hit.value, ()):
            for region, organs in _REGION_ORGANS.items():
                counts[region] += hit.value in organs
    best = max(counts, key=lambda region: counts[region])
    return best if counts[best] else ""
