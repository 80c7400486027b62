"""No text of a header decides where a file is written: import, export, inbox (D19)."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest

from app.dicom.deid.options import DeidentifyOptions
from app.dicom.tolerant import quiet
from app.network.inbox import Inbox
from app.workflow.context import AppContext
from app.workflow.export import export
from app.workflow.export_deidentified import DeidentifiedRequest, export_deidentified
from app.workflow.import_studies import import_paths
from app.workflow.open_study import open_paths
from app.workflow.run_models import apply_result, run_pack
from app.workflow.session import StudySession
from tests.flows.conftest import PACK, only_ref, write_film

CRAFTED = (
    "../../../escaped",
    "..\\..\\escaped",
    "/overread-escaped",
    "C:\\overread-escaped",
    "C:escaped",
    "CON",
    "a\x00/../escaped",
    "1.2.3/../../../escaped",
    "~/escaped",
    "$HOME/escaped",
    "1." * 31 + "3",
)
_NAMING = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
_TEXTS = ("PatientID", "PatientName", "StudyID", "AccessionNumber", "SeriesDescription")


@pytest.fixture
def crafted(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A film whose every name leads elsewhere, alone in a folder."""
    folder = tmp_path / "media"
    folder.mkdir()
    path = write_film(folder / "film.dcm")
    with quiet():
        ds = pydicom.dcmread(path)
        for keyword in _NAMING:
            setattr(ds, keyword, request.param)
        for keyword in _TEXTS:
            setattr(ds, keyword, request.param)
        ds.file_meta.MediaStorageSOPInstanceUID = request.param
        ds.save_as(path, enforce_file_format=False)
    return path


def _files(root: Path) -> set[Path]:
    return {path.relative_to(root) for path in root.rglob("*") if path.is_file()}


def _new_folders(root: Path, before: set[Path]) -> set[str]:
    return {path.parts[0] for path in _files(root) - before}


@pytest.mark.parametrize("crafted", CRAFTED, indirect=True, ids=range(len(CRAFTED)))
def test_d19_import_writes_into_the_library_alone(
    context: AppContext, crafted: Path, tmp_path: Path
) -> None:
    before = _files(tmp_path)
    with quiet():
        import_paths(context, [crafted.parent], copy=True)
    new = _files(tmp_path) - before
    assert {path.parts[0] for path in new} == {"library"}
    copies = [path for path in new if path.suffix == ".dcm"]
    assert len(copies) == 1
    assert copies[0].parts[1] == "images"
    assert all(part.isascii() and part.strip(".") for part in copies[0].parts)


@pytest.mark.parametrize("crafted", CRAFTED[::3], indirect=True, ids=range(len(CRAFTED[::3])))
def test_d19_exports_write_into_their_folder_alone(
    context: AppContext, crafted: Path, tmp_path: Path
) -> None:
    with quiet():
        study = open_paths(context, [crafted]).studies[0]
        session = StudySession(context, study)
        apply_result(session, run_pack(context, study, PACK, only_ref(study)))
        before = _files(tmp_path)
        named = export(session, tmp_path / "named")
        bare = export_deidentified(
            session, tmp_path / "bare", DeidentifiedRequest(DeidentifyOptions())
        )
    assert _new_folders(tmp_path, before) <= {"named", "bare", "library"}
    assert all(tmp_path / "named" in path.resolve().parents for path in named)
    assert all(tmp_path / "bare" in path.resolve().parents for path in bare.files)
    outside = [p for p in _files(tmp_path) - before if p.parts[0] == "library"]
    assert not [path for path in outside if path.suffix == ".dcm"]
    assert "escaped" not in " ".join(str(path) for path in _files(tmp_path))


@pytest.mark.parametrize("crafted", CRAFTED, indirect=True, ids=range(len(CRAFTED)))
def test_d19_the_inbox_writes_into_itself_alone(crafted: Path, tmp_path: Path) -> None:
    before = _files(tmp_path)
    inbox = Inbox(tmp_path / "inbox")
    with quiet():
        received = inbox.receive([crafted.read_bytes()])
    assert received.parent == tmp_path / "inbox"
    assert _new_folders(tmp_path, before) == {"inbox"}
    assert received.name.isascii()
    assert received.read_bytes() == crafted.read_bytes()
