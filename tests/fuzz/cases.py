"""What is done with a damaged file, and what counts as a failure.

Allowed: a result, or an ``AppError`` (the sentence for the user). Everything else is a failure: any
other exception, a case that takes too long, memory beyond the limit, a file outside the workspace.
"""

from __future__ import annotations

import faulthandler
import io
import random
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.core.errors import AppError
from app.core.study import Study
from app.dicom.files.headers import read_header
from app.dicom.files.scan import scan
from app.dicom.pixels.decode_pool import decode_frame
from app.dicom.pixels.decoders import NotDecoded
from app.dicom.stacks.assemble import assemble_volume
from app.dicom.stacks.grouping import group
from app.dicom.stacks.stack_reader import StackReader
from app.workflow.other_objects import list_objects, open_object
from tests.fuzz.mutate import BYTES, HEADERS, Mutation, mutated
from tests.fuzz.seeds import Codestream
from tests.support.synthetic_dicom import SeriesSpec, write_series

SLOW_SECONDS = 60.0
"""By the clock; decoders have their own limits, and a machine may be busy."""
BUSY_SECONDS = 10.0
"""Of this process."""
HANG_SECONDS = 120.0
VOXELS_TO_ASSEMBLE = 1 << 22

Case = Callable[[], None]


@dataclass(slots=True)
class Report:
    """What happened; ``failures`` name a case of each kind, so that it can be made again."""

    name: str
    cases: int = 0
    refused: int = 0
    slowest_s: float = 0.0
    slowest: str = ""
    seconds: float = 0.0
    peak_mb: int = 0
    failed: int = 0
    failures: dict[str, str] = field(default_factory=dict)

    def add_failure(self, label: str, words: str) -> None:
        """Keep the first of those that look alike."""
        self.failed += 1
        lines = [line.strip() for line in words.splitlines()]
        ours = [line for line in lines if line.startswith("File") and "/app/" in line]
        self.failures.setdefault((ours[-1:] or lines[:1])[0] + lines[-1][:60], f"{label}\n{words}")

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.cases} cases, {self.refused} refused in words, "
            f"{self.failed} failures, slowest {self.slowest_s:.2f} s ({self.slowest}), "
            f"{self.seconds:.0f} s in all, peak {self.peak_mb} MB"
        )


def run(name: str, cases: Iterator[tuple[str, Case]], seconds: float = 1e9) -> Report:
    """Run cases until they end or the time is over; a hang ends the process with a traceback."""
    report = Report(name)
    begin = time.perf_counter()
    try:
        for label, case in cases:
            start, busy = time.perf_counter(), time.process_time()
            if report.cases % 100 == 0 or start - begin > seconds:
                faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
            if start - begin > seconds:
                break
            try:
                case()
            except (AppError, NotDecoded):
                report.refused += 1
            except Exception:  # noqa: BLE001 - this is what is looked for
                report.add_failure(label, traceback.format_exc(limit=-8, chain=False))
            took = time.perf_counter() - start
            report.cases += 1
            if took > report.slowest_s:
                report.slowest_s, report.slowest = took, label
            if took > SLOW_SECONDS or time.process_time() - busy > BUSY_SECONDS:
                report.add_failure(label, f"it took {took:.1f} s")
    finally:
        faulthandler.cancel_dump_traceback_later()
    report.seconds, report.peak_mb = time.perf_counter() - begin, peak_megabytes()
    return report


def header_cases(seeds: Sequence[bytes], seed: int, count: int) -> Iterator[tuple[str, Case]]:
    """Headers read and grouped, in memory."""

    def read(data: bytes) -> None:
        record = read_header(io.BytesIO(data), Path("case"), len(data))
        if record is not None:
            group([record])

    yield from _mutations("header", seeds, HEADERS, seed, count, read)


def file_cases(
    seeds: Sequence[bytes], folder: Path, seed: int, count: int
) -> Iterator[tuple[str, Case]]:
    """Files scanned, grouped, their frames read and volumes assembled."""
    path = folder / "case.dcm"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        found = scan([path], workspace=folder / "workspace")
        for study in group(found.records):
            look_at(study)

    yield from _mutations("file", seeds, HEADERS, seed, count, read)


def object_cases(
    seeds: Sequence[bytes], folder: Path, seed: int, count: int
) -> Iterator[tuple[str, Case]]:
    """Objects that are no images, beside the image that they speak of: listed and opened."""
    path = folder / "case.dcm"
    (image,) = write_series(folder / "image", SeriesSpec(count=1, rows=6, columns=5))

    def read(data: bytes) -> None:
        path.write_bytes(data)
        found = scan([path, image], workspace=folder / "workspace")
        for study in group(found.records):
            for listed in list_objects(study):
                open_object(listed, study)

    yield from _mutations("object", seeds, HEADERS, seed, count, read)


def codestream_cases(
    seeds: Sequence[Codestream], seed: int, count: int
) -> Iterator[tuple[str, Case]]:
    """Compressed frames decoded in the processes of the program."""
    for n in range(count):
        chance = random.Random(f"codestream-{seed}-{n}")
        stream = chance.choice(seeds)
        data = mutated(stream.data, chance, BYTES)

        def read(stream: Codestream = stream, data: bytes = data) -> None:
            frame = decode_frame(stream.layout, data)
            assert frame.shape[:2] == (stream.layout.rows, stream.layout.columns)

        yield f"codestream {stream.name} seed {seed} case {n}", read


def archive_cases(
    seeds: Sequence[bytes], folder: Path, seed: int, count: int
) -> Iterator[tuple[str, Case]]:
    """ZIP archives scanned; nothing may appear outside the workspace."""
    path = folder / "case.zip"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        try:
            scan([path], workspace=folder / "workspace")
        finally:
            strangers = {item.name for item in folder.iterdir()} - {"case.zip", "workspace"}
            if strangers:
                raise AssertionError(f"written outside the workspace: {sorted(strangers)}")

    yield from _mutations("archive", seeds, BYTES, seed, count, read)


def look_at(study: Study) -> None:
    """What the program does with an opened study: facts, first frames, volumes of modest size."""
    for series in study.series:
        for stack in series.stacks[:3]:
            try:
                reader = StackReader(study, series, stack)
                reader.read_frame(reader.frame_count // 2)
                if len(stack.frames) * stack.rows * stack.columns <= VOXELS_TO_ASSEMBLE:
                    assemble_volume(study, series, stack).modality_values()
            except AppError:
                continue


def peak_megabytes() -> int:
    """The most memory this process ever had, 0 where the system does not tell."""
    if sys.platform != "linux":
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _mutations(
    name: str,
    seeds: Sequence[bytes],
    kinds: tuple[Mutation, ...],
    seed: int,
    count: int,
    read: Callable[[bytes], None],
) -> Iterator[tuple[str, Case]]:
    for n in range(count):
        chance = random.Random(f"{name}-{seed}-{n}")
        which = chance.randrange(len(seeds))
        data = mutated(seeds[which], chance, kinds)
        yield f"{name} {which} seed {seed} case {n}", lambda data=data: read(data)
