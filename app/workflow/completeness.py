"""Whether a study is all that its archive has (D18)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from app.core.study import Completeness, Study
from app.workflow.context import AppContext


def with_archive_counts(study: Study, expected: Mapping[str, int]) -> Study:
    """The study with what the archive says of it: objects per series UID.

    Objects beyond those counted do not make up for missing ones of another series. Where nothing
    is missing, what the images themselves tell (gaps) stands.
    """
    if not expected:
        return study
    present = {
        series.series_instance_uid: len({one.sop_instance_uid for one in series.instances})
        for series in study.series
    }
    received = sum(min(present.get(uid, 0), count) for uid, count in expected.items())
    known = Completeness(received, sum(expected.values()), "archive")
    if known.is_complete and not study.completeness.is_complete:
        return study
    return replace(study, completeness=known)


def with_known_counts(context: AppContext, study: Study) -> Study:
    """``with_archive_counts`` of what the library was told when the study was retrieved."""
    return with_archive_counts(study, context.store.expected.of_study(study.study_instance_uid))
