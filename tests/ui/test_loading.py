"""How series come to the viewports: what is read, when, and what when memory does not suffice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.errors import Cancelled, TooLarge
from app.core.study import SeriesRef
from app.jobs.cancel import CancelToken
from app.ui import loading
from app.ui.main_window import MainWindow
from app.ui.series_image import SeriesImage
from app.viewer.hanging import displayable
from app.workflow.context import AppContext
from tests.support.synthetic_dicom import SeriesSpec, write_series
from tests.support.windows import open_and_wait, wait_for, window_on
from tests.support.workflow_context import context_in


@pytest.fixture
def context(tmp_path: Path) -> Iterator[AppContext]:
    with context_in(tmp_path / "library") as made:
        yield made


@pytest.fixture
def window(context: AppContext) -> Iterator[MainWindow]:
    with window_on(context) as made:
        yield made


@pytest.fixture
def two_series(tmp_path: Path) -> Path:
    folder = tmp_path / "study"
    for name in ("a", "b"):
        write_series(folder, SeriesSpec(count=12, rows=40, columns=48, name=name))
    return folder


def shown_image(window: MainWindow) -> SeriesImage:
    image = window.grid.active.image
    assert image is not None
    return image


def test_the_rest_of_a_series_is_read_after_its_first_image(
    window: MainWindow, two_series: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    first, whole = loading.read_first_image, loading.load_volume

    def read_first(*args: object) -> object:
        order.append("first")
        return first(*args)

    def load(*args: object, **kwargs: object) -> object:
        order.append("whole")
        return whole(*args, **kwargs)

    monkeypatch.setattr(loading, "read_first_image", read_first)
    monkeypatch.setattr(loading, "load_volume", load)
    open_and_wait(window, two_series)
    assert order[0] == "first"
    assert order.count("first") == order.count("whole")


def test_what_no_viewport_shows_is_not_read_on(
    window: MainWindow, two_series: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting: dict[SeriesRef, CancelToken] = {}

    def load(*given: object, cancel: CancelToken, **__: object) -> object:
        waiting[given[2]] = cancel
        while not cancel.is_cancelled:
            time.sleep(0.005)
        raise Cancelled("stopped")

    monkeypatch.setattr(loading, "load_volume", load)
    window.open([two_series])
    wait_for(lambda: bool(waiting), "the first series")
    session = window.desk.session
    assert session is not None
    first, second = (item.ref for item in displayable(session.study))
    for viewport in window.grid.viewports:
        window.grid.show_series(viewport, second)
    wait_for(lambda: second in waiting, "the second series")
    assert first not in waiting or waiting[first].is_cancelled
    assert window.desk.loader.known(first) is None
    assert not waiting[second].is_cancelled
    window.desk.close_study()
    assert waiting[second].is_cancelled


def test_d19_a_series_too_large_is_shown_image_by_image(
    window: MainWindow, context: AppContext, two_series: Path
) -> None:
    context.volumes.budget_bytes = 1000
    window.open([two_series])
    wait_for(lambda: window.grid.active.image is not None, "an image")
    wait_for(lambda: isinstance(shown_image(window).error, TooLarge), "the refusal")
    image = shown_image(window)
    assert image.volume is None
    viewport = window.grid.active
    for index in (0, 11, 3):
        viewport.set_state(viewport.state.jumped(index, 12))
        viewport.grab()
        wait_for(lambda index=index: image.is_shown("stack", index), "the image")
        picture = image.picture("stack", index, viewport.voi, inverted=False)
        assert picture is not None
        assert picture.shape == (40, 48)
    assert context.volumes.size_bytes == 0
