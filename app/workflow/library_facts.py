"""What the library knows of a study and its files do not tell: whose it was, what is gone."""

from __future__ import annotations

from dataclasses import replace

from app.core.report import Message
from app.core.study import Completeness, Study, StudyWarning
from app.dicom.stacks.identity import identity_conflict
from app.workflow.context import AppContext


def with_stored_identity(context: AppContext, study: Study) -> Study:
    """The study, blocked where the library holds images of it that name another patient (D08)."""
    opened = {instance.path for series in study.series for instance in series.instances}
    objects = context.store.files.of_study(study.study_instance_uid)
    if study.blocked or not any(o.path not in opened and o.path.exists() for o in objects):
        return study
    known = context.store.studies.patients(study.study_instance_uid)
    conflict = identity_conflict([study.patient, *known])
    if conflict is None:
        return study
    reason = Message(
        f"The library holds other images of this study. {conflict.en}",
        f"В базе есть другие снимки этого исследования. {conflict.ru}",
    )
    series = tuple(
        replace(
            one,
            stacks=tuple(
                replace(stack, verdict="blocked", why=reason.en, why_ru=reason.ru, geometry=None)
                for stack in one.stacks
            ),
        )
        for one in study.series
    )
    return replace(
        study,
        series=series,
        warnings=(*study.warnings, StudyWarning("D08", reason.en, reason.ru)),
        blocked=reason.en,
        blocked_ru=reason.ru,
    )


def with_stored_counts(context: AppContext, study: Study) -> Study:
    """The study as it was read for the library, with what is known to be missing of it (D18)."""
    study = _with_missing(context, study)
    stored = context.store.studies.get(study.study_instance_uid)
    if stored is None or not stored.is_incomplete:
        return study
    warning = StudyWarning(
        "D18",
        "The import of this study was cut off: images may be missing.",
        "Импорт этого исследования прерван: снимков может не хватать.",
    )
    completeness = study.completeness
    if completeness.is_complete:
        completeness = Completeness(completeness.received, None, "import")
    return replace(study, warnings=(*study.warnings, warning), completeness=completeness)


def _with_missing(context: AppContext, study: Study) -> Study:
    """Told where objects of the library were not among the files that were read."""
    read = {
        (series.series_instance_uid, instance.sop_instance_uid)
        for series in study.series
        for instance in series.instances
    }
    known = {
        (item.series_instance_uid, item.sop_instance_uid)
        for item in context.store.files.of_study(study.study_instance_uid)
    }
    gone = len(known - read)
    if not gone:
        return study
    received, expected = len(known) - gone, len(known)
    warning = StudyWarning(
        "D18",
        f"{gone} of {expected} objects of this study in the library were not read: their files"
        " are elsewhere or gone.",
        f"Не прочитано объектов этого исследования: {gone} из {expected}, известных базе: их файлы"
        " в другом месте или утрачены.",
    )
    completeness = study.completeness
    if completeness.is_complete:
        completeness = Completeness(received, expected, "library")
    return replace(study, warnings=(*study.warnings, warning), completeness=completeness)
