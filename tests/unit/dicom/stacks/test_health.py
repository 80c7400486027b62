"""What is missing is known where it can be known, and no alarm is raised where it cannot."""

import pytest

from tests.support.opened import open_all, open_series, open_stack
from tests.support.synthetic_dicom import SeriesSpec, uid, write_projection, write_series


def opened(tmp_path, spec):
    write_series(tmp_path / "series", spec)
    return open_stack(tmp_path, tmp_path / "series")[2]


def test_d18_a_gap_between_slices_tells_how_many_are_missing(tmp_path):
    positions = [2.0 * n for n in range(12) if n not in (4, 5, 9)]
    stack = opened(tmp_path, SeriesSpec(positions_mm=positions))
    health = stack.health
    assert (health.expected_frames, health.received_frames, health.shown_frames) == (12, 9, 9)
    assert (health.missing_frames, health.is_whole, health.resampled) == (3, False, True)
    assert health.notes[0].en == "3 images are missing; told by gaps between the slices"
    assert health.notes[0].ru.startswith("не хватает снимков: 3")
    assert health.expected_from.en == "gaps between the slices"


def test_d18_the_study_is_incomplete_where_a_stack_is(tmp_path):
    write_series(tmp_path / "a", SeriesSpec(positions_mm=[0, 2, 4, 8, 10]))
    write_series(tmp_path / "b", SeriesSpec(name="b", count=4))
    _, (study,) = open_all(tmp_path, tmp_path / "a", tmp_path / "b")
    found = study.completeness
    assert (found.received, found.expected, found.source) == (9, 10, "gaps")
    assert not found.is_complete


def test_d18_a_whole_series_raises_no_alarm(tmp_path):
    write_series(tmp_path / "a")
    _, (study,) = open_all(tmp_path, tmp_path / "a")
    health = study.series[0].stacks[0].health
    assert (health.expected_frames, health.expected_from, health.notes) == (None, None, ())
    assert health.is_whole
    assert (study.completeness.is_complete, study.completeness.source) == (True, "")


@pytest.mark.parametrize(("stated", "expected"), [(12, 12), (8, 8), (5, None), (0, None)])
def test_d18_the_count_of_the_acquisition_is_believed_if_it_can_be_true(tmp_path, stated, expected):
    def state(ds, n):
        ds.ImagesInAcquisition = stated

    health = opened(tmp_path, SeriesSpec(change=state)).health
    assert (health.expected_frames, health.received_frames) == (expected, 8)
    assert health.is_whole == (stated != 12)


def test_d18_a_reformatted_series_inherits_a_count_that_is_not_its_own(tmp_path):
    def derived(ds, n):
        ds.ImagesInAcquisition = 300
        ds.ImageType = ["DERIVED", "SECONDARY", "REFORMATTED"]

    assert opened(tmp_path, SeriesSpec(change=derived)).health.is_whole


def test_d18_two_acquisitions_in_a_series_share_no_count(tmp_path):
    def two(ds, n):
        ds.ImagesInAcquisition, ds.AcquisitionNumber = 40, n // 4 + 1

    assert opened(tmp_path, SeriesSpec(change=two)).health.expected_frames is None


def test_d18_the_number_of_slices_of_a_pet(tmp_path):
    def pet(ds, n):
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.128"
        ds.Modality, ds.NumberOfSlices = "PT", 10

    health = opened(tmp_path, SeriesSpec(change=pet)).health
    assert (health.expected_frames, health.missing_frames) == (10, 2)
    assert "NumberOfSlices" in health.notes[0].en


def test_d18_a_time_point_with_fewer_slices_and_one_that_never_came(tmp_path):
    def point(ds, n):
        ds.TemporalPositionIdentifier, ds.NumberOfTemporalPositions = n // 5 + 1, 5

    positions = [2.0 * (n % 5) for n in range(19)]
    write_series(tmp_path / "4d", SeriesSpec(positions_mm=positions, modality="MR", change=point))
    _, series = open_series(tmp_path, tmp_path / "4d")
    found = [(s.health.received_frames, s.health.expected_frames) for s in series.stacks]
    assert found == [(5, None), (5, None), (5, None), (4, 5)]
    assert (
        "1 image is missing; told by the other time points" in series.stacks[3].health.notes[0].en
    )
    for stack in series.stacks:
        assert "1 time point is missing" in stack.health.notes[-1].en


def test_d18_a_contrast_phase_may_cover_less_than_the_others(tmp_path):
    def phase(ds, n):
        ds.AcquisitionNumber = 1 if n < 4 else 2 + (n - 4) // 8

    positions = [2.0 * n for n in range(4)] + [2.0 * (n % 8) for n in range(16)]
    write_series(tmp_path / "ct", SeriesSpec(positions_mm=positions, change=phase))
    _, series = open_series(tmp_path, tmp_path / "ct")
    assert [len(stack.frames) for stack in series.stacks] == [4, 8, 8]
    assert all(stack.health.is_whole for stack in series.stacks)


def numbered(ds, numbers, n):
    ds.InstanceNumber = numbers[n]
    del ds.ImagePositionPatient


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([1, 2, 3, 4, 6, 7, 8, 9], 9),
        ([1, 2, 3, 4, 5, 6, 7, 8], None),
        ([11, 12, 13, 14, 16, 17, 18, 19], None),
        ([1, 3, 5, 7, 9, 11, 13, 15], None),
        ([1, 1, 1, 1, 1, 1, 1, 9], None),
    ],
)
def test_d18_image_numbers_count_only_where_nothing_better_does(tmp_path, numbers, expected):
    spec = SeriesSpec(change=lambda ds, n: numbered(ds, numbers, n))
    assert opened(tmp_path, spec).health.expected_frames == expected


def test_d18_numbers_with_holes_are_no_alarm_where_the_slices_are_without(tmp_path):
    def every_other(ds, n):
        ds.InstanceNumber = [1, 2, 3, 4, 5, 6, 7, 9][n]

    assert opened(tmp_path, SeriesSpec(change=every_other)).health.is_whole


def test_d18_films_are_their_own_stacks_and_expect_nothing(tmp_path):
    for n in (1, 3):

        def film(ds, n=n):
            ds.InstanceNumber, ds.SOPInstanceUID = n, uid("film", n)

        write_projection(tmp_path / "film" / str(n), change=film)
    _, series = open_series(tmp_path, tmp_path / "film")
    assert [stack.health.expected_frames for stack in series.stacks] == [None, None]


def test_resampled_is_said_with_the_reason(tmp_path):
    health = opened(tmp_path, SeriesSpec(tilt_deg=10)).health
    assert (health.resampled, health.is_whole) == (True, True)
    assert "the gantry was tilted by 10.0 degrees" in health.notes[0].en
