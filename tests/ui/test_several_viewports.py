"""One state, all views of it: window, reset and thumbnails, without a scroll in between (D14)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.imaging.voi import find_preset
from tests.support.synthetic_dicom import SeriesSpec, write_series
from tests.support.windows import open_and_wait, wait_for, window_on
from tests.support.workflow_context import context_in


def _levels(viewport) -> np.ndarray:
    state = viewport.state
    return viewport.image.picture(
        state.plane, state.index, viewport.voi, inverted=state.inverted
    ).copy()


def test_d14_a_window_and_its_reset_reach_every_view_of_the_series_at_once(qtbot, tmp_path: Path):
    spec = SeriesSpec(
        count=30, rows=64, columns=64, step_mm=1.0, values=lambda points: points[..., 0] * 20 - 600
    )
    write_series(tmp_path / "in", spec)
    with context_in(tmp_path / "data") as context, window_on(context) as window:
        open_and_wait(window, tmp_path / "in")
        views = window.grid.shown
        assert [view.state.plane for view in views] == ["stack", "coronal", "sagittal"]
        before = [_levels(view) for view in views]
        preset = find_preset("ct-lung")
        window.use_preset(preset)
        assert {view.voi for view in views} == {preset.window}
        after = [_levels(view) for view in views]
        assert all((a != b).any() for a, b in zip(before, after, strict=True))
        window.actions_.by_id["window_default"].trigger()
        again = [_levels(view) for view in views]
        assert all((a == b).all() for a, b in zip(before, again, strict=True))


def test_d14_thumbnails_come_without_being_looked_at(qtbot, tmp_path: Path):
    for number in range(3):
        spec = SeriesSpec(count=3, name=f"series {number}", study="one")
        write_series(tmp_path / "in" / str(number), spec)
    with context_in(tmp_path / "data") as context, window_on(context) as window:
        open_and_wait(window, tmp_path / "in")
        wait_for(lambda: len(window.browser._thumbnails) == 3, "all thumbnails")
