"""Passes whose slices lie between each other are told apart; one pass is never torn apart."""

import numpy as np
import pytest

from tests.support.opened import codes, open_series
from tests.support.synthetic_dicom import SeriesSpec, write_series


def two_phases(tmp_path, change, *, offset_mm=0.7, modality="CT", count=8):
    """Slices of two phases in turn: 0, 0.7, 2, 2.7, ... mm; odd numbers are the second phase."""
    positions = [2.0 * (n // 2) + offset_mm * (n % 2) for n in range(2 * count)]
    spec = SeriesSpec(positions_mm=positions, change=change, modality=modality)
    write_series(tmp_path / "series", spec)
    return open_series(tmp_path, tmp_path / "series")[1]


def acquisition(ds, n):
    ds.AcquisitionNumber = n % 2 + 1


def content_time(ds, n):
    ds.ContentTime = ["101500", "101545"][n % 2]


def own_times(ds, n):
    # Each slice has a time of its own; the second phase begins after the first has ended.
    ds.ContentTime = f"{101500 + n // 2 + 30 * (n % 2):06d}.250"


def temporal_position(ds, n):
    ds.TemporalPositionIdentifier = n % 2 + 1


def contrast(ds, n):
    ds.ContrastBolusAgent = ["NONE", "Omnipaque"][n % 2]


@pytest.mark.parametrize(
    "change", [acquisition, content_time, own_times, temporal_position, contrast]
)
@pytest.mark.parametrize("offset_mm", [0.7, 0.05])
def test_g09_two_contrast_phases_between_each_other(tmp_path, change, offset_mm):
    series = two_phases(tmp_path, change, offset_mm=offset_mm)
    assert [(stack.verdict, len(stack.frames)) for stack in series.stacks] == [("ok", 8)] * 2
    first, second = series.stacks
    assert {ref.instance.instance_number % 2 for ref in first.frames} == {1}
    assert {ref.instance.instance_number % 2 for ref in second.frames} == {0}
    np.testing.assert_allclose(first.geometry.spacing_ijk[2], 2.0)
    shift = second.geometry.origin_lps[2] - first.geometry.origin_lps[2]
    assert shift == pytest.approx(offset_mm)
    assert first.why != second.why


@pytest.mark.parametrize("change", [acquisition, content_time, temporal_position])
def test_g09_two_ct_phases_at_exactly_half_a_slice(tmp_path, change):
    series = two_phases(tmp_path, change, offset_mm=1.0)
    assert [(stack.verdict, len(stack.frames)) for stack in series.stacks] == [("ok", 8)] * 2


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_g09_another_acquisition_number_is_another_pass_whatever_the_modality(tmp_path, modality):
    series = two_phases(tmp_path, acquisition, offset_mm=1.0, modality=modality)
    assert [(stack.verdict, len(stack.frames)) for stack in series.stacks] == [("ok", 8)] * 2


@pytest.mark.parametrize("change", [content_time, own_times])
def test_g09_mr_that_acquires_every_other_slice_first_is_one_volume(tmp_path, change):
    series = two_phases(tmp_path, change, offset_mm=1.0, modality="MR")
    assert [(stack.verdict, len(stack.frames)) for stack in series.stacks] == [("ok", 16)]


def test_g09_slabs_one_after_the_other_are_one_volume(tmp_path):
    def slab(ds, n):
        ds.AcquisitionNumber = n // 4 + 1
        ds.ContentTime = f"10{15 + n // 4}{n % 4:02d}"

    write_series(tmp_path / "ct", SeriesSpec(count=16, change=slab))
    _, series = open_series(tmp_path, tmp_path / "ct")
    assert [(stack.verdict, len(stack.frames)) for stack in series.stacks] == [("ok", 16)]


def test_g09_three_phases_with_a_missing_slice_each_keep_their_gap(tmp_path):
    def phase(ds, n):
        ds.AcquisitionNumber = n % 3 + 1

    positions = [3.0 * (n // 3 + (n // 3 >= 4)) + 0.4 * (n % 3) for n in range(24)]
    write_series(tmp_path / "ct", SeriesSpec(positions_mm=positions, change=phase))
    _, series = open_series(tmp_path, tmp_path / "ct")
    assert [(len(s.frames), s.verdict) for s in series.stacks] == [(8, "resampled")] * 3
    assert [s.health.expected_frames for s in series.stacks] == [9] * 3


def test_g05_uneven_slices_of_one_pass_are_not_torn_apart(tmp_path):
    def time(ds, n):
        ds.ContentTime = f"{101500 + n:06d}"

    positions = [0, 2, 4, 6, 9, 12, 15, 18]
    write_series(tmp_path / "ct", SeriesSpec(positions_mm=positions, change=time))
    _, series = open_series(tmp_path, tmp_path / "ct")
    assert [stack.verdict for stack in series.stacks] == ["resampled"]


def test_g09_each_place_has_trigger_times_of_its_own(tmp_path):
    def trigger(ds, n):
        # Three phases of four places; the heart beats a little faster from place to place.
        ds.TriggerTime = (n // 4) * (40.0 - n % 4)

    positions = [8.0 * (n % 4) for n in range(12)]
    write_series(tmp_path / "c", SeriesSpec(positions_mm=positions, modality="MR", change=trigger))
    _, series = open_series(tmp_path, tmp_path / "c")
    assert [(stack.verdict, len(stack.frames)) for stack in series.stacks] == [("ok", 4)] * 3
    for phase, stack in enumerate(series.stacks):
        numbers = sorted(ref.instance.instance_number for ref in stack.frames)
        assert numbers == [4 * phase + n for n in (1, 2, 3, 4)]
    assert series.stacks[1].why.endswith("trigger time 2 of 3")
    assert series.stacks[1].why_ru.endswith("2 из 3")


def test_g09_a_time_per_image_still_makes_time_points(tmp_path):
    def time(ds, n):
        ds.AcquisitionTime = f"{101500 + n:06d}.5"

    positions = [2.0 * (n % 5) for n in range(15)]
    write_series(tmp_path / "d", SeriesSpec(positions_mm=positions, modality="MR", change=time))
    _, series = open_series(tmp_path, tmp_path / "d")
    assert [(stack.verdict, len(stack.frames)) for stack in series.stacks] == [("ok", 5)] * 3


def test_g09_stations_with_phases_each_are_volumes_of_their_own(tmp_path):
    def acquired(ds, n):
        ds.AcquisitionNumber = n // 4 + 1

    # Two stations, one above the other with a hole between; two acquisitions at each.
    positions = [2.0 * (n % 4) + 100.0 * (n // 8) for n in range(16)]
    write_series(tmp_path / "s", SeriesSpec(positions_mm=positions, change=acquired))
    _, series = open_series(tmp_path, tmp_path / "s")
    assert [(stack.verdict, len(stack.frames)) for stack in series.stacks] == [("ok", 4)] * 4


def test_g09_a_slice_sent_twice_within_a_time_point(tmp_path):
    def point(ds, n):
        ds.TemporalPositionIdentifier = [*[n // 6 + 1 for n in range(18)], 2][n]

    positions = [2.0 * (n % 6) for n in range(18)] + [4.0]
    write_series(tmp_path / "t", SeriesSpec(positions_mm=positions, modality="MR", change=point))
    _, series = open_series(tmp_path, tmp_path / "t")
    found = [(stack.verdict, len(stack.frames)) for stack in series.stacks]
    assert found == [("ok", 6), ("ok", 6), ("stack", 1), ("ok", 6)]
    assert "temporal position 2" in series.stacks[2].why


@pytest.mark.parametrize("apart_mm", [60.0, 61.3, 300.0])
def test_g04_two_regions_of_one_series_are_two_volumes(tmp_path, apart_mm):
    """As one grid it would be mostly empty; image by image, both volumes would be lost."""
    first = [2.0 * n for n in range(9)]
    spec = SeriesSpec(positions_mm=[*first, *(16.0 + apart_mm + 2.0 * n for n in range(7))])
    write_series(tmp_path / "ct", spec)
    _, series = open_series(tmp_path, tmp_path / "ct")
    assert [(s.verdict, s.geometry.size_ijk[2]) for s in series.stacks] == [("ok", 9), ("ok", 7)]
    assert series.stacks[1].geometry.origin_lps[2] == pytest.approx(30.0 + 16.0 + apart_mm)
    for stack in series.stacks:
        assert codes(stack) == ["G04"]
        assert f"{apart_mm:.1f} mm without a slice between image 9 and image 10" in stack.why


def test_g04_missing_slices_stay_one_volume(tmp_path):
    write_series(tmp_path / "ct", SeriesSpec(positions_mm=[0, 2, 4, 6, 8, 20, 22, 24, 26]))
    _, series = open_series(tmp_path, tmp_path / "ct")
    assert [s.verdict for s in series.stacks] == ["resampled"]
    assert series.stacks[0].geometry.size_ijk[2] == 14
