"""The parts of a printed report, from the letterhead to the key images."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Final

from reportlab.lib.units import mm
from reportlab.platypus import Image, KeepTogether, Paragraph, Spacer, Table, TableStyle

from app.core.report import Language, Signature
from app.reporting.outputs.document import KeyImage, Letterhead, ReportDocument
from app.reporting.outputs.pdf_style import FONT, RULE, WIDTH, paragraph, style
from app.reporting.outputs.words import (
    how_signed,
    measure_name,
    reference_text,
    sex_word,
    status_word,
    value_text,
    word,
)

# "TECHNIQUE: plain films": what stands before the colon is set in bold where it is all capitals
_INLINE_HEADING: Final = re.compile(r"^([A-ZА-ЯЁ][A-ZА-ЯЁ0-9 /(),-]{2,50}:)\s+(\S.*)$")
_SHORT_LINE: Final = 40
_TITLE_LINE: Final = 90
# else an empty cell names Helvetica, which is not embedded
_OWN_FONT: Final = ("FONTNAME", (0, 0), (-1, -1), FONT)


def letterhead(head: Letterhead) -> list[object]:
    """Logo, name and address above a rule; nothing where none is set."""
    if not (head.name or head.lines or head.logo):
        return []
    words: list[object] = [paragraph(head.name, style(12, bold=True))] if head.name else []
    words += [paragraph(line, style(8, color="#444444")) for line in head.lines]
    logo: object = ""
    widths = [0.0, WIDTH]
    if head.logo:
        picture = _picture(head.logo, 40 * mm, 20 * mm)
        logo, widths = picture, [picture.drawWidth + 5 * mm, WIDTH - picture.drawWidth - 5 * mm]
    row = [logo, words] if head.logo else [words]
    table = Table([row], colWidths=widths if head.logo else [WIDTH])
    table.setStyle(
        TableStyle(
            [
                _OWN_FONT,
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("RIGHTPADDING", (0, 0), (-1, -1), 0),
                ("LINEBELOW", (0, -1), (-1, -1), 1.2, RULE),
            ]
        )
    )
    return [table, Spacer(1, 4 * mm)]


def patient_block(document: ReportDocument) -> Table:
    """Title, patient and examination."""
    language = document.report.language
    rows = [
        ("patient", document.patient_name.replace("^", " ").strip(), "study",
         document.study_description),
        ("id", document.patient_id, "date", date_text(document.study_date, language)),
        ("born", date_text(document.patient_birth_date, language), "accession",
         document.accession_number),
        ("sex", sex_word(document.patient_sex, language), "version", str(document.report.version)),
    ]  # fmt: skip
    if document.referring_physician:
        rows.append(("referrer", document.referring_physician.replace("^", " ").strip(), "", ""))
    label, value = style(8, color="#666666"), style(9)
    cells: list[list[object]] = [
        [paragraph(word("title", language), style(14, bold=True)), "", "", ""]
    ]
    cells += [
        [
            paragraph(word(a, language), label),
            paragraph(str(b), value),
            paragraph(word(c, language) if c else "", label),
            paragraph(str(d), value),
        ]
        for a, b, c, d in rows
    ]
    table = Table(cells, colWidths=[30 * mm, 55 * mm, 35 * mm, 50 * mm])
    table.setStyle(
        TableStyle(
            [
                _OWN_FONT,
                ("SPAN", (0, 0), (3, 0)),
                _OWN_FONT,
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBELOW", (0, -1), (-1, -1), 0.6, RULE),
                ("TOPPADDING", (0, 1), (-1, -1), 0),
                ("BOTTOMPADDING", (0, 1), (-1, -1), 0),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ]
        )
    )
    return table


def body(text: str) -> list[object]:
    """Paragraphs of the text as typed; headings are set in bold."""
    flow: list[object] = []
    for block in text.strip().split("\n"):
        line = block.strip()
        if not line:
            flow.append(Spacer(1, 2 * mm))
            continue
        inline = _INLINE_HEADING.match(line)
        if inline:
            flow.append(paragraph(inline[1], style(10, bold=True)))
            flow.append(paragraph(inline[2], style(10)))
            continue
        is_heading = (len(line) < _SHORT_LINE and line.endswith(":")) or (
            len(line) < _TITLE_LINE and line.isupper()
        )
        flow.append(paragraph(line, style(10, bold=is_heading)))
    return flow


def measurement_table(document: ReportDocument) -> list[object]:
    """Value, unit, method, status and reference range of each measurement."""
    if not document.measurements:
        return []
    language = document.report.language
    head, cell = style(7.5, bold=True), style(7.5)
    columns = ("finding", "measure", "value", "reference", "status", "method")
    rows = [[paragraph(word(name, language), head) for name in columns]]
    for row in document.measurements:
        item = row.measurement
        texts = (
            row.finding.current.label.text(language), measure_name(item, language),
            value_text(item, language), reference_text(item, language),
            status_word(item.status, language), item.method,
        )  # fmt: skip
        rows.append([paragraph(text, cell) for text in texts])
    table = Table(
        rows, colWidths=[w * mm for w in (36, 36, 22, 27, 25, 24)], repeatRows=1, splitByRow=1
    )
    table.setStyle(
        TableStyle(
            [
                _OWN_FONT,
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBELOW", (0, 0), (-1, 0), 0.8, RULE),
                ("LINEBELOW", (0, 1), (-1, -1), 0.3, RULE),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("RIGHTPADDING", (0, 0), (-1, -1), 3),
                ("TOPPADDING", (0, 0), (-1, -1), 1),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
            ]
        )
    )
    title = paragraph(word("measurements", language), style(10, bold=True))
    return [Spacer(1, 4 * mm), title, table]


def communications(document: ReportDocument) -> list[object]:
    """Who was told of a critical finding; what stands in the text too is not repeated."""
    told = [text for text in document.communications if text not in document.report.text]
    if not told:
        return []
    title = word("communications", document.report.language)
    return [
        Spacer(1, 4 * mm),
        paragraph(title, style(10, bold=True)),
        *(paragraph(text, style(10)) for text in told),
    ]


def signature_block(document: ReportDocument) -> list[object]:
    """Who signed when, how and with what meaning (21 CFR 11.50), and what else is to be known."""
    report, language = document.report, document.report.language
    lines: list[str] = []
    if document.models:
        lines.append(f"{word('models', language)}: {'; '.join(document.models)}")
    if document.missing is not None:
        missing = document.missing.text(language)
        lines.append(f"{missing[0].upper()}{missing[1:]}.")
    if report.overrides:
        lines.append(f"{word('overrides', language)}:")
        lines += [f"- {item.rule}: {item.reason}" for item in report.overrides]
    if document.versions:
        lines.append(f"{word('versions', language)}:")
        for version in document.versions:
            row = f"- {version.number}: {version.what.text(language)}, "
            row += f"{_name(version.name)}, {moment(version.at_utc, language)}"
            lines.append(f"{row} ({version.reason})" if version.reason else row)
    head: list[Paragraph] = []
    if report.signature is None:
        head.append(paragraph(word("draft", language), style(10, bold=True, color="#a00000")))
    else:
        if report.state == "preliminary":
            draft = word("preliminary", language)
            head.append(paragraph(draft, style(10, bold=True, color="#a00000")))
        *earlier, last = report.signatures
        head.append(paragraph(_signed(last, language), style(10, bold=True)))
        meaning = f"{word('meaning', language)}: {how_signed(last, language)}"
        before = [
            f"{word('earlier', language)}: {_name(one.name)}, {moment(one.at_utc, language)}, "
            f"{how_signed(one, language)}"
            for one in earlier
        ]
        lines = [meaning, *before, *lines]
        if report.content_sha256:
            lines.append(f"{word('hash', language)}: {report.content_sha256}")
    small = style(8, color="#444444")
    return [KeepTogether([Spacer(1, 6 * mm), *head, *(paragraph(line, small) for line in lines)])]


def moment(at_utc: str, language: Language) -> str:
    """``2026-11-20 10:00:00 UTC``, in Russian ``20.11.2026 10:00:00 UTC``."""
    return f"{date_text(at_utc, language)} {at_utc[11:19]} UTC"


def date_text(iso: str, language: Language) -> str:
    """A date as the language writes it; what is no ISO 8601 date stays as it is."""
    year, _, rest = iso[:10].partition("-")
    month, _, day = rest.partition("-")
    is_whole = len(year) == 4 and len(month) == 2 and len(day) == 2
    return f"{day}.{month}.{year}" if language == "ru" and is_whole else iso[:10]


def key_images(images: Sequence[KeyImage], language: Language) -> list[object]:
    """Two in a row, each with its line below."""
    if not images:
        return []
    title = paragraph(word("key-images", language), style(10, bold=True))
    flow: list[object] = []
    cells: list[object] = [
        [
            _picture(item.png, 80 * mm, 80 * mm),
            paragraph(item.caption, style(8, color="#444444")),
        ]
        for item in images
    ]
    for first in range(0, len(cells), 2):
        pair = [*cells[first : first + 2], ""][:2]
        table = Table([pair], colWidths=[WIDTH / 2, WIDTH / 2])
        table.setStyle(
            TableStyle(
                [
                    _OWN_FONT,
                    ("VALIGN", (0, 0), (-1, -1), "TOP"),
                    ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ]
            )
        )
        flow.append(KeepTogether([Spacer(1, 5 * mm), title, table]) if not first else table)
    return flow


def _picture(content: bytes, width: float, height: float) -> Image:
    picture = Image(io.BytesIO(content))
    scale = min(width / picture.imageWidth, height / picture.imageHeight)
    picture.drawWidth = picture.imageWidth * scale
    picture.drawHeight = picture.imageHeight * scale
    picture.hAlign = "LEFT"
    return picture


def _name(name: str) -> str:
    return name.replace("^", " ").strip()


def _signed(signature: Signature, language: Language) -> str:
    name, at = _name(signature.name), moment(signature.at_utc, language)
    return f"{word('signed', language)}: {name}, {at}"
