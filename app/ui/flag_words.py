"""The words of packs for their quality flags, as the cards of findings show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from app.core.errors import ModelPackError
from app.core.report import Message

if TYPE_CHECKING:
    from app.workflow.context import AppContext
    from app.workflow.session import StudySession


class FlagWords:
    """What the flags of each pack mean in the open study. Main thread only."""

    def __init__(self, context: AppContext) -> None:
        self._context = context
        self._of_pack: dict[str, Mapping[str, Message]] = {}

    def forget(self) -> None:
        """Ask anew: another study is open, or a run brought words of its own."""
        self._of_pack.clear()

    def of_pack(self, pack_id: str, session: StudySession | None) -> Mapping[str, Message]:
        """By flag; none for a pack that is not installed and did not run on the study."""
        if not pack_id:
            return {}
        if pack_id not in self._of_pack:
            words = dict(self._of_manifest(pack_id))
            if session is not None:
                words |= self._of_runs(pack_id, session)
            self._of_pack[pack_id] = words
        return self._of_pack[pack_id]

    def _of_manifest(self, pack_id: str) -> Mapping[str, Message]:
        try:
            checks = self._context.packs.get(pack_id).pack.output.quality
        except ModelPackError:
            return {}
        return {check.id: Message(check.text.en, check.text.ru) for check in checks}

    def _of_runs(self, pack_id: str, session: StudySession) -> Mapping[str, Message]:
        """The doubts that runs of a pack on the open study raised, in their own words."""
        study_uid = session.study.study_instance_uid
        return {
            str(flag["id"]): Message(str(flag["text"]["en"]), str(flag["text"]["ru"]))
            for run in self._context.store.runs.of_study(study_uid, session.reading)
            if run.pack == pack_id
            for flag in run.report.get("quality_flags", ())
        }
