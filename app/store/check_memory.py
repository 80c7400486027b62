"""What became of the alerts of the report check, and what the site has learnt from it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.store.connection import Connection

Outcome = Literal["open", "fixed", "overridden", "stood"]


@dataclass(frozen=True, slots=True)
class Firing:
    """One alert that somebody was shown; ``pattern`` and ``words`` may be empty."""

    discrepancy_id: str
    rule: str
    severity: str
    pattern: str
    words: str


@dataclass(frozen=True, slots=True)
class Settled:
    """How an alert ended; ``reason`` only for an overridden one."""

    discrepancy_id: str
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RuleRecord:
    """The alerts of one rule that have ended, by how they ended."""

    rule: str
    fixed: int
    overridden: int
    stood: int

    @property
    def firings(self) -> int:
        """All of them."""
        return self.fixed + self.overridden + self.stood


@dataclass(frozen=True, slots=True)
class Demotion:
    """A rule that counts as a note here since ``at_utc``, unless ``restored_at_utc`` is set."""

    rule: str
    firings: int
    overridden: int
    at_utc: str
    restored_at_utc: str = ""

    @property
    def is_in_force(self) -> bool:
        """Whether nobody has taken it back."""
        return not self.restored_at_utc


@dataclass(frozen=True, slots=True)
class Suppression:
    """Words that count as a note here; ``origin`` is ``memory`` or ``person``."""

    pattern: str
    rule: str
    words: str
    origin: Literal["memory", "person"]
    by: str
    at_utc: str
    lifted: bool = False


class CheckMemory:
    """Firings, demoted rules and remembered words of this library."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def add(
        self, study_instance_uid: str, reading: str, firings: Sequence[Firing], *, at_utc: str
    ) -> None:
        """Note alerts that were shown; one that is known of this reading counts once."""
        with self._db.transaction():
            for item in firings:
                self._db.execute(
                    "INSERT INTO check_firings VALUES (?, ?, ?, ?, ?, ?, ?, 'open', '', ?)"
                    " ON CONFLICT (study_instance_uid, reading, discrepancy_id) DO NOTHING",
                    (
                        study_instance_uid, reading, item.discrepancy_id, item.rule, item.severity,
                        item.pattern, item.words, at_utc,
                    ),
                )  # fmt: skip

    def open_ids(self, study_instance_uid: str, reading: str) -> tuple[str, ...]:
        """Alerts of a reading that have not ended."""
        rows = self._db.rows(
            "SELECT discrepancy_id FROM check_firings WHERE study_instance_uid = ? AND reading = ?"
            " AND outcome = 'open' ORDER BY discrepancy_id",
            (study_instance_uid, reading),
        )
        return tuple(row["discrepancy_id"] for row in rows)

    def settle(
        self, study_instance_uid: str, reading: str, ended: Sequence[Settled], *, at_utc: str
    ) -> None:
        """Note how open alerts ended."""
        with self._db.transaction():
            for item in ended:
                self._db.execute(
                    "UPDATE check_firings SET outcome = ?, reason = ?, at_utc = ?"
                    " WHERE study_instance_uid = ? AND reading = ? AND discrepancy_id = ?"
                    " AND outcome = 'open'",
                    (
                        item.outcome, item.reason, at_utc, study_instance_uid, reading,
                        item.discrepancy_id,
                    ),
                )  # fmt: skip

    def record(self, rule: str, *, newest: int = 0) -> RuleRecord:
        """The record of a rule since it was last restored; ``newest`` alerts only (0: all)."""
        found = self._db.rows(
            "SELECT outcome, COUNT(*) AS n FROM (SELECT outcome FROM check_firings"
            " WHERE rule = ? AND outcome <> 'open' AND severity <> 'note' AND at_utc > COALESCE("
            " (SELECT restored_at_utc FROM check_demotions WHERE rule = ?), '')"
            " ORDER BY at_utc DESC, rowid DESC LIMIT ?) GROUP BY outcome",
            (rule, rule, newest or -1),
        )
        counts = {row["outcome"]: row["n"] for row in found}
        return RuleRecord(
            rule, counts.get("fixed", 0), counts.get("overridden", 0), counts.get("stood", 0)
        )

    def rules(self) -> tuple[str, ...]:
        """Rules that have ever fired here."""
        rows = self._db.rows("SELECT DISTINCT rule FROM check_firings ORDER BY rule")
        return tuple(row["rule"] for row in rows)

    def reasons(self, rule: str) -> dict[str, int]:
        """How often each reason was given for overriding a rule."""
        rows = self._db.rows(
            "SELECT reason, COUNT(*) AS n FROM check_firings WHERE rule = ?"
            " AND outcome = 'overridden' GROUP BY reason ORDER BY n DESC, reason",
            (rule,),
        )
        return {row["reason"]: row["n"] for row in rows}

    def dismissals(self, pattern: str, reason: str) -> tuple[int, int]:
        """(studies that dismissed these words for ``reason``, studies that corrected them)."""
        row = self._db.row(
            "SELECT COUNT(DISTINCT CASE WHEN outcome = 'overridden' AND reason = ? THEN"
            " study_instance_uid END) AS dismissed, COUNT(DISTINCT CASE WHEN outcome = 'fixed' THEN"
            " study_instance_uid END) AS fixed FROM check_firings WHERE pattern = ?",
            (reason, pattern),
        )
        return (0, 0) if row is None else (row["dismissed"], row["fixed"])

    def demote(self, rule: str, *, firings: int, overridden: int, at_utc: str) -> None:
        """Note that a rule demoted itself."""
        self._db.execute(
            "INSERT INTO check_demotions VALUES (?, ?, ?, ?, '') ON CONFLICT (rule) DO UPDATE SET"
            " firings = excluded.firings, overridden = excluded.overridden,"
            " at_utc = excluded.at_utc, restored_at_utc = ''",
            (rule, firings, overridden, at_utc),
        )

    def restore(self, rule: str, *, at_utc: str) -> bool:
        """Give a demoted rule its weight back; False where it is not demoted."""
        if rule not in {item.rule for item in self.demotions() if item.is_in_force}:
            return False
        self._db.execute(
            "UPDATE check_demotions SET restored_at_utc = ? WHERE rule = ?", (at_utc, rule)
        )
        return True

    def demotions(self) -> tuple[Demotion, ...]:
        """All that ever were, by rule."""
        rows = self._db.rows("SELECT * FROM check_demotions ORDER BY rule")
        return tuple(Demotion(*tuple(row)) for row in rows)

    def suppress(self, item: Suppression) -> bool:
        """Remember words. What a person lifted is not remembered again by itself (False)."""
        known = {row.pattern: row for row in self.suppressions(lifted=True)}.get(item.pattern)
        if known is not None and (not known.lifted or item.origin == "memory"):
            return False
        self._db.execute(
            "INSERT OR REPLACE INTO check_suppressions VALUES (?, ?, ?, ?, ?, ?, 0)",
            (item.pattern, item.rule, item.words, item.origin, item.by, item.at_utc),
        )
        return True

    def lift(self, pattern: str) -> bool:
        """Forget words; False where they were not remembered."""
        if pattern not in {item.pattern for item in self.suppressions()}:
            return False
        self._db.execute(
            "UPDATE check_suppressions SET lifted = 1 WHERE pattern = ?", (pattern,)
        )  # fmt: skip
        return True

    def suppressions(self, *, lifted: bool = False) -> tuple[Suppression, ...]:
        """Remembered words, oldest first; with ``lifted`` those that were taken back too."""
        rows = self._db.rows("SELECT * FROM check_suppressions ORDER BY at_utc, pattern")
        found = tuple(_suppression(row) for row in rows)
        return found if lifted else tuple(item for item in found if not item.lifted)


def _suppression(row: sqlite3.Row) -> Suppression:
    return Suppression(
        row["pattern"], row["rule"], row["words"], row["origin"], row["by_whom"], row["at_utc"],
        bool(row["lifted"]),
    )  # fmt: skip
