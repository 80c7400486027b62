"""What holds for every test: property tests have no deadline, machines differ in speed."""

from __future__ import annotations

import shutil

import pytest
from hypothesis import settings

settings.register_profile("overread", deadline=None)
settings.load_profile("overread")


@pytest.fixture
def dcm2niix() -> str:
    """The path of dcm2niix, or a skip."""
    found = shutil.which("dcm2niix")
    if found is None:
        pytest.skip("dcm2niix is not installed")
    return found
