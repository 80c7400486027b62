"""Plausible numbers or an honest status on real organ masks (117 labels at 3 mm, 32 labels, MR).

The bounds are those of anatomy, wide, not what came out: a wrong axis or unit falls outside.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest

from app.imaging.nifti import read_nifti
from app.measure.anatomy import Anatomy, Person, Protocol
from app.measure.regional import measure_anatomy
from app.measure.roles import presets
from tests.support.shared_data import shared

KINDS = (
    "liver_hu", "liver_hu_iqr", "liver_spleen_difference", "liver_volume", "spleen_volume",
    "kidney_volume", "spleen_length", "kidney_length", "adrenal_hu", "lung_volume", "lung_laa950",
    "aorta_diaphragm_diameter", "aorta_abdominal_diameter", "aorta_max_diameter",
    "aorta_max_across", "aorta_mid_arch_diameter", "l1_trabecular_hu", "vertebral_anterior_height",
    "vertebral_middle_height", "vertebral_posterior_height", "vertebral_height_loss", "muscle_area",
)  # fmt: skip


@functools.cache
def measured(image, mask, numbering):
    folder = shared("data/studies/organ-masks")
    labels, geometry = read_nifti(folder / f"{mask}.nii.gz")
    values = read_nifti(folder / f"{image}.nii.gz")[0] if image else None
    anatomy = Anatomy(
        geometry,
        labels=labels,
        roles=presets()[numbering],
        values=values,
        quantity="arbitrary" if "mr" in mask else "HU",
        person=Person(age_years=60),
        protocol=Protocol(contrast=False),
    )
    return {
        (row.structure, row.measurement.kind): row.measurement
        for row in measure_anatomy(anatomy, KINDS)
    }


@pytest.mark.parametrize("mask", ["example_seg", "example_seg_fast"])
def test_abdomen_of_117_labels(mask):
    found = measured("example_ct_sm", mask, "totalsegmentator")
    assert 30 < found["liver", "liver_hu"].value < 75  # unenhanced
    assert 5 < found["liver", "liver_hu_iqr"].value < 40
    assert found["liver", "liver_hu"].status == "low_quality"  # the tube voltage is not known
    assert -20 < found["liver", "liver_spleen_difference"].value < 30
    for role, kind, low, high in (
        ("liver", "liver_volume", 700, 2500), ("spleen", "spleen_volume", 80, 500),
        ("spleen", "spleen_length", 7, 17), ("kidney_right", "kidney_length", 60, 130),
        ("kidney_left", "kidney_length", 60, 130), ("kidney_left", "kidney_volume", 50, 250),
        ("aorta", "aorta_max_diameter", 15, 40), ("aorta", "aorta_abdominal_diameter", 15, 35),
    ):  # fmt: skip
        number = found[role, kind]
        assert low < number.value < high, kind
        assert number.status == "truncated_fov", kind  # all of them leave these 9 cm
    assert 15 < found["aorta", "aorta_diaphragm_diameter"].value < 35
    assert found["aorta", "aorta_mid_arch_diameter"].status == "absent"
    assert found["adrenal_gland_left", "adrenal_hu"].status == "failed"  # nothing left at 3 mm
    assert found["lungs", "lung_laa950"].status == "truncated_fov"
    assert found["skeletal_muscle", "muscle_area"].status == "failed"  # no such label


@pytest.mark.parametrize("mask", ["example_seg", "example_seg_fast"])
def test_vertebrae_of_117_labels(mask):
    """L1 is whole, with dense bone under a slanting upper end plate; T12 and L2 are cut."""
    found = measured("example_ct_sm", mask, "totalsegmentator")
    heights = [
        found["vertebrae_l1", f"vertebral_{part}_height"]
        for part in ("anterior", "middle", "posterior")
    ]
    assert all(20 < number.value < 33 for number in heights)
    assert {number.status for number in heights} == {"valid"}
    assert found["vertebrae_l1", "vertebral_height_loss"].value < 25
    for level in ("t12", "l2"):
        cut = found[f"vertebrae_{level}", "vertebral_height_loss"]
        assert (cut.status, cut.value) == ("failed", None)
    (density,) = [number for (_, kind), number in found.items() if kind == "l1_trabecular_hu"]
    assert (density.status, density.value) == ("failed", None)
    assert "over 700 HU" in density.note


def test_the_two_segmentations_of_one_image_agree():
    one = measured("example_ct_sm", "example_seg", "totalsegmentator")
    other = measured("example_ct_sm", "example_seg_fast", "totalsegmentator")
    for key in (("liver", "liver_volume"), ("spleen", "spleen_length"),
                ("kidney_left", "kidney_length"), ("aorta", "aorta_diaphragm_diameter"),
                ("vertebrae_l1", "vertebral_middle_height")):  # fmt: skip
        assert one[key].value == pytest.approx(other[key].value, rel=0.12), key


def test_thick_slices_of_32_labels():
    found = measured(None, "example_seg_dicom", "totalsegmentator")
    assert found["liver", "liver_hu"].status == "failed"  # no image was given
    assert 20 < found["aorta", "aorta_diaphragm_diameter"].value < 40
    assert 8 < found["spleen", "spleen_length"].value < 18
    assert found["spleen", "spleen_length"].status == "truncated_fov"


def test_mr_has_sizes_and_no_hounsfield_units():
    found = measured("example_mr_sm", "example_seg_mr", "totalsegmentator-mr")
    assert found["liver", "liver_hu"].status == "failed"
    assert 15 < found["aorta", "aorta_max_diameter"].value < 35
    assert 30 < found["kidney_left", "kidney_length"].value < 130
    assert not any(
        number.value == 0.0 for number in found.values() if number.kind != "lung_laa950"
    )  # never 0 for "could not"


def test_every_number_has_its_picture_in_the_image():
    folder = shared("data/studies/organ-masks")
    _, geometry = read_nifti(folder / "example_seg.nii.gz")
    found = measured("example_ct_sm", "example_seg", "totalsegmentator")
    pictured = [number for number in found.values() if number.points_lps]
    assert len(pictured) > 10
    size = np.asarray(geometry.size_ijk)
    for number in pictured:
        index = geometry.lps_to_ijk(number.points_lps)
        assert (index > -2).all(), number.kind
        assert (index < size + 1).all(), number.kind
