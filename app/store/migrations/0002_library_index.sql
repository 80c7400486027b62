-- The library index: full-text search, counters that no list has to count, file facts for
-- re-indexing only what changed, whose objects these are, imports that resume.

-- `place` orders the list: date and time as the number YYYYMMDDhhmm, times 2^22, plus a count.
ALTER TABLE studies ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
ALTER TABLE studies ADD COLUMN patient_issuer TEXT NOT NULL DEFAULT '';
ALTER TABLE studies ADD COLUMN referring_physician TEXT NOT NULL DEFAULT '';
ALTER TABLE studies ADD COLUMN modalities TEXT NOT NULL DEFAULT '';
ALTER TABLE studies ADD COLUMN series_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE studies ADD COLUMN object_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE studies ADD COLUMN missing_count INTEGER NOT NULL DEFAULT 0;
-- Why the study is blocked (two patients), in both languages; empty: it is not.
ALTER TABLE studies ADD COLUMN blocked TEXT NOT NULL DEFAULT '';
ALTER TABLE studies ADD COLUMN blocked_ru TEXT NOT NULL DEFAULT '';
-- When the images were deleted while the signed report stayed.
ALTER TABLE studies ADD COLUMN images_deleted_at_utc TEXT NOT NULL DEFAULT '';

-- `path`: where the file is read; relative paths lie below the folder of the library.
-- `origin`: file (indexed in place), copy (the library's own), archive (unpacked, will go away).
-- `source`: the file that it was imported from, with its size and time then.
-- `variant`: objects with one UID and different content are numbered, all are kept.
ALTER TABLE instances ADD COLUMN origin TEXT NOT NULL DEFAULT 'file'
  CHECK (origin IN ('file', 'copy', 'archive'));
ALTER TABLE instances ADD COLUMN source TEXT NOT NULL DEFAULT '';
ALTER TABLE instances ADD COLUMN size_bytes INTEGER NOT NULL DEFAULT -1;
ALTER TABLE instances ADD COLUMN mtime_ns INTEGER NOT NULL DEFAULT -1;
ALTER TABLE instances ADD COLUMN sha256 TEXT NOT NULL DEFAULT '';
ALTER TABLE instances ADD COLUMN variant INTEGER NOT NULL DEFAULT 0;
ALTER TABLE instances ADD COLUMN missing INTEGER NOT NULL DEFAULT 0;
ALTER TABLE instances ADD COLUMN identity INTEGER;
-- Number of images in the object; -1: not asked yet.
ALTER TABLE instances ADD COLUMN frames INTEGER NOT NULL DEFAULT -1;
UPDATE instances SET source = path;
CREATE INDEX instances_by_source ON instances (source);
CREATE INDEX instances_by_uid ON instances (sop_instance_uid);

-- Each patient that the objects of a study name; more than one that differ block it (D08).
CREATE TABLE identities (
  number INTEGER PRIMARY KEY,
  study_instance_uid TEXT NOT NULL,
  patient_id TEXT NOT NULL,
  issuer TEXT NOT NULL,
  name TEXT NOT NULL,
  birth_date TEXT NOT NULL,
  sex TEXT NOT NULL,
  UNIQUE (study_instance_uid, patient_id, issuer, name, birth_date, sex)
) STRICT;

CREATE TABLE imports (
  number INTEGER PRIMARY KEY,
  roots TEXT NOT NULL,
  copies INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('running', 'stopped', 'done')),
  started_at_utc TEXT NOT NULL,
  ended_at_utc TEXT NOT NULL,
  files_total INTEGER NOT NULL,
  files_seen INTEGER NOT NULL,
  files_new INTEGER NOT NULL
) STRICT;
CREATE INDEX imports_by_state ON imports (state);

-- Studies into which an import that has not ended wrote: their images may not be all.
CREATE TABLE importing (
  study_instance_uid TEXT NOT NULL,
  import_number INTEGER NOT NULL REFERENCES imports (number),
  PRIMARY KEY (study_instance_uid, import_number)
) STRICT;
CREATE INDEX importing_by_import ON importing (import_number);

UPDATE studies SET
  place = CAST(replace(study_date, '-', '')
    || substr(replace(study_time, ':', '') || '0000', 1, 4) AS INTEGER) * 4194304 + rowid,
  series_count = (SELECT COUNT(*) FROM series
    WHERE series.study_instance_uid = studies.study_instance_uid),
  object_count = (SELECT COUNT(DISTINCT sop_instance_uid) FROM instances
    WHERE instances.study_instance_uid = studies.study_instance_uid),
  modalities = (SELECT COALESCE(GROUP_CONCAT(modality, '/'), '') FROM
    (SELECT DISTINCT modality FROM series
     WHERE series.study_instance_uid = studies.study_instance_uid AND modality <> ''
     ORDER BY modality));
CREATE UNIQUE INDEX studies_by_place ON studies (place);

-- Full text; rowid is the place of the study, so matches come newest first without sorting.
-- `folded` is the program's: one form for letters that are written in several ways.
CREATE VIRTUAL TABLE study_text USING fts5 (
  patient_name, patient_id, description, series, accession, physician, modality,
  tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3');
CREATE VIEW study_words AS SELECT s.place, s.study_instance_uid,
  folded(s.patient_name) AS patient_name, folded(s.patient_id) AS patient_id,
  folded(s.description) AS description,
  folded((SELECT GROUP_CONCAT(DISTINCT description) FROM series
    WHERE series.study_instance_uid = s.study_instance_uid)) AS series,
  folded(s.accession_number) AS accession, folded(s.referring_physician) AS physician,
  folded(s.modalities) AS modality
FROM studies s;
INSERT INTO study_text (rowid, patient_name, patient_id, description, series, accession,
  physician, modality)
SELECT place, patient_name, patient_id, description, series, accession, physician, modality
FROM study_words;
