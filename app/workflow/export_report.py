"""The report itself as files: PDF/A, encapsulated PDF, FHIR, HL7, plain text.

What is not signed yet leaves as preliminary, and never as PDF.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from app.core.errors import ReportError
from app.core.report import Report
from app.dicom.writing.authoring import Identity, SourceImages, write_dataset
from app.dicom.writing.pdf_writer import PdfRequest, write_encapsulated_pdf
from app.reporting.outputs.document import ReportDocument
from app.reporting.outputs.fhir import FhirNames, fhir_bundle
from app.reporting.outputs.hl7 import Hl7Names, oru_message
from app.reporting.outputs.plain_text import plain_text
from app.workflow.derived_uid import derived_uid
from app.workflow.facts import image_series
from app.workflow.key_images import FindingImage
from app.workflow.output_files import whole_or_not, write_bytes
from app.workflow.report_document import report_document
from app.workflow.report_pdf import report_pdf, require_key
from app.workflow.session import StudySession

DocumentKind = Literal["pdf", "fhir", "hl7", "text"]
DOCUMENT_KINDS: Final[tuple[DocumentKind, ...]] = ("pdf", "fhir", "hl7", "text")
FILE_NAMES: Final[dict[DocumentKind, str]] = {
    "pdf": "report.pdf", "fhir": "report.fhir.json", "hl7": "report.hl7", "text": "report-ris.txt",
}  # fmt: skip
PDF_SERIES_NUMBER: Final = 9203


def write_report(
    session: StudySession,
    kinds: Collection[str],
    images: Sequence[FindingImage],
    folder: Path,
) -> list[Path]:
    """Write the documents of the newest version; the files. A lane of its own.

    Raises ``ReportError`` where FHIR, HL7 or text is asked for and nothing is written yet, and
    ``CertificateFault`` where the PDF is to be signed and the key cannot be used.
    """
    wanted = [kind for kind in DOCUMENT_KINDS if kind in kinds]
    if not session.is_signed:
        wanted = [kind for kind in wanted if kind != "pdf"]
    if not wanted:
        return []
    report = _written(session)
    document = report_document(session, report, tuple(images))
    if session.is_signed and _needs_pdf(session, wanted):
        document = replace(document, pdf=report_pdf(session.context, document))
    files: list[Path] = []
    for kind in wanted:
        content = _MAKERS[kind](session, document)
        files.append(write_bytes(folder / FILE_NAMES[kind], content))
        if kind == "pdf":
            files += _encapsulated(session, report, document.pdf, folder)
    return files


def require_ready(session: StudySession, kinds: Collection[str]) -> None:
    """Raise ``CertificateFault`` before anything is written where the PDF has to wait."""
    if session.report is not None and session.is_signed and _needs_pdf(session, kinds):
        require_key(session.context, session.report)


def report_text(session: StudySession) -> str:
    """The newest version as plain text. Raises ``ReportError`` where nothing is written yet."""
    return plain_text(report_document(session, _written(session)))


def _written(session: StudySession) -> Report:
    report = session.report
    if report is None or not report.text.strip():
        raise ReportError(
            "There is no report yet.",
            ru="Заключения пока нет.",
            hint="Write the report first.",
            hint_ru="Сначала напишите заключение.",
        )
    return report


def _needs_pdf(session: StudySession, kinds: Collection[str]) -> bool:
    """The PDF stands in the bundle too, and in the message where that is set."""
    embeds = session.context.settings.report.hl7.embed_pdf and "hl7" in kinds
    return embeds or bool({"pdf", "fhir"} & set(kinds))


def _pdf(_session: StudySession, document: ReportDocument) -> bytes:
    return document.pdf


def _fhir(session: StudySession, document: ReportDocument) -> bytes:
    settings = session.context.settings
    names = FhirNames(
        settings.report.fhir.patient_id_system,
        settings.report.fhir.accession_system,
        settings.organisation or document.letterhead.name,
    )
    return fhir_bundle(document, names, _time_of(session, document.report))


def _hl7(session: StudySession, document: ReportDocument) -> bytes:
    settings = session.context.settings.report.hl7
    names = Hl7Names(
        settings.sending_application, settings.sending_facility, settings.receiving_application,
        settings.receiving_facility, settings.assigning_authority,
    )  # fmt: skip
    shown = document if settings.embed_pdf else replace(document, pdf=b"")
    return oru_message(shown, names, _time_of(session, document.report))


def _text(_session: StudySession, document: ReportDocument) -> bytes:
    return plain_text(document).encode("utf-8")


_MAKERS: Final[dict[DocumentKind, Callable[[StudySession, ReportDocument], bytes]]] = {
    "pdf": _pdf, "fhir": _fhir, "hl7": _hl7, "text": _text,
}  # fmt: skip


def _time_of(session: StudySession, report: Report) -> str:
    signature = report.signature
    return signature.at_utc if signature is not None else session.context.clock.now_utc()


def _encapsulated(
    session: StudySession, report: Report, pdf: bytes, folder: Path
) -> Sequence[Path]:
    """The same PDF as an object for the archive; of another version it names the one before."""
    study = session.study
    frames = [f for s in image_series(study) for stack in s.stacks for f in stack.frames]
    if report.signature is None or not frames:
        return ()
    series = image_series(study)[0]
    digest = hashlib.sha256(pdf).hexdigest()
    seed = ("pdf", study.study_instance_uid, report.content_sha256, digest)
    dataset = write_encapsulated_pdf(
        PdfRequest(
            source=SourceImages(study.study_instance_uid, series.series_instance_uid, (frames[0],)),
            pdf=pdf,
            title="Заключение" if report.language == "ru" else "Report",
            identity=Identity(
                derived_uid("series", *seed), derived_uid("instance", *seed), PDF_SERIES_NUMBER
            ),
            at_utc=report.signature.at_utc,
            version=report.version,
        )
    )
    path = folder / "dicom" / "report-pdf.dcm"
    with whole_or_not(path.with_suffix(".part")):
        return (write_dataset(dataset, path),)
