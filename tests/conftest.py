"""What holds for every test: property tests have no deadline, machines differ in speed."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("overread", deadline=None)
settings.load_profile("overread")
