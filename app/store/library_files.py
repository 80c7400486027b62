"""The files of the library: which are known and unchanged, which are gone, and where they went."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.store.connection import Connection
from app.store.studies import Origin

_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file that was imported, as it was then; ``path`` is where its object is read now."""

    source: Path
    path: Path
    study_instance_uid: str
    size_bytes: int
    mtime_ns: int
    origin: Origin
    is_missing: bool


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


@dataclass(frozen=True, slots=True)
class KnownArchive:
    """An archive as it was when its objects were copied, and the studies that it held."""

    size_bytes: int
    mtime_ns: int
    study_instance_uids: tuple[str, ...]


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
                "SELECT source, path, study_instance_uid, size_bytes, mtime_ns, origin, missing"  # noqa: S608 - only marks are put in
                f" FROM instances WHERE source IN ({marks})",
                [str(path) for path in part],
            )
            for row in rows:
                known = KnownFile(
                    Path(row["source"]), self._folder / row["path"], row["study_instance_uid"],
                    row["size_bytes"], row["mtime_ns"], row["origin"], bool(row["missing"]),
                )  # fmt: skip
                found.setdefault(known.source, []).append(known)
        return found

    def below(self, root: Path) -> Iterator[KnownFile]:
        """The files imported from ``root`` (a folder or a file) that are indexed in place."""
        first = str(root).rstrip(os.sep) + os.sep
        rows = self._db.rows(
            "SELECT * FROM instances WHERE origin = 'file' AND"
            " (source = ? OR (source >= ? AND source < ?)) ORDER BY source",
            (str(root), first, first[:-1] + chr(ord(os.sep) + 1)),
        )
        for row in rows:
            yield KnownFile(
                Path(row["source"]), self._folder / row["path"], row["study_instance_uid"],
                row["size_bytes"], row["mtime_ns"], row["origin"], bool(row["missing"]),
            )  # fmt: skip

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

    def forget(self, sources: Collection[Path]) -> set[str]:
        """Remove what these files held before they changed; the studies concerned."""
        return self._changed(
            "SELECT DISTINCT study_instance_uid FROM instances WHERE source = ?",
            "DELETE FROM instances WHERE source = ?",
            sources,
        )

    def set_missing(self, sources: Collection[Path], *, missing: bool) -> set[str]:
        """Mark files indexed in place as gone, or as there again; the studies concerned."""
        return self._changed(
            "SELECT DISTINCT study_instance_uid FROM instances WHERE source = ? AND missing <> ?",
            "UPDATE instances SET missing = ?2 WHERE source = ?1",
            sources,
            int(missing),
        )

    def set_objects_missing(self, keys: Iterable[int], *, missing: bool) -> None:
        """Mark objects as gone or as there again."""
        self._db.execute_many(
            "UPDATE instances SET missing = ? WHERE rowid = ?",
            [(int(missing), key) for key in keys],
        )

    def move(self, key: int, path: Path, *, size_bytes: int, mtime_ns: int) -> None:
        """The object of this row is read at ``path`` from now on, in place."""
        self._db.execute(
            "UPDATE OR REPLACE instances SET path = ?2, source = ?2, size_bytes = ?3,"
            " mtime_ns = ?4, origin = 'file', missing = 0 WHERE rowid = ?1",
            (key, str(path), size_bytes, mtime_ns),
        )

    def archive(self, path: Path) -> KnownArchive | None:
        """What is known of an archive that was imported."""
        rows = self._db.rows("SELECT * FROM archives WHERE path = ?", (str(path),))
        if not rows:
            return None
        uids = tuple(row["study_instance_uid"] for row in rows)
        return KnownArchive(rows[0]["size_bytes"], rows[0]["mtime_ns"], uids)

    def put_archive(self, path: Path, archive: KnownArchive) -> None:
        """All objects of the archive are in the library."""
        with self._db.transaction():
            self._db.execute("DELETE FROM archives WHERE path = ?", (str(path),))
            self._db.execute_many(
                "INSERT INTO archives VALUES (?, ?, ?, ?)",
                [
                    (str(path), uid, archive.size_bytes, archive.mtime_ns)
                    for uid in archive.study_instance_uids
                ],
            )

    def _objects(self, where: str, values: Sequence[object]) -> tuple[StoredObject, ...]:
        rows = self._db.rows(f"SELECT rowid AS key, * FROM instances WHERE {where}", values)  # noqa: S608 - fixed conditions
        return tuple(
            StoredObject(
                key=row["key"],
                study_instance_uid=row["study_instance_uid"],
                series_instance_uid=row["series_instance_uid"],
                sop_instance_uid=row["sop_instance_uid"],
                path=self._folder / row["path"],
                origin=row["origin"],
                size_bytes=row["size_bytes"],
                sha256=row["sha256"],
                variant=row["variant"],
                is_missing=bool(row["missing"]),
            )
            for row in rows
        )

    def _changed(
        self, select: str, change: str, sources: Collection[Path], *values: object
    ) -> set[str]:
        touched: set[str] = set()
        with self._db.transaction():
            for source in sources:
                found = self._db.rows(select, (str(source), *values))
                if found:
                    touched.update(row[0] for row in found)
                    self._db.execute(change, (str(source), *values))
        return touched


def _parts(paths: Sequence[Path]) -> Iterator[Sequence[Path]]:
    for start in range(0, len(paths), _AT_ONCE):
        yield paths[start : start + _AT_ONCE]
