-- What became of each alert of the report check, and what the site has learnt from it.

-- One row per alert that somebody was shown. `outcome` is open until the report is signed:
-- fixed (gone by then), overridden (with a reason), stood (a warning that nobody answered).
CREATE TABLE check_firings (
  study_instance_uid TEXT NOT NULL,
  reading TEXT NOT NULL,
  discrepancy_id TEXT NOT NULL,
  rule TEXT NOT NULL,
  severity TEXT NOT NULL CHECK (severity IN ('block', 'warn', 'note')),
  pattern TEXT NOT NULL,
  words TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('open', 'fixed', 'overridden', 'stood')),
  reason TEXT NOT NULL,
  at_utc TEXT NOT NULL,
  PRIMARY KEY (study_instance_uid, reading, discrepancy_id)
) STRICT;
CREATE INDEX check_firings_by_rule ON check_firings (rule, at_utc);
CREATE INDEX check_firings_by_pattern ON check_firings (pattern);

-- Rules that count as notes here. `restored_at_utc` is set when an administrator takes it back:
-- only firings after it count from then on.
CREATE TABLE check_demotions (
  rule TEXT PRIMARY KEY,
  firings INTEGER NOT NULL,
  overridden INTEGER NOT NULL,
  at_utc TEXT NOT NULL,
  restored_at_utc TEXT NOT NULL
) STRICT;

-- Words that count as notes here. A lifted row stays: memory does not bring it back.
CREATE TABLE check_suppressions (
  pattern TEXT PRIMARY KEY,
  rule TEXT NOT NULL,
  words TEXT NOT NULL,
  origin TEXT NOT NULL CHECK (origin IN ('memory', 'person')),
  by_whom TEXT NOT NULL,
  at_utc TEXT NOT NULL,
  lifted INTEGER NOT NULL CHECK (lifted IN (0, 1))
) STRICT;
