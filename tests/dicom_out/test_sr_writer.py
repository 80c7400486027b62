from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
from pydicom.dataelem import DataElement

from app.core.finding import Finding
from app.core.measurement import Measurement, Uncertainty
from app.core.signing import Signature
from app.dicom.writing.authoring import SourceImages, write_dataset
from app.dicom.writing.seg_writer import SegmentSource, SegRequest, write_seg
from app.dicom.writing.sr_writer import SegmentPlace, SrRequest, write_sr
from tests.dicom_out import results
from tests.support.synthetic_dicom import SeriesSpec, uid, write_projection, write_series
from tests.support.validation import dciodvfy_errors

_DIGITS = str.maketrans("", "", "-:T")


def _ct(folder: Path) -> SourceImages:
    return results.source_of(write_series(folder / "ct", SeriesSpec(count=5)))


def _documents(
    folder: Path, source: SourceImages, findings: tuple[Finding, ...], shape: tuple[int, int, int]
) -> tuple[Path, Path]:
    masks = results.asymmetric_masks(shape)
    segments = tuple(
        SegmentSource(finding, mask) for finding, mask in zip(findings, masks, strict=True)
    )
    seg = write_seg(SegRequest(source, segments, results.identity("seg"), "masks", results.AT_UTC))
    places = {finding.uid: SegmentPlace(seg, n) for n, finding in enumerate(findings, 1)}
    raw = write_sr(
        SrRequest(
            source, findings, places, results.identity("raw"), uid("device"), "AI result",
            results.AT_UTC, language="ru",
        )
    )  # fmt: skip
    final = write_sr(
        SrRequest(
            source, tuple(map(results.accepted, findings)), places, results.identity("final"),
            uid("device"), "Проверено", results.AT_UTC, language="ru", is_verified=True,
            observer_name="Петров^Иван", organization="Клиника № 1", predecessor=raw,
        )
    )  # fmt: skip
    return write_dataset(raw, folder / "raw.dcm"), write_dataset(final, folder / "final.dcm")


def _both(source: SourceImages) -> tuple[Finding, ...]:
    return results.proposed(source, "right"), results.proposed(source, "left")


def test_both_generations_are_valid_for_ct(tmp_path: Path) -> None:
    source = _ct(tmp_path)
    raw, final = _documents(tmp_path, source, _both(source), (5, 24, 20))
    assert dciodvfy_errors(raw) == []
    assert dciodvfy_errors(final) == []


def test_both_generations_are_valid_for_a_film_without_spacing(tmp_path: Path) -> None:
    def no_spacing(image: pydicom.Dataset) -> None:
        for keyword in ("ImagerPixelSpacing", "PixelSpacing"):
            if keyword in image:
                delattr(image, keyword)
        malformed = DataElement("PatientAge", "AS", "62", validation_mode=pydicom.config.IGNORE)
        image.add(malformed)  # must not be passed on

    path = write_projection(tmp_path / "dx", np.zeros((24, 20), np.uint16), change=no_spacing)
    source = results.source_of([path])
    raw, final = _documents(tmp_path, source, _both(source), (1, 24, 20))
    assert dciodvfy_errors(raw) == []
    assert dciodvfy_errors(final) == []


def test_a_report_on_images_without_a_thickness_is_written(tmp_path: Path) -> None:
    def change(image: pydicom.Dataset, _n: int) -> None:
        if "SliceThickness" in image:
            del image.SliceThickness

    source = results.source_of(write_series(tmp_path / "ct", SeriesSpec(count=5, change=change)))
    raw, _final = _documents(tmp_path, source, _both(source), (5, 24, 20))
    assert dciodvfy_errors(raw) == []


def test_flags_observers_and_predecessor(tmp_path: Path) -> None:
    source = _ct(tmp_path)
    raw_path, final_path = _documents(tmp_path, source, _both(source), (5, 24, 20))
    raw, final = pydicom.dcmread(raw_path), pydicom.dcmread(final_path)
    assert (raw.CompletionFlag, raw.VerificationFlag, raw.PreliminaryFlag) == (
        "COMPLETE", "UNVERIFIED", "PRELIMINARY",
    )  # fmt: skip
    assert (final.CompletionFlag, final.VerificationFlag, final.PreliminaryFlag) == (
        "COMPLETE", "VERIFIED", "FINAL",
    )  # fmt: skip
    observer = final.VerifyingObserverSequence[0]
    assert str(observer.VerifyingObserverName) == "Петров^Иван"
    assert observer.VerifyingOrganization == "Клиника № 1"
    reference = final.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
    named = reference.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    assert named == raw.SOPInstanceUID
    types = [
        item.ConceptCodeSequence[0].CodeMeaning
        for item in final.ContentSequence
        if item.ConceptNameCodeSequence[0].CodeMeaning == "Observer Type"
    ]
    assert sorted(types) == ["Device", "Person"]


def test_measurements_come_back_with_value_unit_and_tracking(tmp_path: Path) -> None:
    source = _ct(tmp_path)
    findings = _both(source)
    _, final = _documents(tmp_path, source, findings, (5, 24, 20))
    groups = hd.sr.srread(final).content.get_volumetric_roi_measurement_groups()
    assert {group.tracking_uid for group in groups} == {f.tracking_uid for f in findings}
    values = {
        (row.name.meaning, float(row.value), row.unit.value) for row in groups[0].get_measurements()
    }
    assert ("Area", 123.25, "cm2") in values
    assert len(values) == 2, "an absent value is not written as a number"
    states = [row.value.meaning for row in groups[0].get_qualitative_evaluations()]
    assert "accepted" in states
    assert "area ratio: low quality" in states


def test_t1_cyrillic_survives(tmp_path: Path) -> None:
    source = _ct(tmp_path)
    raw, _ = _documents(tmp_path, source, _both(source), (5, 24, 20))
    groups = hd.sr.srread(raw).content.get_volumetric_roi_measurement_groups()
    assert any(group.tracking_identifier.startswith("правое лёгкое") for group in groups)


def test_no_findings_is_still_a_document(tmp_path: Path) -> None:
    source = _ct(tmp_path)
    request = SrRequest(
        source, (), {}, results.identity("none"), uid("device"), "nothing", results.AT_UTC
    )
    assert dciodvfy_errors(write_dataset(write_sr(request), tmp_path / "sr.dcm")) == []


def test_d18_a_document_on_an_incomplete_study_is_partial(tmp_path: Path) -> None:
    source = _ct(tmp_path)
    document = write_sr(
        SrRequest(
            source, (results.proposed(source, "left"),), {}, results.identity("part"),
            uid("device"), "AI result", results.AT_UTC,
            missing="the study is incomplete: 3 of 5 images were received",
        )
    )  # fmt: skip
    path = write_dataset(document, tmp_path / "part.dcm")
    read = pydicom.dcmread(path)
    assert (read.CompletionFlag, read.VerificationFlag) == ("PARTIAL", "UNVERIFIED")
    assert "3 of 5" in read.CompletionFlagDescription
    assert dciodvfy_errors(path) == []


def test_uncertainty_and_long_kinds_are_written_and_read_back(tmp_path: Path) -> None:
    """The bounds have the unit of the value; two long kinds do not become one code (SH)."""
    source = _ct(tmp_path)
    one, other = _both(source)
    spread = Uncertainty("repeatability", 73.0, 127.0)
    numbers = (
        Measurement("nodule_volume", 100.0, "mm3", "nodule-volume@1", uncertainty=spread),
        Measurement("vertebral_height_loss", 12.0, "%", "vertebral-height-loss@1"),
        Measurement("vertebral_height_loss_to_neighbours", 9.0, "%", "vertebral-height-loss@1"),
    )
    content = replace(one.current, measurements=numbers)
    one = replace(one, current=content, proposal=replace(one.proposal, content=content))
    raw, _ = _documents(tmp_path, source, (one, other), (5, 24, 20))
    assert dciodvfy_errors(raw) == []
    document = pydicom.dcmread(raw)
    found: list[tuple[str, float, str]] = []
    names: dict[str, str] = {}

    def visit(item: pydicom.Dataset) -> None:
        for child in item.get("ContentSequence", []):
            if child.ValueType == "NUM":
                name = child.ConceptNameCodeSequence[0]
                names[name.CodeMeaning] = name.CodeValue
                value = child.MeasuredValueSequence[0]
                unit = value.MeasurementUnitsCodeSequence[0].CodeValue
                found.append((name.CodeValue, float(value.NumericValue), unit))
            visit(child)

    visit(document)
    assert ("371886008", 27.0, "mm3") in found
    assert ("371885007", 27.0, "mm3") in found
    long = [code for meaning, code in names.items() if "height loss" in meaning]
    assert len(set(long)) == 2
    assert all(len(code) <= 16 for code in long)


def test_seniors_verify_residents_are_authors_and_who_was_told_stands_in_it(
    tmp_path: Path,
) -> None:
    source = _ct(tmp_path)
    older = Signature(
        "Орлова^Анна", "2026-11-20T08:00:00+00:00", "preliminary", "orlova", "resident", "password"
    )
    first = Signature("Петров^Иван", "2026-11-20T09:00:00+00:00", "approval", "p", "radiologist")
    second = Signature("Ким^Ольга", results.AT_UTC, "addendum", "kim", "radiologist")
    document = write_sr(
        SrRequest(
            source, tuple(map(results.accepted, _both(source))), {}, results.identity("final"),
            uid("device"), "Проверено", results.AT_UTC, language="ru", is_verified=True,
            observer_name="Ким^Ольга", organization="Клиника № 1",
            signatures=(older, first, second),
            communications=("Пневмоторакс: сообщено дежурному хирургу по телефону.",),
        )
    )  # fmt: skip
    path = write_dataset(document, tmp_path / "signed.dcm")
    assert dciodvfy_errors(path) == []
    again = pydicom.dcmread(path)
    assert [
        (str(one.VerifyingObserverName), one.VerificationDateTime[:12])
        for one in again.VerifyingObserverSequence
    ] == [("Петров^Иван", "202611200900"), ("Ким^Ольга", results.AT_UTC[:16].translate(_DIGITS))]
    (author,) = again.AuthorObserverSequence
    assert (str(author.PersonName), author.ObserverType) == ("Орлова^Анна", "PSN")
    texts = [
        item.TextValue
        for item in again.ContentSequence
        if item.ValueType == "TEXT" and item.ConceptNameCodeSequence[0].CodeValue == "73568-8"
    ]
    assert texts == ["Пневмоторакс: сообщено дежурному хирургу по телефону."]
    content = hd.sr.srread(path).content
    assert len(content.get_image_measurement_groups() + content.get_planar_roi_measurement_groups()
               + content.get_volumetric_roi_measurement_groups()) == 2  # fmt: skip
