from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.core.errors import InputError
from app.core.study import Study
from app.dicom.objects.presentation_state import (
    Annotation,
    DrawnShape,
    DrawnText,
    PresentationState,
    VoiChoice,
    presentation_state,
)
from app.imaging.voi import apply_window
from app.rendering.presented import presented
from tests.support.opened import open_all
from tests.support.synthetic_dicom import SeriesSpec, write_projection, write_series
from tests.support.synthetic_objects import write_presentation_state
from tests.support.synthetic_seg import headers_of


def _opened(folder: Path, **changes: object) -> tuple[PresentationState, Study, np.ndarray]:
    """A state for the second image of a CT, the study, and the HU of that image."""
    paths = write_series(folder / "ct", SeriesSpec(count=4))
    header = headers_of(paths)[1]
    _, (study,) = open_all(folder, *paths)
    path = write_presentation_state(folder / "pr", header.SOPInstanceUID, **changes)
    state = presentation_state(path)
    (reference,) = state.references
    state = replace(state, references=(replace(reference, frames=()),), annotations=())
    hu = header.pixel_array * float(header.RescaleSlope) + float(header.RescaleIntercept)
    return state, study, hu


def test_part_turn_and_mirror_are_those_of_the_state(tmp_path: Path) -> None:
    state, study, hu = _opened(tmp_path)
    shown = np.asarray(presented(state, study))
    grey = apply_window(hu, 40, 400)[4:20, 2:10]
    expected = np.rot90(grey, -1)[:, ::-1]
    height, width = shown.shape[:2]
    # columns are 0.7 mm and rows 0.8 mm apart; after the turn the other way round
    assert width / height == pytest.approx(16 * 0.8 / (8 * 0.7), rel=0.01)
    rows = ((np.arange(8) + 0.5) * height / 8).astype(int)
    columns = ((np.arange(16) + 0.5) * width / 16).astype(int)
    assert np.array_equal(shown[np.ix_(rows, columns)][..., 0], expected)


def test_i01_the_polarity_is_that_of_the_state_alone(tmp_path: Path) -> None:
    film = write_projection(tmp_path / "dx" / "a", photometric="MONOCHROME1")
    _, (study,) = open_all(tmp_path, film)
    uid = study.series[0].instances[0].sop_instance_uid
    path = write_presentation_state(tmp_path / "pr", uid)
    plain = replace(
        presentation_state(path), references=(), annotations=(), areas=(), rotation_deg=0,
        is_flipped=False, voi=(),
    )  # fmt: skip
    named = presentation_state(path).references
    plain = replace(plain, references=tuple(replace(one, frames=()) for one in named))
    identity = np.asarray(presented(plain, study))
    inverse = np.asarray(presented(replace(plain, is_inverted=True), study))
    assert np.array_equal(inverse, 255 - identity)
    stored = (np.arange(48 * 40) * 2 % 4096).reshape(48, 40)
    times = identity.shape[0] // 48
    expected = apply_window(stored.astype(float), 2048, 4096)
    assert np.array_equal(identity[::times, ::times, 0], expected)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("flip", [False, True])
def test_drawings_stay_on_what_they_mark(tmp_path: Path, turn: int, flip: bool) -> None:
    state, study, hu = _opened(tmp_path)
    black = VoiChoice((), (replace(state.voi[0].windows[0], center=1e5, width=2.0),))
    column, row = 5, 9
    point = DrawnShape("POINT", "PIXEL", ((column + 0.5, row + 0.5),), is_filled=False)
    state = replace(
        state,
        voi=(black,),
        rotation_deg=turn,
        is_flipped=flip,
        annotations=(Annotation("TOP", (), (), (point,)),),
    )
    shown = np.asarray(presented(state, study)).max(axis=2) > 100
    marked = np.zeros(hu.shape, bool)
    marked[row, column] = True
    part = np.rot90(marked[4:20, 2:10], -(turn // 90))
    part = part[:, ::-1] if flip else part
    (where,) = np.argwhere(part)
    center = np.argwhere(shown).mean(axis=0) / np.array(shown.shape) * part.shape
    assert np.allclose(center, where + 0.5, atol=0.1)


def test_circles_ellipses_and_texts_are_drawn(tmp_path: Path) -> None:
    state, study, _ = _opened(tmp_path)
    shapes = (
        DrawnShape("CIRCLE", "PIXEL", ((6.0, 10.0), (6.0, 12.0)), is_filled=False),
        DrawnShape("ELLIPSE", "PIXEL", ((4, 8), (8, 8), (6, 7), (6, 9)), is_filled=False),
        DrawnShape("POLYLINE", "DISPLAY", ((0.1, 0.1), (0.9, 0.1)), is_filled=False),
    )
    text = DrawnText("очаг 9 мм", "DISPLAY", (), (0.2, 0.5))
    bare = np.asarray(presented(state, study)).astype(int)
    for annotation in (
        *(Annotation("TOP", (), (), (shape,)) for shape in shapes),
        Annotation("TOP", (), (text,), ()),
    ):
        drawn = np.asarray(presented(replace(state, annotations=(annotation,)), study)).astype(int)
        assert np.any(drawn != bare)


def test_images_that_are_not_here_are_said_in_words(tmp_path: Path) -> None:
    state, _, _ = _opened(tmp_path)
    other = write_series(tmp_path / "other", SeriesSpec(name="other", count=3))
    _, (study,) = open_all(tmp_path, *other)
    with pytest.raises(InputError, match="not in the study"):
        presented(state, study)
