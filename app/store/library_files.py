"""The files of the library: which are known and unchanged, which are gone, and where they went."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.store.connection import Connection
from app.store.path_text import path_of_text, text_of_path
from app.store.studies import Origin

_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file that was imported, as it was then; ``path`` is where its object is read now.

    ``has_copy``: the library owns a copy of this object, maybe from another file.
    """

    source: Path
    path: Path
    study_instance_uid: str
    size_bytes: int
    mtime_ns: int
    origin: Origin
    is_missing: bool
    has_copy: bool


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object at one place. ``key`` names its row."""

    key: int
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    path: Path
    origin: Origin
    size_bytes: int
    sha256: str
    variant: int
    is_missing: bool


class LibraryFiles:
    """File facts of the objects. Paths below ``folder`` are stored relative to it."""

    def __init__(self, db: Connection, folder: Path) -> None:
        self._db = db
        self._folder = folder

    def known(self, sources: Sequence[Path]) -> dict[Path, list[KnownFile]]:
        """What is known of these files, by the file imported."""
        found: dict[Path, list[KnownFile]] = {}
        for part in _parts(sources):
            marks = ", ".join("?" * len(part))
            rows = self._db.rows(
                f"{_KNOWN} WHERE source IN ({marks})", [text_of_path(path) for path in part]
            )
            for row in rows:
                known = self._known(row)
                found.setdefault(known.source, []).append(known)
        return found

    def below(self, root: Path) -> Iterator[KnownFile]:
        """The files imported from ``root`` (a folder or a file) that are indexed in place."""
        text = text_of_path(root)
        first = text.rstrip(os.sep) + os.sep
        last = first[:-1] + chr(ord(os.sep) + 1)
        yield from self.known([root]).get(root, [])
        after = (first, -1)
        while True:
            rows = self._db.rows(
                f"{_KNOWN} WHERE origin = 'file' AND (source, rowid) > (?, ?) AND source < ?"
                " ORDER BY source, rowid LIMIT ?",
                (*after, last, _AT_ONCE),
            )
            for row in rows:
                yield self._known(row)
            if not rows:
                return
            after = (rows[-1]["source"], rows[-1]["number"])

    def with_uid(self, sop_instance_uid: str) -> tuple[StoredObject, ...]:
        """All objects with this SOP Instance UID, wherever they are."""
        return self._objects("sop_instance_uid = ?", (sop_instance_uid,))

    def of_study(self, study_instance_uid: str) -> tuple[StoredObject, ...]:
        """All objects of a study."""
        return self._objects("study_instance_uid = ?", (study_instance_uid,))

    def everything(self, *, missing: bool | None = None) -> Iterator[StoredObject]:
        """All objects, or those that are missing (or not), in pages."""
        wanted = "" if missing is None else f" AND missing = {int(missing)}"
        after = -1
        while True:
            page = self._objects(f"rowid > ?{wanted} ORDER BY rowid LIMIT 2000", (after,))
            if not page:
                return
            yield from page
            after = page[-1].key

    def set_missing(self, sources: Collection[Path], *, missing: bool) -> set[str]:
        """Mark files indexed in place as gone, or as there again; the studies concerned."""
        flag = int(missing)
        touched: set[str] = set()
        with self._db.transaction():
            for source in sources:
                found = self._db.rows(
                    "SELECT DISTINCT study_instance_uid FROM instances"
                    " WHERE source = ? AND origin <> 'copy' AND missing <> ?",
                    (text_of_path(source), flag),
                )
                touched.update(row[0] for row in found)
                self._db.execute(
                    "UPDATE instances SET missing = ?2 WHERE source = ?1 AND origin <> 'copy'",
                    (text_of_path(source), flag),
                )
        return touched

    def forget_passing(self, sources: Collection[Path]) -> None:
        """Forget files that only passed through, such as those of the inbox; copies of them stay.

        Call it before the files are removed: a row must not point to where nothing is.
        """
        self._db.execute_many(
            "DELETE FROM instances WHERE source = ? AND origin = 'file'",
            [(text_of_path(source),) for source in sources],
        )

    def set_objects_missing(self, keys: Iterable[int], *, missing: bool) -> None:
        """Mark objects as gone or as there again."""
        self._db.execute_many(
            "UPDATE instances SET missing = ? WHERE rowid = ?",
            [(int(missing), key) for key in keys],
        )

    def drop(self, keys: Iterable[int]) -> None:
        """Forget these places of objects."""
        self._db.execute_many("DELETE FROM instances WHERE rowid = ?", [(key,) for key in keys])

    def _known(self, row: sqlite3.Row) -> KnownFile:
        return KnownFile(
            source=path_of_text(row["source"]),
            path=self._folder / path_of_text(row["path"]),
            study_instance_uid=row["study_instance_uid"],
            size_bytes=row["size_bytes"],
            mtime_ns=row["mtime_ns"],
            origin=row["origin"],
            is_missing=bool(row["missing"]),
            has_copy=bool(row["has_copy"]),
        )

    def _objects(self, where: str, values: Sequence[object]) -> tuple[StoredObject, ...]:
        rows = self._db.rows(f"SELECT rowid AS key, * FROM instances WHERE {where}", values)  # noqa: S608 - fixed conditions
        return tuple(
            StoredObject(
                key=row["key"],
                study_instance_uid=row["study_instance_uid"],
                series_instance_uid=row["series_instance_uid"],
                sop_instance_uid=row["sop_instance_uid"],
                path=self._folder / path_of_text(row["path"]),
                origin=row["origin"],
                size_bytes=row["size_bytes"],
                sha256=row["sha256"],
                variant=row["variant"],
                is_missing=bool(row["missing"]),
            )
            for row in rows
        )


_KNOWN: Final = """SELECT *, rowid AS number, EXISTS (SELECT 1 FROM instances AS own
  WHERE own.sop_instance_uid = instances.sop_instance_uid
  AND own.series_instance_uid = instances.series_instance_uid
  AND own.study_instance_uid = instances.study_instance_uid
  AND own.variant = instances.variant AND own.origin = 'copy' AND own.missing = 0) AS has_copy
  FROM instances"""


def _parts(paths: Sequence[Path]) -> Iterator[Sequence[Path]]:
    for start in range(0, len(paths), _AT_ONCE):
        yield paths[start : start + _AT_ONCE]
