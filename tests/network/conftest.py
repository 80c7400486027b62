"""The PACS of these tests: one process for all that do not need their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.orthanc import Orthanc, running_orthanc


@pytest.fixture(scope="session")
def shared_orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """Runs once for the whole session; tests use ``orthanc``."""
    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as orthanc:
        yield orthanc


@pytest.fixture
def orthanc(shared_orthanc: Orthanc) -> Orthanc:
    """A PACS that holds nothing."""
    shared_orthanc.clear()
    return shared_orthanc
