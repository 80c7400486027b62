"""Is every accepted finding in the report, and nothing that was rejected?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.core.report import Discrepancy, Fix, Message, Severity
from app.reporting.case import Case, discrepancy, name
from app.reporting.compose import finding_sentence
from app.reporting.matching import (
    Matches,
    compare_sites,
    is_near_concept,
    is_same_concept,
    score,
    side_agrees,
    size_agrees,
)
from app.reporting.reading.lexicon import concept as concept_of
from app.reporting.reading.mentions import Mention
from app.reporting.reading.sizes import sizes_in
from app.reporting.subjects import Subject


def omitted_and_negated(case: Case) -> Iterator[Discrepancy]:
    """``omitted-finding`` and ``negated-finding``: an accepted finding that is not stated."""
    for subject in case.accepted:
        if not subject.concept:
            if not is_quoted(case, subject) and not subject.is_abnormal_measure:
                yield _omitted(case, subject)
            continue
        denials = [m for m in case.reading.mentions if _denies(subject, m)]
        if case.matches[subject.uid].all or _is_hinted(case, subject):
            # Denied where the images are described, whatever the impression says.
            denials = [m for m in denials if m.section == "findings" and not m.limited]
            if case.matches[subject.uid].of("findings") or not any(not m.implied for m in denials):
                continue
        if denials:
            yield discrepancy(
                "negated-finding",
                "block",
                Message(
                    f"The report denies {name(subject, 'en')}, which was accepted.",
                    f"Отчёт отрицает находку {name(subject, 'ru')}, а она принята.",
                ),
                subject=subject,
                spans=[case.place(m) for m in denials[:2]],
            )
        else:
            yield _omitted(case, subject)


def _omitted(case: Case, subject: Subject) -> Discrepancy:
    language = case.document.language
    is_structure = not subject.concept and subject.finding.current.significance == "descriptive"
    severity: Severity = "block" if subject.is_significant or subject.has_grown else "warn"
    return discrepancy(
        "omitted-finding",
        "note" if is_structure else severity,
        Message(
            f"Accepted finding {name(subject, 'en')} is not in the report.",
            f"Принятой находки {name(subject, 'ru')} нет в отчёте.",
        ),
        subject=subject,
        fix=insertion(case, finding_sentence(subject.finding, language)),
    )


def insertion(case: Case, sentence: str, name: str = "findings") -> Fix:
    """Insert a sentence at the end of a section (or of the text)."""
    section = case.document.section(name)
    text = case.text
    end = section.end if section else len(text)
    start = section.start if section else 0
    while end > start and text[end - 1].isspace():
        end -= 1
    lead = "" if end == 0 or text[end - 1].isspace() else " "
    if end == start and section:
        lead = "\n"
    return Fix(f"{lead}{sentence}", end, end)


def is_quoted(case: Case, subject: Subject) -> bool:
    """For a finding that the lexicon does not know: its name, or its word stems, in a sentence."""
    label = subject.finding.current.label.text(case.document.language).lower().replace("ё", "е")
    text = case.text.lower().replace("ё", "е")
    if label and label in text:
        return True
    stems = [word[: max(4, len(word) - 3)] for word in re.findall(r"[^\W\d_]{4,}", label)]
    return bool(stems) and any(
        all(stem in text[s.start : s.end] for stem in stems) for s in case.document.sentences
    )


def _is_hinted(case: Case, subject: Subject) -> bool:
    """Whether a statement speaks of the finding in a section that is not compared."""
    elsewhere = any(
        m.is_stated and m.section in ("recommendation", "communication") and score(subject, m) > 0
        for m in case.reading.mentions
    )
    return elsewhere or _is_measured(case, subject)


def _is_measured(case: Case, subject: Subject) -> bool:
    """Whether the finding's own lengths stand in a sentence whose words the lexicon cannot read.

    Both axes, or one and the same side or place; nothing else may be named in the sentence.
    """
    if not subject.lengths_mm:
        return False
    named = {m.sentence for m in case.reading.mentions}
    for number, sentence in enumerate(case.document.sentences):
        if number in named or sentence.section not in ("findings", "impression"):
            continue
        for size in sizes_in(case.text, sentence.start, sentence.end):
            if size.earlier or size.is_range:
                continue
            fits = [
                any(abs(value - length) <= max(0.55, 0.02 * length) for value in size.values_mm)
                for length in subject.lengths_mm[:2]
            ]
            tied = bool(case.reading.places[number] & (subject.sites | {f"side={subject.side}"}))
            if (len(fits) == 2 and all(fits) and len(size.values_mm) > 1) or (fits[0] and tied):
                return True
    return False


# "No tear" is always said of something: of another structure it denies nothing.
_OF_MANY_THINGS = frozenset({"tear", "cyst", "lesion", "hernia"})


def _denies(subject: Subject, mention: Mention) -> bool:
    if mention.polarity != "absent" or mention.limit == "hard":
        return False
    if mention.section not in ("findings", "impression"):
        return False
    general = mention.concept in _general(subject.concept)
    if not (is_same_concept(subject.concept, mention.concept) or general):
        return False
    if mention.side in ("left", "right") and mention.side != subject.side:
        return False
    return not compare_sites(subject, mention)[1]


def rejected_asserted(case: Case) -> Iterator[Discrepancy]:
    """``rejected-finding-asserted``: the text states what was rejected."""
    claimed = {id(m) for matches in case.matches.values() for m in matches.all}
    for subject in case.subjects:
        if subject.finding.state != "rejected" or not subject.concept:
            continue
        found = [
            m
            for m in case.reading.mentions
            if id(m) not in claimed and _asserts_rejected(subject, m)
        ]
        if found:
            yield discrepancy(
                "rejected-finding-asserted",
                "warn",
                Message(
                    f"The report states {name(subject, 'en')}, which was rejected.",
                    f"В отчёте есть находка {name(subject, 'ru')}, а она отклонена.",
                ),
                subject=subject,
                spans=[case.place(m) for m in found[:3]],
            )


def _asserts_rejected(subject: Subject, mention: Mention) -> bool:
    if mention.polarity != "present" and not (
        mention.polarity == "uncertain" and mention.section in ("findings", "impression")
    ):
        return False
    if mention.section not in ("findings", "impression"):
        return False
    if side_agrees(subject, mention) is False or compare_sites(subject, mention)[1]:
        return False
    if is_same_concept(subject.concept, mention.concept):
        return size_agrees(subject, mention) is not False
    if subject.concept in _general(mention.concept):
        # A kind of it ("fracture of the radius" of a fracture) says it, where something ties them.
        is_bare = not subject.sites and subject.side is None
        tied = side_agrees(subject, mention) or compare_sites(subject, mention)[0]
        return size_agrees(subject, mention) is not False and bool(tied or is_bare)
    # Under a near name only the size ties it to the finding.
    is_near = is_near_concept(subject.concept, mention.concept)
    return is_near and size_agrees(subject, mention) is True


def undecided(case: Case) -> Iterator[Discrepancy]:
    """``undecided-significant-finding`` blocks, ``undecided-finding`` is a note."""
    for subject in case.subjects:
        if not subject.is_proposed or subject.is_in_the_net or subject.is_abnormal_measure:
            continue
        significant = subject.is_significant
        yield discrepancy(
            "undecided-significant-finding" if significant else "undecided-finding",
            "block" if significant else "note",
            Message(
                f"Nobody has decided on {name(subject, 'en')}: accept or reject it.",
                f"По находке {name(subject, 'ru')} нет решения: примите или отклоните её.",
            ),
            subject=subject,
        )


def impression_contradicts(case: Case) -> Iterator[Discrepancy]:
    """``impression-contradicts-findings``: stated in one section, denied in the other."""
    told: set[str] = set()
    for subject in case.accepted:
        denials = _concluded_denials(case, subject)
        if denials:
            told.add(subject.concept)
            described = case.matches[subject.uid].of("findings")
            told.update(m.concept for m in described)
            yield _contradiction(case, subject, described[0], denials[0])
    for one, other in (("findings", "impression"), ("impression", "findings")):
        for mention in case.reading.mentions:
            if mention.section != one or mention.polarity != "present":
                continue
            if one == "impression" and _subject_of_mention(case, mention):
                continue  # an accepted finding that is denied: see omitted_and_negated
            if mention.concept in told:
                continue
            denial = _denial_elsewhere(case, mention, other)
            if denial is None:
                continue
            told.add(mention.concept)
            yield _contradiction(case, _subject_of_mention(case, mention), mention, denial)


def _contradiction(
    case: Case, subject: Subject | None, stated: Mention, denied: Mention
) -> Discrepancy:
    return discrepancy(
        "impression-contradicts-findings",
        "warn",
        Message(
            "Findings and impression contradict each other.",
            "Описание и заключение противоречат друг другу.",
        ),
        subject=subject,
        spans=[case.place(stated), case.place(denied)],
    )


def _concluded_denials(case: Case, subject: Subject) -> list[Mention]:
    """Where the impression denies an accepted finding that is described, by whatever signs."""
    matches = case.matches[subject.uid]
    if not subject.concept or not matches.of("findings") or matches.of("impression"):
        return []
    return [
        m for m in case.reading.mentions
        if m.section == "impression" and not m.limited and _denies(subject, m)
    ]  # fmt: skip


def _denial_elsewhere(case: Case, mention: Mention, section: str) -> Mention | None:
    """An unlimited denial of the same thing in ``section`` where nothing states it."""
    denial = None
    for other in case.reading.mentions:
        if other.section != section:
            continue
        is_same = other.concept == mention.concept
        if not is_same and other.concept not in _general(mention.concept):
            continue
        if other.is_stated:
            return None
        if other.polarity != "absent" or other.limited:
            continue
        if other.implied and section == "findings":
            continue
        if other.side not in (None, "bilateral", mention.side):
            continue
        if not _sites_fit(mention, other):
            continue
        if _denied_again(case, mention):
            continue
        denial = denial or other
    return denial


def _general(concept: str) -> frozenset[str]:
    """The more general names whose denial denies the concept."""
    return concept_of(concept).parents - _OF_MANY_THINGS


def _denied_again(case: Case, mention: Mention) -> bool:
    """Whether the statement's own section also denies it: the text qualifies, no contradiction."""
    return any(
        m.section == mention.section
        and m.concept == mention.concept
        and m.polarity == "absent"
        and m.side is None
        and _sites_fit(mention, m)
        and not m.limited
        and not m.implied
        for m in case.reading.mentions
    )


def _sites_fit(one: Mention, other: Mention) -> bool:
    ours = dict(site.split("=", 1) for site in one.sites)
    theirs = dict(site.split("=", 1) for site in other.sites)
    return all(ours[axis] == theirs[axis] for axis in ours.keys() & theirs.keys())


def _subject_of_mention(case: Case, mention: Mention) -> Subject | None:
    for matches in case.matches.values():
        if any(m is mention for m in matches.all):
            return matches.subject
    return None


def missing_from_impression(case: Case) -> Iterator[Discrepancy]:
    """``significant-finding-missing-from-impression``: described, but not concluded."""
    if not case.document.has_section("impression") or not case.document.has_text("findings"):
        return
    for subject in case.accepted:
        if not (subject.is_significant or subject.has_grown) or not subject.concept:
            continue
        matches = case.matches[subject.uid]
        if not matches.of("findings") or matches.of("impression"):
            continue
        if _concluded_otherwise(case, subject, matches):
            continue
        yield discrepancy(
            "significant-finding-missing-from-impression",
            "block" if subject.is_critical else "warn",
            Message(
                f"{name(subject, 'en')} is described but missing from the impression.",
                f"Находка {name(subject, 'ru')} описана, но её нет в заключении.",
            ),
            subject=subject,
            spans=[case.place(matches.of("findings")[0])],
            fix=insertion(
                case,
                finding_sentence(subject.finding, case.document.language, brief=True),
                "impression",
            ),
        )


def _concluded_otherwise(case: Case, subject: Subject, matches: Matches) -> bool:
    """Whether the impression names it under a near name, or denies it (another rule's case)."""
    for mention in case.reading.mentions:
        if mention.section != "impression":
            continue
        if mention.polarity == "absent" and mention.concept == subject.concept:
            if not mention.limited and mention.side in (None, subject.side):
                return True
            continue
        near = is_near_concept(subject.concept, mention.concept)
        same = is_same_concept(subject.concept, mention.concept)
        if mention.is_stated and (near or same) and side_agrees(subject, mention) is not False:
            others = [
                m.subject
                for uid, m in case.matches.items()
                if uid != subject.uid and any(x is mention for x in m.of("impression"))
            ]
            if not others or near:
                return True
    return False
