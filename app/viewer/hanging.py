"""Which images go where when a study opens: a few plain rules, the first that fits.

1. A prior of the same kind: current and prior side by side.
2. Projection images (DX, CR...): one film large, two side by side; of mammograms both views of
   both breasts, the right one on the left of the screen, chest walls together (D15).
3. A thin volume: acquired images large, coronal and sagittal beside it.
4. Several series (MR): up to four, side by side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.core.study import Series, SeriesRef, Stack, Study
from app.viewer.camera import Side
from app.viewer.planes import Plane

PROJECTIONS: Final = frozenset({"DX", "CR", "MG", "XA", "RF", "PX", "IO"})
_THIN_MM: Final = 3.0
_ENOUGH_IMAGES: Final = 24
_SAME_REGION: Final = 0.3
_MG_VIEWS: Final = ("CC", "MLO")


@dataclass(frozen=True, slots=True)
class Hung:
    """One viewport's content."""

    ref: SeriesRef
    plane: Plane = "stack"


@dataclass(frozen=True, slots=True)
class Hanging:
    """A layout's id and what its viewports show, in their order."""

    layout_id: str
    cells: tuple[Hung, ...]


@dataclass(frozen=True, slots=True)
class _Candidate:
    ref: SeriesRef
    series: Series
    stack: Stack

    @property
    def is_thin_volume(self) -> bool:
        grid = self.stack.geometry
        if grid is None or not self.stack.is_volume:
            return False
        return grid.spacing_ijk[2] <= _THIN_MM and grid.size_ijk[2] >= _ENOUGH_IMAGES


def hang(study: Study, priors: Sequence[Study] = ()) -> Hanging:
    """What to show first. A study without images gives one empty viewport."""
    candidates = displayable(study)
    if not candidates:
        return Hanging("1x1", ())
    main = candidates[0]
    prior = _matching_prior(main, priors)
    if prior is not None:
        return Hanging("1x2", (Hung(main.ref), Hung(prior)))
    if main.series.modality in PROJECTIONS:
        films = [item for item in candidates if item.series.modality in PROJECTIONS]
        if main.series.modality == "MG":
            return _side_by_side(sorted(films, key=_mammography_order)[:4])
        return _side_by_side(films[:2])
    if main.is_thin_volume and main.series.modality in ("CT", "PT"):
        return _with_reformats(main)
    same_kind = [item for item in candidates if item.series.modality == main.series.modality]
    if len(same_kind) == 1 and main.is_thin_volume:
        return _with_reformats(main)
    return _side_by_side(same_kind[:4])


def chest_wall_side(modality: str, stack: Stack) -> Side | None:
    """The side of a mammogram as stored at which the chest wall lies; None where nobody says.

    PatientOrientation names where the columns run to (PS3.3 C.7.6.1.1.1): away from the wall is
    anterior. Pixels are never mirrored here.
    """
    if modality != "MG" or stack.patient_orientation is None:
        return None
    sides: dict[str, Side] = {"A": "left", "P": "right"}
    return sides.get(stack.patient_orientation[0][:1])


def _mammography_order(item: _Candidate) -> tuple[int, int, int]:
    """CC before MLO before others; right before left; then the order of the series."""
    view, side = item.stack.view_position, item.stack.laterality
    return (
        _MG_VIEWS.index(view) if view in _MG_VIEWS else len(_MG_VIEWS),
        {"R": 0, "L": 1}.get(side, 2),
        item.series.number or 0,
    )


def displayable(study: Study) -> list[_Candidate]:
    """Stacks with images that can be shown, the most telling first.

    Volumes before stacks, what covers the region before crops of it, more images before few;
    films in the order of their series.
    """
    found = [
        _Candidate(
            SeriesRef(study.study_instance_uid, series.series_instance_uid, stack.index),
            series,
            stack,
        )
        for series in study.series
        if series.frames and series.modality != "SEG"
        for stack in series.stacks
        if stack.frames and stack.is_shown
    ]
    films = all(item.series.modality in PROJECTIONS for item in found)
    if films:
        return sorted(found, key=lambda item: item.series.number or 0)
    widest = max((_extent_mm3(item.stack) for item in found), default=0.0)
    return sorted(
        found,
        key=lambda item: (
            not item.stack.is_volume,
            _extent_mm3(item.stack) < widest * _SAME_REGION,
            -len(item.stack.frames),
        ),
    )


def _extent_mm3(stack: Stack) -> float:
    grid = stack.geometry
    if grid is None:
        return 0.0
    return math.prod(n * mm for n, mm in zip(grid.size_ijk, grid.spacing_ijk, strict=True))


def _matching_prior(main: _Candidate, priors: Sequence[Study]) -> SeriesRef | None:
    for study in sorted(priors, key=lambda item: item.study_date, reverse=True):
        for item in displayable(study):
            if item.series.modality == main.series.modality:
                return item.ref
    return None


def _with_reformats(main: _Candidate) -> Hanging:
    return Hanging("1+2", (Hung(main.ref), Hung(main.ref, "coronal"), Hung(main.ref, "sagittal")))


def _side_by_side(items: Sequence[_Candidate]) -> Hanging:
    layout_id = {1: "1x1", 2: "1x2", 3: "1+2"}.get(len(items), "2x2")
    return Hanging(layout_id, tuple(Hung(item.ref) for item in items))
