"""The de-identified export by the window: options, text in pixels, what is told afterwards."""

from __future__ import annotations

from pathlib import Path

import pydicom

from app.ui.deidentify_window import DeidentifyWindow
from tests.support.synthetic_dicom import SeriesSpec, write_series
from tests.support.windows import open_and_wait, wait_for, window_on
from tests.support.workflow_context import context_in


def test_a_study_leaves_without_its_name(qtbot, tmp_path: Path):
    write_series(tmp_path / "in", SeriesSpec(count=3))
    with context_in(tmp_path / "data") as context, window_on(context) as window:
        open_and_wait(window, tmp_path / "in")
        window.actions_.by_id["deidentify"].trigger()
        dialog = window.windows._open["deidentify"]
        assert isinstance(dialog, DeidentifyWindow)
        assert dialog.request().options.dates == "shift"
        out = tmp_path / "out"
        dialog.write_to(out)
        wait_for(lambda: "Written" in dialog.status.text(), "the export", 60)
        written = [path for path in out.rglob("*") if path.suffix == ".dcm"]
        assert len(written) == 3
        for path in written:
            ds = pydicom.dcmread(path)
            assert ds.PatientIdentityRemoved == "YES"
            assert "Phantom" not in str(ds.get("PatientName", ""))


def test_text_in_the_pixels_is_for_a_person_to_decide(qtbot, tmp_path: Path):
    write_series(tmp_path / "in", SeriesSpec(count=2, change=_burned_in))
    with context_in(tmp_path / "data") as context, window_on(context) as window:
        open_and_wait(window, tmp_path / "in")
        window.actions_.by_id["deidentify"].trigger()
        dialog = window.windows._open["deidentify"]
        dialog.write_to(tmp_path / "out")
        wait_for(lambda: "Nothing is written" in dialog.status.text(), "the refusal", 60)
        dialog.burned_in.setCurrentIndex(2)
        assert dialog.request().accept_burned_in
        dialog.write_to(tmp_path / "out")
        wait_for(lambda: "Written" in dialog.status.text(), "the export", 60)


def _burned_in(ds, _index):
    ds.BurnedInAnnotation = "YES"
