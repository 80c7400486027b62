"""The modality worklist of a real PACS: keys of the step, character sets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from app.network.worklist import find_worklist
from tests.network.peers import peer_of
from tests.support.orthanc import Orthanc, OrthancOptions, running_orthanc
from tests.support.synthetic_dicom import uid


def _write_item(pacs: Orthanc, number: int, name: str, character_set: str, step: str) -> None:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = "1.2.276.0.7230010.3.1.0.1"
    ds.file_meta.MediaStorageSOPInstanceUID = uid("worklist", number)
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SpecificCharacterSet = character_set
    ds.PatientID, ds.PatientName, ds.PatientSex = f"W-{number}", name, "F"
    ds.PatientBirthDate = "19601231"
    ds.AccessionNumber = f"ACC-{number}"
    ds.StudyInstanceUID = uid("planned", number)
    ds.RequestedProcedureID, ds.RequestedProcedureDescription = f"P{number}", step
    item = Dataset()
    item.Modality = "CT" if number % 2 else "MR"
    item.ScheduledStationAETitle = "SCANNER"
    item.ScheduledProcedureStepStartDate = f"202601{number:02d}"
    item.ScheduledProcedureStepStartTime = "083000"
    item.ScheduledProcedureStepDescription = step
    item.ScheduledProcedureStepID = f"S{number}"
    ds.ScheduledProcedureStepSequence = [item]
    ds.save_as(pacs.worklists / f"{number}.wl", enforce_file_format=True)


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """A worklist of three."""
    options = OrthancOptions(settings={"DefaultEncoding": "Cyrillic"})  # it answers in ISO_IR 144
    with running_orthanc(tmp_path_factory.mktemp("worklist"), options) as pacs:
        _write_item(pacs, 1, "Phantom^Anna", "ISO_IR 192", "Chest CT")
        _write_item(pacs, 2, "Смирнова^Анна", "ISO_IR 144", "МРТ головы")
        _write_item(pacs, 3, "Smirnova^Olga", "ISO_IR 192", "КТ груди")
        yield pacs


def test_all_that_is_planned(planned: Orthanc) -> None:
    items = sorted(find_worklist(peer_of(planned), {}), key=lambda item: item.patient_id)
    assert [item.patient_id for item in items] == ["W-1", "W-2", "W-3"]
    first = items[0]
    assert first.accession_number == "ACC-1"
    assert first.birth_date == "1960-12-31"
    assert first.study_instance_uid == uid("planned", 1)
    step = first.steps[0]
    assert (step.modality, step.start_date, step.start_time) == ("CT", "2026-01-01", "08:30:00")
    assert (step.step_id, step.station_ae_title) == ("S1", "SCANNER")


def test_d10_cyrillic_names_and_steps(planned: Orthanc) -> None:
    (item,) = find_worklist(peer_of(planned), {"PatientID": "W-2"})
    assert item.patient_name == "Смирнова^Анна"
    assert item.steps[0].description == "МРТ головы"
    assert item.procedure == "МРТ головы"


def test_by_step_and_by_patient(planned: Orthanc) -> None:
    def ids(**query: str) -> set[str]:
        return {str(item.patient_id) for item in find_worklist(peer_of(planned), query)}

    assert ids(Modality="CT") == {"W-1", "W-3"}
    assert ids(ScheduledProcedureStepStartDate="20260102-20260103") == {"W-2", "W-3"}
    assert ids(PatientName="Sm*") == {"W-3"}
    assert ids(Modality="US") == set()
