"""Content items, presentation states, ages and local codes in de-identified objects."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from app.dicom.deid.options import DeidentifyOptions
from app.dicom.tolerant import quiet
from tests.unit.dicom.deid.deid_objects import ALL_OPTIONS, cleaned, image, read_back

_SR = "1.2.840.10008.5.1.4.1.1.88.34"


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _item(kind: str, concept: str, keyword: str, value: object) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = "HAS OBS CONTEXT", kind
    item.ConceptNameCodeSequence = DicomSequence([_code(concept, "DCM", f"concept {concept}")])
    setattr(item, keyword, value)
    return item


def _age(years: float) -> Dataset:
    measured = Dataset()
    measured.NumericValue = str(years)
    measured.MeasurementUnitsCodeSequence = DicomSequence([_code("a", "UCUM", "year")])
    return _item("NUM", "121033", "MeasuredValueSequence", DicomSequence([measured]))


def _document(*items: Dataset) -> Dataset:
    ds = image()
    del ds.PixelData
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = _SR
    ds.ValueType = "CONTAINER"
    ds.ContentSequence = DicomSequence(items)
    return ds


def _texts(ds: Dataset) -> list[str]:
    return [str(item.get("TextValue", "")) for item in ds.ContentSequence]


def test_d17_subject_and_observer_items_go_and_their_neighbours_stay() -> None:
    ds = _document(
        _item("PNAME", "121029", "PersonName", "Qzxwv^A"),
        _item("TEXT", "121030", "TextValue", "123"),
        _item("DATE", "121031", "Date", "19610312"),
        _item("CODE", "121032", "ConceptCodeSequence", DicomSequence([_code("M", "DCM", "Male")])),
        _item("TEXT", "121009", "TextValue", "Hospital"),
        _item("PNAME", "121008", "PersonName", "Qzxwv^B"),
        _item("UIDREF", "121018", "UID", "1.3.999.61"),
        _item("TEXT", "121071", "TextValue", "pleural effusion left"),
    )
    content = cleaned(ds)
    for secret in (b"Qzxwv", b"19610312", b"Hospital", b"1.3.999.61"):
        assert secret not in content
    out = read_back(content)
    assert [item.ValueType for item in out.ContentSequence] == ["PNAME", "UIDREF", "TEXT"]
    assert out.ContentSequence[0].PersonName == "Removed^"
    assert out.ContentSequence[1].UID.startswith("2.25.")


def test_a_sentence_stays_whole_or_goes() -> None:
    """Cut in the middle, "no effusion, Dr. House" might say the opposite."""
    ds = _document(
        _item("TEXT", "121071", "TextValue", "no pleural effusion"),
        _item("TEXT", "121071", "TextValue", "No effusion according to Dr. House"),
        _item("TEXT", "121071", "TextValue", "плевральный выпот слева"),
    )
    assert _texts(read_back(cleaned(ds))) == [
        "no pleural effusion", "Removed", "плевральный выпот слева",
    ]  # fmt: skip


def test_names_of_programs_stay_and_their_parameters_as_far_as_known() -> None:
    known = f"weights_sha256={'b' * 64}"
    ds = _document(
        _item("TEXT", "111001", "TextValue", "cxr-lung-fields"),
        _item("TEXT", "111003", "TextValue", "1.0.0"),
        _item("TEXT", "111002", "TextValue", known),
        _item("TEXT", "111002", "TextValue", "operator=Qzxwv"),
    )
    assert _texts(read_back(cleaned(ds))) == ["cxr-lung-fields", "1.0.0", known, "Removed"]


@pytest.mark.parametrize(("years", "told"), [(61.0, 61.0), (89.0, 89.0), (94.0, 90.0)])
def test_an_age_in_a_document_is_told_up_to_89(years: float, told: float) -> None:
    ds = _document(_age(years))
    out = read_back(cleaned(ds, DeidentifyOptions(keep_patient_characteristics=True)))
    assert float(out.ContentSequence[0].MeasuredValueSequence[0].NumericValue) == told
    assert len(read_back(cleaned(ds)).ContentSequence) == 0


def test_a_local_code_is_free_text_and_a_standard_one_is_not() -> None:
    ds = image()
    ds.ProcedureCodeSequence = DicomSequence([_code("QZX1", "99LOCAL", "Thorax by Qzxwv")])
    ds.AnatomicRegionSequence = DicomSequence([_code("51185008", "SCT", "Chest")])
    with quiet():
        out = read_back(cleaned(ds, ALL_OPTIONS))
    code = out.ProcedureCodeSequence[0]
    assert (code.CodeValue, code.CodeMeaning) == ("Removed", "Thorax by *")
    assert out.AnatomicRegionSequence[0].CodeMeaning == "Chest"


def test_text_of_a_presentation_state_is_judged_as_a_sentence() -> None:
    ds = image()
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.11.1"
    texts = []
    for text in ("lung nodule", "Qzxwv 61"):
        item = Dataset()
        item.UnformattedTextValue = text
        item.AnchorPoint = [1.0, 2.0]
        texts.append(item)
    layer = Dataset()
    layer.GraphicLayer = "L1"
    layer.TextObjectSequence = DicomSequence(texts)
    ds.GraphicAnnotationSequence = DicomSequence([layer])
    ds.ContentCreatorName = "Qzxwv^B"
    content = cleaned(ds)
    assert b"zxwv" not in content
    annotation = read_back(content).GraphicAnnotationSequence[0]
    assert [t.UnformattedTextValue for t in annotation.TextObjectSequence] == [
        "Removed", "Removed",
    ]  # fmt: skip
