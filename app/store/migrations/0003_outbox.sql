-- What goes out to peers, and what a peer said that a study consists of.

-- One row per object and peer. An object keeps its UID however often it is sent, so a peer that
-- gets it twice has it once. `path` lies below the folder of the library.
CREATE TABLE outbox (
  number INTEGER PRIMARY KEY,
  peer TEXT NOT NULL,
  study_instance_uid TEXT NOT NULL,
  sop_class_uid TEXT NOT NULL,
  sop_instance_uid TEXT NOT NULL,
  path TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'sent', 'committed', 'failed')),
  attempts INTEGER NOT NULL,
  queued_at_utc TEXT NOT NULL,
  changed_at_utc TEXT NOT NULL,
  next_at_utc TEXT NOT NULL,
  reason TEXT NOT NULL,
  reason_ru TEXT NOT NULL,
  UNIQUE (peer, sop_instance_uid)
) STRICT;
CREATE INDEX outbox_by_state ON outbox (state, next_at_utc);

-- Signed reports whose objects are still to be written and queued: noted in the transaction of the
-- signature, so that no crash lets one be forgotten. `peers` is a JSON list of names.
CREATE TABLE outbox_promises (
  report_uid TEXT PRIMARY KEY,
  study_instance_uid TEXT NOT NULL,
  reading TEXT NOT NULL,
  peers TEXT NOT NULL,
  at_utc TEXT NOT NULL
) STRICT;

-- How many objects each series of a study has at the peer it was retrieved from (D18).
CREATE TABLE expected_objects (
  study_instance_uid TEXT NOT NULL,
  series_instance_uid TEXT NOT NULL,
  objects INTEGER NOT NULL,
  peer TEXT NOT NULL,
  at_utc TEXT NOT NULL,
  PRIMARY KEY (study_instance_uid, series_instance_uid)
) STRICT;
