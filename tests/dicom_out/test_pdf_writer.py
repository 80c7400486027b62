from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom

from app.core.report import Report, Signature
from app.core.study import PatientText
from app.dicom.writing.authoring import write_dataset
from app.dicom.writing.pdf_writer import PdfRequest, write_encapsulated_pdf
from app.reporting.render_pdf import ReportDocument, render_pdf
from tests.dicom_out import results
from tests.support.synthetic_dicom import write_projection
from tests.support.validation import dciodvfy_errors


def _pdf(state: str = "signed") -> bytes:
    report = Report(
        "2.25.1", "2.25.2", 1, "ru", "Описание:\nОчаг 9 мм.\n\nЗаключение:\nОчаг.", "signed",
        signature=Signature("Петров И. И.", results.AT_UTC, "Я автор этого заключения"),
        content_sha256="e" * 64,
    )  # fmt: skip
    text = PatientText("Иванова^Анна")
    return render_pdf(ReportDocument(report, text, text, text, "F", "ОГК", "2026-11-20", text))


def test_the_same_report_gives_the_same_bytes() -> None:
    assert _pdf() == _pdf()


def test_encapsulated_pdf_is_valid_and_comes_back_byte_by_byte(tmp_path: Path) -> None:
    source = results.source_of([write_projection(tmp_path / "dx", np.zeros((16, 16), np.uint16))])
    pdf = _pdf()
    dataset = write_encapsulated_pdf(
        PdfRequest(source, pdf, "Заключение", results.identity("pdf"), results.AT_UTC)
    )
    path = write_dataset(dataset, tmp_path / "pdf.dcm")
    assert dciodvfy_errors(path) == []
    again = pydicom.dcmread(path)
    assert again.EncapsulatedDocument[: again.EncapsulatedDocumentLength] == pdf
    assert again.DocumentTitle == "Заключение"
    assert again.SpecificCharacterSet == "ISO_IR 192"
