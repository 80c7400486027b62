"""G04: a slice that nobody acquired is hatched in every plane, and only there."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.rendering.slice_renderer import SliceRenderer
from app.viewer.planes import plane_grid
from tests.support.opened import open_volume
from tests.support.synthetic_dicom import SeriesSpec, write_series

_POSITIONS = [0.0, 2.0, 4.0, 8.0, 10.0, 12.0, 14.0]
_MISSING = 3


def _renderer(tmp_path: Path, positions: list[float]) -> SliceRenderer:
    # a constant far above the window: what is not white was drawn by us
    spec = SeriesSpec(
        rows=32, columns=32, positions_mm=positions, values=lambda points: points[..., 0] * 0 + 900
    )
    _stack, volume = open_volume(tmp_path / "work", write_series(tmp_path / "in", spec))
    return SliceRenderer(volume)


def test_g04_a_missing_slice_is_hatched_where_it_lies(tmp_path: Path):
    renderer = _renderer(tmp_path, _POSITIONS)
    window = renderer.auto_window(0)
    stack = renderer.space
    hatched = renderer.display(stack, _MISSING, window)
    assert set(np.unique(hatched)) == {24, 88}
    for k in (_MISSING - 1, _MISSING + 1):
        assert not set(np.unique(renderer.display(stack, k, window))) & {24, 88}
    coronal = plane_grid(renderer.space, "coronal")
    shown = renderer.display(coronal, coronal.size_ijk[2] // 2, window)
    rows = np.nonzero(np.isin(shown, (24, 88)).any(axis=1))[0]
    points = coronal.ijk_to_lps(np.stack([0 * rows, rows, 0 * rows], axis=-1))
    k = np.round(renderer.space.lps_to_ijk(points)[:, 2])
    assert len(rows)
    assert set(k) == {float(_MISSING)}


def test_a_whole_volume_is_never_hatched(tmp_path: Path):
    renderer = _renderer(tmp_path, [2.0 * n for n in range(7)])
    shown = renderer.display(renderer.space, 3, renderer.auto_window(0))
    assert len(np.unique(shown)) == 1
