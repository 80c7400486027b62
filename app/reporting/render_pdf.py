"""The report as a PDF page, for people and for the encapsulated DICOM object.

Made with reportlab and the fonts that the program ships: the same bytes with and without a window
(ADR 0003). The signature block follows 21 CFR 11.50: name, time, meaning.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    Image,
    KeepTogether,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)  # fmt: skip

from app.config.folders import resources_folder
from app.core.report import Message, Report
from app.core.study import PatientText

_FONT, _BOLD = "DejaVuSans", "DejaVuSans-Bold"

_WORDS = {
    "title": Message("Radiology report", "Заключение врача-рентгенолога"),
    "patient": Message("Patient", "Пациент"),
    "id": Message("Patient ID", "ID пациента"),
    "born": Message("Born", "Дата рождения"),
    "sex": Message("Sex", "Пол"),
    "study": Message("Study", "Исследование"),
    "date": Message("Study date", "Дата исследования"),
    "accession": Message("Accession number", "Номер направления"),
    "signed": Message("Signed electronically", "Подписано электронной подписью"),
    "meaning": Message("Meaning of signature", "Значение подписи"),
    "hash": Message("Content hash (SHA-256)", "Контрольная сумма (SHA-256)"),
    "overrides": Message(
        "Check messages the signer let stand, with reasons",
        "Замечания проверки, оставленные подписавшим, с причинами",
    ),
    "models": Message("Models used", "Использованные модели"),
    "draft": Message("DRAFT - not signed", "ЧЕРНОВИК - не подписано"),
    "addendum": Message("Addendum to version", "Дополнение к версии"),
    "version": Message("Version", "Версия"),
    "page": Message("Page", "Стр."),
    "key-images": Message("Key images", "Ключевые изображения"),
}
# The meanings that the program itself gives to a signature; any other is printed as typed.
_MEANINGS = {
    "author": Message("author and responsible", "автор, несёт ответственность"),
    "review": Message("reviewed", "проверено"),
    "approval": Message("approved", "утверждено"),
}


@dataclass(frozen=True, slots=True)
class KeyImage:
    """A PNG and the line below it."""

    png: bytes
    caption: str


@dataclass(frozen=True, slots=True)
class ReportDocument:
    """Everything that stands on the printed report.

    ``models`` are lines such as "cxr-lung-fields 1.0.0 (cpu)". ``study_date`` is ISO 8601.
    ``missing`` says what of the study was not there when it was read, without full stop.
    """

    report: Report
    patient_name: PatientText
    patient_id: PatientText
    patient_birth_date: PatientText
    patient_sex: str
    study_description: str
    study_date: str
    accession_number: PatientText
    models: Sequence[str] = ()
    key_images: Sequence[KeyImage] = ()
    missing: Message | None = None


def render_pdf(document: ReportDocument) -> bytes:
    """A4 pages; patient and study repeat on every page, an unsigned report says so."""
    _register_fonts()
    language = document.report.language
    flow: list[object] = [_header(document), Spacer(1, 5 * mm)]
    flow += _body(document.report.text)
    flow += _signature(document)
    flow += _key_images(document, language)
    buffer = io.BytesIO()
    template = SimpleDocTemplate(
        buffer,
        pagesize=A4,
        leftMargin=20 * mm,
        rightMargin=20 * mm,
        topMargin=16 * mm,
        bottomMargin=18 * mm,
        title=_word("title", language),
        author=document.report.signature.name if document.report.signature else "Overread",
        creator="Overread",
        lang=language,
        invariant=True,
    )

    def footer(canvas: Canvas, _template: SimpleDocTemplate) -> None:
        _footer(canvas, document)

    template.build(flow, onFirstPage=footer, onLaterPages=footer)
    return buffer.getvalue()


def _register_fonts() -> None:
    if _FONT in pdfmetrics.getRegisteredFontNames():
        return
    folder = resources_folder() / "fonts"
    for name in (_FONT, _BOLD):
        pdfmetrics.registerFont(TTFont(name, str(folder / f"{name}.ttf")))
    pdfmetrics.registerFontFamily(_FONT, normal=_FONT, bold=_BOLD, italic=_FONT, boldItalic=_BOLD)


def _word(key: str, language: str) -> str:
    return _WORDS[key].text(language)


def _meaning(text: str, language: str) -> str:
    return _MEANINGS[text].text(language) if text in _MEANINGS else text


def _style(size: float, *, bold: bool = False, color: str = "#1a1a1a") -> ParagraphStyle:
    return ParagraphStyle(
        f"s{size}{bold}{color}",
        fontName=_BOLD if bold else _FONT,
        fontSize=size,
        leading=size * 1.4,
        textColor=colors.HexColor(color),
        spaceAfter=size * 0.3,
    )


def _header(document: ReportDocument) -> Table:
    language = document.report.language
    rows = [
        ("patient", document.patient_name.replace("^", " ").strip(), "study",
         document.study_description),
        ("id", document.patient_id, "date", document.study_date),
        ("born", document.patient_birth_date, "accession", document.accession_number),
        ("sex", document.patient_sex, "version", str(document.report.version)),
    ]  # fmt: skip
    label, value = _style(8, color="#666666"), _style(9)
    cells: list[list[object]] = [
        [Paragraph(escape(_word("title", language)), _style(14, bold=True)), "", "", ""]
    ]
    cells += [
        [
            Paragraph(escape(_word(a, language)), label),
            Paragraph(escape(str(b)), value),
            Paragraph(escape(_word(c, language)), label),
            Paragraph(escape(str(d)), value),
        ]
        for a, b, c, d in rows
    ]
    table = Table(cells, colWidths=[30 * mm, 55 * mm, 35 * mm, 50 * mm])
    table.setStyle(
        TableStyle(
            [
                ("SPAN", (0, 0), (3, 0)),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBELOW", (0, -1), (-1, -1), 0.6, colors.HexColor("#999999")),
                ("TOPPADDING", (0, 1), (-1, -1), 0),
                ("BOTTOMPADDING", (0, 1), (-1, -1), 0),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ]
        )
    )
    return table


def _body(text: str) -> list[object]:
    """Paragraphs of the text as typed; a line that is only a heading is set in bold."""
    flow: list[object] = []
    for block in text.strip().split("\n"):
        line = block.strip()
        if not line:
            flow.append(Spacer(1, 2 * mm))
            continue
        is_heading = len(line) < 40 and (line.endswith(":") or line.isupper())
        flow.append(Paragraph(escape(line), _style(10, bold=is_heading)))
    return flow


def _signature(document: ReportDocument) -> list[object]:
    report, language = document.report, document.report.language
    small = _style(8, color="#444444")
    lines: list[str] = []
    if document.models:
        lines.append(f"{_word('models', language)}: {'; '.join(document.models)}")
    if document.missing is not None:
        missing = document.missing.text(language)
        lines.append(f"{missing[0].upper()}{missing[1:]}.")
    if report.overrides:
        lines.append(f"{_word('overrides', language)}:")
        lines += [f"- {item.rule}: {item.reason}" for item in report.overrides]
    if report.predecessor_uid:
        lines.append(f"{_word('addendum', language)} {report.version - 1}")
    if report.signature is None:
        head = Paragraph(escape(_word("draft", language)), _style(10, bold=True, color="#a00000"))
    else:
        stamp = report.signature.at_utc[:19].replace("T", " ")
        signer = report.signature.name.replace("^", " ").strip()
        head = Paragraph(
            escape(f"{_word('signed', language)}: {signer}, {stamp} UTC"),
            _style(10, bold=True),
        )
        lines.insert(
            0, f"{_word('meaning', language)}: {_meaning(report.signature.meaning, language)}"
        )
        lines.append(f"{_word('hash', language)}: {report.content_sha256}")
    block = [Spacer(1, 6 * mm), head, *(Paragraph(escape(line), small) for line in lines)]
    return [KeepTogether(block)]


def _key_images(document: ReportDocument, language: str) -> list[object]:
    if not document.key_images:
        return []
    flow: list[object] = [
        Spacer(1, 5 * mm),
        Paragraph(escape(_word("key-images", language)), _style(10, bold=True)),
    ]
    for item in document.key_images:
        picture = Image(io.BytesIO(item.png))
        scale = min(80 * mm / picture.imageWidth, 80 * mm / picture.imageHeight)
        picture.drawWidth = picture.imageWidth * scale
        picture.drawHeight = picture.imageHeight * scale
        picture.hAlign = "LEFT"
        caption = Paragraph(escape(item.caption), _style(8, color="#444444"))
        flow.append(KeepTogether([picture, caption, Spacer(1, 3 * mm)]))
    return flow


def _footer(canvas: Canvas, document: ReportDocument) -> None:
    language = document.report.language
    canvas.saveState()
    canvas.setFont(_FONT, 7.5)
    canvas.setFillColor(colors.HexColor("#666666"))
    identity = (
        f"{document.patient_name.replace('^', ' ').strip()} · {document.patient_id} · "
        f"{document.study_date}"
    )
    canvas.drawString(20 * mm, 10 * mm, identity)
    page = f"{_word('page', language)} {canvas.getPageNumber()}"
    canvas.drawRightString(190 * mm, 10 * mm, page)
    canvas.restoreState()
