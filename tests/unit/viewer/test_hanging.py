"""Which images are shown first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from app.core.geometry import Geometry
from app.core.study import FrameRef, Instance, Patient, PatientText, Series, Stack, Study
from app.viewer.hanging import chest_wall_side, hang
from app.viewer.layout import layout


def _series(uid, modality, count, *, step=1.0, size=200, volume=True, number=1):
    grid = None
    if volume:
        grid = Geometry.from_arrays((size, size, count), (1, 1, step), (0, 0, 0), np.eye(3), "9")
    frames = tuple(
        FrameRef(Instance(Path(f"{uid}-{n}"), f"{uid}.{n}", "1", "1", n, 1, size, size))
        for n in range(count)
    )
    stack = Stack(0, "", frames, "ok" if volume else "stack", grid, size, size, "MONOCHROME2", "")
    return Series(uid, modality, uid, "", number, ("1",), ("1",), (), count, (stack,))


def _study(*series, uid="1.2", date="20260101"):
    patient = Patient(PatientText("1"), PatientText("A"), PatientText(""), "F")
    return Study(uid, patient, date, "", PatientText(""), "", tuple(series))


def _shown(hanging):
    return [(cell.ref.series_instance_uid, cell.plane) for cell in hanging.cells]


def test_a_thin_ct_is_shown_with_its_reformats():
    hanging = hang(_study(_series("a", "CT", 100)))
    assert hanging.layout_id == "1+2"
    assert _shown(hanging) == [("a", "stack"), ("a", "coronal"), ("a", "sagittal")]


def test_a_thick_ct_and_a_scout_are_images_only():
    hanging = hang(_study(_series("scout", "CT", 1, volume=False), _series("a", "CT", 30, step=5)))
    assert _shown(hanging)[0] == ("a", "stack")


def test_a_film_hangs_alone_two_side_by_side():
    one = _series("a", "DX", 1, volume=False)
    assert hang(_study(one)).layout_id == "1x1"
    two = _series("b", "DX", 1, volume=False, number=2)
    assert hang(_study(two, one)).layout_id == "1x2"
    assert _shown(hang(_study(two, one)))[0] == ("a", "stack")


def test_mr_series_side_by_side_the_whole_head_before_a_crop():
    crop = _series("crop", "MR", 60, size=30)
    hanging = hang(_study(crop, _series("t1", "MR", 22, step=6), _series("t2", "MR", 22, step=6)))
    assert [uid for uid, _ in _shown(hanging)] == ["t1", "t2", "crop"]


def test_the_newest_prior_of_the_kind_hangs_beside():
    older = _study(_series("x", "CT", 50), uid="3", date="20240101")
    newer = _study(_series("y", "CT", 50), uid="4", date="20250101")
    other = _study(_series("z", "MR", 50), uid="5", date="20251201")
    hanging = hang(_study(_series("a", "CT", 100)), (older, newer, other))
    assert _shown(hanging) == [("a", "stack"), ("y", "stack")]


def test_nothing_to_show_is_one_empty_viewport_and_layouts_hold_their_cells():
    assert hang(_study()).cells == ()
    for count, layout_id in ((1, "1x1"), (2, "1x2"), (3, "1+2"), (4, "2x2")):
        assert len(layout(layout_id).cells) == count


def _mammogram(uid, side, view, orientation, number):
    series = _series(uid, "MG", 1, volume=False, number=number)
    stack = replace(
        series.stacks[0], laterality=side, view_position=view, patient_orientation=orientation
    )
    return replace(series, stacks=(stack,))


def test_d15_mammograms_hang_right_beside_left_and_cc_above_mlo():
    study = _study(
        _mammogram("lmlo", "L", "MLO", ("A", "FR"), 1),
        _mammogram("rcc", "R", "CC", ("P", "L"), 2),
        _mammogram("rmlo", "R", "MLO", ("P", "FL"), 3),
        _mammogram("lcc", "L", "CC", ("A", "R"), 4),
    )
    hanging = hang(study)
    assert hanging.layout_id == "2x2"
    assert [uid for uid, _ in _shown(hanging)] == ["rcc", "lcc", "rmlo", "lmlo"]


def test_d15_the_chest_wall_is_known_from_the_orientation_alone():
    right = _mammogram("rcc", "R", "CC", ("P", "L"), 1).stacks[0]
    left = _mammogram("lcc", "L", "CC", ("A", "R"), 1).stacks[0]
    assert chest_wall_side("MG", right) == "right"
    assert chest_wall_side("MG", left) == "left"
    # Nobody says: nothing is guessed from the side of the breast.
    assert chest_wall_side("MG", replace(left, patient_orientation=None)) is None
    assert chest_wall_side("DX", left) is None
