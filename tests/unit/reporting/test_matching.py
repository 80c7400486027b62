"""Which finding does a sentence speak of? The image that it names decides between equals."""

from __future__ import annotations

from app.core.report import StudyFacts
from app.core.study_details import FindingImages, SeriesFacts
from app.reporting.check import check
from tests.support.report_findings import finding, report

ONE = finding("pulmonary nodule", "left", mm=(7.0,), uid="f1")
OTHER = finding("pulmonary nodule", "left", mm=(7.0,), uid="f2")
FACTS = StudyFacts(
    series=(SeriesFacts(3, 200),),
    finding_images=(FindingImages("f1", 3, 40, 44), FindingImages("f2", 3, 120, 124)),
)


def test_the_omitted_one_is_that_whose_images_are_not_named() -> None:
    for image, left_out in ((42, "f2"), (122, "f1")):
        text = report("en", f"Left lung nodule of 7 mm (series 3, image {image}).", "See above.")
        result = check(text, [ONE, OTHER], FACTS, "en")
        (item,) = [d for d in result.discrepancies if d.rule == "omitted-finding"]
        assert item.finding_uid == left_out


def test_a_reference_beside_the_finding_is_told() -> None:
    text = report("en", "Left lung nodule of 7 mm (series 3, image 80).", "See above.")
    result = check(text, [ONE], FACTS, "en")
    (item,) = [d for d in result.discrepancies if d.rule == "slice-reference"]
    assert item.finding_uid == "f1"
    assert "40" in item.message.ru
