from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from pydicom.sequence import Sequence as DicomSequence

from app.core.errors import DicomReadError
from app.dicom.objects.sr_text import document_text, outline
from app.dicom.objects.sr_tree import read_sr, sr_tree
from tests.support.synthetic_dicom import uid
from tests.support.synthetic_objects import (
    BASIC_TEXT_SR,
    coded,
    image,
    item,
    number,
    write_report,
)
from tests.support.synthetic_seg import code

FINDING = ("121071", "DCM", "Finding")
DIAMETER = ("M-02550", "SRT", "Diameter")
SECTION = ("121070", "DCM", "Findings")


def test_d06_every_item_keeps_its_order_value_unit_and_frames(tmp_path: Path) -> None:
    path = write_report(
        tmp_path / "sr",
        [
            item("CONTAINER", SECTION, [
                item("TEXT", FINDING, TextValue="Узел\nв правом лёгком"),
                number(DIAMETER, "9.50", "mm", image(uid("ct"), "INFERRED FROM", frames=(7, 8))),
                coded(FINDING, ("27925004", "SCT", "Nodule")),
                item("PNAME", PersonName="Петров^Иван"),
                item("DATE", Date="20260102"),
                item("TIME", Time="101530"),
                item("DATETIME", DateTime="20260102101530.5+0300"),
                item("UIDREF", UID="1.2.3"),
            ]),
        ],
    )  # fmt: skip
    root = sr_tree(path)
    (section,) = root.children
    text, diameter, finding, *rest = section.children
    assert (root.position, section.position, text.position) == ("1", "1.1", "1.1.1")
    assert text.text == "Узел\nв правом лёгком"
    assert (diameter.number, diameter.text) == (9.5, "9.50")
    assert diameter.unit is not None
    assert diameter.unit.value == "mm"
    assert diameter.concept is not None
    assert (diameter.concept.value, diameter.concept.scheme) == ("81827009", "SCT")
    assert diameter.children[0].references[0].frames == (7, 8)
    assert finding.code is not None
    assert finding.code.value == "27925004"
    assert [node.text for node in rest] == [
        "Петров, Иван", "2026-01-02", "10:15:30", "2026-01-02T10:15:30", "1.2.3",
    ]  # fmt: skip
    assert outline(root, "ru").splitlines()[:5] == [
        "Imaging Measurement Report",
        "  Findings",
        "    Finding: Узел",
        "        в правом лёгком",
        "    Diameter: 9.50 mm",
    ]
    assert outline(root, "en").splitlines()[5] == f"      image: {uid('ct')}, frame 7, 8"


def test_unknown_value_types_are_shown_never_dropped(tmp_path: Path) -> None:
    path = write_report(
        tmp_path / "sr",
        [item("HOLOGRAM", FINDING, [item("TEXT", FINDING, TextValue="below")], TextValue="seen")],
    )
    (node,) = sr_tree(path).children
    assert "seen" in node.text
    assert node.children[0].text == "below"
    assert "seen" in outline(sr_tree(path), "en")


def test_references_to_items_are_named_and_not_followed(tmp_path: Path) -> None:
    back = item("", ReferencedContentItemIdentifier=[1, 1])
    back.RelationshipType = "INFERRED FROM"
    path = write_report(tmp_path / "sr", [item("TEXT", FINDING, [back], TextValue="round")])
    (text,) = sr_tree(path).children
    assert text.children[0].target == "1.1"
    assert "see item 1.1" in outline(sr_tree(path), "en")
    assert "см. элемент 1.1" in outline(sr_tree(path), "ru")


def test_points_of_regions_and_a_number_without_value(tmp_path: Path) -> None:
    circle = item("SCOORD", FINDING, [image("1.2.3")], GraphicType="CIRCLE")
    circle.GraphicData = [1.5, 2.5, 1.5, 4.5]
    surface = item("SCOORD3D", FINDING, GraphicType="POLYLINE")
    surface.GraphicData = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    surface.ReferencedFrameOfReferenceUID = "1.2.9"
    failed = item("NUM", DIAMETER, MeasuredValueSequence=DicomSequence([]))
    failed.NumericValueQualifierCodeSequence = DicomSequence(
        [code("114006", "DCM", "Measurement failure")]
    )
    root = sr_tree(write_report(tmp_path / "sr", [circle, surface, failed]))
    first, second, third = root.children
    assert first.points == ((1.5, 2.5), (1.5, 4.5))
    assert second.points == ((1.0, 2.0, 3.0), (4.0, 5.0, 6.0))
    assert second.frame_of_reference_uid == "1.2.9"
    assert (third.number, third.text) == (None, "Measurement failure")


def test_state_of_the_document(tmp_path: Path) -> None:
    path = write_report(tmp_path / "sr", [], sop_class=BASIC_TEXT_SR)
    ds = pydicom.dcmread(path)
    ds.VerificationFlag, ds.PreliminaryFlag = "VERIFIED", "FINAL"
    observer = pydicom.Dataset()
    observer.VerifyingObserverName, observer.VerifyingOrganization = "Ли^Анна", "Клиника"
    observer.VerificationDateTime = "20260105101500"
    ds.VerifyingObserverSequence = DicomSequence([observer])
    ds.save_as(path)
    document = read_sr(path)
    assert document.is_verified
    assert document.is_final
    assert document.verified_by[0].by == "Ли, Анна"
    assert "подтвердил(а) Ли, Анна, Клиника 2026-01-05 10:15:00" in document_text(document, "ru")


def test_malformed_reports_are_refused_in_words(tmp_path: Path) -> None:
    path = write_report(tmp_path / "sr", [])
    ds = pydicom.dcmread(path)
    del ds.ValueType, ds.ContentSequence
    ds.save_as(path)
    with pytest.raises(DicomReadError, match="no content"):
        read_sr(path)
    deep = item("TEXT", FINDING, TextValue="x")
    for _ in range(230):
        deep = item("CONTAINER", SECTION, [deep])
    with pytest.raises(DicomReadError) as caught:
        sr_tree(write_report(tmp_path / "deep", [deep]))
    assert "200" in caught.value.ru
    with pytest.raises(DicomReadError):
        read_sr(tmp_path / "not there")
