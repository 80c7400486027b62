"""Every compressed or big endian object of the corpus, rewritten uncompressed: the same values."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from app.core.errors import DicomReadError
from app.dicom.files.headers import read_header
from app.dicom.pixels.image_object import ImageObject
from app.network.lossless import rewrite
from tests.support.shared_data import shared

PLAIN = {str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian)}
LARGEST_BYTES = 600_000
MOST_FRAMES = 4


def _image(path: Path) -> tuple[ImageObject, int]:
    with path.open("rb") as stream:
        record = read_header(stream, path, path.stat().st_size)
    assert record is not None
    return ImageObject(record.instance), record.instance.number_of_frames


def _differs(path: Path, target: Path) -> str:
    """In what the two files differ; empty for nothing, or where the original shows nothing."""
    try:
        original, count = _image(path)
        frames = [original.stored_frame(n) for n in range(min(count, MOST_FRAMES))]
        whole = all(key in original.dataset for key in ("SOPClassUID", "SOPInstanceUID"))
    except DicomReadError:
        return ""
    if not whole:
        return ""  # such an object is not sent at all
    for syntax in sorted(PLAIN):
        rewrite(path, syntax, target)
        written, written_count = _image(target)
        if written_count != count:
            return "number of frames"
        for n, frame in enumerate(frames):
            if not np.array_equal(frame, written.stored_frame(n)):
                return f"frame {n} in {syntax}"
    return ""


@pytest.mark.parametrize("name", ["pydicom", "pydicom-data"])
def test_the_corpus_keeps_its_values(tmp_path: Path, name: str) -> None:
    manifest = csv.DictReader(io.StringIO(shared("data/dicom-corpus/manifest.csv").read_text()))
    rows = [
        row for row in manifest
        if row["zip"] == f"{name}.zip" and row["transfer_syntax"] not in PLAIN
        and row["has_pixels"] == "True"
    ]  # fmt: skip
    differing = []
    compared = 0
    with zipfile.ZipFile(shared(f"data/dicom-corpus/{name}.zip")) as archive:
        for row in rows:
            if archive.getinfo(row["file"]).file_size > LARGEST_BYTES:
                continue
            path = tmp_path / "original.dcm"
            path.write_bytes(archive.read(row["file"]))
            try:
                why = _differs(path, tmp_path / "written.dcm")
            except DicomReadError as error:
                why = str(error.__cause__)
            compared += 1
            if why:
                differing.append(f"{row['file']}: {why}")
    assert differing == []
    assert compared > 5
