"""C-FIND against a real PACS: levels, wildcards, character sets, cancelling, many answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from app.core.errors import Cancelled, InputError, NetworkFault
from app.jobs.cancel import CancelToken
from app.network.answers import FoundImage, FoundSeries, FoundStudy
from app.network.find import find
from tests.network.peers import peer_of
from tests.support.orthanc import Orthanc, OrthancOptions, running_orthanc
from tests.support.synthetic_dicom import SeriesSpec, uid, write_series

CYRILLIC = "Иванов^Иван^Петрович"
JAPANESE = "Yamada^Tarou=山田^太郎=やまだ^たろう"


def _patient(name: str, patient_id: str, character_set: str = "ISO_IR 192"):
    def change(ds: Dataset, n: int) -> None:
        ds.SpecificCharacterSet = character_set
        ds.PatientName = name
        ds.PatientID = patient_id

    return change


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """Four patients in three character sets, and two series of one study."""
    folder = tmp_path_factory.mktemp("find")
    specs = [
        SeriesSpec(count=3, study="a", name="a1", rows=4, columns=4),
        SeriesSpec(count=2, study="a", name="a2", rows=4, columns=4, modality="MR"),
        SeriesSpec(
            count=1, study="b", name="b1", rows=4, columns=4,
            change=_patient(CYRILLIC, "RU-1", "ISO_IR 144"),
        ),
        SeriesSpec(
            count=1, study="c", name="c1", rows=4, columns=4,
            change=_patient(JAPANESE, "JP-1", "\\ISO 2022 IR 87"),
        ),
        SeriesSpec(
            count=1, study="d", name="d1", rows=4, columns=4, change=_patient("Петров^П", "RU-2")
        ),
    ]  # fmt: skip
    with running_orthanc(folder / "pacs") as pacs:
        for spec in specs:
            for path in write_series(folder / "in", spec):
                pacs.upload(path)
        yield pacs


def _studies(pacs: Orthanc, **query: str) -> list[FoundStudy]:
    found = find(peer_of(pacs), "study", query)
    assert all(isinstance(item, FoundStudy) for item in found)
    return sorted(found, key=lambda item: item.patient_id)  # type: ignore[return-value]


def test_every_study_with_its_counts(filled: Orthanc) -> None:
    studies = _studies(filled)
    assert [study.patient_id for study in studies] == ["JP-1", "RU-1", "RU-2", "TEST-1"]
    study = studies[-1]
    assert study.study_instance_uid == uid("a")
    assert (study.series, study.instances) == (2, 5)
    assert sorted(study.modalities) == ["CT", "MR"]
    assert study.study_date == "2026-01-02"
    assert study.study_time == "10:15:00"
    assert study.birth_date == "1970-01-01"
    assert study.patient_name == "Phantom^Synthetic"
    assert "Phantom" not in repr(study)


def test_series_and_images(filled: Orthanc) -> None:
    study = {"StudyInstanceUID": uid("a")}
    series = find(peer_of(filled), "series", study)
    assert sorted((s.modality, s.instances) for s in series if isinstance(s, FoundSeries)) == [
        ("CT", 3),
        ("MR", 2),
    ]
    images = find(peer_of(filled), "image", study | {"SeriesInstanceUID": uid("a", "a1")})
    assert {image.sop_instance_uid for image in images if isinstance(image, FoundImage)} == {
        uid("a", "a1", "instance", n) for n in range(3)
    }
    assert {i.sop_class_uid for i in images if isinstance(i, FoundImage)} == {
        "1.2.840.10008.5.1.4.1.1.2"
    }


def test_d10_names_in_all_character_sets(filled: Orthanc) -> None:
    names = {study.patient_id: study.patient_name for study in _studies(filled)}
    assert names["RU-1"] == CYRILLIC
    assert names["JP-1"] == JAPANESE
    assert names["RU-2"] == "Петров^П"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("Phan*", ["TEST-1"]), ("*", ["JP-1", "RU-1", "RU-2", "TEST-1"]), ("Иван*", ["RU-1"]),
     ("Phant?m*", ["TEST-1"]), ("Nobody*", [])],
)  # fmt: skip
def test_wildcards(filled: Orthanc, pattern: str, expected: list[str]) -> None:
    assert [study.patient_id for study in _studies(filled, PatientName=pattern)] == expected


def test_dates_by_range(filled: Orthanc) -> None:
    assert len(_studies(filled, StudyDate="20260101-20260103")) == 4
    assert _studies(filled, StudyDate="-20251231") == []


def test_no_more_than_the_limit(filled: Orthanc) -> None:
    assert len(find(peer_of(filled), "study", {}, limit=2)) == 2


def test_cancelled_before_the_first_answer(filled: Orthanc) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        find(peer_of(filled), "study", {}, cancel=token)


def test_a_key_that_is_none(filled: Orthanc) -> None:
    with pytest.raises(InputError, match="PatientIdentity"):
        find(peer_of(filled), "study", {"PatientIdentity": "1"})
    with pytest.raises(InputError, match="StudyInstanceUID"):
        find(peer_of(filled), "image", {"SeriesInstanceUID": "1.2"})


def test_hundreds_of_answers(orthanc: Orthanc, tmp_path: Path) -> None:
    for n in range(300):
        spec = SeriesSpec(count=1, study=f"many-{n}", name="s", rows=1, columns=1)
        orthanc.upload(write_series(tmp_path, spec)[0])
    found = find(peer_of(orthanc), "study", {"PatientID": "TEST-1"})
    assert len({item.study_instance_uid for item in found}) == 300


def test_a_pacs_that_does_not_allow_searches(tmp_path: Path) -> None:
    options = OrthancOptions(settings={"DicomModalities": {}, "DicomAlwaysAllowFind": False})
    with running_orthanc(tmp_path, options) as pacs, pytest.raises(NetworkFault) as caught:
        find(peer_of(pacs), "study", {})
    assert "pacs" in caught.value.message


def test_n_a_peer_that_stores_for_us_but_lets_us_not_ask_says_whom_to_register(
    tmp_path: Path,
) -> None:
    options = OrthancOptions(settings={"DicomAlwaysAllowEcho": True, "DicomAlwaysAllowStore": True})
    with running_orthanc(tmp_path / "pacs", options) as pacs:
        stranger = replace(peer_of(pacs), calling_ae_title="STRANGER")
        with pytest.raises(NetworkFault) as caught:
            find(stranger, "study", {"PatientName": "*"})
    assert "STRANGER" in caught.value.hint
