"""Entry point: a verb goes to the command line, anything else opens the workstation."""

from __future__ import annotations

import multiprocessing
import sys


def main() -> int:
    """Run ``overread``; returns the exit code of ``app.cli.exit_codes``."""
    multiprocessing.freeze_support()
    from app.cli.main import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
