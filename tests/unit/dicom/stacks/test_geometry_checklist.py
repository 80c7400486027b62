"""The geometry entries of the correctness checklist, each on a study of known truth."""

import itertools

import numpy as np
import pytest
from pydicom.dataset import Dataset

from app.core.geometry import Geometry
from app.dicom.stacks.assemble import assemble_volume
from tests.support.opened import codes, open_all, open_series, open_stack, open_volume
from tests.support.synthetic_dicom import (
    AXIAL,
    CORONAL,
    SeriesSpec,
    linear_hu,
    uid,
    write_series,
    write_ultrasound,
)

_AXES = [
    tuple(sign if n == axis else 0.0 for n in range(3)) for axis in range(3) for sign in (1.0, -1.0)
]
PLANES = [
    row + column for row, column in itertools.product(_AXES, _AXES) if np.dot(row, column) == 0
]
OBLIQUE = (0.6, 0.64, -0.48, -0.8, 0.48, -0.36)


def values_of_places(geometry: Geometry) -> np.ndarray:
    i, j, k = geometry.size_ijk
    index = np.stack(np.meshgrid(np.arange(i), np.arange(j), np.arange(k), indexing="ij"), -1)
    return linear_hu(geometry.ijk_to_lps(index)).transpose(2, 1, 0)


@pytest.mark.parametrize("step_mm", [1.5, -1.5], ids=["along", "against"])
@pytest.mark.parametrize("plane", [*PLANES, OBLIQUE], ids=str)
def test_g13_all_48_orientations_put_every_voxel_in_its_place(tmp_path, plane, step_mm):
    # 24 planes, the slices written along their normal and against it: 48, and one oblique.
    spec = SeriesSpec(count=4, rows=6, columns=5, orientation=plane, step_mm=step_mm)
    stack, volume = open_volume(tmp_path, write_series(tmp_path / "ct", spec))
    assert (stack.verdict, codes(stack)) == ("ok", [])
    geometry = stack.geometry
    assert np.linalg.det(geometry.direction_matrix) == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose(geometry.spacing_ijk, (0.7, 0.8, 1.5), atol=1e-5)
    assert np.abs(volume.modality_values() - values_of_places(geometry)).max() <= 0.51


@pytest.mark.parametrize("order", ["shuffled", "reversed", "all equal", "absent"])
def test_g01_the_numbers_of_images_do_not_order_slices(tmp_path, order):
    def number(ds, n):
        ds.InstanceNumber = {
            "shuffled": [5, 2, 8, 1, 7, 3, 6, 4][n],
            "reversed": 8 - n,
            "all equal": 1,
            "absent": None,
        }[order]

    stack, volume = open_volume(
        tmp_path, write_series(tmp_path / "ct", SeriesSpec(orientation=OBLIQUE, change=number))
    )
    assert stack.verdict == "ok"
    assert np.abs(volume.modality_values() - values_of_places(stack.geometry)).max() <= 0.51


def test_g02_slices_run_along_the_normal_whatever_the_order_of_acquisition(tmp_path):
    for name, step in (("up", 2.0), ("down", -2.0)):
        write_series(tmp_path / name, SeriesSpec(name=name, step_mm=step))
    _, (study,) = open_all(tmp_path, tmp_path / "up", tmp_path / "down")
    for series in study.series:
        (stack,) = series.stacks
        np.testing.assert_allclose(stack.geometry.direction_matrix[:, 2], (0, 0, 1), atol=1e-9)


def test_g04_the_gap_names_files_where_there_are_no_numbers(tmp_path):
    def unnumbered(ds, n):
        ds.InstanceNumber = None

    positions = [0.0, 2, 4, 8, 10]
    write_series(tmp_path / "ct", SeriesSpec(positions_mm=positions, change=unnumbered))
    _, _, stack = open_stack(tmp_path, tmp_path / "ct")
    assert [w.text for w in stack.warnings] == [
        "1 slice missing between series-014-2 and series-021-3"
    ]
    assert (stack.health.expected_frames, stack.health.received_frames) == (6, 5)


def test_g05_variable_gaps_that_are_no_multiples(tmp_path):
    positions = [0.0, 2.0, 4.5, 7.5, 9.5, 12.0]
    stack, volume = open_volume(
        tmp_path, write_series(tmp_path / "ct", SeriesSpec(positions_mm=positions))
    )
    assert (stack.verdict, codes(stack)) == ("resampled", ["G05"])
    inside = ~volume.padding_mask()
    error = np.abs(volume.modality_values() - values_of_places(stack.geometry))[inside]
    assert error.max() <= 1.01


def test_g06_tilt_is_found_without_its_attribute_and_not_believed_from_it(tmp_path):
    def claims_tilt(ds, n):
        ds.GantryDetectorTilt = 15.0

    write_series(tmp_path / "straight", SeriesSpec(change=claims_tilt))
    _, _, straight = open_stack(tmp_path, tmp_path / "straight")
    assert straight.verdict == "ok"
    write_series(tmp_path / "tilted", SeriesSpec(tilt_deg=-15))
    _, _, tilted = open_stack(tmp_path, tmp_path / "tilted")
    assert (tilted.verdict, codes(tilted)) == ("resampled", ["G06"])
    # Projected on the normal, never the distance between the corners (2 mm / cos 15 degrees).
    assert tilted.geometry.spacing_ijk[2] == pytest.approx(2.0)


def test_g07_tilt_is_made_good_without_a_question_and_is_told(tmp_path):
    write_series(tmp_path / "ct", SeriesSpec(tilt_deg=12))
    _, _, stack = open_stack(tmp_path, tmp_path / "ct")
    assert stack.health.resampled
    assert "tilted by 12.0 degrees" in stack.why
    assert "12,0" in stack.why_in("ru")
    # The images themselves stay as acquired.
    assert (stack.rows, stack.columns, len(stack.frames)) == (24, 20, 8)


def test_g08_a_localizer_of_one_plane_and_the_volume_it_plans(tmp_path):
    def scout(ds, n):
        ds.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        ds.SOPInstanceUID = uid("scout", n)
        ds.Rows = ds.Rows

    write_series(tmp_path / "ct", SeriesSpec(count=6))
    write_series(tmp_path / "s", SeriesSpec(count=2, orientation=CORONAL, step_mm=30, change=scout))
    _, series = open_series(tmp_path, tmp_path / "ct", tmp_path / "s")
    volume, localizer = sorted(series.stacks, key=lambda stack: -len(stack.frames))
    assert (volume.verdict, len(volume.frames)) == ("ok", 6)
    assert codes(localizer) == ["G08"]
    assert "own orientation" in localizer.why


def four_dimensional(tmp_path, change, phases=3, **options):
    positions = [2.0 * (n % 5) for n in range(5 * phases)]
    spec = SeriesSpec(positions_mm=positions, modality="MR", change=change, **options)
    write_series(tmp_path / "4d", spec)
    return open_series(tmp_path, tmp_path / "4d")[1]


def set_private(ds, creator, group, element, vr, value):
    ds.private_block(group, creator, create=True).add_new(element, vr, value)


def _siemens_b(ds, value):
    set_private(ds, "SIEMENS MR HEADER", 0x0019, 0x0C, "IS", value)


def _ge_b(ds, value):
    set_private(ds, "GEMS_PARM_01", 0x0043, 0x39, "IS", [1000000000 + value, 8, 0, 0])


def _philips_b(ds, value):
    set_private(ds, "Philips Imaging DD 001", 0x2001, 0x03, "FL", float(value))


def _united_imaging_b(ds, value):
    set_private(ds, "Image Private Header", 0x0065, 0x09, "FD", float(value))


def _siemens_direction(ds, value):
    set_private(ds, "SIEMENS MR HEADER", 0x0019, 0x0E, "FD", value)


def _philips_direction(ds, value):
    for n, part in enumerate(value):
        set_private(ds, "Philips MR Imaging DD 005", 0x2005, 0xB0 + n, "FL", part)


def _ge_direction(ds, value):
    for n, part in enumerate(value):
        set_private(ds, "GEMS_ACQU_01", 0x0019, 0xBB + n, "DS", f"{part:.4f}")


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2"])
@pytest.mark.parametrize("put", [_siemens_b, _ge_b, _philips_b, _united_imaging_b])
def test_g09_private_b_values(tmp_path, put, syntax):
    series = four_dimensional(
        tmp_path, lambda ds, n: put(ds, [0, 500, 1000][n // 5]), transfer_syntax_uid=syntax
    )
    assert [stack.verdict for stack in series.stacks] == ["ok"] * 3
    assert [stack.why.split("; ")[1] for stack in series.stacks] == [
        "b-value 0", "b-value 500", "b-value 1000"
    ]  # fmt: skip


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2"])
@pytest.mark.parametrize("put", [_siemens_direction, _philips_direction, _ge_direction])
def test_g09_private_gradient_directions(tmp_path, put, syntax):
    directions = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    series = four_dimensional(
        tmp_path, lambda ds, n: put(ds, directions[n // 5]), transfer_syntax_uid=syntax
    )
    assert [(stack.verdict, len(stack.frames)) for stack in series.stacks] == [("ok", 5)] * 3
    assert "gradient direction" in series.stacks[0].why


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2"])
def test_g09_magnitude_and_phase_of_ge(tmp_path, syntax):
    def component(ds, n):
        set_private(ds, "GEMS_PARM_01", 0x0043, 0x2F, "SS", n // 5)

    series = four_dimensional(tmp_path, component, transfer_syntax_uid=syntax)
    assert [(stack.verdict, len(stack.frames)) for stack in series.stacks] == [("ok", 5)] * 3
    assert "component 1" in series.stacks[1].why


@pytest.mark.parametrize(
    ("keyword", "values", "words"),
    [
        ("TriggerTime", [0.0, 40.5, 81.0], "trigger time"),
        ("EchoTime", [5.0, 10.0, 15.0], "echo time"),
        ("EchoNumbers", [1, 2, 3], "echo number"),
        ("AcquisitionNumber", [1, 2, 3], "acquisition number"),
        ("NominalPercentageOfCardiacPhase", [0.0, 35.0, 70.0], "cardiac phase"),
        ("DiffusionBValue", [0.0, 50.0, 800.0], "b-value"),
        ("DiffusionGradientOrientation", [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "gradient direction"),
        ("InversionTime", [100.0, 200.0, 300.0], "inversion time"),
        ("FlipAngle", [5.0, 10.0, 15.0], "flip angle"),
        ("AcquisitionTime", ["101500", "101530.5", "101600"], "acquisition time"),
        ("ContentTime", ["101500", "101530.5", "101600"], "content time"),
        ("TemporalPositionIdentifier", [1, 2, 3], "temporal position"),
        ("FrameReferenceTime", [0.0, 1000.0, 2000.0], "frame reference time"),
        ("EchoTime", [100.1, 100.2, 100.4], "exact echo time"),
        ("SliceThickness", [1.0, 3.0, 5.0], "slice thickness"),
        ("KVP", [80.0, 120.0, 140.0], "tube voltage"),
        ("ContrastBolusAgent", ["", "Omnipaque", "Xenon"], "contrast agent"),
    ],
)
def test_g09_one_attribute_tells_the_volumes_apart(tmp_path, keyword, values, words):
    series = four_dimensional(tmp_path, lambda ds, n: setattr(ds, keyword, values[n // 5]))
    assert [(stack.verdict, len(stack.frames)) for stack in series.stacks] == [("ok", 5)] * 3
    assert all(words in stack.why for stack in series.stacks)


def test_g09_two_attributes_together(tmp_path):
    def both(ds, n):
        ds.TriggerTime = [0.0, 50.0][n // 5 % 2]
        ds.FlipAngle = [5.0, 10.0][n // 10]

    series = four_dimensional(tmp_path, both, phases=4)
    assert [(stack.verdict, len(stack.frames)) for stack in series.stacks] == [("ok", 5)] * 4


def test_g09_each_phase_holds_the_values_of_its_own_images(tmp_path):
    def phase(ds, n):
        ds.AcquisitionNumber = n // 5 + 1
        ds.RescaleSlope, ds.RescaleIntercept = 1.0, 1000.0 * (n // 5)

    write_series(
        tmp_path / "4d",
        SeriesSpec(positions_mm=[2.0 * (n % 5) for n in range(10)], change=phase, intercept=0.0),
    )
    study, series = open_series(tmp_path, tmp_path / "4d")
    first, second = (assemble_volume(study, series, stack) for stack in series.stacks)
    np.testing.assert_allclose(second.modality_values() - first.modality_values(), 1000.0)


def test_g09_one_slice_sent_twice_spoils_no_volume_and_is_shown(tmp_path):
    positions = [2.0 * n for n in range(12)] + [8.0]
    write_series(tmp_path / "ct", SeriesSpec(positions_mm=positions))
    _, series = open_series(tmp_path, tmp_path / "ct")
    volume, stray = series.stacks
    assert (volume.verdict, len(volume.frames), codes(volume)) == ("ok", 12, ["G09"])
    assert (stray.verdict, len(stray.frames), codes(stray)) == ("stack", 1, ["G09"])
    assert "image 13" in stray.warnings[0].text
    assert "снимок 13" in stray.warnings[0].text_ru


def test_g09_every_slice_twice_and_nothing_to_tell_them_apart(tmp_path):
    write_series(tmp_path / "ct", SeriesSpec(positions_mm=[2.0 * (n // 2) for n in range(12)]))
    _, series = open_series(tmp_path, tmp_path / "ct")
    (stack,) = series.stacks
    assert (stack.verdict, len(stack.frames), codes(stack)) == ("stack", 12, ["G09"])
    assert "no attribute tells them apart" in stack.why


def test_g10_volumes_without_the_value_stay_apart(tmp_path):
    def partly(ds, n):
        if n >= 5:
            ds.DiffusionBValue = [500.0, 1000.0][n // 5 - 1]

    series = four_dimensional(tmp_path, partly)
    assert [(stack.verdict, len(stack.frames)) for stack in series.stacks] == [("ok", 5)] * 3
    assert series.stacks[0].why.endswith("b-value none")


@pytest.mark.parametrize("offset_mm", [0.0, 0.004])
def test_g11_a_cine_at_one_position(tmp_path, offset_mm):
    def moment(ds, n):
        ds.TriggerTime = 40.0 * n

    positions = [4.0 + offset_mm * (n % 2) for n in range(9)]
    write_series(
        tmp_path / "cine", SeriesSpec(positions_mm=positions, modality="MR", change=moment)
    )
    _, _, stack = open_stack(tmp_path, tmp_path / "cine")
    assert (stack.verdict, stack.geometry, len(stack.frames)) == ("stack", None, 9)
    assert codes(stack) == ["G11"]


def test_g14_without_orientation_there_are_no_letters(tmp_path):
    _, volume = open_volume(tmp_path, [write_ultrasound(tmp_path / "us")])
    assert (volume.geometry, volume.patient_orientation) == (None, None)

    def unplaced(ds, n):
        del ds.ImageOrientationPatient

    _, volume = open_volume(tmp_path, write_series(tmp_path / "ct", SeriesSpec(change=unplaced)))
    assert (volume.geometry, volume.patient_orientation) == (None, None)


@pytest.mark.parametrize("cosines", [[0] * 6, [1, 0, 0, 1, 0, 0], [1, 0, 0, 0, 5, 0], [1, 0, 0]])
def test_g14_an_orientation_that_is_none_places_nothing(tmp_path, cosines):
    def broken(ds, n):
        ds.ImageOrientationPatient = cosines

    write_series(tmp_path / "ct", SeriesSpec(count=3, change=broken))
    _, _, stack = open_stack(tmp_path, tmp_path / "ct")
    assert (stack.verdict, stack.geometry) == ("stack", None)


@pytest.mark.parametrize("position", ["HFS", "HFP", "HFDR", "HFDL", "FFS", "FFP", "FFDR", "FFDL"])
def test_g16_how_the_patient_lies_changes_nothing_that_the_cosines_do_not_say(tmp_path, position):
    turned = {
        "P": (-1.0, 0, 0, 0, -1.0, 0),
        "R": (0, 1.0, 0, -1.0, 0, 0),
        "L": (0, -1.0, 0, 1, 0, 0),
    }

    def lie(ds, n):
        ds.PatientPosition = position

    plane = turned.get(position[-1], AXIAL)
    stack, volume = open_volume(
        tmp_path, write_series(tmp_path / "ct", SeriesSpec(orientation=plane, change=lie))
    )
    assert np.abs(volume.modality_values() - values_of_places(stack.geometry)).max() <= 0.51


def test_g17_rows_and_columns_of_unlike_size_keep_their_own_spacing(tmp_path):
    spec = SeriesSpec(pixel_spacing=(1.6, 0.4))
    stack, volume = open_volume(tmp_path, write_series(tmp_path / "ct", spec))
    assert stack.geometry.spacing_ijk == pytest.approx((0.4, 1.6, 2.0))
    assert np.abs(volume.modality_values() - values_of_places(stack.geometry)).max() <= 0.51


def test_g18_sizes_and_spacings_mixed_image_by_image(tmp_path):
    def mix(ds: Dataset, n: int) -> None:
        if n % 2:
            ds.PixelSpacing = [0.4, 0.4]

    write_series(tmp_path / "ct", SeriesSpec(change=mix))
    _, series = open_series(tmp_path, tmp_path / "ct")
    assert [(len(stack.frames), stack.verdict) for stack in series.stacks] == [(4, "ok")] * 2


def test_g19_slices_that_name_many_frames_of_reference_fit_but_are_told(tmp_path):
    def own(ds, n):
        ds.FrameOfReferenceUID = uid("own frame", n)

    write_series(tmp_path / "ct", SeriesSpec(count=40, change=own))
    _, _, stack = open_stack(tmp_path, tmp_path / "ct")
    assert (stack.verdict, codes(stack)) == ("ok", ["G19"])
    assert "40 frames of reference" in stack.warnings[0].text


@pytest.mark.parametrize("spacing", [[0.8, -0.7], [-0.8, -0.7], [0.8], [0.0, 0.7]])
def test_g20_spacing_that_is_none_gives_no_millimetres(tmp_path, spacing):
    def change(ds, n):
        ds.PixelSpacing = spacing

    stack, volume = open_volume(tmp_path, write_series(tmp_path / "ct", SeriesSpec(change=change)))
    assert (stack.verdict, codes(stack)) == ("stack", ["G20"])
    assert (volume.pixel_spacing_mm, volume.spacing_source) == (None, "px")


def test_g08_a_fan_of_images_is_no_volume_although_its_places_are_even(tmp_path):
    def turn(ds, n):
        angle = np.radians(2.0 * n)
        ds.ImageOrientationPatient = [1, 0, 0, 0, f"{np.cos(angle):.8f}", f"{np.sin(angle):.8f}"]

    write_series(tmp_path / "fan", SeriesSpec(count=12, change=turn))
    _, _, stack = open_stack(tmp_path, tmp_path / "fan")
    assert (stack.verdict, stack.geometry, len(stack.frames)) == ("stack", None, 12)
    assert "turned against each other" in stack.why


def test_g08_orientations_that_differ_in_the_last_digit_are_one(tmp_path):
    def jitter(ds, n):
        ds.ImageOrientationPatient = [1, 0, 0, 0, 1, f"{(n % 3) * 3e-5:.6f}"]

    write_series(tmp_path / "ct", SeriesSpec(count=12, change=jitter))
    assert open_stack(tmp_path, tmp_path / "ct")[2].verdict == "ok"
