"""Studies on their way from a peer: shown while they come, told when they are whole or not."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.core.study import Completeness
from app.network.answers import RetrieveRequest
from app.ui.job_bridge import JobBridge
from app.ui.study_sources import StudyListing
from app.ui.texts import language, tr
from app.workflow.peers import book_of
from app.workflow.retrieve_study import Arrived, Retrieval, RetrievedStudy, retrieve_study

if TYPE_CHECKING:
    from app.workflow.context import AppContext


class Retrievals(QObject):
    """Runs retrievals in the io lane. Main thread only."""

    arrived = Signal(str, bool)
    """UID of a study of which more has come than was shown, and whether that is its beginning."""
    said = Signal(str)
    warned = Signal(str)
    failed = Signal(object)

    def __init__(
        self, context: AppContext, bridge: JobBridge, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._context = context
        self._bridge = bridge
        self._shown: dict[str, int] = {}

    def start(self, peer_name: str, study: StudyListing) -> None:
        """Retrieve a study into the library; what is there already is not doubled."""
        peer = book_of(self._context).peer(peer_name)
        uid = study.study_instance_uid
        self._shown[uid] = 0
        wanted = Retrieval(peer, RetrieveRequest(uid))

        def portion(came: Arrived) -> None:  # in the importer's thread
            self._bridge.post(lambda: self._portion(study, came.completeness))

        self._bridge.submit(
            "io",
            tr("job.retrieve"),
            lambda token, progress: retrieve_study(
                self._context, wanted, on_arrived=portion, progress=progress, cancel=token
            ),
            done=partial(self._done, uid),
            failed=self.failed.emit,
        )

    def _portion(self, study: StudyListing, came: Completeness) -> None:
        """Each doubling is shown: soon the first images, and never more than some ten times."""
        key = "studies.coming" if came.expected else "studies.coming_uncounted"
        self.said.emit(tr(key, name=study.name, n=came.received, of=came.expected or 0))
        uid = study.study_instance_uid
        before = self._shown.get(uid, 0)
        if came.received >= 2 * before:
            self._shown[uid] = came.received
            self.arrived.emit(uid, before == 0)

    def _done(self, uid: str, ended: RetrievedStudy) -> None:
        whole = ended.completeness
        before = self._shown.pop(uid, 0)
        if whole.received:
            self.arrived.emit(uid, before == 0)
        words = [warning.text(language()) for warning in ended.outcome.warnings]
        if whole.is_complete and ended.outcome.is_complete:
            self.said.emit(" ".join((tr("studies.retrieved", n=whole.received), *words)))
        else:
            told = tr("studies.retrieved_partly", n=whole.received, of=whole.expected or "?")
            self.warned.emit(" ".join((told, *words)))
