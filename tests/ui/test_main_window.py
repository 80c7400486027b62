"""The window on real files: opening, scrolling, windowing, planes, painting, where it was left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel

from app.core import codes
from app.core.finding import FindingContent, Label
from app.core.geometry import Geometry
from app.ui.application import render_tour
from app.ui.main_window import MainWindow
from app.ui.texts import set_language
from app.workflow import review
from app.workflow.context import AppContext
from tests.support.shared_data import shared
from tests.support.synthetic_dicom import SeriesSpec, write_projection, write_series
from tests.support.windows import (
    click,
    drag,
    open_and_wait,
    press,
    threads_named,
    wait_for,
    window_on,
)
from tests.support.workflow_context import context_in


@pytest.fixture
def context(tmp_path: Path) -> Iterator[AppContext]:
    with context_in(tmp_path / "library") as made:
        yield made
    assert not threads_named("io", "compute", "interaction", "inference")


@pytest.fixture
def window(context: AppContext) -> Iterator[MainWindow]:
    with window_on(context) as made:
        yield made


@pytest.fixture
def ct(tmp_path: Path) -> Path:
    """Thirty thin slices: a volume that is hung in three planes."""
    folder = tmp_path / "ct"
    write_series(folder, SeriesSpec(count=30, rows=40, columns=48, step_mm=1.5))
    return folder


def test_the_empty_window_says_what_to_do(window: MainWindow) -> None:
    assert "Ctrl+O" in window.browser.findChildren(type(window.messages._text))[-1].text()
    assert not window.actions_.by_id["finding_accept"].isEnabled()
    assert window.actions_.by_id["open_folder"].isEnabled()


def test_a_ct_opens_in_three_linked_planes(window: MainWindow, ct: Path) -> None:
    open_and_wait(window, ct)
    shown = window.grid.shown
    assert [v.state.plane for v in shown] == ["stack", "coronal", "sagittal"]
    assert all(v.image is not None and v.image.is_loaded for v in shown)
    assert window.banner.title == "Phantom, Synthetic"
    space = shown[0].image.space
    target = space.ijk_to_lps((30, 10, 22))
    axial = shown[0]
    axial.set_state(axial.state.jumped(22, 30))
    x, y = axial.camera().lps_to_display(target)
    click(axial, (float(x), float(y)))
    for viewport in shown:
        grid = viewport.image.grid(viewport.state.plane)
        assert abs(grid.lps_to_ijk(target)[2] - viewport.state.index) <= 0.6


def test_what_is_on_screen_is_the_window_of_the_values(window: MainWindow, ct: Path) -> None:
    open_and_wait(window, ct)
    viewport = window.grid.viewports[0]
    window.actions_.by_id["preset.ct-lung"].trigger()
    assert (viewport.voi.width, viewport.voi.center) == (1500, -600)
    window.grid.set_overlays(False)
    picture = viewport.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
    camera = viewport.camera()
    volume = viewport.image.volume
    from app.imaging.voi import apply_window

    expected = apply_window(volume.modality_values(viewport.state.index), -600, 1500)
    for i, j in ((10, 8), (30, 30), (44, 20)):
        x, y = camera.lps_to_display(volume.geometry.ijk_to_lps((i, j, viewport.state.index)))
        ratio = viewport.devicePixelRatioF()
        shade = picture.pixelColor(round(x * ratio), round(y * ratio)).value()
        assert shade == pytest.approx(int(expected[j, i]), abs=3)


def test_the_value_under_the_pointer_is_told(window: MainWindow, ct: Path) -> None:
    open_and_wait(window, ct)
    viewport = window.grid.viewports[0]
    volume = viewport.image.volume
    point = volume.geometry.ijk_to_lps((20, 12, viewport.state.index))
    x, y = viewport.camera().lps_to_display(point)
    QTest.mouseMove(viewport, QPoint(round(x), round(y)))
    value = volume.modality_values(viewport.state.index)[12, 20]
    wait_for(lambda: f"{value:.0f} HU" in window._probe.text(), "the value")


def test_mouse_window_zoom_pan_scroll(window: MainWindow, ct: Path) -> None:
    open_and_wait(window, ct)
    viewport = window.grid.viewports[0]
    middle = (viewport.width() / 2, viewport.height() / 2)
    before = viewport.voi
    drag(viewport, middle, (middle[0] + 60, middle[1]))
    assert viewport.voi.width > before.width
    assert viewport.voi.center == before.center
    assert window.grid.viewports[1].voi == viewport.voi
    drag(viewport, middle, (middle[0], middle[1] - 50), button=Qt.MouseButton.RightButton)
    assert viewport.state.zoom > 1
    place = viewport.camera().display_to_lps(middle)
    drag(viewport, middle, (middle[0] + 40, middle[1]), button=Qt.MouseButton.MiddleButton)
    moved = viewport.camera().lps_to_display(place)
    np.testing.assert_allclose(moved, (middle[0] + 40, middle[1]), atol=0.5)
    index = viewport.state.index
    _wheel(viewport, -120)
    assert viewport.state.index == index + 1
    _wheel(viewport, 120, Qt.KeyboardModifier.ShiftModifier)
    assert viewport.state.index == index - 4
    zoom = viewport.state.zoom
    _wheel(viewport, 120, Qt.KeyboardModifier.ControlModifier)
    assert viewport.state.zoom > zoom


def test_keys_act_on_the_active_viewport(window: MainWindow, ct: Path) -> None:
    open_and_wait(window, ct)
    viewport = window.grid.active
    press(window.grid, Qt.Key.Key_Home)
    assert viewport.state.index == 0
    press(window.grid, Qt.Key.Key_Down, Qt.Key.Key_Down)
    assert viewport.state.index == 2
    press(window.grid, Qt.Key.Key_End)
    assert viewport.state.index == 29
    press(window.grid, "i")
    assert viewport.state.inverted
    press(window.grid, "2")
    assert viewport.voi.width == 1500
    press(window.grid, "0")
    assert viewport.voi.explanation == "auto"
    press(window.grid, Qt.Key.Key_Space)
    assert not viewport.shows_overlays
    press(window.grid, Qt.Key.Key_Right)
    assert window.grid.active is window.grid.viewports[1]


def test_typing_in_the_report_is_only_typing(window: MainWindow, ct: Path) -> None:
    open_and_wait(window, ct)
    state = window.grid.active.state
    editor = window.report.editor
    press(editor, "Nodule x n i 2 0 u")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    QTest.keyClick(editor, Qt.Key.Key_Up)
    assert "Nodule x n i 2 0 u" in editor.toPlainText()
    assert window.grid.active.state == state


def test_a_stroke_is_one_undoable_change_with_new_figures(window: MainWindow, ct: Path) -> None:
    open_and_wait(window, ct)
    session = window.desk.session
    viewport = window.grid.viewports[0]
    content = FindingContent(codes.NODULE, Label("Nodule", "Узел"))
    uid = review.add(session, content, viewport.state.ref, None)
    session.select(uid)
    window.actions_.by_id["tool.brush"].trigger()
    middle = (viewport.width() / 2, viewport.height() / 2)
    drag(viewport, middle, (middle[0] + 60, middle[1]))
    mask = session.mask(uid)
    assert mask is not None
    assert mask.voxels.sum() > 0
    assert session.finding(uid).state == "edited"
    k = viewport.state.index
    assert mask.voxels[k].sum() == mask.voxels.sum()
    painted = int(mask.voxels.sum())
    wait_for(lambda: bool(viewport.layers and viewport.layers[0].mask), "the outline")
    viewport.grab()
    assert viewport._drawn
    window.actions_.by_id["tool.erase"].trigger()
    drag(viewport, middle, (middle[0] + 10, middle[1]))
    assert 0 < int(session.mask(uid).voxels.sum()) < painted
    assert window.actions_.by_id["undo"].text() == "Undo brush stroke"
    window.actions_.by_id["undo"].trigger()
    assert int(session.mask(uid).voxels.sum()) == painted
    # in a reformatted plane the same brush paints there
    coronal = window.grid.viewports[1]
    window.actions_.by_id["tool.brush"].trigger()
    at = (coronal.width() / 2, coronal.height() / 2)
    drag(coronal, at, (at[0] + 30, at[1]))
    j = np.unique(np.nonzero(session.mask(uid).voxels.astype(int) - mask.voxels)[1])
    assert j.tolist() == [coronal.state.index]


def test_outputs_are_written_beside_the_reading(
    window: MainWindow, ct: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_and_wait(window, ct)
    session, viewport = window.desk.session, window.grid.viewports[0]
    uid = review.add(
        session, FindingContent(codes.NODULE, Label("Nodule", "Узел")), viewport.state.ref, None
    )
    session.select(uid)
    window.set_tool("brush")
    middle = (viewport.width() / 2, viewport.height() / 2)
    drag(viewport, middle, (middle[0] + 30, middle[1]))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "out"))
    window.actions_.by_id["export"].trigger()
    wait_for(lambda: "files written" in window.messages.text, "the files")
    assert list((tmp_path / "out").rglob("*.dcm"))
    assert list((tmp_path / "out" / "key-images").glob("*.png"))


def test_brush_without_a_finding_says_so(window: MainWindow, ct: Path) -> None:
    open_and_wait(window, ct)
    window.actions_.by_id["tool.brush"].trigger()
    assert "Select a finding" in window.messages.text


def test_the_study_reopens_where_it_was(context: AppContext, ct: Path) -> None:
    with window_on(context) as first:
        open_and_wait(first, ct)
        first.actions_.by_id["layout.1x2"].trigger()
        press(first.grid, Qt.Key.Key_Home, Qt.Key.Key_Down)
        first.grid.set_window(None)
        state = first.grid.viewports[0].state
    with window_on(context) as second:
        uid = second.opener.rows()[0].study_instance_uid
        second.opener.open_study(uid)
        wait_for(lambda: second.desk.session is not None, "the study of the library")
        assert second.grid.layout_id == "1x2"
        assert second.grid.viewports[0].state == state


def test_a_prior_hangs_beside_and_scrolls_along_when_linked(
    window: MainWindow, tmp_path: Path
) -> None:
    for name, date in (("now", "20260102"), ("before", "20250102")):
        spec = SeriesSpec(count=30, rows=40, columns=48, step_mm=1.5, study=name, name=name)
        dated = replace(spec, change=lambda ds, _n, date=date: setattr(ds, "StudyDate", date))
        write_series(tmp_path / name, dated)
    open_and_wait(window, tmp_path / "now", tmp_path / "before")
    current, prior = window.grid.shown
    assert not current.image.is_prior
    assert prior.image.is_prior
    press(window.grid, Qt.Key.Key_Down)
    assert (current.state.index, prior.state.index) == (16, 15)
    press(window.grid, "l")
    press(window.grid, Qt.Key.Key_Down, Qt.Key.Key_Down)
    assert (current.state.index, prior.state.index) == (18, 17)
    press(window.grid, "m")
    assert all(v.crosshair is not None for v in window.grid.shown)
    assert [v.state.plane for v in window.grid.shown] == ["stack", "coronal", "sagittal"]
    press(window.grid, "p")
    assert len(window.grid.shown) == 2


def test_dropped_files_open(window: MainWindow, ct: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(ct))])
    event = QDropEvent(
        QPointF(300, 300),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    window.dropEvent(event)
    wait_for(lambda: window.desk.session is not None, "the dropped study")


def test_a_folder_without_images_gives_one_sentence(window: MainWindow, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"\xff\xd8 not a study")
    window.open([tmp_path / "photos"])
    wait_for(lambda: bool(window.messages.text), "the message")
    assert window.desk.session is None


def test_a_film_hangs_alone_without_planes_or_letters(window: MainWindow, tmp_path: Path) -> None:
    path = tmp_path / "dx" / "film.dcm"
    path.parent.mkdir()
    write_projection(path)
    open_and_wait(window, path)
    assert window.grid.layout_id == "1x1"
    window.actions_.by_id["mpr"].trigger()
    assert "No planes" in window.messages.text


def test_d08_a_blocked_study_says_so_above_the_images(window: MainWindow, tmp_path: Path) -> None:
    for number, patient in enumerate(("ONE", "TWO")):
        spec = SeriesSpec(name=f"series-{number}")
        other = replace(spec, change=lambda ds, _n, who=patient: setattr(ds, "PatientID", who))
        write_series(tmp_path / "mixed" / patient, other)
    open_and_wait(window, tmp_path / "mixed")
    shown = [label.text() for label in window.banner.findChildren(QLabel) if label.isVisible()]
    assert any(text.startswith("Blocked:") for text in shown)


def test_the_tour_leaves_a_picture_of_each_step(
    context: AppContext, ct: Path, tmp_path: Path
) -> None:
    pictures = render_tour(context, [ct], tmp_path / "screens")
    assert [path.name for path in pictures] == ["01-study.png", "02-planes.png"]
    assert all(path.stat().st_size > 10_000 for path in pictures)


def test_both_languages_and_back(window: MainWindow, ct: Path) -> None:
    open_and_wait(window, ct)
    set_language("ru")
    assert window.actions_.by_id["finding_accept"].text() == "Принять"
    window.grab()
    set_language("en")
    assert window.actions_.by_id["finding_accept"].text() == "Accept"


@pytest.mark.slow
def test_a_real_ct_is_scrollable(window: MainWindow) -> None:
    window.open([shared("data/studies/ct-abdomen-200.zip")])
    wait_for(lambda: window.desk.session is not None, "the study", seconds=120)
    viewport = window.grid.viewports[0]
    wait_for(lambda: viewport.image.loaded_frames > 0, "the first image", seconds=60)
    wait_for(lambda: not window.desk.loader.is_busy, "the volume", seconds=60)
    grid: Geometry = viewport.image.grid("stack")
    assert grid.size_ijk == (512, 512, 200)
    for _ in range(30):
        window.actions_.by_id["image_next"].trigger()
        QApplication.processEvents()
    assert viewport.state.index == 130


def _wheel(
    widget: object, delta: int, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
) -> None:
    at = QPointF(widget.width() / 2, widget.height() / 2)
    event = QWheelEvent(
        at,
        widget.mapToGlobal(at),
        QPoint(0, 0),
        QPoint(0, delta),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)
