"""From no peer to a study of a real PACS on the screen, by the windows alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.ui.peers_window import PeersWindow
from app.ui.study_sources import StudyQuery, peer_queries
from tests.support.orthanc import OrthancOptions, running_orthanc
from tests.support.synthetic_dicom import SeriesSpec, write_series
from tests.support.windows import wait_for, window_on
from tests.support.workflow_context import context_in


def _named(ds, _index):
    ds.PatientName, ds.PatientID = "PETROVA^OLGA", "P-77"


def test_questions_to_a_peer_name_what_was_typed():
    assert peer_queries(StudyQuery("olga")) == [{"PatientName": "*olga*"}]
    assert peer_queries(StudyQuery("Petrova, Olga")) == [{"PatientName": "*Petrova*Olga*"}]
    numbers = peer_queries(StudyQuery("P-7", modality="CT"))
    assert [sorted(keys) for keys in numbers] == [
        ["ModalitiesInStudy", "PatientID"],
        ["AccessionNumber", "ModalitiesInStudy"],
    ]
    assert list(peer_queries(StudyQuery("", period="today"))[0]) == ["StudyDate"]


def test_a_peer_that_is_not_there_is_told_in_words(qtbot, tmp_path: Path):
    with context_in(tmp_path / "data") as context, window_on(context) as window:
        window.windows.show_peers()
        peers = window.windows._open["peers"]
        assert isinstance(peers, PeersWindow)
        assert not peers.keep()  # the fields are empty
        assert "not valid" in peers.status.text()
        for name, value in (("name", "PACS"), ("ae_title", "PACS"), ("host", "localhost")):
            peers.form.set_value(name, value)
        peers.form.set_value("port", 1)
        peers.run_test()
        wait_for(lambda: "PACS" in peers.status.text() and peers.test.isEnabled(), "the answer")
        assert "Asking" not in peers.status.text()
        assert [peer.name for peer in context.settings.peers] == ["PACS"]


@pytest.mark.parametrize("kind", ["dimse", "web"])
def test_a_study_of_a_pacs_is_found_retrieved_and_shown(qtbot, tmp_path: Path, kind: str):
    files = write_series(tmp_path / "in", SeriesSpec(count=12, change=_named))
    with (
        running_orthanc(tmp_path / "pacs", OrthancOptions()) as pacs,
        context_in(tmp_path / "data") as context,
        window_on(context) as window,
    ):
        for file in files:
            pacs.post("/instances", file.read_bytes())
        window.windows.show_studies()
        studies = window.windows._open["studies"]
        window.windows.show_peers()
        peers = window.windows._open["peers"]
        peers.add(kind)
        fields = {
            "dimse": {"ae_title": pacs.ae_title, "host": "localhost", "port": pacs.dicom_port},
            "web": {"url": pacs.dicom_web_url},
        }
        for name, value in {"name": "PACS", **fields[kind]}.items():
            peers.form.set_value(name, value)
        peers.run_test()
        wait_for(lambda: "answers" in peers.status.text(), "the echo")
        studies.source.setCurrentIndex(1)
        assert "Type a name" in studies.status.text()  # an archive is not asked for everything
        studies.text.setText("petrova")
        studies.search()
        wait_for(lambda: studies.table.model().rowCount() == 1, "the study")
        assert studies.table.model().rows[0].patient_id == "P-77"
        studies.open_current()
        wait_for(lambda: window.desk.session is not None, "the first images")
        wait_for(
            lambda: (
                window.desk.session is not None and window.desk.session.study.series[0].frames == 12
            ),
            "the whole study",
        )
        wait_for(lambda: not window.desk.is_busy, "its images")
        assert window.desk.session.study.completeness.is_complete
        # Not the volume of the first images that had come.
        assert window.grid.active.image.volume.voxels.shape[0] == 12
        assert "complete" in window.messages.text
