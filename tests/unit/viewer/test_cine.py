"""D13: real-time clock with frame dropping."""

import pytest

from app.viewer.cine import DEFAULT_FPS, CineClock, clock_for


def test_d13_the_image_due_depends_on_the_clock_alone():
    clock = CineClock((0.1, 0.2, 0.3))
    assert [clock.at(t)[0] for t in (0.0, 0.05, 0.15, 0.29, 0.31, 0.59)] == [0, 0, 1, 1, 2, 2]
    assert clock.at(0.61)[0] == 0  # in a circle
    assert clock.at(6.15)[0] == 1  # an hour late is no slower
    assert clock.at(0.15)[1] == pytest.approx(0.15)


def test_d13_playing_begins_at_the_image_on_screen():
    clock = CineClock((0.1, 0.2, 0.3), start=2)
    assert [clock.at(t)[0] for t in (0.0, 0.29, 0.31, 0.45)] == [2, 2, 0, 1]


def test_d13_late_images_are_dropped_not_shown_later():
    clock = CineClock((0.04,) * 25)
    assert [clock.at(n * 0.1 + 0.001)[0] for n in range(5)] == [0, 2, 5, 7, 10]


def test_d13_images_without_times_run_at_a_steady_pace():
    clock = clock_for((), 4, 1)
    assert clock.times_s == (1 / DEFAULT_FPS,) * 4
    assert clock_for((0.1,) * 4, 4, 0).times_s == (0.1,) * 4
    assert clock_for((0.1,) * 3, 4, 0).times_s == (1 / DEFAULT_FPS,) * 4
