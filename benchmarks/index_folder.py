"""Indexing a folder, and the time to its first image.

    python -m benchmarks.index_folder [--files 1000] [--repeats 5]

Indexing reads every header, finds copies, groups into studies, series and stacks with a verdict on
their geometry; the peer only reads the headers with pydicom, up to the pixels, and keeps them.
The first image: from the path to the grey values that are painted, everything as in the window but
the painting, in a running program.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from app.core.study import SeriesRef, Study
from app.dicom.files.header_memory import forget
from app.dicom.files.scan import scan
from app.dicom.stacks.grouping import group
from app.rendering.slice_renderer import DisplayArray, SliceRenderer
from app.ui.first_image import read_first_image
from benchmarks.ct_series import write_ct
from benchmarks.sides import compare, say, table


def index(folder: Path) -> tuple[Study, ...]:
    """Ours; nothing remembered from the round before."""
    forget()
    return group(scan([folder], workspace=folder.parent / "workspace").records)


def headers_by_pydicom(folder: Path) -> list[Dataset]:
    """The loop that everybody writes."""
    return [pydicom.dcmread(path, stop_before_pixels=True) for path in folder.iterdir()]


def first_image(folder: Path) -> DisplayArray:
    """From a path to the grey values of the middle image."""
    (study,) = index(folder)
    (series,) = study.series
    ref = SeriesRef(study.study_instance_uid, series.series_instance_uid, series.stacks[0].index)
    renderer = SliceRenderer(read_first_image(study, ref).volume)
    return renderer.display(renderer.space, 0, renderer.default_window())


def main() -> None:
    """Measure and print tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root, "files")
        origin = write_ct(folder, given.files)
        sides = compare(
            {
                "Overread, index": lambda: index(folder),
                "pydicom, headers": lambda: headers_by_pydicom(folder),
                "Overread, first image": lambda: first_image(folder),
            },
            given.repeats,
        )
        title = f"### {given.files} files, {origin}"
        say(table(title, sides, "Overread, index", {"pydicom, headers": 1 / 1.5}))


if __name__ == "__main__":
    main()
