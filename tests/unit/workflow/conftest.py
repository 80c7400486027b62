"""A session on a study of headers, with one proposal that has a mask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from app.core.finding import Finding, Region
from app.core.segmentation import Mask
from app.core.study import SeriesRef
from app.imaging.labelmap import content_sha256
from app.store.sessions import MAIN_READING
from app.workflow.context import AppContext
from app.workflow.session import StudySession
from tests.support.domain import STUDY_UID, effusion, header_study, model_finding
from tests.support.workflow_context import context_in

REF = SeriesRef(STUDY_UID, f"{STUDY_UID}.1", 0)


@pytest.fixture
def context(tmp_path: Path) -> Iterator[AppContext]:
    with context_in(tmp_path) as opened:
        yield opened


@dataclass
class Seen:
    """What a session signalled, in order."""

    events: list[tuple[str, object]]

    @classmethod
    def of(cls, session: StudySession) -> Seen:
        seen = cls([])
        for name in ("finding_changed", "findings_added", "findings_removed", "selection_changed"):
            getattr(session, name).connect(
                lambda value, name=name: seen.events.append((name, value))
            )
        session.report_changed.connect(lambda: seen.events.append(("report_changed", None)))
        return seen


def proposals() -> tuple[tuple[Finding, ...], dict[str, Mask]]:
    """Two proposals: an effusion with a mask, a descriptive one without."""
    voxels = np.zeros((1, 64, 48), np.uint8)
    voxels[0, 10:20, 10:20] = 1
    mask = Mask(voxels, REF)
    sha256 = content_sha256(voxels)
    first = model_finding("2.25.100", effusion(region=Region("segment", sha256)))
    second = model_finding("2.25.101", effusion(significance="descriptive", laterality="right"))
    return (first, second), {sha256: mask}


def store_proposals(context: AppContext, reading: str = MAIN_READING) -> None:
    findings, masks = proposals()
    now = context.clock.now_utc()
    context.store.studies.put(header_study(), at_utc=now)
    for sha256, mask in masks.items():
        context.store.blobs.put(sha256, mask.voxels)
    context.store.findings.put_all(
        reading, findings, action="finding.proposed", actor="pack:tiny", at_utc=now
    )


@pytest.fixture
def session(context: AppContext) -> StudySession:
    store_proposals(context)
    return StudySession(context, header_study())
