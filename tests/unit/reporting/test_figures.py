"""Numbers in words: decimals, lower bounds, what is left out."""

from __future__ import annotations

import pytest

from app.core.measurement import Measurement
from app.core.report import Language
from app.reporting.figures import figures_of, left_out, number


@pytest.mark.parametrize(
    ("value", "unit", "english", "russian"),
    [(8.44, "mm", "8.4", "8,4"), (8.0, "mm", "8", "8"), (9.96, "mm", "10", "10"),
     (12.4, "mm", "12", "12"), (0.32, "mL", "0.3", "0,3"), (412.3, "mL", "412", "412"),
     (0.0068, "%", "<0.1", "<0,1"), (2.34, "%", "2.3", "2,3"), (-884.4, "[hnsf'U]", "−884", "−884"),
     (0.523, "1", "0.52", "0,52"), (152.34, "cm2", "152.3", "152,3")],
)  # fmt: skip
def test_decimals_and_marks(value: float, unit: str, english: str, russian: str) -> None:
    assert number(value, unit, "en") == english
    assert number(value, unit, "ru") == russian


@pytest.mark.parametrize("language", ["en", "ru"])
def test_only_what_grows_with_the_mask_has_a_lower_bound(language: Language) -> None:
    cut = (
        Measurement("volume", 2210.0, "mL", "voxel-count@1", "truncated_fov"),
        Measurement("mean", -832.0, "[hnsf'U]", "intensity@1", "truncated_fov", "The mask is cut."),
    )
    figures = figures_of(cut, language)
    assert figures.volume_at_least
    assert figures.extras == ()
    ((measure, why),) = left_out(cut)
    assert measure.kind == "mean"
    assert why.en == "The mask is cut"
