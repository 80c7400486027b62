"""What the corners tell of values, choosing windows and tables, playing images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from PySide6.QtTest import QTest

from app.ui.corner_texts import CornerMarks, corner_texts, probe_line
from app.ui.main_window import MainWindow
from app.ui.texts import set_language
from app.ui.window_menu import show_window_menu
from app.workflow.context import AppContext
from tests.support.synthetic_dicom import (
    SeriesSpec,
    write_projection,
    write_series,
    write_ultrasound,
)
from tests.support.windows import drag, open_and_wait, wait_for, window_on
from tests.support.workflow_context import context_in
from tests.unit.dicom.pixels.test_suv import pet


@pytest.fixture
def context(tmp_path: Path) -> Iterator[AppContext]:
    with context_in(tmp_path / "library") as made:
        yield made


@pytest.fixture
def window(context: AppContext) -> Iterator[MainWindow]:
    with window_on(context) as made:
        yield made


def corners(window: MainWindow) -> tuple[str, str]:
    """Bottom left and bottom right of the active viewport."""
    viewport = window.grid.active
    texts = corner_texts(
        viewport.image, viewport.state, viewport.camera(), viewport.voi, CornerMarks()
    )
    return "\n".join(texts.bottom_left), "\n".join(texts.bottom_right)


def with_tables(ds: Dataset) -> None:
    """A window, and a VOI table that falls instead of rising."""
    ds.WindowCenter, ds.WindowWidth = 2048, 4096
    ds.WindowCenterWidthExplanation = "NORMAL"
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [4096, 0, 12])
    item.add_new("LUTData", "OW", np.arange(4095, -1, -1).astype("<u2").tobytes())
    item.LUTExplanation = "FALLING"
    ds.VOILUTSequence = Sequence([item])


def test_i02_choosing_a_table_and_dragging_back_to_a_window(
    window: MainWindow, tmp_path: Path
) -> None:
    open_and_wait(window, write_projection(tmp_path / "film", change=with_tables))
    assert "NORMAL" in corners(window)[0]
    menu = show_window_menu(window.grid)
    assert menu is not None
    own = menu.actions()[:2]
    assert [action.isChecked() for action in own] == [True, False]
    own[1].trigger()
    menu.close()
    viewport = window.grid.active
    assert viewport.voi.table is not None
    assert "LUT FALLING" in corners(window)[0]
    picture = viewport.image.picture("stack", 0, viewport.voi, inverted=False)
    assert picture[0, 0] > picture[-1, -1]
    drag(viewport, (300, 300), (340, 300))
    assert viewport.voi.table is None
    assert corners(window)[0].splitlines()[-1].startswith("W ")


def test_d13_a_cine_plays_at_its_rate_and_says_it(window: MainWindow, tmp_path: Path) -> None:
    open_and_wait(window, write_ultrasound(tmp_path / "us", frames=5))
    viewport = window.grid.active
    assert "25 fps" in corners(window)[1]
    seen = set()
    window.actions_.by_id["cine"].trigger()
    for _ in range(60):
        QTest.qWait(10)
        seen.add(viewport.state.index)
    assert len(seen) >= 3
    window.actions_.by_id["cine"].trigger()
    index = viewport.state.index
    QTest.qWait(120)
    assert viewport.state.index == index


def test_i13_uptake_is_told_or_why_there_is_none(window: MainWindow, tmp_path: Path) -> None:
    def change(ds: Dataset, _n: int) -> None:
        ds.update(pet())
        ds.RescaleSlope, ds.RescaleIntercept = 2.0, 0

    paths = write_series(tmp_path / "pt", SeriesSpec(count=4, modality="PT", change=change))
    open_and_wait(window, *paths)
    image = window.grid.active.image
    assert "SUVbw" in corners(window)[0]
    wait_for(lambda: image.is_loaded, "the volume")
    point = image.space.ijk_to_lps((5, 6, 1))
    value = image.volume.modality_values(1)[6, 5] * image.volume.suv.body_weight
    assert f"SUVbw {value:.2f}" in probe_line(image, point)
    assert "Bq/ml" in probe_line(image, point)


def test_i13_the_missing_input_is_named_in_both_languages(
    window: MainWindow, tmp_path: Path
) -> None:
    def change(ds: Dataset, _n: int) -> None:
        ds.update(pet(PatientWeight=None))

    paths = write_series(tmp_path / "pt", SeriesSpec(count=4, modality="PT", change=change))
    open_and_wait(window, *paths)
    assert "(0010,1030)" in corners(window)[1]
    set_language("ru")
    try:
        assert "отсутствует (0010,1030)" in corners(window)[1]
    finally:
        set_language("en")


def test_i16_loss_is_told_on_the_image(window: MainWindow, tmp_path: Path) -> None:
    def lossy(ds: Dataset) -> None:
        ds.LossyImageCompression, ds.LossyImageCompressionRatio = "01", 12

    open_and_wait(window, write_projection(tmp_path / "film", change=lossy))
    assert "lossy compression 12:1" in corners(window)[1]


def test_i11_each_image_has_its_own_window_until_the_reader_sets_one(
    window: MainWindow, tmp_path: Path
) -> None:
    def change(ds: Dataset, n: int) -> None:
        ds.WindowCenter, ds.WindowWidth = 40 + n, 400

    paths = write_series(tmp_path / "ct", SeriesSpec(count=6, change=change))
    open_and_wait(window, *paths)
    viewport = window.grid.viewports[0]
    found = set()
    for n in range(6):
        viewport.set_state(viewport.state.jumped(n, 6))
        found.add(viewport.voi.center)
    assert len(found) == 6
    viewport.change(viewport.state.windowed(50, 350))
    viewport.set_state(viewport.state.jumped(0, 6))
    assert (viewport.voi.center, viewport.voi.width) == (50, 350)
