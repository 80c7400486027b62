"""Earlier studies of the patient: those that are open, and those that the library knows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.core.study import Study
from app.store.store import Store
from app.store.studies import StoredStudy
from app.workflow.facts import NOT_IMAGES, EarlierStudy, image_series


def earlier_studies(
    study: Study, store: Store, opened: Sequence[Study]
) -> tuple[EarlierStudy, ...]:
    """Of ``opened`` and of the library, each once, newest first. Reads the index alone."""
    found = {one.study_instance_uid: one for one in _of_library(study, store)}
    found |= {one.study_instance_uid: one for one in of_opened(opened)}
    return tuple(sorted(found.values(), key=lambda one: one.study_date, reverse=True))


def of_opened(priors: Iterable[Study]) -> tuple[EarlierStudy, ...]:
    """The same of studies whose headers are at hand."""
    return tuple(
        EarlierStudy(
            prior.study_instance_uid,
            prior.study_date,
            frozenset(series.modality.upper() for series in image_series(prior)),
            frozenset(series.body_part for series in prior.series if series.body_part),
        )
        for prior in priors
    )


def stored_earlier(study: Study, store: Store) -> tuple[StoredStudy, ...]:
    """Earlier studies of the library with the same patient ID, issuer and birth date.

    A study whose images contradict each other about the patient is none of them.
    """
    patient = study.patient
    return tuple(
        other
        for other in store.studies.of_patient(str(patient.id))
        if other.study_instance_uid != study.study_instance_uid
        and other.patient.issuer == patient.issuer
        and str(other.patient.birth_date) == str(patient.birth_date)
        and not other.blocked
        and "" < other.study_date < study.study_date
    )


def _of_library(study: Study, store: Store) -> Iterable[EarlierStudy]:
    for other in stored_earlier(study, store):
        kinds = {modality.upper() for modality in other.modalities} - NOT_IMAGES
        if kinds:
            parts = frozenset(store.studies.body_parts(other.study_instance_uid))
            yield EarlierStudy(other.study_instance_uid, other.study_date, frozenset(kinds), parts)
