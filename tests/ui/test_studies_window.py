"""Studies are found by typing, chosen with arrows and opened with Enter; folders are added."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.core.errors import NetworkFault
from app.core.report import Report, Signature
from app.store.sessions import MAIN_READING
from app.ui.job_bridge import JobBridge
from app.ui.studies_window import StudiesWindow
from app.ui.study_sources import LibrarySource, StudyListing, StudyQuery
from app.workflow.import_studies import import_paths
from tests.support.synthetic_dicom import SeriesSpec, write_series
from tests.support.windows import wait_for
from tests.support.workflow_context import context_in


def _named(name: str, description: str):
    def change(ds, _index):
        ds.PatientName, ds.PatientID, ds.StudyDescription = name, name[:3], description

    return change


@pytest.fixture
def context(tmp_path: Path):
    for number, (name, text) in enumerate((("IVANOVA^ANNA", "Chest"), ("SMITH^JOHN", "Head"))):
        spec = SeriesSpec(
            count=3, study=f"study {number}", name=f"series {number}", change=_named(name, text)
        )
        write_series(tmp_path / "in" / str(number), spec)
    with context_in(tmp_path / "data") as made:
        import_paths(made, [tmp_path / "in"])
        yield made


@pytest.fixture
def window(qtbot, context):
    bridge = JobBridge(context.runner)
    made = StudiesWindow(bridge, (LibrarySource(context),))
    qtbot.addWidget(made)
    made.show()
    wait_for(lambda: made.table.model().rowCount() == 2, "both studies")
    yield made
    bridge.close()


def test_typing_narrows_and_enter_opens(window):
    chosen = []
    window.study_chosen.connect(chosen.append)
    QTest.keyClicks(window.text, "anna iv")
    wait_for(lambda: window.table.model().rowCount() == 1, "one study")
    assert window.table.model().rows[0].name == "IVANOVA, ANNA"
    QTest.keyClick(window.text, Qt.Key.Key_Return)
    assert chosen == [window.table.model().rows[0].study_instance_uid]


def test_a_modality_that_nobody_has_says_that_nothing_fits(window):
    window.modality.setCurrentIndex(window.modality.findText("US"))
    wait_for(lambda: window.table.model().rowCount() == 0, "no study")
    assert "No study fits" in window.status.text()


def test_what_waits_for_a_cosignature_is_marked_and_found(window, context):
    (uid,) = (s.study_instance_uid for s in context.store.studies.search("smith"))
    signed = Signature("Sidorov", "2026-11-20T10:00:00+00:00", "preliminary")
    report = Report("2.25.5", uid, 1, "en", "FINDINGS: none.", "preliminary", signature=signed)
    context.store.reports.put(MAIN_READING, report, document="{}")
    window.search()
    rows = window.table.model
    wait_for(lambda: any(row.report for row in rows().rows), "the mark")
    assert {row.name: row.report for row in rows().rows} == {
        "SMITH, JOHN": "to co-sign", "IVANOVA, ANNA": "",
    }  # fmt: skip
    window.waiting.click()
    wait_for(lambda: rows().rowCount() == 1, "the one that waits")
    assert rows().rows[0].name == "SMITH, JOHN"


class _Peer:
    title, is_remote = "PACS", True

    def search(self, query: StudyQuery) -> tuple[StudyListing, ...]:
        if query.text == "fault":
            raise NetworkFault("PACS does not answer.", ru="PACS не отвечает.")
        return (StudyListing("1.2", "A", "1", "", "2026-01-01", "CT", "", "", "3"),)


def test_studies_of_a_peer_are_wanted_not_opened_and_its_faults_are_sentences(qtbot, context):
    bridge = JobBridge(context.runner)
    window = StudiesWindow(bridge, (LibrarySource(context), _Peer()))
    qtbot.addWidget(window)
    wanted = []
    window.study_wanted.connect(lambda source, study: wanted.append((source.title, study.name)))
    window.source.setCurrentIndex(1)
    window.text.setText("a")
    window.search()
    wait_for(lambda: window.table.model().rowCount() == 1, "the peer's study")
    window.open_current()
    assert wanted == [("PACS", "A")]
    window.text.setText("fault")
    window.search()
    wait_for(lambda: "does not answer" in window.status.text(), "the fault")
    bridge.close()
