"""I13: standardised uptake values of PET, by hand and by the rules of QIBA."""

import math

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import PositronEmissionTomographyImageStorage

from app.dicom.files.headers import quantity_of
from app.dicom.pixels.suv import suv_of
from tests.support.opened import open_volume
from tests.support.synthetic_dicom import SeriesSpec, write_series

DOSE, HALF_LIFE, WEIGHT, HEIGHT = 3.7e8, 6588.0, 70.0, 1.75


def pet(**changes):
    ds = Dataset()
    ds.Modality = "PT"
    ds.Units = "BQML"
    ds.CorrectedImage = ["DECY", "ATTN", "SCAT"]
    ds.DecayCorrection = "START"
    ds.SeriesDate, ds.SeriesTime = "20260102", "110000"
    ds.AcquisitionDate, ds.AcquisitionTime = "20260102", "110500"
    ds.PatientWeight, ds.PatientSize, ds.PatientSex = WEIGHT, HEIGHT, "M"
    radio = Dataset()
    radio.RadionuclideTotalDose, radio.RadionuclideHalfLife = DOSE, HALF_LIFE
    radio.RadiopharmaceuticalStartTime = "100000"
    ds.RadiopharmaceuticalInformationSequence = Sequence([radio])
    for keyword, value in changes.items():
        in_item = keyword.startswith("Radio") and not keyword.endswith("Sequence")
        holder = radio if in_item else ds
        if value is None:
            delattr(holder, keyword)
        else:
            setattr(holder, keyword, value)
    return ds


def decayed(seconds):
    return DOSE * 2 ** (-seconds / HALF_LIFE)


def factor(ds):
    found, why = suv_of(ds)
    assert why is None, why
    return found.body_weight


def test_i13_bqml_start_is_weight_over_the_dose_at_scan():
    assert factor(pet()) == pytest.approx(WEIGHT * 1000 / decayed(3600))


def test_i13_admin_does_not_decay_the_dose():
    """Horos #653: a uniform phantom read 2.10 instead of 1.00."""
    ds = pet(DecayCorrection="ADMIN")
    assert factor(ds) == pytest.approx(WEIGHT * 1000 / DOSE)
    assert factor(ds) * DOSE / (WEIGHT * 1000) == pytest.approx(1.0)


def test_i13_not_corrected_for_decay_gives_no_suv():
    found, why = suv_of(pet(DecayCorrection="NONE"))
    assert found is None
    assert "(0054,1102)" in why.en
    assert "(0054,1102)" in why.ru


def test_i13_injection_before_midnight():
    ds = pet(
        SeriesTime="003000", AcquisitionTime="003500", RadiopharmaceuticalStartTime="233000.00"
    )
    assert factor(ds) == pytest.approx(WEIGHT * 1000 / decayed(3600))


def test_i13_start_date_time_counts_days():
    ds = pet(RadiopharmaceuticalStartDateTime="20260101100000.000000+0100")
    assert factor(ds) == pytest.approx(WEIGHT * 1000 / decayed(25 * 3600))


def test_i13_start_date_after_the_scan_is_not_believed():
    ds = pet(RadiopharmaceuticalStartDateTime="20260301100000")
    assert factor(ds) == pytest.approx(WEIGHT * 1000 / decayed(3600))


def test_i13_ge_private_scan_time_where_the_series_is_a_later_processing():
    ds = pet(SeriesTime="150000")
    block = ds.private_block(0x0009, "GEMS_PETD_01", create=True)
    block.add_new(0x0D, "DT", "20260102104500.00")
    assert factor(ds) == pytest.approx(WEIGHT * 1000 / decayed(2700))


def test_i13_siemens_scan_time_from_the_frame():
    """Half the count rate of a short frame lies in its middle."""
    ds = pet(SeriesTime="150000", FrameReferenceTime=390000.0, ActualFrameDuration=180000)
    middle = 90.0 - math.log(2) / HALF_LIFE * 180.0**2 / 24
    scan = 3600 + 300 - (390.0 - middle)
    assert factor(ds) == pytest.approx(WEIGHT * 1000 / decayed(scan), rel=1e-6)


def test_i13_acquisition_time_is_the_last_resort():
    ds = pet(SeriesTime="150000")
    assert factor(ds) == pytest.approx(WEIGHT * 1000 / decayed(3900))


def test_i13_gml_is_suv_already_and_needs_no_dose():
    ds = pet(Units="GML", RadiopharmaceuticalInformationSequence=None)
    assert factor(ds) == 1.0
    bare = pet(Units="GML", PatientWeight=None)
    found, _ = suv_of(bare)
    assert (found.body_weight, found.lean_body_mass, found.missing) == (1.0, None, ("(0010,1030)",))
    found, why = suv_of(pet(Units="GML", SUVType="IBW"))
    assert found is None
    assert "(0054,1006)" in why.en


def test_i13_philips_counts_with_their_own_factor():
    ds = pet(Units="CNTS", PatientSize=None, RadiopharmaceuticalInformationSequence=None)
    block = ds.private_block(0x7053, "Philips PET Private Group", create=True)
    block.add_new(0x00, "DS", "0.000551")
    block.add_new(0x09, "DS", "1.5")
    found, why = suv_of(ds)
    assert why is None
    assert found.body_weight == pytest.approx(0.000551)
    assert found.lean_body_mass is None
    assert found.missing == ("(0010,1020)",)


def test_i13_philips_counts_by_activity_where_the_first_factor_is_zero():
    ds = pet(Units="CNTS")
    block = ds.private_block(0x7053, "Philips PET Private Group", create=True)
    block.add_new(0x00, "DS", "0")
    block.add_new(0x09, "UN", b"1.5 ")
    assert factor(ds) == pytest.approx(1.5 * WEIGHT * 1000 / decayed(3600))


@pytest.mark.parametrize("units", ["PROPCNTS", "PROPCPS", "PCNT"])
def test_i13_other_units_get_no_suv(units):
    found, why = suv_of(pet(Units=units))
    assert found is None
    assert units in why.en
    assert units in why.ru


@pytest.mark.parametrize(
    ("keyword", "tag"),
    [
        ("PatientWeight", "(0010,1030)"),
        ("Units", "(0054,1001)"),
        ("DecayCorrection", "(0054,1102)"),
        ("RadiopharmaceuticalInformationSequence", "(0054,0016)"),
        ("RadionuclideTotalDose", "(0018,1074)"),
        ("RadionuclideHalfLife", "(0018,1075)"),
        ("RadiopharmaceuticalStartTime", "(0018,1072)"),
    ],
)
def test_i13_a_missing_input_is_named(keyword, tag):
    found, why = suv_of(pet(**{keyword: None}))
    assert found is None
    assert tag in why.en
    assert tag in why.ru


def test_i13_no_scan_time_at_all():
    ds = pet(SeriesTime=None, AcquisitionTime=None)
    assert "(0008,0031)" in suv_of(ds)[1].en


def test_i13_cnts_without_private_factors_names_them():
    assert "(7053,1000)" in suv_of(pet(Units="CNTS"))[1].en


def test_i13_images_without_attenuation_correction_get_none():
    assert "(0028,0051)" in suv_of(pet(CorrectedImage=["DECY"]))[1].en
    factors, missing = suv_of(pet(CorrectedImage=["ATTN"], DecayCorrection="START"))
    assert factors is None
    assert "decay (0028,0051)" in missing.en


def test_i13_a_dose_in_megabecquerel_is_refused():
    assert "(0018,1074)" in suv_of(pet(RadionuclideTotalDose=370))[1].en


@pytest.mark.parametrize(("sex", "base", "slope"), [("M", 6680, 216), ("F", 8780, 244)])
def test_i13_lean_body_mass_by_janmahasatian(sex, base, slope):
    found, _ = suv_of(pet(PatientSex=sex))
    lean = 9270 * WEIGHT / (base + slope * WEIGHT / HEIGHT**2)
    assert found.lean_body_mass / found.body_weight == pytest.approx(lean / WEIGHT)
    assert found.missing == ()


def test_i13_body_surface_by_dubois():
    found, _ = suv_of(pet())
    surface_cm2 = 0.007184 * WEIGHT**0.425 * (HEIGHT * 100) ** 0.725 * 1e4
    assert found.body_surface == pytest.approx(surface_cm2 / decayed(3600))


def test_i13_sul_needs_height_and_sex_and_says_so():
    found, _ = suv_of(pet(PatientSize=None, PatientSex="O"))
    assert found.lean_body_mass is None
    assert found.missing == ("(0010,1020)", "(0010,0040)")


def test_i13_enhanced_pet_by_its_own_attributes():
    ds = pet(Units=None, DecayCorrection=None, CorrectedImage=None)
    ds.DecayCorrected = "YES"
    ds.AttenuationCorrected = "YES"
    ds.DecayCorrectionDateTime = "20260102110000"
    ds.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartDateTime = "20260102100000"
    unit, mapping, group = Dataset(), Dataset(), Dataset()
    unit.CodeValue = "Bq/ml"
    mapping.MeasurementUnitsCodeSequence = Sequence([unit])
    group.RealWorldValueMappingSequence = Sequence([mapping])
    ds.SharedFunctionalGroupsSequence = Sequence([group])
    assert factor(ds) == pytest.approx(WEIGHT * 1000 / decayed(3600))
    ds.DecayCorrected = "NO"
    assert suv_of(ds)[0] is None
    ds.DecayCorrected, ds.AttenuationCorrected = "YES", "NO"
    assert suv_of(ds)[0] is None


def test_i13_other_modalities_have_neither_factor_nor_reason():
    assert suv_of(Dataset()) == (None, None)


def test_i13_slices_with_their_own_slopes_become_one_suv_volume(tmp_path):
    """A uniform phantom of weight 70 kg with the whole dose in it has SUV 1 everywhere."""
    activity = decayed(3600) / (WEIGHT * 1000)

    def change(ds, n):
        ds.update(pet())
        ds.SOPClassUID = PositronEmissionTomographyImageStorage
        ds.file_meta.MediaStorageSOPClassUID = PositronEmissionTomographyImageStorage
        slope = activity / (1000 + 100 * n)
        ds.RescaleSlope, ds.RescaleIntercept = f"{slope:.12g}", 0
        ds.PixelData = np.full((24, 20), 1000 + 100 * n, "<i2").tobytes()

    paths = write_series(tmp_path / "pt", SeriesSpec(modality="PT", change=change))
    stack, volume = open_volume(tmp_path, paths)
    assert stack.is_volume
    assert volume.quantity == "BQML"
    suv = volume.modality_values() * volume.suv.body_weight
    np.testing.assert_allclose(suv, 1.0, rtol=1e-4)


def test_i13_the_reason_stays_with_the_volume(tmp_path):
    def change(ds, n):
        ds.update(pet(PatientWeight=None))

    paths = write_series(tmp_path / "pt", SeriesSpec(modality="PT", change=change))
    _, volume = open_volume(tmp_path, paths)
    assert volume.suv is None
    assert "(0010,1030)" in volume.suv_missing.en


def test_i13_legacy_converted_pet_keeps_its_attributes_in_unassigned_sequences():
    plain = pet()
    kept = Dataset()
    for keyword in ("Units", "DecayCorrection", "RadiopharmaceuticalInformationSequence"):
        kept[keyword] = plain[keyword]
        del plain[keyword]
    group = Dataset()
    group.UnassignedSharedConvertedAttributesSequence = Sequence([kept])
    plain.SharedFunctionalGroupsSequence = Sequence([group])
    assert factor(plain) == pytest.approx(WEIGHT * 1000 / decayed(3600))
    assert quantity_of(plain) == "BQML"


def test_i13_the_earliest_bed_position_counts_where_nothing_else_tells(tmp_path):
    """The slice of the last bed lies first in space; the scan began with the first bed."""

    def change(ds, n):
        ds.update(pet(SeriesTime="150000", AcquisitionTime=f"11{20 - n:02d}00"))
        ds.RescaleSlope, ds.RescaleIntercept = 1.0, 0

    paths = write_series(tmp_path / "pt", SeriesSpec(count=6, modality="PT", change=change))
    _, volume = open_volume(tmp_path, paths)
    assert volume.suv.body_weight == pytest.approx(WEIGHT * 1000 / decayed(3600 + 15 * 60))
