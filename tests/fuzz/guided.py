"""Coverage-guided fuzz of reading and grouping, with Atheris (libFuzzer), where it is installed.

    pip install atheris
    python -m tests.fuzz.guided FOLDER [-max_total_time=600]

Atheris is no dependency of the project: it exists for Linux and some versions of Python only.
FOLDER keeps what was found; it is filled with the seeds first. Other options are libFuzzer's.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["app.dicom"]):
    from app.core.errors import AppError
    from app.dicom.files.headers import read_header
    from app.dicom.stacks.grouping import group

from tests.fuzz.seeds import header_seeds


def read(data: bytes) -> None:
    """One case: a record in its group, or an error in words."""
    try:
        record = read_header(io.BytesIO(data), Path("case"), len(data))
        if record is not None:
            group([record])
    except AppError:
        return


def main(arguments: list[str]) -> None:
    """Write the seeds and let libFuzzer go on from them."""
    folder = Path(arguments[1])
    folder.mkdir(parents=True, exist_ok=True)
    for n, data in enumerate(header_seeds(None)):
        (folder / f"seed-{n}").write_bytes(data)
    atheris.Setup(arguments, read)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
