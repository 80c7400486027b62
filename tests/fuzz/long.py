"""The long run: as many damaged files as time allows, in processes with a memory limit.

    python -m tests.fuzz.long --headers 1000000 --pixels 10000 [--seed 7] [--processes 2]

Also reads files (a twentieth of the headers), objects that are no images (a fiftieth) and archives
(a hundredth). Prints a line per kind and
one case of each kind of failure; ends with status 1 where there was one. A case is made again by
its label: its number and the seed give the same bytes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.cases import (
    Report,
    archive_cases,
    codestream_cases,
    file_cases,
    header_cases,
    object_cases,
    run,
)
from tests.fuzz.seeds import (
    archive_seeds,
    codestream_seeds,
    corpus_folder,
    header_seeds,
    object_seeds,
)

LIMIT_MEGABYTES = 1024
"""What one process may have at its peak; decoding happens in others, with limits of their own."""


def main(arguments: list[str]) -> int:
    """Run all kinds; in one process, or share them out over several."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--headers", type=int, default=1_000_000)
    parser.add_argument("--pixels", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--processes", type=int, default=1)
    given = parser.parse_args(arguments)
    if given.processes > 1:
        return _share_out(given)
    corpus = corpus_folder()
    seeds = header_seeds(corpus)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        reports = [
            run("headers", header_cases(seeds, given.seed, given.headers)),
            run("files", file_cases(seeds, root, given.seed, given.headers // 20)),
        ]
        for name in ("archive", "object"):
            (root / name).mkdir()
        others = object_cases(
            object_seeds(corpus), root / "object", given.seed, given.headers // 50
        )
        reports.append(run("objects", others))
        archives = archive_cases(
            archive_seeds(), root / "archive", given.seed, given.headers // 100
        )
        reports.append(run("archives", archives))
        streams = codestream_cases(codestream_seeds(corpus), given.seed, given.pixels)
        reports.append(run("codestreams", streams))
    return _tell(reports)


def _tell(reports: list[Report]) -> int:
    status = 0
    for report in reports:
        print(report, flush=True)  # noqa: T201
        for words in report.failures.values():
            print(words, flush=True)  # noqa: T201
        if report.failures or report.peak_mb > LIMIT_MEGABYTES:
            status = 1
    return status


def _share_out(given: argparse.Namespace) -> int:
    """The same in several processes, each with a seed of its own."""
    share = ["--headers", str(given.headers // given.processes)]
    share += ["--pixels", str(given.pixels // given.processes)]
    command = [sys.executable, "-m", "tests.fuzz.long", *share]
    started = [
        subprocess.Popen([*command, "--seed", str(given.seed + n)]) for n in range(given.processes)
    ]
    return max(process.wait() for process in started)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
