"""A reader who decides, draws, types and moves on without end, and says what was acknowledged.

Run as a process by the kill tests: one JSON line per acknowledged step on standard output.
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path

import numpy as np

from app.core.geometry import Box
from app.core.segmentation import MaskPatch
from app.core.volume import Rescale, Volume
from app.imaging.labelmap import content_sha256
from app.workflow import review
from app.workflow.edit_segmentation import apply_stroke
from app.workflow.session import StudySession
from app.workflow.volume_cache import find_stack, volume_key
from tests.support.domain import effusion, header_study
from tests.support.workflow_context import context_in
from tests.unit.workflow.conftest import REF, store_proposals

FIRST, SECOND = "2.25.100", "2.25.101"


def _say(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main(folder: Path) -> None:
    with context_in(folder) as context:
        store_proposals(context)
        session = StudySession(context, header_study())
        _series, stack = find_stack(session.study, REF)
        film = Volume(np.zeros((1, 64, 48), np.int16), None, Rescale(), "OD", REF)
        context.volumes.put(volume_key(REF, stack), film)
        for n in itertools.count():
            kind = ("accept", "reject", "edit", "undo")[n % 4]
            if kind == "accept":
                review.accept(session, SECOND)
            elif kind == "reject":
                review.reject(session, SECOND, "artefact")
            elif kind == "edit":
                review.edit(session, SECOND, effusion(quality_flags=(f"step-{n}",)))
            else:
                session.undo()
                review.reopen(session, SECOND)
            finding = session.finding(SECOND)
            _say(state=finding.state, flags=finding.current.quality_flags)
            mask = session.mask(FIRST)
            assert mask is not None
            box = Box((n % 48, n % 64, 0), (n % 48 + 1, n % 64 + 1, 1))
            before = mask.voxels[box.slices_kji].copy()
            apply_stroke(session, FIRST, MaskPatch(box, before, 1 - before))
            changed = session.mask(FIRST)
            assert changed is not None
            _say(mask=content_sha256(np.asarray(changed.voxels)))
            session.set_report_text(f"FINDINGS: text of step {n}.")
            _say(text=session.report_text)
            session.set_position({"slice": n})
            session.select((FIRST, SECOND)[n % 2])
            _say(position=session.position)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
