"""The report as a printed document: PDF/A-2b, for people and for the encapsulated DICOM object.

Made with reportlab and the fonts that the program ships: the same bytes with and without a window
(ADR 0003). The signature block follows 21 CFR 11.50: name, time, meaning.
"""

from __future__ import annotations

import io

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import SimpleDocTemplate, Spacer

from app.reporting.outputs import pdf_parts as parts
from app.reporting.outputs.document import KeyImage, ReportDocument
from app.reporting.outputs.pdf_style import (
    FONT,
    GREY,
    MARGIN,
    fitted,
    numbered,
    printable,
    register_fonts,
)
from app.reporting.outputs.pdfa import PdfFacts, to_pdfa
from app.reporting.outputs.words import word

__all__ = ["KeyImage", "ReportDocument", "render_pdf"]

# a draft has no time of its own, and the same draft gives the same bytes
_NO_TIME = "2000-01-01T00:00:00+00:00"
# points inside the frame of SimpleDocTemplate
_PADDING = 6


def render_pdf(document: ReportDocument) -> bytes:
    """A4 pages; patient and study repeat on every page, an unsigned report says so."""
    register_fonts()
    report, language = document.report, document.report.language
    flow: list[object] = [
        *parts.letterhead(document.letterhead),
        parts.patient_block(document),
        Spacer(1, 5 * mm),
        *parts.body(report.text),
        *parts.communications(document),
        *parts.measurement_table(document),
        *parts.signature_block(document),
        *parts.key_images(document.key_images, language),
    ]
    buffer = io.BytesIO()
    template = SimpleDocTemplate(
        buffer,
        pagesize=A4,
        leftMargin=MARGIN - _PADDING,
        rightMargin=MARGIN - _PADDING,
        topMargin=16 * mm,
        bottomMargin=20 * mm,
        lang=language,
        invariant=True,
        initialFontName=FONT,
    )

    def footer(canvas: Canvas, pages: int) -> None:
        _footer(canvas, document, pages)

    template.build(flow, canvasmaker=numbered(footer))
    signer = report.signature.name.replace("^", " ").strip() if report.signature else ""
    return to_pdfa(
        buffer.getvalue(),
        PdfFacts(
            title=word("title", language),
            author=signer,
            subject=document.letterhead.name,
            language=language,
            at_utc=report.signature.at_utc if report.signature else _NO_TIME,
        ),
    )


def _footer(canvas: Canvas, document: ReportDocument, pages: int) -> None:
    language = document.report.language
    identity = printable(
        f"{document.patient_name.replace('^', ' ').strip()} · {document.patient_id} · "
        f"{parts.date_text(document.study_date, language)}"
    )
    page = word("page", language).format(page=canvas.getPageNumber(), pages=pages)
    clinic = printable(document.letterhead.footer.replace("\n", " "))
    canvas.saveState()
    canvas.setFont(FONT, 7.5)
    canvas.setFillColor(GREY)
    canvas.drawString(MARGIN, 10 * mm, fitted(identity, FONT, 7.5, 130 * mm))
    canvas.drawRightString(190 * mm, 10 * mm, page)
    if clinic:
        canvas.setFont(FONT, 6.5)
        canvas.drawString(MARGIN, 14 * mm, fitted(clinic, FONT, 6.5, 170 * mm))
    canvas.restoreState()
