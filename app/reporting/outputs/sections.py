"""The sections of a report with their LOINC codes (DICOM PS3.20, imaging report), and states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from app.core import codes
from app.core.codes import Code
from app.core.measurement import Measurement
from app.core.report import Report
from app.reporting.reading.document import document_of

REPORT: Final = Code("18748-4", "LN", "Diagnostic imaging study")
_SECTIONS: Final = {
    "findings": Code("59776-5", "LN", "Procedure findings Narrative"),
    "impression": Code("19005-8", "LN", "Radiology Imaging study [Impression] (narrative)"),
    "recommendation": Code("18783-1", "LN", "Radiology Study recommendation (narrative)"),
    "technique": Code("55111-9", "LN", "Current imaging procedure descriptions Document"),
    "indication": Code("18785-6", "LN", "Radiology Reason for study (narrative)"),
    "comparison": Code("18834-2", "LN", "Radiology Comparison study (observation)"),
    "communication": Code("73568-8", "LN", "Communication of critical results [Description]"),
}
_QUANTITIES: Final[dict[str, Code]] = {
    "volume": codes.VOLUME,
    "area": codes.AREA,
    "long_axis": codes.LONG_AXIS,
    "short_axis": codes.SHORT_AXIS,
    "max_diameter_3d": codes.DIAMETER,
    "diameter": codes.DIAMETER,
}
OWN_SCHEME: Final = "99OVERREAD"


@dataclass(frozen=True, slots=True)
class SectionText:
    """A stretch of the report as it stands, heading included, with the code of what it is."""

    code: Code
    text: str


def coded_sections(report: Report) -> tuple[SectionText, ...]:
    """The whole text cut at its headings: the stretches add up to it, none is lost."""
    found: list[SectionText] = []
    sections = document_of(report.text, report.language).sections
    starts = [s.header_start if s.header else s.start for s in sections]
    if not starts or starts[0] != 0:
        starts, names = [0, *starts], ["", *(s.name for s in sections)]
    else:
        names = [s.name for s in sections]
    for n, (start, name) in enumerate(zip(starts, names, strict=True)):
        end = starts[n + 1] if n + 1 < len(starts) else len(report.text)
        text = report.text[start:end]
        if text.strip():
            found.append(SectionText(_SECTIONS.get(name, REPORT), text))
    return tuple(found)


def quantity(measurement: Measurement) -> Code:
    """What was measured; a code of a terminology only where our tables are sure of it."""
    known = _QUANTITIES.get(measurement.kind)
    name = measurement.kind.replace("_", " ")
    return known or Code(measurement.kind, OWN_SCHEME, name)


ResultStatus = Literal["preliminary", "final", "appended", "corrected", "amended"]


def result_status(report: Report) -> ResultStatus:
    """What the version is to who receives it, in the words of FHIR R4 (DiagnosticReport.status)."""
    if not report.is_final:
        return "preliminary"
    if report.state == "signed":
        return "final"
    if report.change == "correction":
        return "corrected"
    return "appended" if report.change == "addendum" else "amended"


def hl7_status(report: Report) -> Literal["P", "F", "C"]:
    """The same in HL7 v2 (tables 0085 and 0123): what is amended in any way is a correction."""
    status = result_status(report)
    if status == "preliminary":
        return "P"
    return "F" if status == "final" else "C"
