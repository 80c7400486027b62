"""The report as an HL7 v2.5.1 message ORU^R01, UTF-8.

The lines of the text, findings as codes, measurements with UCUM units, the study's UID and,
where it is asked for, the PDF. The same version gives the same message, control ID included.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from app.core.codes import LATERALITY_CODES, Code
from app.core.finding import Finding
from app.core.measurement import Measurement
from app.reporting.outputs.document import ReportDocument
from app.reporting.outputs.sections import REPORT, coded_sections, hl7_status, quantity
from app.reporting.outputs.words import reference_text, status_word

_ESCAPES: Final = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"}
_SPECIAL: Final = re.compile(r"[\\|^&~]")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_STUDY: Final = Code("113014", "DCM", "DICOM Study")
_FINDING: Final = Code("121071", "DCM", "Finding")
_LATERALITY: Final = Code("272741003", "SCT", "Laterality")
_PRESENCE: Final = Code("presence", "99OVERREAD", "Presence")


@dataclass(frozen=True, slots=True)
class Hl7Names:
    """How sender and receiver are called (MSH-3 to MSH-6) and who gives out patient IDs."""

    sending_application: str = "OVERREAD"
    sending_facility: str = ""
    receiving_application: str = ""
    receiving_facility: str = ""
    assigning_authority: str = ""


def oru_message(document: ReportDocument, names: Hl7Names, at_utc: str) -> bytes:
    """The message, segments ended by carriage returns. ``at_utc`` (ISO 8601): of the version.

    ``document.pdf`` travels inside where it is given.
    """
    body = [_pid(document, names), _orc(document), _obr(document, at_utc), *_observations(document)]
    version = f"{document.report.uid} {document.report.version} {at_utc}"
    digest = hashlib.sha256("\r".join([version, *body]).encode("utf-8")).hexdigest()[:20].upper()
    segments = [_msh(names, digest, at_utc), *body]
    return ("\r".join(segments) + "\r").encode("utf-8")


def control_id(message: bytes) -> str:
    """MSH-10 of a message that we made."""
    return message.split(b"\r", 1)[0].decode("utf-8").split("|")[9]


def _msh(names: Hl7Names, identifier: str, at_utc: str) -> str:
    fields = [
        "MSH", "^~\\&", _text(names.sending_application), _text(names.sending_facility),
        _text(names.receiving_application), _text(names.receiving_facility), _time(at_utc), "",
        "ORU^R01^ORU_R01", identifier, "P", "2.5.1", "", "", "", "", "", "UNICODE UTF-8",
    ]  # fmt: skip
    return "|".join(fields)


def _pid(document: ReportDocument, names: Hl7Names) -> str:
    identifier = _text(document.patient_id)
    if identifier:
        identifier = f"{identifier}^^^{_text(names.assigning_authority)}^PI"
    birth = document.patient_birth_date.replace("-", "")
    sex = document.patient_sex if document.patient_sex in ("M", "F", "O") else "U"
    return _segment(
        "PID", {1: "1", 3: identifier, 5: _name(document.patient_name), 7: birth, 8: sex}
    )


def _orc(document: ReportDocument) -> str:
    return _segment("ORC", {1: "RE", 3: _text(document.accession_number)})


def _obr(document: ReportDocument, at_utc: str) -> str:
    report = document.report
    service = _code(REPORT)
    if document.study_description:
        service += f"^^{_text(document.study_description)}^L"
    accession = _text(document.accession_number)
    fields = {
        1: "1", 3: accession, 4: service, 7: _study_time(document),
        16: f"^{_name(document.referring_physician)}" if document.referring_physician else "",
        18: accession, 22: _time(at_utc), 24: "RAD", 25: hl7_status(report),
    }  # fmt: skip
    signatures = report.signatures
    seniors = [one for one in signatures if one.role != "resident"]
    residents = [one for one in signatures if one.role == "resident"]
    if seniors:
        fields[32] = _reader(seniors[-1].name, seniors[-1].login)
    if residents:
        fields[33] = _reader(residents[-1].name, residents[-1].login)
    return _segment("OBR", fields)


def _observations(document: ReportDocument) -> list[str]:
    rows = _Rows(hl7_status(document.report))
    rows.add("ST", _STUDY, _text(document.report.study_instance_uid), status="O")
    for section in coded_sections(document.report):
        for line in section.text.rstrip("\n").split("\n"):
            rows.add("TX", section.code, _text(line.rstrip()), sub=rows.next_line(section.code))
    for number, finding in enumerate(document.findings, 1):
        _finding_rows(rows, finding, str(number), document)
    if document.pdf:
        content = base64.b64encode(document.pdf).decode("ascii")
        rows.add("ED", REPORT, f"^application^pdf^Base64^{content}", sub="PDF")
    return rows.segments


class _Rows:
    """Numbers the OBX segments and the lines below each code."""

    def __init__(self, status: str) -> None:
        self.segments: list[str] = []
        self._status = status
        self._count = 0
        self._lines: dict[str, int] = {}

    def next_line(self, code: Code) -> str:
        """The number of the next line of text below this code, as OBX-4."""
        self._lines[code.value] = self._lines.get(code.value, 0) + 1
        return str(self._lines[code.value])

    def add(self, kind: str, code: Code, value: str, *, sub: str = "", **more: str) -> None:
        """``more``: unit, reference, flag, method, status."""
        self._count += 1
        fields = {
            1: str(self._count), 2: kind, 3: _code(code), 4: sub, 5: value,
            6: more.get("unit", ""), 7: more.get("reference", ""), 8: more.get("flag", ""),
            11: more.get("status", self._status), 17: more.get("method", ""),
        }  # fmt: skip
        self.segments.append(_segment("OBX", fields))

    def note(self, text: str) -> None:
        """A remark on the observation before."""
        self.segments.append(_segment("NTE", {1: "1", 3: _text(text)}))


def _finding_rows(rows: _Rows, finding: Finding, sub: str, document: ReportDocument) -> None:
    content, language = finding.current, document.report.language
    concept = content.concept or Code("finding", "99OVERREAD", content.label.en)
    rows.add("CE", _FINDING, _code(concept), sub=sub)
    if content.presence != "present":
        rows.add("ST", _PRESENCE, _text(content.presence), sub=sub)
    if content.laterality is not None:
        rows.add("CE", _LATERALITY, _code(LATERALITY_CODES[content.laterality]), sub=sub)
    for item in content.measurements:
        unit = f"{_text(item.unit)}^{_text(item.unit)}^UCUM"
        rows.add(
            "NM", quantity(item), "" if item.value is None else f"{item.value:.12g}", sub=sub,
            unit=unit, reference=_range(item), flag=_flag(item), method=f"^{_text(item.method)}",
            **({"status": "X"} if item.value is None else {}),
        )  # fmt: skip
        if item.status != "valid":
            rows.note(status_word(item.status, language))


def _range(item: Measurement) -> str:
    """OBX-7: ``3.5-4.5``, ``<=0.5``, ``>=10``; numbers with a point whatever the language."""
    return reference_text(item, "en").replace("≤ ", "<=").replace("≥ ", ">=").replace("–", "-")


def _flag(item: Measurement) -> str:
    if item.value is None or item.reference is None:
        return ""
    low, high = item.reference.low, item.reference.high
    if low is None and high is None:
        return ""
    if low is not None and item.value < low:
        return "L"
    return "H" if high is not None and item.value > high else "N"


def _segment(name: str, fields: dict[int, str]) -> str:
    last = max((n for n, value in fields.items() if value), default=0)
    return "|".join([name, *(fields.get(n, "") for n in range(1, last + 1))])


def _text(text: str) -> str:
    """Text in a field: control characters gone, delimiters escaped (chapter 2.7)."""
    plain = _CONTROLS.sub(" ", text)
    return _SPECIAL.sub(lambda found: _ESCAPES[found[0]], plain)


def _code(code: Code) -> str:
    return f"{_text(code.value)}^{_text(code.meaning)}^{_text(code.scheme)}"


def _parts(name: str) -> Sequence[str]:
    """Family, given, middle, prefix, suffix of a DICOM name (the first of its writings)."""
    found = [_text(part.strip()) for part in name.split("=", 1)[0].split("^")]
    return (*found, "", "", "", "", "")[:5]


def _name(name: str) -> str:
    """A DICOM person name as XPN (and as XCN after its identifier): suffix before prefix."""
    family, given, middle, prefix, suffix = _parts(name)
    return _trimmed([family, given, middle, suffix, prefix], "^")


def _reader(name: str, login: str) -> str:
    """A signer as NDL: the first component is a CNN with subcomponents."""
    family, given, middle, prefix, suffix = _parts(name)
    return _trimmed([_text(login), family, given, middle, suffix, prefix], "&")


def _trimmed(parts: Iterable[str], separator: str) -> str:
    return separator.join(parts).rstrip(separator)


def _time(at_utc: str) -> str:
    moment = dt.datetime.fromisoformat(at_utc).astimezone(dt.UTC)
    return moment.strftime("%Y%m%d%H%M%S+0000")


def _study_time(document: ReportDocument) -> str:
    """Date and time of the study, without an offset: the images do not tell one."""
    date = document.study_date.replace("-", "")
    time = re.sub(r"\D", "", document.study_time)[:6]
    return date + (time if len(time) in (4, 6) else "") if date else ""
