"""A folder of CT slices to a volume in memory, beside SimpleITK and a pydicom + numpy loop.

    python -m benchmarks.open_series [--slices 275] [--repeats 5] [--compressed] [--memory]

All ways give the same voxels, which is checked first. ``--compressed`` repeats it with the slices
in JPEG 2000, JPEG-LS and RLE, where ours is also beside ours in one process. ``--memory`` starts
each way in a process of its own and tells its peak.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
import SimpleITK as sitk
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from app.core.volume import Volume
from app.dicom.files.header_memory import forget
from app.dicom.files.scan import scan
from app.dicom.pixels import decode_pool
from app.dicom.pixels.stored_frame import frame_of
from app.dicom.stacks.assemble import assemble_volume
from app.dicom.stacks.grouping import group
from benchmarks.ct_series import write_ct
from benchmarks.sides import compare, say, table

SYNTAXES = (JPEG2000Lossless, JPEGLSLossless, RLELossless)


def ours(folder: Path) -> Volume:
    """Scan, group, assemble; nothing remembered from the round before."""
    forget()
    found = scan([folder], workspace=folder.parent / "workspace")
    (study,) = group(found.records)
    (series,) = study.series
    (stack,) = series.stacks
    return assemble_volume(study, series, stack)


def simple_itk(folder: Path) -> sitk.Image:
    """Its series reader."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


def pydicom_numpy(folder: Path) -> npt.NDArray[np.float64]:
    """What everybody writes: read, sort by position, stack the rescaled pixel arrays."""
    slices = [pydicom.dcmread(path) for path in folder.iterdir()]
    slices.sort(key=lambda ds: float(ds.ImagePositionPatient[2]))
    return np.stack([ds.pixel_array * ds.RescaleSlope + ds.RescaleIntercept for ds in slices])


WAYS: dict[str, Callable[[Path], object]] = {
    "Overread": ours,
    "SimpleITK": simple_itk,
    "pydicom + numpy": pydicom_numpy,
}


def check_equal(folder: Path) -> None:
    """All ways give the same modality values."""
    found = ours(folder).modality_values()
    if not np.array_equal(found, sitk.GetArrayFromImage(simple_itk(folder))):
        raise SystemExit("SimpleITK reads other values")
    if not np.array_equal(found, pydicom_numpy(folder)):
        raise SystemExit("pydicom reads other values")


def in_one_process(folder: Path) -> Volume:
    """Ours without the processes that decode."""
    away = decode_pool.decode_frame
    from app.dicom.pixels import image_object as pixels

    pixels.decode_frame = frame_of
    try:
        return ours(folder)
    finally:
        pixels.decode_frame = away


def peak_bytes(way: str, folder: Path) -> int:
    """The peak resident memory of a process that does it once (Linux)."""
    code = (
        "import sys; from pathlib import Path; from benchmarks.open_series import WAYS;"
        "kept = WAYS[sys.argv[1]](Path(sys.argv[2]));"
        "status = Path('/proc/self/status').read_text();"
        "print(next(line.split()[1] for line in status.splitlines() if 'VmHWM' in line))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, way, str(folder)],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    return int(done.stdout) * 1024


def main() -> None:
    """Measure and print tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, default=275)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--compressed", action="store_true")
    parser.add_argument("--memory", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root, "plain")
        origin = write_ct(folder, given.slices)
        check_equal(folder)
        ways = {name: (lambda way=way: way(folder)) for name, way in WAYS.items()}
        sides = compare(ways, given.repeats)
        title = f"### {given.slices} slices, {origin}, uncompressed"
        say(table(title, sides, "Overread", {"SimpleITK": 0.6, "pydicom + numpy": 0.8}))
        if given.memory:
            _tell_memory(folder)
        for syntax in SYNTAXES if given.compressed else ():
            _tell_compressed(Path(root, syntax), syntax, given.slices, given.repeats)


def _tell_memory(folder: Path) -> None:
    volume = ours(folder).voxels.nbytes
    say(f"### Peak memory; volume {volume / 2**20:.0f} MB\n\n| | peak | beyond 1.5 volumes |")
    say("|---|---|---|")
    for name in WAYS:
        peak = peak_bytes(name, folder)
        say(f"| {name} | {peak / 2**20:.0f} MB | {(peak - 1.5 * volume) / 2**20:.0f} MB |")
    say("")


def _tell_compressed(folder: Path, syntax: str, slices: int, repeats: int) -> None:
    write_ct(folder, slices, transfer_syntax_uid=syntax)
    ways: dict[str, Callable[[], object]] = {
        "Overread": lambda: ours(folder),
        "Overread, one process": lambda: in_one_process(folder),
        "SimpleITK": lambda: simple_itk(folder),
        "pydicom + numpy": lambda: pydicom_numpy(folder),
    }
    sides = compare(ways, repeats)
    say(table(f"### {slices} slices, {syntax.name}", sides, "Overread", {}))


if __name__ == "__main__":
    main()
