"""Import a folder, telling each portion and waiting a little after it: something to be killed.

Run as ``python -m tests.support.import_slowly LIBRARY FOLDER [copy]``; prints the files seen.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from app.workflow.import_counts import ImportCounts
from app.workflow.import_studies import import_paths
from tests.support.workflow_context import context_in


def _tell(counts: ImportCounts) -> None:
    sys.stdout.write(f"{counts.seen}\n")
    sys.stdout.flush()
    time.sleep(0.2)


if __name__ == "__main__":
    with context_in(Path(sys.argv[1])) as context:
        import_paths(context, [Path(sys.argv[2])], copy="copy" in sys.argv, on_counts=_tell)
