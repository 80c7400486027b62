"""The health of the images in words, and the list of files that were left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtWidgets import QTableWidget

from app.core.report import Message
from app.core.study import Completeness, StackHealth, StudyWarning
from app.dicom.files.scan import ScanResult, SkippedFile
from app.ui.health_panel import HealthPanel
from app.ui.health_words import health_of
from app.ui.left_out_window import LeftOutWindow
from app.ui.series_image import SeriesImage
from app.ui.study_browser import StudyBrowser
from app.ui.texts import set_language
from app.viewer.hanging import displayable
from tests.support.opened import open_stack
from tests.support.synthetic_dicom import SeriesSpec, write_series


def _image(tmp_path: Path, **changes: object) -> SeriesImage:
    folder = tmp_path / "ct"
    write_series(folder, SeriesSpec(count=6))
    study, series, stack = open_stack(tmp_path / "work", folder)
    return SeriesImage(study, series, replace(stack, **changes))


def test_a_whole_volume_is_good_and_counts_what_is_shown(qtbot, tmp_path):
    image = _image(tmp_path, health=StackHealth(6, 6, 6))
    health = health_of(image)
    assert health.degree == "good"
    assert health.lines[0].text == "expected 6  ·  received 6  ·  shown 6"


def test_d18_missing_images_are_told_with_the_reason(qtbot, tmp_path):
    note = Message("Slice 4 is missing.", "Нет среза 4.")
    image = _image(tmp_path, health=StackHealth(5, 5, 6, notes=(note,)))
    health = health_of(image)
    assert health.degree == "doubt"
    assert "Slice 4 is missing." in [line.text for line in health.lines]
    set_language("ru")
    assert "Нет среза 4." in [line.text for line in health_of(image).lines]


def test_d18_a_study_that_is_still_coming_says_so(qtbot, tmp_path):
    image = _image(tmp_path, health=StackHealth(6, 6, 6))
    image.study = replace(image.study, completeness=Completeness(6, 30, "archive"))
    health = health_of(image)
    assert health.degree == "doubt"
    assert any("6 of 30" in line.text for line in health.lines)


def test_a_blocked_stack_is_red_and_warnings_are_sentences(qtbot, tmp_path):
    warning = StudyWarning("G04", "two slices are missing")
    image = _image(tmp_path, verdict="blocked", why="two patients", warnings=(warning,))
    panel = HealthPanel()
    qtbot.addWidget(panel)
    panel.set_image(image)
    assert panel.health is not None
    assert panel.health.degree == "stop"
    texts = [line.text for line in panel.health.lines]
    assert "two patients" in texts
    assert "G04  two slices are missing" in texts


def test_d16_files_that_were_left_out_are_listed_with_reasons(qtbot):
    file = SkippedFile(Path("a/b.bin"), Message("It is not a DICOM file.", "Это не файл DICOM."))
    window = LeftOutWindow(ScanResult(1, (), (file,), ()))
    qtbot.addWidget(window)
    table = window.findChild(QTableWidget)
    assert table.item(0, 0).text() == str(Path("a/b.bin"))
    assert table.item(0, 1).text() == "It is not a DICOM file."


def test_d16_frames_that_are_not_shown_are_listed_with_the_reason(qtbot, tmp_path):
    note = Message("It is a video.", "Это видео.")
    image = _image(tmp_path, health=StackHealth(6, 0, notes=(note,)))
    series = replace(image.series, stacks=(image.stack,))
    study = replace(image.study, series=(series,))
    assert displayable(study) == []
    browser = StudyBrowser()
    qtbot.addWidget(browser)
    browser.set_study(study)
    assert browser.refs() == ()
    texts = [browser._series.item(n).text() for n in range(browser._series.count())]
    assert "It is a video." in texts[0]
