"""What another maker's model found goes out under its own maker's name, valid in every field."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pydicom

from app.core.finding import Finding
from app.core.provenance import Provenance
from app.dicom.objects.seg_reader import read_segmentation
from app.dicom.objects.sr_measurements import measurement_groups
from app.dicom.objects.sr_tree import read_sr
from app.dicom.writing.authoring import SourceImages, write_dataset
from app.dicom.writing.seg_writer import SegmentSource, SegRequest, write_seg
from app.dicom.writing.sr_writer import SegmentPlace, SrRequest, write_sr
from tests.dicom_out import results
from tests.support.opened import open_all
from tests.support.synthetic_dicom import SeriesSpec, uid, write_series
from tests.support.validation import dciodvfy_errors


def _foreign(source: SourceImages, version: str) -> Finding:
    finding = results.proposed(source, "right")
    origin = Provenance(
        "model", results.AT_UTC, pack="Segmenter of a very long name, " * 3, version=version,
        manufacturer="Other Maker",
    )  # fmt: skip
    return replace(finding, provenance=origin)


def test_seg_and_sr_name_the_maker_of_the_model(tmp_path: Path) -> None:
    for version in ("2.1", ""):
        folder = tmp_path / (version or "none")
        paths = write_series(folder / "ct", SeriesSpec(count=5))
        _, (study,) = open_all(folder, *paths)
        (series,) = study.series
        source = SourceImages(
            study.study_instance_uid, series.series_instance_uid, series.stacks[0].frames
        )
        finding = _foreign(source, version)
        mask, _ = results.asymmetric_masks((5, 24, 20))
        seg = write_seg(
            SegRequest(
                source, (SegmentSource(finding, mask),), results.identity("seg"), "masks",
                results.AT_UTC,
            )
        )  # fmt: skip
        seg_path = write_dataset(seg, folder / "seg.dcm")
        assert dciodvfy_errors(seg_path) == []
        item = pydicom.dcmread(seg_path).SegmentSequence[0]
        algorithm = item.SegmentationAlgorithmIdentificationSequence[0]
        assert algorithm.AlgorithmSource == "Other Maker"
        assert "AlgorithmParameters" not in algorithm
        facts = read_segmentation(seg_path, study).segment(1).facts
        assert facts.algorithm_name.startswith("Segmenter of a very long name")
        request = SrRequest(
            source, (finding,), {finding.uid: SegmentPlace(seg, 1)}, results.identity("sr"),
            uid("device"), "AI", results.AT_UTC,
        )  # fmt: skip
        sr_path = write_dataset(write_sr(request), folder / "sr.dcm")
        assert dciodvfy_errors(sr_path) == []
        (group,) = measurement_groups(read_sr(sr_path).root)
        assert group.algorithm.startswith("Segmenter of a very long name")
        assert group.algorithm_version == (version or "not stated")
        equipment = pydicom.dcmread(sr_path).ContributingEquipmentSequence
        assert "Other Maker" in [item.Manufacturer for item in equipment]
