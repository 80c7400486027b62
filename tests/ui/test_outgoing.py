"""What waits in the outbox leaves while the window is open; what does not says why."""

from __future__ import annotations

from pathlib import Path

import pydicom

from app.store.outbox import OutgoingObject
from app.ui.outbox_window import OutboxWindow
from app.workflow.peers import keep_peer
from tests.support.orthanc import OrthancOptions, running_orthanc
from tests.support.synthetic_dicom import SeriesSpec, write_series
from tests.support.windows import wait_for, window_on
from tests.support.workflow_context import context_in


def _queue(context, peer: str, paths: list[Path]) -> None:
    objects = []
    for path in paths:
        ds = pydicom.dcmread(path, stop_before_pixels=True)
        objects.append(OutgoingObject(path, ds.StudyInstanceUID, ds.SOPClassUID, ds.SOPInstanceUID))
    context.store.outbox.put(peer, objects, at_utc=context.clock.now_utc())


def test_the_outbox_is_sent_and_a_peer_that_is_away_is_tried_again(qtbot, tmp_path: Path):
    files = write_series(tmp_path / "in", SeriesSpec(count=2))
    with (
        running_orthanc(tmp_path / "pacs", OrthancOptions()) as pacs,
        context_in(tmp_path / "data") as context,
    ):
        values = {"kind": "dimse", "ae_title": pacs.ae_title, "host": "localhost"}
        keep_peer(context, {**values, "name": "PACS", "port": pacs.dicom_port})
        keep_peer(context, {**values, "name": "AWAY", "port": 1})
        _queue(context, "PACS", files)
        _queue(context, "AWAY", files[:1])
        with window_on(context) as window:
            window.begin(())
            wait_for(lambda: len(pacs.instances()) == 2, "both objects at the PACS", 30)
            wait_for(lambda: context.store.outbox.counts().get("sent") == 2, "the states")
            window.traffic.outgoing.refresh()
            assert "1" in window.traffic.sending_label.text()
            window.windows.show_outbox()
            dialog = window.windows._open["outbox"]
            assert isinstance(dialog, OutboxWindow)
            wait_for(lambda: _told(dialog), "the reason")


def _told(dialog: OutboxWindow) -> bool:
    dialog.refresh()
    rows = [
        [dialog.table.item(row, place).text() for place in range(6)]
        for row in range(dialog.table.rowCount())
    ]
    states = sorted((row[0], row[2]) for row in rows)
    return states == [("AWAY", "waits"), ("PACS", "sent"), ("PACS", "sent")] and bool(rows[0][5])
