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
        for name in ("file", "object", "archive"):
            (root / name).mkdir()
        seed, headers = given.seed, given.headers
        streams, others = codestream_seeds(corpus), object_seeds(corpus)
        kinds = {
            "headers": header_cases(seeds, seed, headers),
            "files": file_cases(seeds, root / "file", seed, headers // 20),
            "objects": object_cases(others, root / "object", seed, headers // 50),
            "archives": archive_cases(archive_seeds(), root / "archive", seed, headers // 100),
            "codestreams": codestream_cases(streams, seed, given.pixels),
        }
        clean = [_is_clean(run(name, cases)) for name, cases in kinds.items()]
    return 0 if all(clean) else 1


def _is_clean(report: Report) -> bool:
    """Tell what happened at once: the whole run takes hours."""
    print(report, flush=True)  # noqa: T201
    for words in report.failures.values():
        print(words, flush=True)  # noqa: T201
    return not report.failures and report.peak_mb <= LIMIT_MEGABYTES


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
