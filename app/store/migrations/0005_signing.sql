-- A resident's report is preliminary until it is co-signed. SQLite changes no CHECK of a table
-- that is there, so the table is written anew.

CREATE TABLE reports_with_preliminary (
  uid TEXT PRIMARY KEY,
  study_instance_uid TEXT NOT NULL REFERENCES studies (study_instance_uid),
  reading TEXT NOT NULL,
  version INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('draft', 'preliminary', 'signed', 'amended')),
  text TEXT NOT NULL,
  payload TEXT NOT NULL,
  -- what the signature covers: text, findings, check and overrides as one JSON text
  document TEXT NOT NULL,
  content_sha256 TEXT NOT NULL,
  UNIQUE (study_instance_uid, reading, version)
) STRICT;
INSERT INTO reports_with_preliminary SELECT * FROM reports;
DROP TABLE reports;
ALTER TABLE reports_with_preliminary RENAME TO reports;
CREATE TRIGGER reports_signed_never_change BEFORE UPDATE ON reports WHEN OLD.state <> 'draft'
BEGIN SELECT RAISE (ABORT, 'a signed report never changes'); END;
CREATE TRIGGER reports_signed_never_go BEFORE DELETE ON reports WHEN OLD.state <> 'draft'
BEGIN SELECT RAISE (ABORT, 'a signed report never changes'); END;

-- Who was told of a critical result: nothing is changed or removed; a record that was wrong is
-- withdrawn by another row of the same uid.
CREATE TABLE communications (
  seq INTEGER PRIMARY KEY,
  uid TEXT NOT NULL,
  study_instance_uid TEXT NOT NULL,
  reading TEXT NOT NULL,
  action TEXT NOT NULL CHECK (action IN ('recorded', 'withdrawn')),
  payload TEXT NOT NULL,
  UNIQUE (uid, action)
) STRICT;
CREATE INDEX communications_by_study ON communications (study_instance_uid, reading);
CREATE TRIGGER communications_never_change BEFORE UPDATE ON communications
BEGIN SELECT RAISE (ABORT, 'the record of communications is append-only'); END;
CREATE TRIGGER communications_never_go BEFORE DELETE ON communications
BEGIN SELECT RAISE (ABORT, 'the record of communications is append-only'); END;

-- Accounts of those who sign. `password` is a hash with its cost and salt; empty for an account of
-- the operating system.
CREATE TABLE users (
  login TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  roles TEXT NOT NULL,
  source TEXT NOT NULL CHECK (source IN ('local', 'system')),
  password TEXT NOT NULL,
  is_disabled INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  failed_at_utc TEXT NOT NULL
) STRICT;

-- A report and its signer are looked up in the trail by subject; the clock by time.
CREATE INDEX audit_log_by_subject ON audit_log (subject_uid, seq);
CREATE INDEX audit_log_by_time ON audit_log (at_utc);
CREATE INDEX audit_log_of_clock ON audit_log (seq) WHERE action = 'clock.accepted';
