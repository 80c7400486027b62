"""Undamaged files to begin with: small ones of many kinds, and the corpus where it is there."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from app.core.errors import AppError
from app.dicom.pixels.frame_bytes import image_header
from app.dicom.pixels.stored_frame import PixelLayout, layout_of
from app.dicom.tolerant import quiet
from tests.support import synthetic_objects as objects
from tests.support.synthetic_dicom import (
    SeriesSpec,
    write_enhanced_mr,
    write_projection,
    write_secondary_capture,
    write_series,
    write_ultrasound,
)

_SMALL = 40_000


@dataclass(frozen=True, slots=True)
class Codestream:
    """One compressed frame with what its header says."""

    name: str
    layout: PixelLayout
    data: bytes


def header_seeds(corpus: Path | None) -> list[bytes]:
    """Whole files; those of the corpus only where they are small."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _write_all(root)
        found = [path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()]
    return found + [data for _, data in corpus_files(corpus) if len(data) < _SMALL]


def object_seeds(corpus: Path | None) -> list[bytes]:
    """Reports, states, structures and documents; small ones of the corpus."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (image,) = write_series(root / "image", SeriesSpec(count=1, rows=6, columns=5))
        header = pydicom.dcmread(image, stop_before_pixels=True)
        seen = objects.image(header.SOPInstanceUID)
        size = objects.number(("410668003", "SCT", "Length"), "12.5", "mm", seen)
        square = np.array([[0, 0, 30], [3, 0, 30], [3, 3, 30], [0, 3, 30]], float)
        written = (
            objects.write_report(
                root / "sr", [objects.measurements(objects.measurement_group(size, seen))]
            ),
            objects.write_presentation_state(root / "pr", header.SOPInstanceUID),
            objects.write_structure_set(root / "rt", [square], header.FrameOfReferenceUID),
            objects.write_document(root / "pdf", b"%PDF-1.4 %%EOF"),
        )
        found = [path.read_bytes() for path in written]
    wanted = tuple(f"1.2.840.10008.5.1.4.1.1.{n}".encode() for n in ("66", "88", "11", "481", "67"))
    return found + [
        data
        for _, data in corpus_files(corpus)
        if len(data) < _SMALL and any(uid in data[:1000] for uid in wanted)
    ]


def codestream_seeds(corpus: Path | None) -> list[Codestream]:
    """First frames of compressed files: JPEG 2000, JPEG-LS and RLE of our own, the rest found."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for syntax in (JPEG2000Lossless, JPEGLSLossless, RLELossless):
            spec = SeriesSpec(count=1, rows=32, columns=32, transfer_syntax_uid=syntax)
            write_series(root / "ours" / syntax.name.replace(" ", ""), spec)
        for n, (name, data) in enumerate(corpus_files(corpus)):
            (root / f"{n:04d}-{Path(name).name}").write_bytes(data)
        for path in sorted(root.rglob("*")):
            stream = _first_codestream(path) if path.is_file() else None
            if stream is not None:
                found.append(stream)
    return found


def archive_seeds() -> list[bytes]:
    """ZIP archives by every method, one in another, and one with a name that climbs."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_series(root, SeriesSpec(count=2, rows=6, columns=6))
        files = [path.read_bytes() for path in sorted(root.iterdir())]
    archives = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as archive:
            for n, data in enumerate(files):
                archive.writestr(f"folder/{n}", data)
            archive.writestr("../../outside", files[0])
            archive.writestr("/absolute", b"text")
        archives.append(stream.getvalue())
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.zip", archives[1])
    return [*archives, outer.getvalue()]


def corpus_folder() -> Path | None:
    """The folder of the corpus, or None where it is not on this machine."""
    beside = Path(__file__).resolve().parents[3] / "shared"
    folder = Path(os.environ.get("OVERREAD_SHARED", beside)) / "data" / "dicom-corpus"
    return folder if folder.is_dir() else None


def corpus_files(corpus: Path | None) -> list[tuple[str, bytes]]:
    """Name and bytes of every file in the corpus of less than a megabyte."""
    if corpus is None:
        return []
    found = []
    for archive in sorted(corpus.glob("*.zip")):
        with zipfile.ZipFile(archive) as opened:
            found += [
                (entry.filename, opened.read(entry))
                for entry in opened.infolist()
                if 132 < entry.file_size < 2**20
            ]
    return found


def _write_all(root: Path) -> None:
    small = SeriesSpec(count=1, rows=6, columns=5)
    (path,) = write_series(root / "ct", small)
    write_series(root / "mr", SeriesSpec(count=1, rows=6, columns=5, modality="MR"))
    write_projection(root / "film", np.zeros((8, 6), np.uint16))
    write_ultrasound(root / "echo", frames=2)
    write_secondary_capture(root / "capture")
    write_enhanced_mr(root / "enhanced", SeriesSpec(3, 6, 5, modality="MR", intercept=0.0))
    for syntax in (ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian):
        ds = pydicom.dcmread(path)
        ds.file_meta.TransferSyntaxUID = syntax
        if syntax == ExplicitVRBigEndian:
            ds.PixelData = np.frombuffer(ds.PixelData, "<i2").astype(">i2").tobytes()
        pydicom.dcmwrite(root / f"ct-{syntax.name.replace(' ', '-')}", ds, enforce_file_format=True)
    for syntax in (JPEG2000Lossless, JPEGLSLossless, RLELossless):
        write_series(root / syntax, SeriesSpec(1, 32, 32, transfer_syntax_uid=syntax))
    with quiet():
        (root / "dicomdir").write_bytes(_dicomdir())


def _dicomdir() -> bytes:
    """An index with one entry that names a file outside."""
    ds = pydicom.Dataset()
    meta = pydicom.dataset.FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    meta.MediaStorageSOPInstanceUID = "2.25.1"
    meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    entry = pydicom.Dataset()
    entry.DirectoryRecordType = "IMAGE"
    entry.ReferencedFileID = ["..", "..", "outside"]
    ds.FileSetID = "SET"
    ds.DirectoryRecordSequence = [entry]
    stream = DicomBytesIO()
    stream.write(b"\0" * 128 + b"DICM")
    write_file_meta_info(stream, meta, enforce_standard=True)
    body = DicomBytesIO()
    ds.file_meta = meta
    pydicom.dcmwrite(body, ds, implicit_vr=False, little_endian=True)
    return bytes(stream.getvalue()) + bytes(body.getvalue())


def _first_codestream(path: Path) -> Codestream | None:
    try:
        with quiet():
            header = image_header(path)
            if header.place is None or not header.place.is_encapsulated:
                return None
            layout = layout_of(header.dataset)
            frames = int(header.dataset.get("NumberOfFrames") or 1)
            data = header.place.codestream(0, frames)
    except (AppError, ValueError, EOFError, AttributeError, KeyError):
        return None
    if len(data) > _SMALL or layout.rows * layout.columns > 1 << 20:
        return None
    return Codestream(path.name, layout, data)
