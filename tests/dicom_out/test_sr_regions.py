"""D06: world points, values, units, labels, tracking UIDs and frames survive the way out and in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from app.core import codes
from app.core.finding import Finding, Label, Region, SliceRef
from app.core.measurement import Measurement
from app.core.study import Study
from app.dicom.objects.sr_measurements import MeasurementGroup, measurement_groups
from app.dicom.objects.sr_tree import read_sr
from app.dicom.writing.authoring import SourceImages, write_dataset
from app.dicom.writing.sr_writer import SrRequest, write_sr
from app.workflow.image_places import ImagePlaces
from tests.dicom_out import results
from tests.support.opened import open_all
from tests.support.synthetic_dicom import (
    SeriesSpec,
    uid,
    write_enhanced_mr,
    write_projection,
    write_series,
)
from tests.support.validation import dciodvfy_errors

OBLIQUE = (0.8, 0.6, 0.0, -0.36, 0.48, 0.8)


def _opened(folder: Path, *paths: Path) -> tuple[Study, SourceImages]:
    _, (study,) = open_all(folder, *paths)
    (series,) = study.series
    frames = series.stacks[0].frames
    return study, SourceImages(study.study_instance_uid, series.series_instance_uid, frames)


def _finding(source: SourceImages, region: Region, *numbers: Measurement) -> Finding:
    finding = results.proposed(source, "left", name="nodule")
    content = replace(
        finding.current,
        concept=codes.NODULE,
        label=Label("Nodule", "Узел"),
        significance="significant",
        region=region,
        measurements=numbers,
    )
    proposal = replace(finding.proposal, content=content)
    return replace(finding, proposal=proposal, current=content)


def _written(folder: Path, source: SourceImages, finding: Finding) -> MeasurementGroup:
    request = SrRequest(
        source, (finding,), {}, results.identity("sr"), uid("device"), "AI", results.AT_UTC
    )
    path = write_dataset(write_sr(request), folder / "sr.dcm")
    assert dciodvfy_errors(path) == []
    (group,) = measurement_groups(read_sr(path).root)
    assert group.tracking_uid == finding.tracking_uid
    assert group.finding == codes.NODULE
    return group


def test_d06_a_box_and_its_diameter_come_back_in_the_patient(tmp_path: Path) -> None:
    spec = SeriesSpec(count=4, orientation=OBLIQUE)
    study, source = _opened(tmp_path, *write_series(tmp_path / "ct", spec))
    geometry = study.series[0].stacks[0].geometry
    assert geometry is not None
    corners, ends = (
        tuple(tuple(float(n) for n in p) for p in geometry.ijk_to_lps(index))
        for index in ([(3, 4, 2), (9, 11, 2)], [(3, 4, 2), (9, 4, 2)])
    )
    where = SliceRef(source.frames[2].instance.sop_instance_uid)
    finding = _finding(
        source,
        Region("box", box_lps=corners, slice=where),
        Measurement("long_axis", 4.2, "mm", "hand@1", points_lps=ends),
    )
    group = _written(tmp_path, source, finding)
    (region,) = group.regions
    outline = np.array(region.points)
    assert region.graphic_type == "POLYGON"
    assert np.allclose(outline[0], corners[0], atol=1e-3)
    assert np.allclose(outline[2], corners[1], atol=1e-3)
    assert np.allclose(geometry.lps_to_ijk(outline)[:, 2], 2, atol=1e-3)
    (number,) = group.measurements
    assert (number.kind, number.value, number.unit) == ("long_axis", 4.2, "mm")
    assert np.allclose(number.points_lps, ends, atol=1e-3)
    placed = ImagePlaces(study).region(region)
    assert placed is not None
    assert placed.region.slice == where


def test_d06_a_box_on_a_film_comes_back_in_its_pixels(tmp_path: Path) -> None:
    film = write_projection(tmp_path / "dx" / "film", np.zeros((48, 40), np.uint16))
    study, source = _opened(tmp_path, film)
    where = SliceRef(source.frames[0].instance.sop_instance_uid)
    box = ((4.0, 6.0, 0.0), (21.0, 30.0, 0.0))
    finding = _finding(
        source,
        Region("box", box_lps=box, slice=where, box_is_pixels=True),
        Measurement("long_axis", 3.4, "mm", "hand@1", points_lps=(box[0], (21.0, 6.0, 0.0))),
    )
    group = _written(tmp_path, source, finding)
    placed = ImagePlaces(study).region(group.regions[0])
    assert placed is not None
    assert placed.region == finding.current.region
    ((measured,),) = group.measured_on
    points = ImagePlaces(study).points_of(measured)
    assert points == finding.current.measurements[0].points_lps


def test_d06_a_frame_of_a_multi_frame_object_is_named(tmp_path: Path) -> None:
    study, source = _opened(tmp_path, write_enhanced_mr(tmp_path / "mr" / "mf"))
    frame = source.frames[5]
    where = SliceRef(frame.instance.sop_instance_uid, frame.frame)
    assert frame.frame != 1
    group = _written(tmp_path, source, _finding(source, Region("image", slice=where)))
    (image,) = group.images
    assert image.frames == (frame.frame,)
    placed = ImagePlaces(study).image(image)
    assert placed is not None
    assert placed.region.slice == where


def test_d06_a_point_comes_back(tmp_path: Path) -> None:
    study, source = _opened(tmp_path, *write_series(tmp_path / "ct", SeriesSpec(count=4)))
    point = (-3.0, -15.2, 34.0)
    finding = _finding(source, Region("point", box_lps=(point,)))
    group = _written(tmp_path, source, finding)
    placed = ImagePlaces(study).region(group.regions[0])
    assert placed is not None
    assert placed.region.kind == "point"
    assert np.allclose(placed.region.box_lps, [point], atol=1e-3)


def test_a_box_with_depth_is_its_first_and_last_rectangle(tmp_path: Path) -> None:
    """TID 1411 with a volume surface: eight corners in the patient, on oblique images."""
    spec = SeriesSpec(count=6, orientation=OBLIQUE)
    study, source = _opened(tmp_path, *write_series(tmp_path / "ct", spec))
    geometry = study.series[0].stacks[0].geometry
    assert geometry is not None
    ends = geometry.ijk_to_lps([(2.5, 3.5, 0.5), (9.5, 11.5, 3.5)])
    corners = tuple(tuple(float(n) for n in p) for p in ends)
    where = SliceRef(source.frames[2].instance.sop_instance_uid)
    finding = _finding(source, Region("box", box_lps=corners, slice=where))
    finding = replace(finding, proposal=replace(finding.proposal, score=0.73))
    request = SrRequest(
        source, (finding,), {}, results.identity("sr"), uid("device"), "AI", results.AT_UTC
    )
    document = write_sr(request)
    path = write_dataset(document, tmp_path / "sr.dcm")
    assert dciodvfy_errors(path) == []
    polygons = [
        np.asarray(item.GraphicData).reshape(-1, 3)
        for item in _items(document)
        if item.get("ValueType") == "SCOORD3D"
    ]
    assert len(polygons) == 2
    for polygon, k in zip(polygons, (0.5, 3.5), strict=True):
        index = geometry.lps_to_ijk(polygon)
        assert np.allclose(index[:, 2], k, atol=1e-4)
        assert np.allclose(index[:, :2].min(axis=0), (2.5, 3.5), atol=1e-4)
        assert np.allclose(index[:, :2].max(axis=0), (9.5, 11.5), atol=1e-4)
    (score,) = [
        float(item.MeasuredValueSequence[0].NumericValue)
        for item in _items(document)
        if item.ConceptNameCodeSequence[0].CodeMeaning == "model score"
    ]
    assert score == 0.73


def _items(item):
    """Every content item below, depth first."""
    for below in item.get("ContentSequence") or ():
        yield below
        yield from _items(below)
