from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from app.core.study import Patient, PatientText
from app.dicom.character_sets import display_name, doubts_of, name_groups, text_of
from app.dicom.stacks.identity import identity_conflict, normalized_name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Иванова^Анна^Петровна", "Иванова, Анна Петровна"),
        ("Doe^Jane", "Doe, Jane"),
        ("Doe", "Doe"),
        ("", ""),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada, Tarou (山田, 太郎)"),
        ("=山田^太郎", "山田, 太郎"),
    ],
)
def test_d10_names_on_the_screen(name, shown):
    assert display_name(name) == shown


def test_name_groups_are_always_three():
    assert name_groups("A^B") == ("A^B", "", "")
    assert name_groups("A==C^^") == ("A", "", "C")


def test_d08_names_are_compared_without_case_accents_and_carets():
    assert normalized_name("MÜLLER^ÄNNE ^^") == normalized_name("Muller^Anne")
    assert normalized_name("Иванов^Ёж") == normalized_name("иванов^еж")


def person(patient_id="1", issuer="", name="Doe^Jane", birth="1970-01-01"):
    return Patient(PatientText(patient_id), PatientText(name), PatientText(birth), "F", issuer)


@pytest.mark.parametrize(
    ("other", "word"),
    [
        (person(patient_id="2"), "patient ID"),
        (person(name="Doe^John"), "patient name"),
        (person(birth="1971-01-01"), "birth date"),
        (person(), ""),
        (person(issuer="HOSPITAL"), ""),
        (person(patient_id="", name="", birth=""), ""),
        (person(name="Doe^Jane=山田^花子=やまだ^はなこ"), ""),
        (person(name="=山田^花子"), ""),
        (person(name="DOE JANE"), ""),
    ],
)
def test_d08_what_conflicts(other, word):
    conflict = identity_conflict([person(), other])
    assert (conflict is not None) == bool(word)
    if conflict is not None:
        assert word in conflict.en
        assert "Doe" not in conflict.en + conflict.ru


def test_d08_two_issuers_conflict():
    conflict = identity_conflict([person(issuer="A"), person(issuer="B")])
    assert conflict is not None
    assert "issuer" in conflict.en


def test_d10_items_of_a_sequence_share_the_character_set_of_their_object():
    item, ds = Dataset(), Dataset()
    item.ScheduledProcedureStepDescription = "МРТ головы"
    ds.SpecificCharacterSet = "ISO_IR 144"
    ds.ScheduledProcedureStepSequence = [item]
    stream = BytesIO()
    ds.save_as(stream, implicit_vr=False, little_endian=True)
    stream.seek(0)
    (read,) = dcmread(stream, force=True).ScheduledProcedureStepSequence
    assert text_of(read, "ScheduledProcedureStepDescription") == "МРТ головы"


def test_d08_two_ideographic_names_conflict():
    conflict = identity_conflict([person(name="=山田^花子"), person(name="A^B=山田^太郎")])
    assert conflict is not None
    assert "patient name" in conflict.en


@pytest.mark.parametrize(
    ("declared", "written", "name"),
    [
        (["", "ISO 2022 IR 58"], "gb2312", "Zhang^XiaoDong=张^小东"),
        (["", "ISO 2022 IR 149"], "euc_kr", "Hong^Gildong=洪^吉洞=홍^길동"),
        (["ISO 2022 IR 6", "ISO 2022 IR 144"], "iso8859_5", "Иванов^Пётр"),
        (["ISO 2022 IR 6", "ISO 2022 IR 144"], "utf-8", "Иванов^Пётр"),
    ],
)
def test_d10_escapes_that_were_left_out_are_a_guess_and_said(declared, written, name):
    ds = Dataset()
    ds.SpecificCharacterSet = declared
    ds[0x00100010] = RawDataElement(
        Tag(0x00100010), "PN", len(name.encode(written)), name.encode(written), 0, False, True
    )
    assert text_of(ds, "PatientName") == name
    (doubt,) = doubts_of(ds, ["PatientName"])
    assert doubt.ru
