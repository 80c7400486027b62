"""Studies into the library: their index always, their files where asked or where they must.

Files come in portions. Each portion is stored with the facts of its files (size and time), so an
import that was cut off at any point goes on where it was: what is unchanged is not read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from app.core.errors import StoreError
from app.dicom.files.scan import ScanResult, SkippedFile, nothing_readable
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress, no_progress
from app.store.library_files import KnownFile
from app.store.library_imports import ImportJob
from app.store.studies import StoredStudy
from app.workflow.context import AppContext
from app.workflow.disk_space import check_space
from app.workflow.import_batch import BatchIndexer, Prepared, judge_identity, library_images
from app.workflow.import_counts import ImportCounts, Tally
from app.workflow.library_scan import FoundFile, Walk, batches, read_batch, walk

_PAGE: Final = 500

OnCounts = Callable[[ImportCounts], None]


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """The studies that the files belong to, as they now are, and what was left out with reasons.

    ``scan`` lists what was left out (it holds no records). ``copied`` counts copies written,
    ``missing`` the indexed files that are no longer where they were. ``conflicts`` are objects
    with the UID of another one and different content.
    """

    studies: tuple[StoredStudy, ...]
    scan: ScanResult
    counts: ImportCounts
    copied: int
    missing: int
    conflicts: tuple[SkippedFile, ...]
    resumed: bool


def import_paths(
    context: AppContext,
    paths: Sequence[Path],
    *,
    copy: bool = False,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
    on_counts: OnCounts | None = None,
) -> ImportOutcome:
    """Index the studies in ``paths``; with ``copy`` keep their files in the data folder.

    What comes out of an archive is always copied: the unpacked files do not stay. Files that are
    known and unchanged are not read; those that vanished are marked as missing. Cut off, the same
    call goes on; until then its studies are marked incomplete (D18). Any thread.
    Raises ``InputError`` where nothing is readable, ``DiskFull``, ``Cancelled``.
    """
    token = cancel or CancelToken()
    progress(0.0, "looking for files")
    found = walk(paths, workspace=context.workspace, cancel=token)
    waiting = {(job.roots, job.copies) for job in context.store.imports.unfinished()}
    job = context.store.imports.begin(found.roots, copies=copy, at_utc=context.clock.now_utc())
    run = _Import(context, job, token, lambda counts: _tell(counts, progress, on_counts))
    with _taken_up_later(context, job):
        run.index(found)
        missing = run.mark_vanished(found)
    context.store.imports.finish(job.number, at_utc=context.clock.now_utc())
    if not (run.studies or missing):
        raise nothing_readable(paths, run.left_out(found))
    return run.outcome(found, missing=missing, resumed=(found.roots, copy) in waiting)


def resume_imports(
    context: AppContext,
    *,
    progress: Progress = no_progress,
    cancel: CancelToken | None = None,
    on_counts: OnCounts | None = None,
) -> tuple[ImportOutcome, ...]:
    """Go on with every import that was cut off. Those whose files are all gone are given up."""
    done = []
    for job in context.store.imports.unfinished():
        roots = [root for root in job.roots if root.exists()]
        if len(roots) < len(job.roots):
            context.store.imports.finish(job.number, at_utc=context.clock.now_utc())
        if roots:
            done.append(
                import_paths(
                    context, roots, copy=job.copies, progress=progress, cancel=cancel,
                    on_counts=on_counts,
                )
            )  # fmt: skip
    return tuple(done)


@dataclass(slots=True)
class _Import:
    context: AppContext
    job: ImportJob
    cancel: CancelToken
    tell: Callable[[ImportCounts], None]
    tally: Tally = field(default_factory=Tally)
    studies: set[str] = field(default_factory=set)
    skipped: list[SkippedFile] = field(default_factory=list)
    unreadable: list[SkippedFile] = field(default_factory=list)
    conflicts: list[SkippedFile] = field(default_factory=list)
    copied: int = 0

    def index(self, found: Walk) -> None:
        """Read what is new or changed, portion by portion."""
        store, job = self.context.store, self.job
        indexer = BatchIndexer(self.context, copies=job.copies, cancel=self.cancel)
        unread, changed = self._unread(found.files)
        self.tally.start(total=len(found.files), known=len(found.files) - len(unread))
        self.tell(self.tally.counts())
        if job.copies:
            check_space(
                library_images(self.context),
                sum(file.size_bytes for file in unread),
                reserve_mb=self.context.settings.disk_reserve_mb,
            )
        for batch in batches(unread):
            self.cancel.raise_if_cancelled()
            scanned = read_batch(batch, self.context.workspace, self.cancel)
            prepared = indexer.prepare(batch, scanned.records)
            gone = [file.path for file in batch if file.path in changed]
            with store.transaction():
                # what such a file held before; the same object in it is there again in a moment
                lost = store.files.set_missing(gone, missing=True)
                touched = indexer.store(prepared)
                self._audit_first(touched)
                self._count(batch, changed, scanned, prepared)
                counts = self.tally.counts()
                store.imports.advance(
                    job.number, total=counts.total, seen=counts.seen, new=counts.new,
                    studies=touched,
                )  # fmt: skip
                self._refresh(lost - touched)
            self.studies |= touched | lost
            self.copied += len(prepared.copies)
            self.skipped += [*scanned.skipped, *prepared.repeated]
            self.unreadable += [*scanned.unreadable, *prepared.unreadable]
            self.conflicts += prepared.conflicts
            self.tell(counts)

    def mark_vanished(self, found: Walk) -> int:
        """Files indexed below the roots that are gone: marked; how many they are."""
        store, seen = self.context.store, {file.path for file in found.files}
        below = (known for root in found.roots for known in store.files.below(root))
        gone = [known for known in below if known.source not in seen and not known.source.exists()]
        with store.transaction():
            touched = store.files.set_missing([known.source for known in gone], missing=True)
            self._refresh(touched)
        self.studies |= {known.study_instance_uid for known in gone}
        return len(gone)

    def left_out(self, found: Walk) -> ScanResult:
        """What was left out, as a scan tells it."""
        unreadable = (*found.closed, *self.unreadable)
        seen = self.tally.counts().seen + len(found.closed)
        return ScanResult(seen, (), tuple(self.skipped), unreadable)

    def outcome(self, found: Walk, *, missing: int, resumed: bool) -> ImportOutcome:
        """The result, with the studies as the library now has them."""
        stored = (self.context.store.studies.get(uid) for uid in sorted(self.studies))
        return ImportOutcome(
            studies=tuple(study for study in stored if study is not None),
            scan=self.left_out(found),
            counts=self.tally.counts(),
            copied=self.copied,
            missing=missing,
            conflicts=tuple(self.conflicts),
            resumed=resumed,
        )

    def _unread(self, files: Sequence[FoundFile]) -> tuple[list[FoundFile], set[Path]]:
        """The files that must be read, and which of them were known with another content."""
        known = self.context.store.files.known
        unread, changed, back = [], set(), []
        pages = (files[start : start + _PAGE] for start in range(0, len(files), _PAGE))
        facts = ((file, rows) for page in pages for file, rows in _with_rows(page, known))
        for file, rows in facts:
            current = [row for row in rows if _is_unchanged(row, file)]
            is_kept = any(row.has_copy or not self.job.copies for row in current)
            if is_kept and all(row.path.exists() for row in current if row.origin == "copy"):
                self.studies |= {row.study_instance_uid for row in current}
                if any(row.is_missing for row in current):
                    back.append(file.path)
                continue
            unread.append(file)
            if any(row.size_bytes >= 0 for row in rows) and not current:
                changed.add(file.path)
        with self.context.store.transaction():
            self._refresh(self.context.store.files.set_missing(back, missing=False))
        return unread, changed

    def _count(
        self, batch: Sequence[FoundFile], changed: set[Path], scanned: ScanResult, made: Prepared
    ) -> None:
        again = sum(file.path in changed for file in batch)
        objects = len(made.records) - len(made.repeated)
        self.tally.changed += min(again, objects)
        self.tally.new += max(0, objects - again)
        self.tally.left_out += scanned.seen - objects
        # the members of an archive were not on the list
        self.tally.total += max(0, scanned.seen - len(batch))
        self.tally.portion_read(max(scanned.seen, len(batch)))

    def _audit_first(self, touched: set[str]) -> None:
        for uid in sorted(touched - self.studies):
            self.context.store.audit.append(
                self.context.user, "study.imported", uid,
                {"import": str(self.job.number), "copy": "yes" if self.job.copies else "no"},
            )  # fmt: skip

    def _refresh(self, studies: set[str]) -> None:
        for uid in studies:
            self.context.store.studies.refresh(uid)
            judge_identity(self.context, uid)


def _with_rows(
    files: Sequence[FoundFile], known: Callable[[Sequence[Path]], dict[Path, list[KnownFile]]]
) -> Iterator[tuple[FoundFile, list[KnownFile]]]:
    rows = known([file.path for file in files])
    for file in files:
        yield file, rows.get(file.path, [])


def _is_unchanged(known: KnownFile, file: FoundFile) -> bool:
    return (known.size_bytes, known.mtime_ns) == (file.size_bytes, file.mtime_ns)


def _tell(counts: ImportCounts, progress: Progress, on_counts: OnCounts | None) -> None:
    progress(counts.seen / max(1, counts.total), counts.message().en)
    if on_counts is not None:
        on_counts(counts)


@contextmanager
def _taken_up_later(context: AppContext, job: ImportJob) -> Iterator[None]:
    """Cut off by an error, the import stays on the list of those that can go on."""
    is_done = False
    try:
        yield
        is_done = True
    finally:
        if not is_done:
            # the library itself may be what failed; the job then counts as killed
            with suppress(StoreError):
                context.store.imports.stop(job.number, at_utc=context.clock.now_utc())
