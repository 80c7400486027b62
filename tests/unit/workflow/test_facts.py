"""What the check is told of a study, from its headers."""

from __future__ import annotations

from dataclasses import replace

from app.workflow.earlier_studies import of_opened
from app.workflow.facts import study_facts
from tests.support.domain import header_study


def test_series_are_told_with_their_last_image() -> None:
    study = header_study()
    (series,) = study.series
    late = replace(series.instances[0], instance_number=184)
    numbered = replace(series, number=4, slice_thickness_mm=1.5, instances=(late,), frames=1)
    (told,) = study_facts(replace(study, series=(numbered,))).series
    assert (told.number, told.images, told.slice_thickness_mm) == (4, 184, 1.5)
    unnumbered = replace(numbered, number=None)
    assert study_facts(replace(study, series=(unnumbered,))).series == ()


def test_only_priors_of_the_same_region_are_comparable() -> None:
    study = header_study()
    chest = replace(study, series=(replace(study.series[0], body_part="CHEST"),))
    knee = replace(
        chest, study_date="2023-01-01", series=(replace(study.series[0], body_part="KNEE"),)
    )
    earlier = replace(chest, study_date="2024-01-01")
    assert study_facts(chest, of_opened([knee, earlier])).comparable_priors == ("2024-01-01",)
    nothing = replace(study, series=(replace(study.series[0], body_part=""),))
    assert study_facts(nothing, of_opened([earlier])).comparable_priors is None
