"""The report as plain text, laid out for pasting into a RIS."""

from __future__ import annotations

from app.reporting.outputs.document import ReportDocument
from app.reporting.outputs.pdf_parts import date_text, moment
from app.reporting.outputs.words import how_signed, word


def plain_text(document: ReportDocument) -> str:
    """A head with the study, the text as it stands, and who signed it; lines end with ``\\n``.

    The patient's name is left out: a RIS shows the patient whose entry the text is pasted into,
    and a name in the text could only contradict it. Study date and accession number stay, so that
    a text in the wrong entry is seen.
    """
    report, language = document.report, document.report.language
    head = [
        f"{word(key, language)}: {value}"
        for key, value in (
            ("study", document.study_description),
            ("date", date_text(document.study_date, language)),
            ("accession", document.accession_number),
        )
        if value
    ]
    lines = ["; ".join(head), ""] if head else []
    lines += [line.rstrip() for line in report.text.strip().splitlines()]
    told = [text for text in document.communications if text not in report.text]
    if told:
        lines += ["", f"{word('communications', language)}:", *told]
    lines.append("")
    if report.signature is None:
        lines.append(word("draft", language))
    else:
        if report.state == "preliminary":
            lines.append(word("preliminary", language))
        for one in report.signatures:
            name = one.name.replace("^", " ").strip()
            at = moment(one.at_utc, language)
            lines.append(f"{word('signed', language)}: {name}, {at} ({how_signed(one, language)})")
    return "\n".join(lines) + "\n"
