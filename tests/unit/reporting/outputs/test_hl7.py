"""ORU^R01 read by two readers that are not ours: hl7apy (with the standard's structure) and hl7."""

from __future__ import annotations

import base64
from dataclasses import replace

import hl7
import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.core import Message
from hl7apy.parser import parse_message

from app.core.measurement import Measurement, Reference
from app.core.report import Report, Signature
from app.core.study import PatientText
from app.reporting.outputs.hl7 import Hl7Names, control_id, oru_message
from app.reporting.outputs.sections import coded_sections
from app.reporting.render_pdf import render_pdf
from tests.support.domain import effusion, model_finding
from tests.unit.reporting.outputs.documents import AT_UTC, TEXTS, document, signed

NAMES = Hl7Names("OVERREAD", "CLINIC", "RIS", "HOSPITAL", "MPI")


def _made(language: str = "en", **changes: object) -> bytes:
    return oru_message(document(language, **changes), NAMES, AT_UTC)


def _strict(message: bytes) -> Message:
    """Parsed, and held to the structure of HL7 v2.5.1."""
    found = parse_message(
        message.decode("utf-8"), validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=True
    )
    assert found.validate()
    return found


def _rows(message: bytes) -> hl7.Message:
    return hl7.parse(message.decode("utf-8"))


def _observations(message: bytes, kind: str) -> list[hl7.Segment]:
    return [row for row in _rows(message).segments("OBX") if str(row[2]) == kind]


def test_the_structure_is_that_of_the_standard() -> None:
    message = _strict(_made("ru"))
    assert message.msh.msh_9.to_er7() == "ORU^R01^ORU_R01"
    assert message.msh.msh_12.to_er7() == "2.5.1"
    assert message.msh.msh_18.to_er7() == "UNICODE UTF-8"
    group = message.oru_r01_patient_result
    patient = group.oru_r01_patient.pid
    assert patient.pid_5.pid_5_1.to_er7() == "Иванова"
    assert patient.pid_5.pid_5_3.to_er7() == "Сергеевна"
    assert patient.pid_3.to_er7() == "4711^^^MPI^PI"
    assert patient.pid_7.to_er7() == "19650203"
    order = group.oru_r01_order_observation.obr
    assert order.obr_3.to_er7() == order.obr_18.to_er7() == "A123"
    assert order.obr_7.to_er7() == "20261120093000"
    assert order.obr_25.to_er7() == "F"
    assert order.obr_32.to_er7() == "&Petrov&Ivan"
    assert len(control_id(_made())) == 20


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_lines_are_the_text_as_signed(language: str) -> None:
    rows = _observations(_made(language), "TX")
    lines = [hl7.parse("MSH|^~\\&|\r").unescape(str(row[5])) for row in rows]
    told = [line for line in TEXTS[language].split("\n") if line.strip()]
    assert [line for line in lines if line.strip()] == told
    codes = {str(row[3][0][0]) for row in rows}
    assert {"59776-5", "19005-8", "55111-9"} <= codes
    places = [(str(row[3]), str(row[4])) for row in rows]
    assert len(set(places)) == len(places)


@pytest.mark.parametrize(
    "text",
    ["", "plain", "IMPRESSION:\nx", "a\n\n\nFINDINGS: b\nIMPRESSION: c", "no section at all\n" * 3],
)
def test_sections_add_up_to_the_text(text: str) -> None:
    joined = "".join(part.text for part in coded_sections(signed(text=text)))
    assert joined.split() == text.split()


def test_measurements_carry_unit_range_status_and_method() -> None:
    volume, axis, ratio, mean = _observations(_made(), "NM")
    assert [str(volume[n]) for n in (3, 5, 6)] == [
        "118565006^Volume^SCT", "412", "mL^mL^UCUM",
    ]  # fmt: skip
    assert str(volume[17]) == "^voxel-count@1"
    assert str(axis[5]) == "12.34"
    assert [str(ratio[n]) for n in (3, 7, 8)] == [
        "cardiothoracic_ratio^cardiothoracic ratio^99OVERREAD", "<=0.5", "H",
    ]  # fmt: skip
    assert (str(mean[5]), str(mean[11])) == ("", "X")
    notes = [str(row[3]) for row in _rows(_made()).segments("NTE")]
    assert notes == ["corrected by the reader", "not measured"]
    finding, side = _observations(_made(), "CE")
    assert str(finding[5]) == "60046008^Pleural effusion^SCT"
    assert str(side[5]) == "7771000^Left^SCT"


@pytest.mark.parametrize(
    ("value", "low", "high", "flag"),
    [(1.0, 2.0, 3.0, "L"), (2.5, 2.0, 3.0, "N"), (4.0, 2.0, 3.0, "H"), (4.0, None, None, "")],
)
def test_flags(value: float, low: float | None, high: float | None, flag: str) -> None:
    item = Measurement("volume", value, "mL", "m@1", reference=Reference(low, high, "s"))
    finding = model_finding(content=effusion(measurements=(item,)))
    (row,) = _observations(_made(findings=(finding,)), "NM")
    assert (str(row[8]) if len(row) > 8 else "") == flag


STATES = [
    ({"state": "draft", "signature": None}, "P"),
    ({"state": "preliminary"}, "P"),
    ({"state": "signed"}, "F"),
    ({"state": "amended", "change": "addendum"}, "C"),
    ({"state": "amended", "change": "correction"}, "C"),
]


@pytest.mark.parametrize(("changes", "letter"), STATES)
def test_status_follows_the_version(changes: dict, letter: str) -> None:
    message = _made(report=signed(**changes))
    _strict(message)
    assert str(_rows(message).segment("OBR")[25]) == letter
    states = {str(row[11]) for row in _rows(message).segments("OBX")}
    assert states == {letter, "O", "X"}


def test_nothing_that_is_typed_breaks_the_frame() -> None:
    evil = "a|b^c&d~e\\f \\X0D\\ \x0bMSH|^~\\&|\x1c\rPID|x\u2028y\u0085z"
    report = signed(text=f"FINDINGS:\n{evil}\n")
    made = _made(
        report=report, patient_name=PatientText("O|Brien^A&B^~"), patient_id=PatientText("1^2|3"),
        study_description="CT|^ chest", accession_number=PatientText("a\rb"),
    )  # fmt: skip
    assert b"\x0b" not in made
    assert b"\x1c" not in made
    _strict(made)
    names = [str(row[0]) for row in _rows(made)]
    assert names.count("MSH") == names.count("PID") == names.count("OBR") == 1
    parsed = _rows(made)
    assert parsed.unescape(str(parsed.segment("PID")[5][0][0])) == "O|Brien"
    lines = [parsed.unescape(str(row[5])) for row in parsed.segments("OBX") if str(row[2]) == "TX"]
    assert "a|b^c&d~e\\f \\X0D\\  MSH|^~\\&| PID|x\u2028y z" in lines


def test_the_pdf_travels_inside() -> None:
    pdf = render_pdf(document())
    message = _made(pdf=pdf)
    _strict(message)
    (row,) = _observations(message, "ED")
    parts = str(row[5]).split("^")
    assert parts[1:4] == ["application", "pdf", "Base64"]
    assert base64.b64decode(parts[4]) == pdf


def test_the_same_version_is_the_same_message_and_another_is_not() -> None:
    assert _made() == _made()
    assert control_id(_made()) != control_id(_made(report=signed(version=2)))


def test_a_resident_and_a_senior_stand_apart() -> None:
    older = Signature("Orlova^Anna", AT_UTC, "preliminary", "orlova", "resident", "password")
    newer = Signature("Petrov^Ivan", AT_UTC, "approval", "petrov", "radiologist", "password")
    report = replace(signed(), prior_signatures=(older,), signature=newer)
    row = _rows(_made(report=report)).segment("OBR")
    assert str(row[32]) == "petrov&Petrov&Ivan"
    assert str(row[33]) == "orlova&Orlova&Anna"


def test_an_empty_study_is_a_message_too() -> None:
    bare = Report("1", "2", 1, "en", "Nothing.", "draft")
    text = PatientText("")
    made = _made(
        report=bare, patient_name=text, patient_id=text, patient_birth_date=text, patient_sex="",
        study_date="", study_time="", accession_number=text, referring_physician=text, findings=(),
    )  # fmt: skip
    assert str(_rows(made).segment("PID")[8]) == "U"
