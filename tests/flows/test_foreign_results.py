"""Results of other makers: many vendors' results are shown one way, and are edited like our own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from app.core.errors import Cancelled, IdentityConflict
from app.core.geometry import Box
from app.core.segmentation import MaskPatch
from app.core.study import Study
from app.jobs.cancel import CancelToken
from app.workflow.context import AppContext
from app.workflow.edit_segmentation import apply_stroke
from app.workflow.foreign_results import apply_results, import_results, read_results
from app.workflow.open_study import load_volume, open_paths
from app.workflow.other_objects import list_objects
from app.workflow.review import accept, reject
from app.workflow.session import StudySession
from tests.support.synthetic_dicom import SeriesSpec, uid, write_series
from tests.support.synthetic_objects import (
    coded,
    image,
    item,
    measurement_group,
    measurements,
    number,
    reference,
    write_report,
    write_structure_set,
)
from tests.support.synthetic_seg import SegFrame, SegSpec, grid_of, headers_of, write_segmentation
from tests.support.workflow_context import context_in

FINDING = ("121071", "DCM", "Finding")
VOLUME = ("118565006", "SCT", "Volume")
LONG_AXIS = ("103339001", "SCT", "Long Axis")


@dataclass
class Case:
    context: AppContext
    folder: Path
    mask: np.ndarray
    image_uids: list[str]

    def open(self) -> StudySession:
        return StudySession(self.context, self.study())

    def study(self) -> Study:
        (study,) = open_paths(self.context, [self.folder]).studies
        return study


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    """A CT, a segmentation of one organ and an empty segment, and a report on both and a nodule."""
    folder = tmp_path / "study"
    headers = headers_of(write_series(folder / "ct", SeriesSpec(count=5)))
    grid = grid_of(headers)
    mask = np.zeros(grid.shape_kji, np.uint8)
    mask[1:4, 5:12, 4:9] = 1
    frames = [SegFrame(1, mask[k], k, source=headers[k].SOPInstanceUID) for k in (3, 1, 2)]
    write_segmentation(folder / "seg.dcm", SegSpec(grid, frames, labels=("Liver", "nothing here")))
    seg_uid = uid("study", "SEG", "instance", "seg.dcm")
    line = item(
        "SCOORD", None, [image(headers[2].SOPInstanceUID, "SELECTED FROM")],
        relationship="INFERRED FROM", GraphicType="POLYLINE",
    )  # fmt: skip
    line.GraphicData = [4.5, 6.5, 14.5, 6.5]
    segment = item("IMAGE", ("121191", "DCM", "Referenced Segment"))
    segment.ReferencedSOPSequence = [
        reference("1.2.840.10008.5.1.4.1.1.66.4", seg_uid, segments=(1,))
    ]
    write_report(
        folder / "sr.dcm",
        [
            measurements(
                measurement_group(
                    coded(FINDING, ("10200004", "SCT", "Liver")),
                    segment,
                    number(VOLUME, "117.6", "mm3"),
                    tracking="liver",
                    uid="1.2.3.7",
                ),
                measurement_group(
                    coded(FINDING, ("27925004", "SCT", "Nodule")),
                    number(LONG_AXIS, "7", "mm", line),
                    tracking="nodule 1",
                    uid="1.2.3.8",
                ),
                measurement_group(
                    coded(FINDING, ("4147007", "SCT", "Mass")),
                    image("1.2.3.4.5.6"),
                    tracking="elsewhere",
                    uid="1.2.3.9",
                ),
            )
        ],
        evidence=[
            reference("1.2.840.10008.5.1.4.1.1.66.4", seg_uid),
            reference("1.2.840.10008.5.1.4.1.1.2", headers[2].SOPInstanceUID),
        ],
    )
    with context_in(tmp_path / "library") as context:
        yield Case(context, folder, mask, [h.SOPInstanceUID for h in headers])


def test_segments_and_measurements_become_proposals_of_their_maker(case: Case) -> None:
    session = case.open()
    outcome = import_results(case.context, session, list_objects(session.study))
    assert len(outcome.added) == 2
    liver, nodule = session.findings
    assert {f.state for f in session.findings} == {"proposed"}
    assert (liver.current.label.en, liver.current.label.ru) == ("Liver", "печень")
    assert liver.tracking_uid == "1.2.3.7"
    assert [(m.kind, m.value, m.unit) for m in liver.current.measurements] == [
        ("volume", 117.6, "mm3")
    ]
    mask = session.mask(liver.uid)
    assert mask is not None
    assert np.array_equal(mask.voxels, case.mask)
    origin = liver.provenance
    assert (origin.manufacturer, origin.pack, origin.kind) == ("Other Maker", "LiverNet", "model")
    assert nodule.current.concept is not None
    assert nodule.current.concept.value == "27925004"
    assert nodule.current.region is not None
    assert nodule.current.region.slice is not None
    assert nodule.current.region.slice.sop_instance_uid == case.image_uids[2]
    (length,) = nodule.current.measurements
    # pixel (4.5, 6.5) counts from the corner: index (4, 6) of 0.7 x 0.8 mm at (-10, -20, 34)
    assert np.allclose(length.points_lps, [(-7.2, -15.2, 34.0), (-0.2, -15.2, 34.0)])
    notes = " ".join(note.en for note in outcome.notes)
    assert "nothing here is empty" in notes
    assert "Mass: its images are not in this study" in notes


def test_nothing_comes_twice_whatever_was_decided(case: Case) -> None:
    session = case.open()
    first = import_results(case.context, session, list_objects(session.study)).added
    assert import_results(case.context, session, list_objects(session.study)).added == ()
    accept(session, first[0])
    reject(session, first[1], reason="not there")
    session.close()
    again = case.open()
    assert import_results(case.context, again, list_objects(again.study)).added == ()
    assert {f.uid: f.state for f in again.findings} == {
        first[0]: "accepted", first[1]: "rejected",
    }  # fmt: skip


def test_a_segmentation_brings_the_report_that_speaks_of_it(case: Case) -> None:
    session = case.open()
    (seg,) = [one for one in list_objects(session.study) if one.family == "segmentation"]
    import_results(case.context, session, [seg])
    liver = next(f for f in session.findings if f.current.label.en == "Liver")
    assert liver.current.measurements[0].value == 117.6


def test_an_imported_mask_is_edited_and_measured_like_our_own(case: Case) -> None:
    session = case.open()
    import_results(case.context, session, list_objects(session.study))
    liver = next(f for f in session.findings if f.current.label.en == "Liver")
    load_volume(case.context, session.study, session.ref_of(liver))
    box = Box((4, 5, 1), (9, 12, 2))
    before = case.mask[box.slices_kji].copy()
    apply_stroke(session, liver.uid, MaskPatch(box, before, np.zeros_like(before)))
    edited = session.finding(liver.uid)
    assert edited.state == "edited"
    (volume,) = edited.current.measurements
    assert volume.value == pytest.approx(2 * 7 * 5 * 0.7 * 0.8 * 2.0 / 1000.0)
    assert session.undo()
    assert session.finding(liver.uid).state == "proposed"


def test_structures_of_a_planning_system_become_proposals(case: Case) -> None:
    headers = headers_of(sorted((case.folder / "ct").iterdir()))
    grid = grid_of(headers)
    outline = [(2.5, 3.5), (9.5, 3.5), (9.5, 8.5), (2.5, 8.5)]
    contours = [grid.ijk_to_lps([(i, j, k) for i, j in outline]) for k in (1, 2, 3)]
    write_structure_set(case.folder / "rt.dcm", contours, grid.frame_of_reference_uid)
    session = case.open()
    (structures,) = [one for one in list_objects(session.study) if one.family == "structure-set"]
    (uid,) = import_results(case.context, session, [structures]).added
    finding = session.finding(uid)
    assert (finding.current.label.en, finding.current.significance) == ("PTV", "significant")
    assert finding.provenance.kind == "person"
    mask = session.mask(uid)
    assert mask is not None
    expected = np.zeros(grid.shape_kji, np.uint8)
    expected[1:4, 4:9, 3:10] = 1
    assert np.array_equal(mask.voxels, expected)
    assert import_results(case.context, session, [structures]).added == ()


def test_a_cancelled_reading_is_no_note(case: Case) -> None:
    token = CancelToken()
    token.cancel()
    study = case.study()
    with pytest.raises(Cancelled):
        read_results(case.context, study, list_objects(study), cancel=token)


def test_d09_results_of_another_or_a_closed_study_are_dropped(case: Case) -> None:
    session = case.open()
    results = read_results(case.context, session.study, list_objects(session.study))
    session.close()
    assert apply_results(session, results) == ()


def test_d08_a_blocked_study_takes_no_results(case: Case) -> None:
    from dataclasses import replace

    study = replace(case.study(), blocked="two patients")
    with pytest.raises(IdentityConflict):
        read_results(case.context, study, list_objects(study))


def test_one_object_that_cannot_be_read_does_not_stop_the_rest(case: Case) -> None:
    session = case.open()
    objects = list_objects(session.study)
    (case.folder / "seg.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"garbage")
    outcome = import_results(case.context, session, objects)
    assert len(outcome.added) == 1  # the nodule of the report
    assert any(note.en.startswith("organs: ") for note in outcome.notes)
