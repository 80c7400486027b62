-- The first library: study index, findings, decisions, reports, audit trail, blobs, sessions.

CREATE TABLE studies (
  study_instance_uid TEXT PRIMARY KEY,
  patient_id TEXT NOT NULL,
  patient_name TEXT NOT NULL,
  patient_birth_date TEXT NOT NULL,
  patient_sex TEXT NOT NULL,
  study_date TEXT NOT NULL,
  study_time TEXT NOT NULL,
  accession_number TEXT NOT NULL,
  description TEXT NOT NULL,
  added_at_utc TEXT NOT NULL,
  opened_at_utc TEXT NOT NULL
) STRICT;
CREATE INDEX studies_by_patient ON studies (patient_id, study_date);

CREATE TABLE series (
  series_instance_uid TEXT NOT NULL,
  study_instance_uid TEXT NOT NULL REFERENCES studies (study_instance_uid),
  modality TEXT NOT NULL,
  description TEXT NOT NULL,
  body_part TEXT NOT NULL,
  number INTEGER,
  frames INTEGER NOT NULL,
  PRIMARY KEY (study_instance_uid, series_instance_uid)
) STRICT;

CREATE TABLE instances (
  sop_instance_uid TEXT NOT NULL,
  study_instance_uid TEXT NOT NULL,
  series_instance_uid TEXT NOT NULL,
  path TEXT NOT NULL,
  PRIMARY KEY (study_instance_uid, series_instance_uid, sop_instance_uid, path),
  FOREIGN KEY (study_instance_uid, series_instance_uid)
    REFERENCES series (study_instance_uid, series_instance_uid)
) STRICT;

-- `status`: live, withdrawn (an added finding was undone), superseded (a newer run replaced it).
CREATE TABLE findings (
  uid TEXT NOT NULL,
  study_instance_uid TEXT NOT NULL REFERENCES studies (study_instance_uid),
  reading TEXT NOT NULL,
  place INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('live', 'withdrawn', 'superseded')),
  state TEXT NOT NULL CHECK (state IN ('proposed', 'accepted', 'edited', 'rejected')),
  significance TEXT NOT NULL,
  pack TEXT NOT NULL,
  payload TEXT NOT NULL,
  PRIMARY KEY (study_instance_uid, reading, uid)
) STRICT;

-- The journal: every content a finding ever had, in order. Undo appends.
CREATE TABLE decisions (
  seq INTEGER PRIMARY KEY,
  study_instance_uid TEXT NOT NULL,
  reading TEXT NOT NULL,
  finding_uid TEXT NOT NULL,
  action TEXT NOT NULL,
  actor TEXT NOT NULL,
  at_utc TEXT NOT NULL,
  payload TEXT NOT NULL
) STRICT;
CREATE INDEX decisions_by_finding ON decisions (study_instance_uid, reading, finding_uid);
CREATE TRIGGER decisions_never_change BEFORE UPDATE ON decisions
BEGIN SELECT RAISE (ABORT, 'the journal of decisions is append-only'); END;
CREATE TRIGGER decisions_never_go BEFORE DELETE ON decisions
BEGIN SELECT RAISE (ABORT, 'the journal of decisions is append-only'); END;

CREATE TABLE reports (
  uid TEXT PRIMARY KEY,
  study_instance_uid TEXT NOT NULL REFERENCES studies (study_instance_uid),
  reading TEXT NOT NULL,
  version INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('draft', 'signed', 'amended')),
  text TEXT NOT NULL,
  payload TEXT NOT NULL,
  -- what the signature covers: text, findings, check and overrides as one JSON text
  document TEXT NOT NULL,
  content_sha256 TEXT NOT NULL,
  UNIQUE (study_instance_uid, reading, version)
) STRICT;
CREATE TRIGGER reports_signed_never_change BEFORE UPDATE ON reports WHEN OLD.state <> 'draft'
BEGIN SELECT RAISE (ABORT, 'a signed report never changes'); END;
CREATE TRIGGER reports_signed_never_go BEFORE DELETE ON reports WHEN OLD.state <> 'draft'
BEGIN SELECT RAISE (ABORT, 'a signed report never changes'); END;

CREATE TABLE audit_log (
  seq INTEGER PRIMARY KEY,
  at_utc TEXT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject_uid TEXT NOT NULL,
  details TEXT NOT NULL,
  previous_hash TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_log_never_changes BEFORE UPDATE ON audit_log
BEGIN SELECT RAISE (ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_log_never_goes BEFORE DELETE ON audit_log
BEGIN SELECT RAISE (ABORT, 'the audit trail is append-only'); END;

-- Masks by content hash: bits packed along the last axis, deflated.
CREATE TABLE blobs (
  sha256 TEXT PRIMARY KEY,
  shape TEXT NOT NULL,
  data BLOB NOT NULL
) STRICT;
CREATE TRIGGER blobs_never_change BEFORE UPDATE ON blobs
BEGIN SELECT RAISE (ABORT, 'a mask is found by its content and never changes'); END;

-- A study may be read more than once: at the workstation ("main") and by the command line.
CREATE TABLE readings (
  seq INTEGER PRIMARY KEY,
  study_instance_uid TEXT NOT NULL REFERENCES studies (study_instance_uid),
  reading TEXT NOT NULL,
  at_utc TEXT NOT NULL,
  UNIQUE (study_instance_uid, reading)
) STRICT;

CREATE TABLE sessions (
  study_instance_uid TEXT NOT NULL REFERENCES studies (study_instance_uid),
  reading TEXT NOT NULL,
  position TEXT NOT NULL,
  at_utc TEXT NOT NULL,
  PRIMARY KEY (study_instance_uid, reading)
) STRICT;

CREATE TABLE model_runs (
  seq INTEGER PRIMARY KEY,
  study_instance_uid TEXT NOT NULL REFERENCES studies (study_instance_uid),
  reading TEXT NOT NULL,
  series_instance_uid TEXT NOT NULL,
  stack INTEGER NOT NULL,
  pack TEXT NOT NULL,
  version TEXT NOT NULL,
  at_utc TEXT NOT NULL,
  payload TEXT NOT NULL
) STRICT;
