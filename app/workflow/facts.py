"""What the report check is told of the study."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.core.report import StudyFacts
from app.core.study import Series, Study
from app.core.study_details import SeriesFacts

# objects that accompany images, or are made from them
NOT_IMAGES = frozenset({"SEG", "SR", "PR", "KO", "DOC", "RTSTRUCT", "RTPLAN", "RTDOSE", "REG"})
PROJECTION = frozenset({"CR", "DX", "MG", "RG", "IO", "PX", "XA", "RF"})


@dataclass(frozen=True, slots=True)
class EarlierStudy:
    """What a report may say of an earlier study.

    ``study_date`` is ISO 8601; ``modalities`` of images; ``body_parts`` as its series say.
    """

    study_instance_uid: str
    study_date: str
    modalities: frozenset[str]
    body_parts: frozenset[str]


def image_series(study: Study) -> tuple[Series, ...]:
    """The series that hold images a radiologist reads."""
    return tuple(s for s in study.series if s.frames and s.modality not in NOT_IMAGES)


def study_facts(study: Study, priors: Sequence[EarlierStudy] = ()) -> StudyFacts:
    """Facts for the check; what the headers do not say stays unknown.

    ``priors`` are earlier studies of the patient. None given means that none is known here, not
    that there is none: the local library cannot know.
    """
    series = image_series(study)
    contrast = [s.contrast for s in series if s.contrast is not None]
    sides = {s.laterality for s in series if s.modality in PROJECTION and s.laterality}
    return StudyFacts(
        modality=_only(s.modality for s in series),
        body_part=_only(s.body_part for s in series if s.body_part),
        patient_name=str(study.patient.name),
        patient_sex=study.patient.sex,
        patient_birth_date=str(study.patient.birth_date),
        study_date=study.study_date,
        laterality=sides.pop() if len(sides) == 1 else "",
        contrast=any(contrast) if contrast else None,
        priors=tuple(p.study_date for p in priors if p.study_date) or None,
        is_incomplete=not study.completeness.is_complete,
        received=study.completeness.received,
        expected=study.completeness.expected,
        accession_number=str(study.accession_number),
        patient_id=str(study.patient.id),
        comparable_priors=_comparable(series, priors),
        series=tuple(_series_facts(s) for s in series if s.number is not None),
    )


def _series_facts(series: Series) -> SeriesFacts:
    """Its number and its last image: by the numbers of the images, where these go further."""
    numbers = [item.instance_number for item in series.instances if item.instance_number]
    return SeriesFacts(
        series.number or 0, max([series.frames, *numbers]), series.slice_thickness_mm
    )


def _comparable(series: Sequence[Series], priors: Sequence[EarlierStudy]) -> tuple[str, ...] | None:
    """Dates of priors of the same body part; None where body parts are not known."""
    own = {s.body_part for s in series if s.body_part}
    if not own:
        return None
    return tuple(p.study_date for p in priors if own & p.body_parts and p.study_date)


def _only(values: Iterable[str]) -> str:
    """The one value that all share, or empty: a mixed study is of no single kind."""
    found = set(values)
    return found.pop() if len(found) == 1 else ""
