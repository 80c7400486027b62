"""How loud an alert may be: the budget of what is shown, and what the site's experience says.

A rule that is nearly always overridden demotes itself, and words that were dismissed again and
again are remembered; both turn alerts into notes, neither removes one. Nothing here looks at a
report: given values, it returns values.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from app.core.report import CheckResult, Discrepancy, Message, Softening

# The short list of reasons for letting a discrepancy stand; ``other`` comes with own words.
REASONS: Final = (
    "already_told", "chronic", "not_significant", "ai_wrong", "check_wrong", "other",
)  # fmt: skip
HARD_SHOWN: Final = 3
SOFT_SHOWN: Final = 7
# A rule demotes itself when more than this share of so many firings was overridden.
WINDOW: Final = 100
DEMOTING_SHARE: Final = 0.8
# Words dismissed in so many studies as an error of the check, and never acted upon, are remembered.
REMEMBERED_AFTER: Final = 3
# Words of these rules name a patient: they are not remembered.
_PERSONAL: Final = frozenset({"wrong-identity", "age", "impossible-date"})
_LONGEST: Final = 120


@dataclass(frozen=True, slots=True)
class AlertPolicy:
    """What this site has learnt: rules that are notes here, patterns of words that are."""

    demoted: frozenset[str] = frozenset()
    suppressed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Pattern:
    """What is remembered of an alert: its rule and its words, numbers left out."""

    rule: str
    words: str

    @property
    def id(self) -> str:
        """A short name that is the same for the same words."""
        key = f"{self.rule}|{self.words}"
        return hashlib.sha256(key.encode("utf-8")).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Shown:
    """A check within its budget; ``more_hard`` and ``more_soft`` say how many wait behind."""

    hard: tuple[Discrepancy, ...]
    soft: tuple[Discrepancy, ...]
    notes: tuple[Discrepancy, ...]
    more_hard: int
    more_soft: int


def within_budget(items: Sequence[Discrepancy], settled: Collection[str] = ()) -> Shown:
    """What is shown at once: at most three hard alerts and seven soft ones, notes collapsed.

    ``settled`` are ids with a reason: they take no place. The rest moves up as alerts are settled.
    """
    open_items = [item for item in items if item.id not in settled]
    hard = [item for item in open_items if item.severity == "block"]
    soft = [item for item in open_items if item.severity == "warn"]
    notes = tuple(item for item in open_items if item.severity == "note")
    return Shown(
        tuple(hard[:HARD_SHOWN]),
        tuple(soft[:SOFT_SHOWN]),
        notes,
        max(0, len(hard) - HARD_SHOWN),
        max(0, len(soft) - SOFT_SHOWN),
    )


def pattern_of(item: Discrepancy) -> Pattern | None:
    """What could be remembered of an alert; None for rules whose words name a patient."""
    if item.rule in _PERSONAL:
        return None
    words = item.spans[0].text if item.spans else item.message.en
    return Pattern(item.rule, plain_words(words))


def plain_words(words: str) -> str:
    """Words as they are remembered: lower case, ё as е, every number as #."""
    plain = re.sub(r"\d+(?:[.,]\d+)*", "#", words.lower().replace("ё", "е"))
    return re.sub(r"\s+", " ", plain).strip()[:_LONGEST]


def apply_policy(result: CheckResult, policy: AlertPolicy) -> CheckResult:
    """``result`` as loud as the site wants it; a block is softened by its rule's record alone."""
    if not policy.demoted and not policy.suppressed:
        return result
    return replace(
        result, discrepancies=tuple(_softened(item, policy) for item in result.discrepancies)
    )


def _softened(item: Discrepancy, policy: AlertPolicy) -> Discrepancy:
    if item.severity == "note":
        return item
    if item.rule in policy.demoted:
        return replace(item, severity="note", softened=Softening(item.severity, _DEMOTED))
    pattern = pattern_of(item)
    if item.severity == "warn" and pattern is not None and pattern.id in policy.suppressed:
        return replace(item, severity="note", softened=Softening(item.severity, _REMEMBERED))
    return item


def is_demoting(overridden: int, firings: int) -> bool:
    """Whether a rule with this record demotes itself."""
    return firings >= WINDOW and overridden > DEMOTING_SHARE * firings


_DEMOTED = Message(
    "a note here: more than 80 % of the last 100 alerts of this rule were overridden",
    "здесь это примечание: более 80 % из последних 100 срабатываний правила отклонены",
)
_REMEMBERED = Message(
    "a note here: these words were dismissed before as an error of the check",
    "здесь это примечание: эту формулировку уже отклоняли как ошибку проверки",
)
