"""``overread self-test``: what a packaged build runs after installation.

Every native library does one real thing. A library that is present but broken (a missing shared
object, a codec left out of the build) shows here and not at the first patient.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from pydicom.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing that has to work, and what it told."""

    name: str
    work: Callable[[], str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("--json", action="store_true")


def run(args: argparse.Namespace) -> int:
    """Run all probes; exit 4 when one fails."""
    rows = []
    for probe in _PROBES:
        started = time.monotonic()
        try:
            told, ok = probe.work(), True
        except Exception as fault:  # noqa: BLE001 - a broken library may raise anything at all
            told, ok = f"{type(fault).__name__}: {fault}", False
        seconds = round(time.monotonic() - started, 2)
        rows.append({"name": probe.name, "ok": ok, "detail": told, "seconds": seconds})
        if not args.json:
            sys.stdout.write(f"{'ok    ' if ok else 'FAILED'} {probe.name:<28} {told}\n")
            sys.stdout.flush()
    passed = all(row["ok"] for row in rows)
    if args.json:
        report = {"schema": "overread.self-test/1", "passed": passed, "probes": rows}
        sys.stdout.write(json.dumps(report, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("self-test passed\n" if passed else "self-test FAILED\n")
    return ExitCode.DONE if passed else ExitCode.ENVIRONMENT


def _picture() -> tuple[Dataset, npt.NDArray[np.uint16]]:
    """An uncompressed object, and its pixels."""
    import numpy as np
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    picture = np.arange(64 * 48, dtype=np.uint16).reshape(64, 48)
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    image.SOPInstanceUID = "2.25.1"
    image.Rows, image.Columns = picture.shape
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 16, 15
    image.PixelRepresentation = 0
    image.PixelData = picture.tobytes()
    return image, picture


def _codecs() -> str:
    """Encode a picture and decode it again through each shipped codec."""
    import numpy as np
    from pydicom.pixels.utils import pixel_array
    from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

    done = []
    for syntax in (RLELossless, JPEGLSLossless, JPEG2000Lossless):
        image, picture = _picture()
        image.compress(syntax, generate_instance_uid=False)
        if not np.array_equal(pixel_array(image), picture):
            raise ValueError(f"{syntax.name} changes pixels")
        done.append(syntax.name)
    return ", ".join(done)


def _simpleitk() -> str:
    import numpy as np

    from app.core.geometry import Geometry
    from app.imaging.nifti import read_nifti, write_nifti

    box = np.zeros((4, 5, 6), np.uint8)
    box[1:3, 2:4, 1:5] = 1
    grid = Geometry.from_arrays((6, 5, 4), (1, 2, 3), (1, 2, 3), np.eye(3), "2.25.1")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "маска.nii.gz"
        write_nifti(path, box, grid)
        again, _ = read_nifti(path)
    if not np.array_equal(again, box):
        raise ValueError("a NIfTI file comes back changed")
    return "NIfTI written and read"


def _reslice() -> str:
    import numpy as np

    from app.core.geometry import Geometry
    from app.core.study import SeriesRef
    from app.core.volume import Rescale, Volume
    from app.rendering import snapshot

    grid = Geometry.from_arrays((16, 16, 16), (1, 1, 1), (0, 0, 0), np.eye(3), "2.25.1")
    voxels = np.arange(16**3, dtype=np.int16).reshape(16, 16, 16)
    volume = Volume(voxels, grid, Rescale(), "HU", SeriesRef("2.25.1", "2.25.2"))
    png = snapshot.render_slice_png(volume, 8)
    return f"{len(png)} bytes of PNG"


def _model() -> str:
    from app.config.folders import built_in_packs_folder, data_folder
    from app.inference.pack_store import PackStore

    store = PackStore(built_in_packs_folder(), data_folder() / "packs")
    packs = store.installed()
    if not packs:
        raise FileNotFoundError("no model pack is installed")
    faults = store.verify(None)
    if faults:
        raise ValueError(f"{len(faults)} faults in the installed packs")
    golden = importlib.import_module("app.inference.golden")
    return "; ".join(golden.run_golden(pack) for pack in packs if pack.built_in)


def _dicom_out() -> str:
    """A segmentation and an SR of a coarse demonstration film, written and read again."""
    import numpy as np
    import pydicom

    from app.core import codes
    from app.core.finding import Finding, FindingContent, Label, Proposal
    from app.core.ports import RandomUids, SystemClock
    from app.core.provenance import Provenance
    from app.demo.radiograph import FilmPlan
    from app.demo.studies import write_film_only
    from app.dicom.files.scan import scan
    from app.dicom.stacks.grouping import group
    from app.dicom.writing.authoring import Identity, SourceImages, write_dataset
    from app.dicom.writing.seg_writer import SegmentSource, SegRequest, write_seg
    from app.dicom.writing.sr_writer import SegmentPlace, SrRequest, write_sr

    uids, now = RandomUids(), SystemClock().now_utc()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        plan = FilmPlan(pixel_mm=1.0, sample_x_mm=2.4, sample_y_mm=4.0, slice_mm=4.0)
        labels = write_film_only(root / "film", plan)
        (study,) = group(scan([root / "film"], workspace=root).records)
        series = study.series[0]
        source = SourceImages(
            study.study_instance_uid, series.series_instance_uid, series.stacks[0].frames
        )
        content = FindingContent(codes.LUNG, Label("right lung", "правое лёгкое"))
        finding = Finding(
            uids.new_uid(), uids.new_uid(), source.study_instance_uid, source.series_instance_uid,
            0, Proposal(content), content, "proposed", Provenance("person", now),
        )  # fmt: skip
        mask = (labels == 1).astype(np.uint8)[None]
        identity = Identity(uids.new_uid(), uids.new_uid(), 9001)
        seg = write_seg(
            SegRequest(source, (SegmentSource(finding, mask),), identity, "self-test", now)
        )
        again = pydicom.dcmread(write_dataset(seg, root / "seg.dcm"))
        if int(again.pixel_array.sum()) != int(mask.sum()):
            raise ValueError("a segmentation comes back changed")
        places = {finding.uid: SegmentPlace(seg, 1)}
        identity = Identity(uids.new_uid(), uids.new_uid(), 9002)
        report = write_sr(
            SrRequest(source, (finding,), places, identity, uids.new_uid(), "self-test", now)
        )
        write_dataset(report, root / "sr.dcm")
    return f"{int(mask.sum())} pixels written and read"


def _pdf() -> str:
    from app.core.report import Report
    from app.core.study import PatientText
    from app.reporting.render_pdf import ReportDocument, render_pdf

    report = Report("2.25.1", "2.25.2", 1, "ru", "Заключение:\nСамопроверка.", "draft")
    nobody = PatientText("")
    pdf = render_pdf(ReportDocument(report, nobody, nobody, nobody, "", "", "", nobody))
    if not pdf.startswith(b"%PDF"):
        raise ValueError("no PDF came out")
    return f"{len(pdf)} bytes"


def _signed_pdf() -> str:
    """A key made here signs a page, and the signature verifies."""
    import datetime as dt

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import pkcs12

    from app.core.report import Report
    from app.core.study import PatientText
    from app.reporting.outputs.document import ReportDocument
    from app.reporting.outputs.pades import PadesRequest, Pkcs12, sign_pdf
    from app.reporting.render_pdf import render_pdf

    now = dt.datetime.now(dt.UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "self-test")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    content = pkcs12.serialize_key_and_certificates(
        b"self-test", key, certificate, None, serialization.BestAvailableEncryption(b"self-test")
    )
    nobody = PatientText("")
    report = Report("2.25.1", "2.25.2", 1, "ru", "Самопроверка.", "draft")
    pdf = render_pdf(ReportDocument(report, nobody, nobody, nobody, "", "", "", nobody))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "key.p12"
        path.write_bytes(content)
        signed = sign_pdf(PadesRequest(pdf, Pkcs12(path, "self-test"), "", "", now.isoformat()))
    import pkcs11  # the way to tokens, a library of its own

    return f"{len(signed)} bytes, verified; tokens by PKCS#11 {pkcs11.__name__}"


def _fhir_and_hl7() -> str:
    from app.core.report import Report
    from app.core.study import PatientText
    from app.reporting.outputs.document import ReportDocument
    from app.reporting.outputs.fhir import FhirNames, fhir_bundle
    from app.reporting.outputs.hl7 import Hl7Names, oru_message

    now, nobody = "2026-01-01T00:00:00+00:00", PatientText("")
    report = Report("2.25.1", "2.25.2", 1, "ru", "Заключение:\nСамопроверка.", "draft")
    document = ReportDocument(report, nobody, nobody, nobody, "", "", "", nobody)
    bundle = fhir_bundle(document, FhirNames(), now)
    message = oru_message(document, Hl7Names(), now)
    return f"{len(bundle)} and {len(message)} bytes"


def _database() -> str:
    from app.store.store import Store

    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        try:
            return "library created"
        finally:
            store.close()


def _report_check() -> str:
    from app.core.report import StudyFacts
    from app.reporting.check import check

    result = check("Findings: no pneumothorax.\nImpression: normal.", (), StudyFacts(), "en")
    return f"{result.verdict}, {result.elapsed_ms:.1f} ms"


def _window() -> str:
    if not os.environ.get("DISPLAY") and sys.platform == "linux":
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = importlib.import_module("app.ui.application")
    return str(application.probe_window())


def _decode_process() -> str:
    """A picture through the processes in which compressed pixels are decoded."""
    import numpy as np
    from pydicom.encaps import get_frame
    from pydicom.uid import JPEG2000Lossless

    from app.dicom.pixels.decode_pool import decode_frame
    from app.dicom.pixels.stored_frame import layout_of

    image, picture = _picture()
    image.compress(JPEG2000Lossless, generate_instance_uid=False)
    stored = decode_frame(layout_of(image), get_frame(image.PixelData, 0, number_of_frames=1))
    if not np.array_equal(stored, picture):
        raise ValueError("the process changes pixels")
    return "JPEG 2000 decoded apart"


def _network() -> str:
    """Our own C-ECHO at our own listener, over loopback."""
    from app.network.echo import echo
    from app.network.inbox import Inbox
    from app.network.listener import Listener, ListenerSettings
    from app.network.peers import DimsePeer

    with tempfile.TemporaryDirectory() as folder:
        listener = Listener(
            ListenerSettings(ae_title="SELFTEST", port=0, host="127.0.0.1"),
            Inbox(Path(folder)),
            lambda _path: None,
        )
        listener.start()
        try:
            answer = echo(DimsePeer("self-test", "SELFTEST", "127.0.0.1", listener.port))
        finally:
            listener.stop()
    return f"C-ECHO in {answer.seconds * 1000:.0f} ms"


def _text_in_pixels() -> str:
    import numpy as np
    from PIL import Image, ImageDraw

    from app.dicom.deid.burned_in_text import find_text

    image = Image.new("L", (320, 240), 20)
    ImageDraw.Draw(image).text((20, 20), "IVANOVA ANNA 1961", fill=230, font_size=20)
    found = find_text(np.asarray(image))
    if not found:
        raise ValueError("a written name is not seen")
    return f"{len(found)} line seen"


def _document() -> str:
    import pypdfium2
    from reportlab.pdfgen.canvas import Canvas

    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(100, 100))
    canvas.drawString(10, 50, "page")
    canvas.save()
    with pypdfium2.PdfDocument(buffer.getvalue()) as document:
        page = document[0]
        array = page.render(scale=1).to_numpy()
        page.close()
    return f"page of {array.shape[1]} x {array.shape[0]} pixels"


def _pillow() -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("L", (8, 8), 128).save(buffer, "PNG")
    return f"{len(buffer.getvalue())} bytes of PNG"


_PROBES = (
    Probe("codecs", _codecs),
    Probe("decoding processes", _decode_process),
    Probe("SimpleITK", _simpleitk),
    Probe("picture files", _pillow),
    Probe("VTK reslice", _reslice),
    Probe("model pack on its sample", _model),
    Probe("DICOM SEG and SR", _dicom_out),
    Probe("report as PDF", _pdf),
    Probe("signature of a PDF", _signed_pdf),
    Probe("report as FHIR and HL7", _fhir_and_hl7),
    Probe("library (SQLite)", _database),
    Probe("report check", _report_check),
    Probe("DICOM network", _network),
    Probe("text in pixels (OCR)", _text_in_pixels),
    Probe("pages of a PDF", _document),
    Probe("window (Qt)", _window),
)
