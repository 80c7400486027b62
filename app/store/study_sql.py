"""The statements of the study index."""

from __future__ import annotations

from typing import Final

from app.store.study_search import PLACES_PER_MINUTE

SELECT: Final = """SELECT s.*, EXISTS (SELECT 1 FROM importing
  WHERE importing.study_instance_uid = s.study_instance_uid) AS incomplete FROM studies s"""

LIST: Final = f"{SELECT} WHERE s.place BETWEEN ? AND ? ORDER BY s.place DESC LIMIT ?"

# The full-text index is walked from its newest row down: nothing is sorted, LIMIT ends the walk.
SEARCH: Final = f"""{SELECT} JOIN
  (SELECT rowid AS found FROM study_text WHERE study_text MATCH ? AND rowid BETWEEN ? AND ?
   ORDER BY rowid DESC LIMIT ?) ON s.place = found ORDER BY found DESC"""  # noqa: S608 - fixed

COUNT_MATCHES: Final = """SELECT COUNT(*) FROM study_text
  WHERE study_text MATCH ? AND rowid BETWEEN ? AND ?"""

PUT_STUDY: Final = """INSERT INTO studies (study_instance_uid, patient_id, patient_issuer,
  patient_name, patient_birth_date, patient_sex, study_date, study_time, accession_number,
  description, referring_physician, blocked, blocked_ru, added_at_utc, opened_at_utc, place)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '',
    (SELECT MIN(0, COALESCE(MIN(place), 0)) - 1 FROM studies))
  ON CONFLICT (study_instance_uid) DO UPDATE SET
  patient_id = iif(excluded.blocked || blocked = '', excluded.patient_id, patient_id),
  patient_issuer = iif(excluded.blocked || blocked = '', excluded.patient_issuer, patient_issuer),
  patient_name = iif(excluded.blocked || blocked = '', excluded.patient_name, patient_name),
  patient_birth_date = iif(excluded.blocked || blocked = '',
    excluded.patient_birth_date, patient_birth_date),
  patient_sex = iif(excluded.blocked || blocked = '', excluded.patient_sex, patient_sex),
  study_date = iif(excluded.study_date = '', study_date, excluded.study_date),
  study_time = iif(excluded.study_time = '', study_time, excluded.study_time),
  accession_number = iif(excluded.accession_number = '',
    accession_number, excluded.accession_number),
  description = iif(excluded.description = '', description, excluded.description),
  referring_physician = iif(excluded.referring_physician = '',
    referring_physician, excluded.referring_physician),
  blocked_ru = iif(excluded.blocked = '', blocked_ru, excluded.blocked_ru),
  blocked = iif(excluded.blocked = '', blocked, excluded.blocked),
  images_deleted_at_utc = ''"""

PUT_OPENED: Final = """INSERT INTO instances (sop_instance_uid, study_instance_uid,
  series_instance_uid, path, source, origin, frames, identity) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (study_instance_uid, series_instance_uid, sop_instance_uid, path) DO UPDATE SET
  identity = COALESCE(excluded.identity, identity), frames = excluded.frames, missing = 0"""

PUT_INSTANCE: Final = """INSERT INTO instances (sop_instance_uid, study_instance_uid,
  series_instance_uid, path, origin, source, size_bytes, mtime_ns, sha256, variant, identity,
  frames) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (study_instance_uid, series_instance_uid, sop_instance_uid, path) DO UPDATE SET
  origin = excluded.origin, source = excluded.source, size_bytes = excluded.size_bytes,
  mtime_ns = excluded.mtime_ns, sha256 = excluded.sha256, variant = excluded.variant,
  identity = excluded.identity, frames = excluded.frames, missing = 0"""

# The patient of most of its objects, as far as they were asked.
TAKE_PATIENT: Final = """UPDATE studies SET (patient_id, patient_issuer, patient_name,
  patient_birth_date, patient_sex) = (SELECT patient_id, issuer, name, birth_date, sex
    FROM instances JOIN identities ON identities.number = instances.identity
    WHERE instances.study_instance_uid = ?1 GROUP BY instances.identity
    ORDER BY patient_id = '', name = '', COUNT(*) DESC, instances.identity LIMIT 1)
  WHERE study_instance_uid = ?1
  AND EXISTS (SELECT 1 FROM instances WHERE study_instance_uid = ?1 AND identity IS NOT NULL)"""

RECOUNT: Final = """UPDATE studies SET
  series_count = (SELECT COUNT(*) FROM series WHERE study_instance_uid = ?1),
  modalities = (SELECT COALESCE(GROUP_CONCAT(modality, '/'), '') FROM (SELECT DISTINCT modality
    FROM series WHERE study_instance_uid = ?1 AND modality <> '' ORDER BY modality)),
  (object_count, missing_count) = (SELECT COUNT(*), COALESCE(SUM(gone), 0) FROM
    (SELECT MIN(missing) AS gone FROM instances WHERE study_instance_uid = ?1
     GROUP BY sop_instance_uid, variant))
  WHERE study_instance_uid = ?1"""

RECOUNT_FRAMES: Final = """UPDATE series SET frames = (SELECT COALESCE(SUM(most), 0) FROM
    (SELECT MAX(frames) AS most FROM instances WHERE study_instance_uid = ?1
     AND series_instance_uid = series.series_instance_uid GROUP BY sop_instance_uid, variant))
  WHERE study_instance_uid = ?1 AND NOT EXISTS (SELECT 1 FROM instances
    WHERE study_instance_uid = ?1 AND series_instance_uid = series.series_instance_uid
    AND frames < 0)"""

PLACE: Final = f"""UPDATE studies SET place = (SELECT COALESCE(MAX(place), ?1) + 1 FROM studies
  WHERE place >= ?1 AND place < ?1 + {PLACES_PER_MINUTE}) WHERE study_instance_uid = ?2"""  # noqa: S608 - a number of our own

INDEX_WORDS: Final = """INSERT INTO study_text (rowid, patient_name, patient_id, description,
  series, accession, physician, modality)
  SELECT place, patient_name, patient_id, description, series, accession, physician, modality
  FROM study_words WHERE study_instance_uid = ?"""
