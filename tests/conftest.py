"""What holds for every test: property tests have no deadline, machines differ in speed.

They try the same cases each time, so that landing is not a matter of luck; new ones are looked for
with ``OVERREAD_HYPOTHESIS=random``.
"""

from __future__ import annotations

import os
import shutil

import pytest
from hypothesis import settings

settings.register_profile("overread", deadline=None, derandomize=True)
settings.register_profile("random", deadline=None)
settings.load_profile(os.environ.get("OVERREAD_HYPOTHESIS", "overread"))


@pytest.fixture
def dcm2niix() -> str:
    """The path of dcm2niix, or a skip."""
    found = shutil.which("dcm2niix")
    if found is None:
        pytest.skip("dcm2niix is not installed")
    return found
