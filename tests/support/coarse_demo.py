"""The demonstration studies on a coarse grid: the same code, a second or two."""

from __future__ import annotations

from app.demo.ct import CtPlan
from app.demo.radiograph import FilmPlan
from app.demo.studies import DemoPlan

COARSE = DemoPlan(
    film=FilmPlan(pixel_mm=1.0, sample_x_mm=2.4, sample_y_mm=4.0, slice_mm=4.0),
    ct=CtPlan(columns=160, slice_mm=6.0),
)
