"""What comes into the library by itself: the inbox, an import that was cut off, the network.

The listener runs only while the reader lets it; leftovers of an earlier run are taken in first.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.config.settings import save_settings
from app.core.errors import AppError
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress
from app.network.listener import Listener
from app.ui.job_bridge import JobBridge
from app.ui.texts import language, tr
from app.workflow.import_inbox import InboxImporter, TakenIn, import_inbox, inbox_of
from app.workflow.import_studies import resume_imports
from app.workflow.peers import listener_settings

if TYPE_CHECKING:
    from app.workflow.context import AppContext


class Intake(QObject):
    """Takes in what waits and what is sent to us. Main thread only."""

    taken_in = Signal(object)
    """UIDs of the studies to which something was added."""
    state_changed = Signal(str)
    """What the status bar says of it; empty: nothing is received."""
    said = Signal(str)
    failed = Signal(object)

    def __init__(
        self, context: AppContext, bridge: JobBridge, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._context = context
        self._bridge = bridge
        self._running: ExitStack | None = None
        self._received = 0
        self.listener: Listener | None = None

    @property
    def is_receiving(self) -> bool:
        """Whether the workstation listens."""
        return self._running is not None

    def begin(self) -> None:
        """Take in what an earlier run left, then go on with an import that was cut off."""

        def work(token: CancelToken, progress: Progress) -> tuple[TakenIn, int]:
            taken = import_inbox(self._context)
            resumed = resume_imports(self._context, progress=progress, cancel=token)
            return taken, len(resumed)

        self._bridge.submit("io", tr("job.intake"), work, done=self._begun, failed=self.failed.emit)
        self.receive(self._context.settings.receive)

    def toggle(self) -> None:
        """Listen, or stop; the settings remember it."""
        context = self._context
        self.receive(not self.is_receiving)
        context.settings = context.settings.model_copy(update={"receive": self.is_receiving})
        save_settings(context.store.folder, context.settings)

    def receive(self, wanted: bool) -> None:
        """Start to listen, or stop. What was confirmed to a sender is in the library."""
        if wanted == self.is_receiving:
            return
        if not wanted:
            self.close()
            return
        settings = self._context.settings
        running = ExitStack()
        try:
            inbox = inbox_of(self._context)
            importer = InboxImporter(self._context, inbox, self._portion)
            running.enter_context(importer)
            listener = Listener(
                listener_settings(settings),
                inbox,
                importer.put,
            )
            listener.start()
            running.callback(listener.stop)
        except AppError as error:
            running.close()
            self.failed.emit(error)
            self.state_changed.emit("")
            return
        self._running, self.listener = running, listener
        self.state_changed.emit(tr("intake.receiving", title=settings.ae_title, port=listener.port))

    def close(self) -> None:
        """Stop to listen; what has come is taken in first."""
        running, self._running = self._running, None
        self.listener = None
        if running is None:
            return
        try:
            running.close()
        except AppError as error:
            self.failed.emit(error)
        self.state_changed.emit("")

    def _portion(self, taken: TakenIn) -> None:
        """In the importer's thread."""
        self._bridge.post(lambda: self._take(taken))

    def _take(self, taken: TakenIn) -> None:
        self._received += taken.objects
        if taken.studies:
            self.said.emit(tr("intake.came", n=self._received))
            self.taken_in.emit(taken.studies)
        for aside in taken.put_aside:
            self.said.emit(aside.reason.text(language()))

    def _begun(self, outcome: tuple[TakenIn, int]) -> None:
        taken, resumed = outcome
        if resumed:
            self.said.emit(tr("intake.resumed"))
        if taken.objects or resumed:
            self.taken_in.emit(taken.studies)
