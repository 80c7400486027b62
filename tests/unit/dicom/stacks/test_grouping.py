from dataclasses import replace

import numpy as np
import pytest

from app.dicom.stacks.grouping import group
from tests.support.opened import codes, open_all, open_series, open_stack
from tests.support.synthetic_dicom import (
    AXIAL,
    CORONAL,
    SAGITTAL,
    SeriesSpec,
    uid,
    write_enhanced_mr,
    write_projection,
    write_secondary_capture,
    write_series,
    write_ultrasound,
)


@pytest.mark.parametrize("orientation", [AXIAL, SAGITTAL, CORONAL, (0.6, 0.8, 0, -0.8, 0.6, 0)])
def test_g01_order_by_projected_position(tmp_path, orientation):
    def shuffle(ds, n):
        ds.InstanceNumber = [5, 2, 8, 1, 7, 3, 6, 4][n]

    spec = SeriesSpec(orientation=orientation, change=shuffle)
    write_series(tmp_path / "ct", spec)
    _, _, stack = open_stack(tmp_path, tmp_path / "ct")
    assert stack.verdict == "ok"
    assert stack.is_volume
    numbers = [ref.instance.instance_number for ref in stack.frames]
    assert numbers == [5, 2, 8, 1, 7, 3, 6, 4]
    geometry = stack.geometry
    assert geometry.size_ijk == (20, 24, 8)
    np.testing.assert_allclose(geometry.spacing_ijk, (0.7, 0.8, 2.0), atol=1e-6)
    np.testing.assert_allclose(geometry.origin_lps, spec.origin_lps, atol=1e-6)
    normal = np.cross(orientation[:3], orientation[3:])
    np.testing.assert_allclose(geometry.direction_matrix[:, 2], normal, atol=1e-6)


def test_g03_spacing_never_from_thickness(tmp_path):
    def lie(ds, n):
        ds.SliceThickness = 5.0
        ds.SpacingBetweenSlices = 7.0

    write_series(tmp_path / "ct", SeriesSpec(change=lie, step_mm=1.25))
    _, series, stack = open_stack(tmp_path, tmp_path / "ct")
    assert stack.geometry.spacing_ijk[2] == pytest.approx(1.25)
    assert series.slice_thickness_mm == 5.0


def test_g03_one_slice_is_no_volume(tmp_path):
    write_series(tmp_path / "ct", SeriesSpec(count=1))
    _, _, stack = open_stack(tmp_path, tmp_path / "ct")
    assert (stack.verdict, stack.geometry) == ("stack", None)
    assert "single image" in stack.why


def test_g04_missing_slices_are_named(tmp_path):
    positions = [2.0 * n for n in range(12) if n not in (4, 5, 9)]
    write_series(tmp_path / "ct", SeriesSpec(positions_mm=positions))
    _, _, stack = open_stack(tmp_path, tmp_path / "ct")
    assert stack.verdict == "resampled"
    assert stack.geometry.size_ijk[2] == 12
    assert [w.text for w in stack.warnings if w.code == "G04"] == [
        "2 slices missing between image 4 and image 5",
        "1 slice missing between image 7 and image 8",
    ]
    assert "missing" in stack.why


def test_g05_uneven_spacing_is_resampled_to_the_finest(tmp_path):
    positions = [0, 2, 4, 6, 9, 12, 15, 18]
    write_series(tmp_path / "ct", SeriesSpec(positions_mm=positions))
    _, _, stack = open_stack(tmp_path, tmp_path / "ct")
    assert stack.verdict == "resampled"
    assert codes(stack) == ["G05"]
    assert stack.geometry.spacing_ijk[2] == pytest.approx(2.0)


def test_g05_two_blocks_of_spacing_are_not_missing_slices(tmp_path):
    positions = [0, 2, 4, 6, 8, 12, 16, 20]
    write_series(tmp_path / "ct", SeriesSpec(positions_mm=positions))
    assert codes(open_stack(tmp_path, tmp_path / "ct")[2]) == ["G05"]


def test_g05_a_hole_too_wide_to_interpolate_makes_a_stack(tmp_path):
    positions = [0, 2, 4, 6, 57.3, 59.3]  # two are too few for a volume of their own
    write_series(tmp_path / "ct", SeriesSpec(positions_mm=positions))
    _, _, stack = open_stack(tmp_path, tmp_path / "ct")
    assert stack.verdict == "stack"
    assert "varies from" in stack.why


def test_g05_rounding_in_headers_is_no_uneven_spacing(tmp_path):
    rng = np.random.default_rng(3)
    positions = [n * 0.9765625 + rng.uniform(-4e-3, 4e-3) for n in range(30)]
    write_series(tmp_path / "ct", SeriesSpec(positions_mm=positions))
    assert open_stack(tmp_path, tmp_path / "ct")[2].verdict == "ok"


@pytest.mark.parametrize("tilt", [12.0, -20.0])
def test_g06_gantry_tilt_is_seen_in_the_positions(tmp_path, tilt):
    write_series(tmp_path / "ct", SeriesSpec(tilt_deg=tilt))
    _, _, stack = open_stack(tmp_path, tmp_path / "ct")
    assert stack.verdict == "resampled"
    assert [w.text for w in stack.warnings] == [f"the gantry was tilted by {abs(tilt):.1f} degrees"]
    assert stack.geometry.spacing_ijk[2] == pytest.approx(2.0)
    assert stack.geometry.size_ijk[1] > 24


def test_g08_localizer_is_a_stack_of_its_own(tmp_path):
    def scout(ds, n):
        ds.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        ds.SOPInstanceUID = uid("scout", n)

    write_series(tmp_path / "ct")
    write_series(tmp_path / "scout", SeriesSpec(count=1, orientation=CORONAL, change=scout))
    _, series = open_series(tmp_path, tmp_path / "ct", tmp_path / "scout")
    verdicts = {stack.verdict: stack for stack in series.stacks}
    assert len(verdicts["ok"].frames) == 8
    assert codes(verdicts["stack"]) == ["G08"]
    assert "LOCALIZER" in verdicts["stack"].why


def test_g08_three_plane_localizer(tmp_path):
    for n, plane in enumerate((AXIAL, SAGITTAL, CORONAL)):

        def own(ds, k, n=n):
            ds.SOPInstanceUID = uid("three planes", n, k)

        write_series(tmp_path / str(n), SeriesSpec(count=3, orientation=plane, change=own))
    _, series = open_series(tmp_path, *[tmp_path / str(n) for n in range(3)])
    assert [len(stack.frames) for stack in series.stacks] == [3, 3, 3]
    assert all("own orientation" in stack.why for stack in series.stacks)


def phases(tmp_path, change, count=3):
    positions = [2.0 * (n % 5) for n in range(5 * count)]
    write_series(tmp_path / "4d", SeriesSpec(positions_mm=positions, modality="MR", change=change))
    return open_series(tmp_path, tmp_path / "4d")[1]


def test_g09_repeated_positions_split_by_time_point(tmp_path):
    def time_point(ds, n):
        ds.TemporalPositionIdentifier = n // 5 + 1

    series = phases(tmp_path, time_point)
    assert [stack.verdict for stack in series.stacks] == ["ok"] * 3
    assert [stack.why.split("; ")[1] for stack in series.stacks] == [
        "temporal position 1",
        "temporal position 2",
        "temporal position 3",
    ]


def test_g09_diffusion_by_b_value_and_direction(tmp_path):
    def diffusion(ds, n):
        ds.DiffusionBValue = 0.0 if n < 5 else 1000.0
        if n >= 5:
            ds.DiffusionGradientOrientation = [[1.0, 0, 0], [0, 1.0, 0]][n // 5 - 1]

    series = phases(tmp_path, diffusion)
    assert [stack.verdict for stack in series.stacks] == ["ok"] * 3
    assert "b-value 0" in series.stacks[0].why


def test_g10_frames_without_the_value_are_a_group_of_their_own(tmp_path):
    def partly(ds, n):
        if n < 10:
            ds.TemporalPositionIdentifier = n // 5 + 1

    series = phases(tmp_path, partly)
    assert [len(stack.frames) for stack in series.stacks] == [5, 5, 5]
    assert series.stacks[2].why.endswith("temporal position none")


def test_g09_nothing_tells_them_apart_so_all_are_shown(tmp_path):
    series = phases(tmp_path, None)
    (stack,) = series.stacks
    assert (stack.verdict, len(stack.frames), codes(stack)) == ("stack", 15, ["G09"])


def test_g11_one_position_is_no_volume(tmp_path):
    write_series(tmp_path / "cine", SeriesSpec(positions_mm=[4.0] * 6, modality="MR"))
    _, _, stack = open_stack(tmp_path, tmp_path / "cine")
    assert (stack.verdict, codes(stack)) == ("stack", ["G11"])


def test_g12_enhanced_frames_in_random_order(tmp_path):
    write_enhanced_mr(tmp_path / "e")
    _, _, stack = open_stack(tmp_path, tmp_path / "e")
    assert stack.verdict == "ok"
    np.testing.assert_allclose(stack.geometry.spacing_ijk, (0.7, 0.8, 2.0))
    assert [ref.frame for ref in stack.frames] != list(range(1, 9))


def test_g12_enhanced_gap_names_the_frames(tmp_path):
    positions = [0.0, 2, 4, 8, 10, 12]
    spec = SeriesSpec(modality="MR", positions_mm=positions)
    write_enhanced_mr(tmp_path / "e", spec, order=range(6))
    _, _, stack = open_stack(tmp_path, tmp_path / "e")
    assert [w.text for w in stack.warnings] == ["1 slice missing between frame 3 and frame 4"]


def test_g18_mixed_sizes_are_split(tmp_path):
    write_series(tmp_path / "a", SeriesSpec(count=4))

    def own(ds, n):
        ds.SOPInstanceUID = uid("larger", n)

    write_series(tmp_path / "b", SeriesSpec(count=3, rows=30, change=own))
    _, series = open_series(tmp_path, tmp_path / "a", tmp_path / "b")
    assert sorted((s.rows, len(s.frames), s.verdict) for s in series.stacks) == [
        (24, 4, "ok"),
        (30, 3, "ok"),
    ]
    assert all("pixels" in stack.why for stack in series.stacks)


def test_g21_own_frame_of_reference_per_slice_is_one_volume(tmp_path):
    def own(ds, n):
        ds.FrameOfReferenceUID = uid("frame", n)

    write_series(tmp_path / "ct", SeriesSpec(change=own))
    _, _, stack = open_stack(tmp_path, tmp_path / "ct")
    assert stack.verdict == "ok"
    assert codes(stack) == ["G19"]
    assert stack.geometry.frame_of_reference_uid == uid("frame", 0)


@pytest.mark.parametrize("spacing", [[0, 0], [-0.5, 0.5]])
def test_g20_impossible_spacing_is_refused(tmp_path, spacing):
    def change(ds, n):
        ds.PixelSpacing = spacing

    write_series(tmp_path / "ct", SeriesSpec(change=change))
    _, _, stack = open_stack(tmp_path, tmp_path / "ct")
    assert (stack.verdict, stack.geometry, codes(stack)) == ("stack", None, ["G20"])


def test_g14_no_position_no_geometry(tmp_path):
    def change(ds, n):
        del ds.ImageOrientationPatient

    write_series(tmp_path / "ct", SeriesSpec(change=change))
    _, _, stack = open_stack(tmp_path, tmp_path / "ct")
    assert (stack.verdict, stack.geometry) == ("stack", None)


def test_projections_cine_and_captures_are_stacks(tmp_path):
    write_projection(tmp_path / "film" / "a")
    write_projection(tmp_path / "film" / "b", photometric="MONOCHROME1")
    write_ultrasound(tmp_path / "us" / "a")
    write_ultrasound(tmp_path / "us" / "b", frames=3)
    write_secondary_capture(tmp_path / "sc")
    _, studies = open_all(tmp_path, tmp_path / "film", tmp_path / "us", tmp_path / "sc")
    stacks = {e.modality: e.stacks for s in studies for e in s.series}
    assert sorted(len(stack.frames) for stack in stacks["US"]) == [3, 5]
    assert {stack.photometric for stack in stacks["DX"]} == {"MONOCHROME2", "MONOCHROME1"}
    for found in stacks.values():
        assert {stack.verdict for stack in found} == {"stack"}


def test_d08_two_patients_in_one_study_block_it(tmp_path):
    def other(ds, n):
        ds.PatientID = "TEST-2"

    write_series(tmp_path / "a")
    write_series(tmp_path / "b", SeriesSpec(name="other", change=other))
    _, (study,) = open_all(tmp_path, tmp_path / "a", tmp_path / "b")
    assert study.blocked == "The images of this study differ in patient ID."
    assert {stack.verdict for series in study.series for stack in series.stacks} == {"blocked"}
    assert "TEST" not in study.blocked


def test_d08_spelling_and_missing_entries_are_no_conflict(tmp_path):
    names = ["Müller^Änne", "MULLER^ANNE ", "muller^anne^^^", ""]

    def change(ds, n):
        ds.PatientName = names[n % 4]
        if n % 2:
            ds.PatientBirthDate = ""

    write_series(tmp_path / "a", SeriesSpec(change=change))
    study, _ = open_series(tmp_path, tmp_path / "a")
    assert study.blocked == ""
    assert study.patient.name


def test_objects_without_pixels_are_series_without_frames(tmp_path):
    def as_report(ds, n):
        for keyword in ("PixelData", "Rows", "Columns"):
            del ds[keyword]
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.33"
        ds.Modality = "SR"

    write_series(tmp_path / "sr", SeriesSpec(count=1, change=as_report))
    _, series = open_series(tmp_path, tmp_path / "sr")
    assert (series.frames, series.stacks) == (0, ())
    assert series.description == "Comprehensive SR: synthetic"


def test_i14_units_only_where_they_are_known(tmp_path):
    def derived(ds, n):
        ds.ImageType = ["DERIVED", "SECONDARY", "MPR"]
        del ds.RescaleType

    base = SeriesSpec(count=3)
    write_series(tmp_path / "a", base)
    write_series(tmp_path / "b", replace(base, name="b", change=derived))
    _, (study,) = open_all(tmp_path, tmp_path / "a", tmp_path / "b")
    found = {series.series_instance_uid: series.stacks[0].quantity for series in study.series}
    assert found[uid("study", "series")] == "HU"
    assert found[uid("study", "b")] == "arbitrary"


def test_i16_lossy_images_say_so(tmp_path):
    def lossy(ds, n):
        ds.LossyImageCompression = "01"
        ds.LossyImageCompressionRatio = 12

    write_series(tmp_path / "a", SeriesSpec(count=3, change=lossy))
    _, _, stack = open_stack(tmp_path, tmp_path / "a")
    assert stack.warnings[0].code == "I16"
    assert "12:1" in stack.warnings[0].text


def test_routing_facts(tmp_path):
    def facts(ds, n):
        ds.PatientAge = "018M"
        ds.ConvolutionKernel = "B30f"
        ds.ContrastBolusAgent = "Omnipaque"

    write_series(tmp_path / "a", SeriesSpec(count=3, change=facts))
    _, series = open_series(tmp_path, tmp_path / "a")
    assert series.patient_age_years == 1.5
    assert series.kernel == "B30f"
    assert series.kvp == 120
    assert series.contrast is True
    assert series.image_type == ("ORIGINAL", "PRIMARY", "AXIAL")


def test_grouping_does_not_depend_on_the_order_of_files(tmp_path):
    write_series(tmp_path / "a", SeriesSpec(tilt_deg=8))
    found, studies = open_all(tmp_path, tmp_path / "a")
    assert group(reversed(found.records)) == studies


def test_g19_images_without_a_frame_of_reference_get_their_own(tmp_path):
    def none(ds, n):
        del ds.FrameOfReferenceUID

    for name in ("a", "b"):
        write_series(tmp_path / name, SeriesSpec(count=3, name=name, change=none))
    _, (study,) = open_all(tmp_path, tmp_path / "a", tmp_path / "b")
    stacks = [series.stacks[0] for series in study.series]
    assert [codes(stack) for stack in stacks] == [["G19"], ["G19"]]
    uids = {stack.geometry.frame_of_reference_uid for stack in stacks}
    assert len(uids) == 2
    assert "" not in uids


def test_i07_values_of_two_units_share_no_volume(tmp_path):
    def as_pet(ds, n):
        ds.Modality, ds.Units = "PT", "CNTS" if n < 3 else "BQML"
        ds.RescaleType = None

    write_series(tmp_path / "pet", SeriesSpec(count=6, change=as_pet))
    _, (study,) = open_all(tmp_path, tmp_path / "pet")
    (series,) = study.series
    assert [(len(stack.frames), stack.quantity) for stack in series.stacks] == [
        (3, "CNTS"),
        (3, "BQML"),
    ]
    assert "unit CNTS" in series.stacks[0].why
    assert "единица CNTS" in series.stacks[0].why_ru
