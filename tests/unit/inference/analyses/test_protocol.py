"""Kernels by the names that makers give them."""

import pytest

from app.core.acquisition import Acquisition
from app.inference.analyses.protocol import kernel_kind, thick_slices


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("B30f", "soft"), ("B31s", "soft"), ("Br36f/3", "soft"), ("I41f\\3", "soft"),
        ("STANDARD", "soft"), ("B", "soft"), ("FC08", "soft"), ("Qr40d", "soft"),
        ("B70f", "sharp"), ("B60s", "sharp"), ("Br64d", "sharp"), ("Bl57f", "sharp"),
        ("LUNG", "sharp"), ("BONEPLUS", "sharp"), ("D", "sharp"), ("FC51", "sharp"),
        ("", "unknown"), ("FC30", "unknown"), ("MYKERNEL", "unknown"),
    ],
)  # fmt: skip
def test_kernels(name, kind):
    assert kernel_kind(name) == kind


def test_the_coarser_of_thickness_and_increment_counts():
    assert thick_slices(Acquisition(slice_thickness_mm=1.25), 0.7, 1.5) is None
    assert thick_slices(Acquisition(slice_thickness_mm=5.0), 0.7, 1.5) is not None
    assert thick_slices(Acquisition(), 2.0, 1.5) is not None
