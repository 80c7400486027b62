"""De-identification: what is planted does not come out, what belongs together stays together."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import Tag

from app.core.errors import DeidentifyError, DicomReadError, InputError
from app.dicom.deid.deidentify import Deidentifier
from app.dicom.deid.options import DeidentifyOptions
from app.dicom.deid.refusal import refusing_damage
from app.dicom.deid.table import attribute_rules
from app.dicom.files.headers import read_dataset
from app.dicom.tolerant import quiet
from tests.fuzz import mutate
from tests.unit.dicom.deid.deid_objects import (
    ALL_OPTIONS,
    KEY,
    OTHER_KEY,
    cleaned,
    image,
    planted,
    read_back,
    rows,
    written,
)

# PatientSex and the like stay under their option; the value is then no secret.
_KEPT_BY_OPTION = {
    rule.keyword
    for rule in attribute_rules().values()
    if {"patient", "device"} & set(rule.options) and rule.options.get("patient", "K") == "K"
} | {rule.keyword for rule in attribute_rules().values() if "modified_dates" in rule.options}


@pytest.mark.parametrize("options", [DeidentifyOptions(), ALL_OPTIONS], ids=["basic", "options"])
def test_d17_no_row_of_the_table_lets_its_value_through(options: DeidentifyOptions) -> None:
    """Every attribute of Table E.1-1, at the top of an object and inside a kept sequence."""
    secrets: dict[str, bytes] = {}
    inner, ds = Dataset(), image()
    for rule in rows():
        element, secret = planted(rule) or pytest.fail(rule.tag)
        if options is ALL_OPTIONS and rule.keyword in _KEPT_BY_OPTION:
            continue
        inner.add(element)
        if rule.keyword != "SOPInstanceUID":
            ds.add(element)
        if secret:
            secrets[rule.keyword] = secret
    ds.AnatomicRegionSequence = DicomSequence([inner])
    with quiet():
        before, after = written(ds), cleaned(ds, options)
    assert [name for name, secret in secrets.items() if secret not in before] == []
    assert [name for name, secret in secrets.items() if secret in after] == []


def test_the_table_is_whole() -> None:
    rules = attribute_rules()
    assert len(rules) == 655 + 25  # of the standard, and of ours beyond it
    assert {rule.basic for rule in rules.values()} == {
        "D", "Z", "X", "U", "Z/D", "X/Z", "X/D", "X/Z/D", "X/Z/U*",
    }  # fmt: skip
    assert rules["00100010"].basic == "Z"
    assert rules["00081030"].options == {"descriptors": "C"}
    assert rules["00080020"].options == {"full_dates": "K", "modified_dates": "C"}


def test_shifted_dates_keep_their_distances() -> None:
    ds = image()
    with quiet():
        ds.StudyDate, ds.SeriesDate, ds.AcquisitionDate = "20240228", "20240301", "2024.03.02"
        ds.AcquisitionDateTime = "20240301101112.25+0300"
        ds.StudyTime = "101112"
        out = read_back(cleaned(ds, DeidentifyOptions(dates="shift")))
    days = [pydicom.valuerep.DA(d) for d in (out.StudyDate, out.SeriesDate, out.AcquisitionDate)]
    assert (days[1] - days[0]).days == 2
    assert (days[2] - days[1]).days == 1
    assert out.AcquisitionDateTime == f"{out.SeriesDate}101112.25+0300"
    assert out.StudyTime == "101112"
    assert out.StudyDate != "20240228"
    assert out.LongitudinalTemporalInformationModified == "MODIFIED"
    assert out.PatientBirthDate == ""


def test_kept_dates_are_declared() -> None:
    out = read_back(cleaned(image(), DeidentifyOptions(dates="keep")))
    assert out.StudyDate == "20260102"
    assert out.LongitudinalTemporalInformationModified == "UNMODIFIED"
    codes = [item.CodeValue for item in out.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113103", "113104", "113106"]
    assert out.PatientIdentityRemoved == "YES"


def test_the_same_key_gives_the_same_and_another_key_another() -> None:
    first, again, other = (cleaned(image(), ALL_OPTIONS, key) for key in (KEY, KEY, OTHER_KEY))
    assert first == again
    one, two = read_back(first), read_back(other)
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "PatientID", "StudyDate"):
        assert one[keyword].value != two[keyword].value, keyword
    with pytest.raises(InputError, match="too short"):
        Deidentifier(ALL_OPTIONS, b"short")


def test_the_given_object_is_not_changed() -> None:
    ds = read_back(written(image()))
    before = written(ds)
    Deidentifier(ALL_OPTIONS, KEY).apply(ds)
    assert written(ds) == before


def test_uids_of_kinds_stay_and_uids_of_things_go() -> None:
    ds = image()
    ds.FrameOfReferenceUID = "1.2.840.10008.1.4.1.1"  # the Talairach atlas
    reference = Dataset()
    reference.ReferencedSOPClassUID = ds.SOPClassUID
    reference.ReferencedSOPInstanceUID = ds.SOPInstanceUID
    ds.SourceImageSequence = DicomSequence([reference])
    out = read_back(cleaned(ds))
    assert out.SOPClassUID == ds.SOPClassUID
    assert out.FrameOfReferenceUID == "1.2.840.10008.1.4.1.1"
    assert out.SourceImageSequence[0].ReferencedSOPInstanceUID == out.SOPInstanceUID
    assert out.file_meta.MediaStorageSOPInstanceUID == out.SOPInstanceUID
    assert out.SOPInstanceUID != ds.SOPInstanceUID


def test_the_head_of_the_file_says_nothing() -> None:
    ds = image()
    ds.preamble = b"Ivanov, Ivan, 12.03.1961".ljust(128, b"\0")
    ds.file_meta.SourceApplicationEntityTitle = "WARD7"
    ds.file_meta.PrivateInformationCreatorUID = "1.2.3.4"
    ds.file_meta.PrivateInformation = b"Ivanov"
    content = cleaned(ds)
    assert content[:128] == bytes(128)
    for secret in (b"Ivanov", b"WARD7", b"1.2.3.4"):
        assert secret not in content


def test_descriptions_keep_known_words_only() -> None:
    ds = image()
    ds.PatientName = "Axial^Peter"
    ds.SeriesDescription = "CT Thorax axial 2.5 mm w/o contrast, Dr. House 12.03.61"
    ds.StudyDescription = "ОГК прямая Сидоров"
    with quiet():
        out = read_back(cleaned(ds, DeidentifyOptions(clean_descriptors=True)))
    assert out.SeriesDescription == "CT Thorax * 2.5 mm w/o contrast, *"
    assert out.StudyDescription == "ОГК прямая *"
    basic = read_back(cleaned(ds))
    assert "SeriesDescription" not in basic


def test_a_known_name_is_taken_out_of_any_text_that_stays() -> None:
    ds = image()
    ds.PatientName = "Иванов^Пётр"
    ds.PatientID = "QX-77341"
    ds.SoftwareVersions = "7.1 for ИВАНОВ"
    ds.FilterType = "id 77341"
    ds.BodyPartExamined = "CHEST"
    out = read_back(cleaned(ds))
    assert out.SoftwareVersions == "7.1 for *"
    assert out.FilterType == "id *"
    assert out.BodyPartExamined == "CHEST"


def test_patients_without_a_name_are_not_one_patient() -> None:
    named, other, nameless = image(), image(), image()
    other.PatientID = ""
    other.PatientName = "Other"
    nameless.PatientID = nameless.PatientName = ""
    elsewhere = image()
    elsewhere.PatientID = elsewhere.PatientName = ""
    elsewhere.StudyInstanceUID = "1.2.3.4"
    found = [read_back(cleaned(ds)).PatientID for ds in (named, other, nameless, elsewhere)]
    assert len(set(found)) == 4


def test_ages_above_89_are_one() -> None:
    options = DeidentifyOptions(keep_patient_characteristics=True)
    for age, told in (("061Y", "061Y"), ("089Y", "089Y"), ("094Y", "090Y"), ("003M", "003M")):
        ds = image()
        ds.PatientAge = age
        ds.PatientSex = "F"
        out = read_back(cleaned(ds, options))
        assert (out.PatientAge, out.PatientSex) == (told, "F")
    ds.PatientAge = "061Y"
    assert "PatientAge" not in read_back(cleaned(ds))


def test_private_attributes_stay_only_where_they_are_known() -> None:
    ds = image()
    siemens = ds.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    siemens.add_new(0x0C, "IS", "1000")
    siemens.add_new(0x7F, "LO", "Qzxwv")
    philips = ds.private_block(0x7053, "Philips PET Private Group", create=True)
    philips.add_new(0x00, "DS", "0.00041")
    philips.add_new(0x03, "ST", "Qzxwv.img")
    own = ds.private_block(0x0029, "QZXWV CREATOR", create=True)
    own.add_new(0x10, "OB", b"Qzxwv")
    assert not [e for e in read_back(cleaned(ds)) if e.tag.is_private]
    content = cleaned(ds, DeidentifyOptions(keep_safe_private=True))
    assert b"zxwv" not in content
    assert b"QZXWV" not in content
    out = read_back(content)
    assert out.private_block(0x0019, "SIEMENS MR HEADER")[0x0C].value == 1000
    assert out.private_block(0x7053, "Philips PET Private Group")[0x00].value == 0.00041
    assert len([e for e in out if e.tag.is_private]) == 4


def test_what_nobody_knows_is_removed() -> None:
    ds = image()
    ds.add(DataElement(Tag(0x0008, 0x9FF7), "UN", b"Qzxwv1"))
    ds.add(DataElement(Tag(0x0020, 0x9FF1), "LO", "Qzxwv"))
    content = cleaned(ds)
    assert b"Qzxwv" not in content


def test_a_malformed_value_is_removed_and_not_passed_on() -> None:
    ds = image()
    content = written(ds).replace(b"\x20\x00\x11\x00IS\x02\x001 ", b"\x20\x00\x11\x00IS\x02\x00Qz")
    assert b"Qz" in content
    out, _ = Deidentifier(ALL_OPTIONS, KEY).apply(pydicom.dcmread(io.BytesIO(content)))
    assert b"Qz" not in written(out)
    assert "SeriesNumber" not in out


@pytest.mark.parametrize(
    "sop_class",
    ["1.2.840.10008.5.1.4.1.1.104.1", "1.2.840.10008.5.1.4.1.1.66", "1.3.12.2.1107.5.9.1", ""],
)
def test_content_that_cannot_be_looked_into_is_refused(sop_class: str) -> None:
    ds = image()
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = sop_class
    with pytest.raises(DeidentifyError, match="cannot be de-identified"):
        Deidentifier(ALL_OPTIONS, KEY).apply(ds)


@pytest.mark.parametrize("character_set", ["ISO_IR 144", "ISO_IR 192", ["", "ISO 2022 IR 144"]])
def test_text_is_decoded_before_it_is_judged(character_set: str | list[str]) -> None:
    ds = image()
    ds.SpecificCharacterSet = character_set
    ds.PatientName = "Козлодоев^Пётр"
    ds.StudyDescription = "КТ грудной клетки Козлодоев"
    out = read_back(cleaned(ds, ALL_OPTIONS))
    assert out.SpecificCharacterSet == "ISO_IR 192"
    assert out.StudyDescription == "КТ грудной клетки *"


def test_an_unknown_character_set_removes_what_cannot_be_read() -> None:
    ds = image()
    ds.StudyDescription = "Thorax Qzxwv"
    content = written(ds).replace(b"ISO_IR 192", b"ISO_IR 777")
    with quiet():
        out, _ = Deidentifier(ALL_OPTIONS, KEY).apply(pydicom.dcmread(io.BytesIO(content)))
    assert b"Qzxwv" not in written(out)


def test_overlays_and_curves_go_with_their_whole_module() -> None:
    ds = image()
    ds.add_new(0x60000010, "US", 2)
    ds.add_new(0x60003000, "OW", b"Qzxwvk")
    ds.add_new(0x60024000, "LT", "Qzxwv")
    ds.add_new(0x50003000, "OW", b"Qzxwvk")
    out = read_back(cleaned(ds, ALL_OPTIONS))
    assert not [e for e in out if e.tag.group >> 8 in (0x50, 0x60)]


def test_a_label_that_the_table_does_not_name_is_cleaned_like_a_description() -> None:
    ds = image()
    item = Dataset()
    item.SegmentLabel = "right lung Qzxwv"
    ds.SegmentSequence = DicomSequence([item])
    out = read_back(cleaned(ds))
    assert out.SegmentSequence[0].SegmentLabel == "right lung *"


def test_d19_damaged_objects_are_cleaned_or_refused_in_words(tmp_path: Path) -> None:
    ds = image()
    ds.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0C, "IS", "1000")
    ds.AnatomicRegionSequence = DicomSequence([Dataset()])
    whole, chance, refused = written(ds), random.Random(3), 0
    kinds = (
        mutate.flip_bit, mutate.write_number, mutate.cut, mutate.remove, mutate.change_element,
        mutate.change_size, mutate.nest,
    )  # fmt: skip
    for _ in range(300):
        path = tmp_path / "damaged.dcm"
        path.write_bytes(mutate.mutated(whole, chance, kinds))
        try:
            out, _report = Deidentifier(ALL_OPTIONS, KEY).apply(read_dataset(path))
            with quiet(), refusing_damage():
                written(out)
        except (DeidentifyError, DicomReadError):
            refused += 1
    assert 0 < refused < 200


_TEXT = st.text(st.characters(codec="utf-8", categories=("L", "N", "Zs")), min_size=6, max_size=30)


@given(_TEXT, st.sampled_from(rows()), st.integers(0, 3), st.booleans())
def test_no_planted_text_survives_at_any_depth(
    text: str, rule: object, depth: int, all_options: bool
) -> None:
    element, _secret = planted(rule)  # type: ignore[arg-type, misc]
    if element.VR not in ("LO", "SH", "LT", "ST", "UT", "PN", "UC"):
        element = DataElement(Tag("StudyDescription"), "LO", "")
    secret = f"Qzxwv{''.join(text.split())}"[:16]
    item = Dataset()
    item.add(DataElement(element.tag, element.VR, secret))
    for _ in range(depth):
        outer = Dataset()
        outer.ContentSequence = DicomSequence([item])
        item = outer
    ds = image()
    ds.update(item)
    with quiet():
        content = cleaned(ds, ALL_OPTIONS if all_options else None)
    if element.keyword in _KEPT_BY_OPTION and all_options:
        return
    assert secret.encode() not in content
