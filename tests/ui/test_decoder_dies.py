"""D20: a decoder that dies or hangs takes neither the window nor a typed word with it."""

from __future__ import annotations

import multiprocessing
import threading
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import JPEG2000Lossless
from PySide6.QtTest import QTest

from app.dicom.pixels import image_object
from tests.support.synthetic_dicom import SeriesSpec, write_series
from tests.support.windows import open_and_wait, wait_for, window_on
from tests.support.workflow_context import context_in


@pytest.fixture
def compressed(tmp_path: Path) -> Path:
    for path in write_series(tmp_path / "in", SeriesSpec(count=24, rows=256, columns=256)):
        ds = pydicom.dcmread(path)
        ds.compress(JPEG2000Lossless, generate_instance_uid=False)
        ds.save_as(path)
    return tmp_path / "in"


def test_d20_decoders_are_killed_while_a_report_is_typed(qtbot, tmp_path: Path, compressed: Path):
    with context_in(tmp_path / "data") as context, window_on(context) as window:
        window.open([compressed])
        wait_for(lambda: window.desk.session is not None, "the study")
        window.report._editor.setFocus()
        QTest.keyClicks(window.report._editor, "FINDINGS: nothing is lost.")
        for process in multiprocessing.active_children():
            process.kill()
        wait_for(lambda: not window.desk.is_busy, "the rest of the images")
        window.report.flush()
        session = window.desk.session
        assert session.report_text == "FINDINGS: nothing is lost."
        # Asked again, the images come: the dead processes were replaced.
        window.actions_.by_id["refresh"].trigger()
        wait_for(lambda: window.desk.session not in (None, session), "the study anew")
        wait_for(lambda: not window.desk.is_busy, "its images")
        image = window.grid.active.image
        assert image.is_loaded
        assert image.volume.unreadable == ()
        assert window.desk.session.report_text == "FINDINGS: nothing is lost."


def test_d20_nothing_is_decoded_on_the_main_thread(qtbot, tmp_path: Path, compressed, monkeypatch):
    threads = set()
    decode = image_object.decode_frame

    def watched(*arguments, **options):
        threads.add(threading.current_thread())
        return decode(*arguments, **options)

    monkeypatch.setattr(image_object, "decode_frame", watched)
    with context_in(tmp_path / "data") as context, window_on(context) as window:
        open_and_wait(window, compressed)
        assert window.grid.active.image.is_loaded
    assert threads
    assert threading.main_thread() not in threads
