"""M03: what a distance in an ultrasound image means; G17: its pixels have their true shape."""

import math

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from app.core.ultrasound import UsRegion, extent_between
from app.dicom.pixels.us_regions import merged, pixel_aspect_of, regions_of
from app.viewer.planes import image_space
from tests.support.opened import open_volume
from tests.support.synthetic_dicom import write_ultrasound

TISSUE = UsRegion(0, 0, 400, 300, 0.02, 0.05, "cm", "cm", "2D")
SPECTRUM = UsRegion(0, 320, 400, 500, 0.005, -0.8, "s", "cm/s", "spectral")
INSET = UsRegion(300, 0, 400, 80, 0.1, 0.1, "cm", "cm", "2D")


def region_item(region, *, units=(3, 3), kind=1):
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = kind, 1, 0
    item.RegionLocationMinX0, item.RegionLocationMinY0 = region.x0, region.y0
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = region.x1, region.y1
    item.PhysicalUnitsXDirection, item.PhysicalUnitsYDirection = units
    item.PhysicalDeltaX, item.PhysicalDeltaY = region.delta_x, region.delta_y
    return item


def test_m03_unlike_deltas_along_rows_and_columns():
    found = extent_between([TISSUE], (10, 10), (110, 10))
    assert (found.length, found.unit) == (pytest.approx(20.0), "mm")
    found = extent_between([TISSUE], (10, 10), (10, 110))
    assert found.length == pytest.approx(50.0)
    found = extent_between([TISSUE], (10, 10), (110, 110))
    assert found.length == pytest.approx(math.hypot(20, 50))
    assert found.source == "mm (US region)"


def test_m03_a_spectrum_gives_seconds_and_velocity_not_millimetres():
    found = extent_between([TISSUE, SPECTRUM], (100, 400), (300, 350))
    assert found.length is None
    assert found.unit == ""
    assert (found.dx, found.unit_x) == (pytest.approx(1.0), "s")
    assert (found.dy, found.unit_y) == (pytest.approx(40.0), "cm/s")


@pytest.mark.parametrize("second", [(100, 400), (100, 310), (900, 900)])
def test_m03_two_regions_or_none_give_pixels(second):
    found = extent_between([TISSUE, SPECTRUM], (100, 100), second)
    assert found.unit == found.unit_x == "px"
    assert found.length == pytest.approx(math.hypot(second[0] - 100, second[1] - 100))


def test_m03_the_smallest_region_around_both_points_counts():
    found = extent_between([TISSUE, INSET], (310, 10), (320, 10))
    assert found.length == pytest.approx(10.0)


def test_m03_regions_of_frames_are_honoured():
    other = UsRegion(0, 0, 400, 300, 0.04, 0.04, "cm", "cm", "2D")
    regions = merged([(TISSUE,), (TISSUE,), (other,)])
    assert extent_between(regions, (0, 0), (100, 0), frame=1).length == pytest.approx(20.0)
    assert extent_between(regions, (0, 0), (100, 0), frame=2).length == pytest.approx(40.0)
    assert merged([(TISSUE,), (TISSUE,)]) == (TISSUE,)


def test_m03_regions_are_read_with_units_and_kind():
    ds = Dataset()
    broken = region_item(TISSUE)
    broken.PhysicalDeltaX = 0
    ds.SequenceOfUltrasoundRegions = Sequence(
        [region_item(TISSUE), region_item(SPECTRUM, units=(4, 7), kind=3), broken]
    )
    assert regions_of(ds) == (TISSUE, SPECTRUM)


def test_m03_volume_carries_the_regions_and_no_spacing(tmp_path):
    small = UsRegion(0, 0, 17, 15, 0.02, 0.05, "cm", "cm", "2D")

    def change(ds, _):
        ds.SequenceOfUltrasoundRegions = Sequence([region_item(small)])

    _, volume = open_volume(tmp_path, [write_ultrasound(tmp_path / "us", change=change)])
    assert volume.us_regions == (small,)
    assert volume.pixel_spacing_mm is None
    assert volume.pixel_aspect == pytest.approx(2.5)


def test_g17_aspect_without_spacing_shapes_pixels_and_gives_no_millimetres(tmp_path):
    def change(ds, _):
        ds.PixelAspectRatio = [4, 3]

    _, volume = open_volume(tmp_path, [write_ultrasound(tmp_path / "us", change=change)])
    assert volume.pixel_spacing_mm is None
    assert volume.spacing_source == "px"
    across, down = image_space(volume).spacing_ijk[:2]
    assert down / across == pytest.approx(4 / 3)


@pytest.mark.parametrize(
    ("stated", "regions", "aspect"),
    [
        ([2, 1], (), 2.0),
        (None, (TISSUE,), 2.5),
        (None, (TISSUE, SPECTRUM), 2.5),
        (None, (TISSUE, INSET), 1.0),  # they disagree
        (None, (SPECTRUM,), 1.0),
        ([0, 1], (), 1.0),
        (None, (), 1.0),
    ],
)
def test_g17_where_the_aspect_comes_from(stated, regions, aspect):
    ds = Dataset()
    if stated:
        ds.PixelAspectRatio = stated
    assert pixel_aspect_of(ds, regions) == pytest.approx(aspect)
