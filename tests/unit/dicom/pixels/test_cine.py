"""D13: how fast a cine runs."""

import pytest
from pydicom.dataset import Dataset

from app.dicom.pixels.cine import frame_times_s
from tests.support.opened import open_volume
from tests.support.synthetic_dicom import write_projection, write_ultrasound

TIME, VECTOR = 0x00181063, 0x00181065


def cine(**attributes):
    ds = Dataset()
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


@pytest.mark.parametrize(
    ("attributes", "times"),
    [
        ({"FrameTime": 40.0}, (0.04,) * 3),
        ({"FrameIncrementPointer": TIME, "FrameTime": 40.0, "CineRate": 10}, (0.04,) * 3),
        ({"FrameTimeVector": [0, 20, 60]}, (0.02, 0.06, 0.04)),
        (
            {"FrameIncrementPointer": VECTOR, "FrameTimeVector": [0, 20, 60], "FrameTime": 5},
            (0.02, 0.06, 0.04),
        ),
        (
            {"FrameIncrementPointer": TIME, "FrameTimeVector": [0, 20, 60], "FrameTime": 5},
            (0.005,) * 3,
        ),
        ({"FrameTimeVector": [0, 20]}, ()),  # of another length: not believed
        ({"FrameTime": 0, "RecommendedDisplayFrameRate": 25}, (0.04,) * 3),
        ({"RecommendedDisplayFrameRate": 25, "CineRate": 10}, (0.04,) * 3),
        ({"CineRate": 10}, (0.1,) * 3),
        ({"FrameTime": -3}, ()),
        ({}, ()),
    ],
)
def test_d13_pointer_then_time_then_recommended_then_cine_rate(attributes, times):
    assert frame_times_s(cine(**attributes), 3) == pytest.approx(times)


def test_d13_one_frame_is_no_cine():
    assert frame_times_s(cine(FrameTime=40.0), 1) == ()


def test_d13_volume_tells_its_rate(tmp_path):
    _, volume = open_volume(tmp_path, [write_ultrasound(tmp_path / "us")])
    assert volume.frame_times_s == pytest.approx((0.04,) * 5)
    assert volume.cine_fps == pytest.approx(25.0)
    _, film = open_volume(tmp_path / "film", [write_projection(tmp_path / "film")])
    assert film.cine_fps is None
