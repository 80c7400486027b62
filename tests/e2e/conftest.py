"""The film that the scripted sessions read: fine, as users see it, and made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.demo.radiograph import FilmPlan
from app.demo.studies import write_film_only


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the demonstration film."""
    folder = tmp_path_factory.mktemp("study") / "radiograph"
    write_film_only(folder, FilmPlan())
    return folder
