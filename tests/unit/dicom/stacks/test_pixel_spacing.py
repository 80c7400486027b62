"""M01, M02: the ladder of pixel spacings of projections, on known objects."""

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from app.dicom.stacks.pixel_spacing import pixel_spacing_of


def spacing(**attributes):
    ds = Dataset()
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return pixel_spacing_of(ds, ds, in_patient=False)


def test_m01_calibrated_before_detector_before_nothing():
    calibrated = spacing(
        PixelSpacing=[0.2, 0.2],
        ImagerPixelSpacing=[0.2, 0.2],
        PixelSpacingCalibrationType="GEOMETRY",
    )
    assert calibrated.source == "mm (calibrated)"
    assert (
        spacing(PixelSpacing=[0.2, 0.2], ImagerPixelSpacing=[0.2, 0.2]).source == "mm at detector"
    )
    assert spacing(PixelSpacing=[0.16, 0.16], ImagerPixelSpacing=[0.2, 0.2]).source == (
        "mm (calibrated)"
    )
    assert spacing().source == "px"
    assert spacing().row_column_mm is None


def test_m02_a_known_object_is_divided_by_the_magnification_once():
    """20 mm at a magnification of 1.25 covers 125 detector pixels of 0.2 mm."""
    found = spacing(ImagerPixelSpacing=[0.2, 0.2], EstimatedRadiographicMagnificationFactor=1.25)
    assert found.row_column_mm[0] * 125 == pytest.approx(20.0)
    assert found.source == "mm est."


def test_m02_spacing_that_was_divided_already_is_not_divided_again():
    found = spacing(
        PixelSpacing=[0.16, 0.16],
        ImagerPixelSpacing=[0.2, 0.2],
        EstimatedRadiographicMagnificationFactor=1.25,
    )
    assert found.row_column_mm[0] * 125 == pytest.approx(20.0)


def test_m02_stated_factor_and_distances_are_not_multiplied():
    found = spacing(
        ImagerPixelSpacing=[0.2, 0.2],
        EstimatedRadiographicMagnificationFactor=1.25,
        DistanceSourceToDetector=1500,
        DistanceSourceToPatient=1200,
    )
    assert found.row_column_mm == pytest.approx((0.16, 0.16))


def test_m02_mammogram_with_its_own_factor():
    """A 10 mm mass in a magnification view of 1.8 covers 257 pixels of 0.07 mm."""
    found = spacing(ImagerPixelSpacing=[0.07, 0.07], EstimatedRadiographicMagnificationFactor=1.8)
    assert found.row_column_mm[0] * 257 == pytest.approx(10.0, abs=0.03)


def test_m02_enhanced_angiography_keeps_them_in_its_macros():
    properties, geometry, group, ds = Dataset(), Dataset(), Dataset(), Dataset()
    properties.ImagerPixelSpacing = [0.2, 0.2]
    geometry.DistanceSourceToDetector, geometry.DistanceSourceToPatient = 1200, 800
    group.FramePixelDataPropertiesSequence = Sequence([properties])
    group.XRayGeometrySequence = Sequence([geometry])
    ds.SharedFunctionalGroupsSequence = Sequence([group])
    found = pixel_spacing_of(ds, ds, in_patient=False)
    assert found.row_column_mm == pytest.approx((0.2 / 1.5, 0.2 / 1.5))
    assert found.source == "mm est."


@pytest.mark.parametrize("factor", [0, 0.5, 1.0, 7.0])
def test_m02_factors_that_cannot_be_are_not_used(factor):
    found = spacing(ImagerPixelSpacing=[0.2, 0.2], EstimatedRadiographicMagnificationFactor=factor)
    assert found.row_column_mm == (0.2, 0.2)
    assert found.source == "mm at detector"


def test_g20_negative_spacing_is_none():
    found = spacing(PixelSpacing=[-0.2, 0.2])
    assert found.row_column_mm is None
    assert found.source == "px"
    assert found.fault


def test_m01_row_and_column_are_kept_apart():
    found = spacing(ImagerPixelSpacing=[0.4, 0.2], EstimatedRadiographicMagnificationFactor=2.0)
    assert found.row_column_mm == pytest.approx((0.2, 0.1))
