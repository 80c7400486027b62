"""What is signed leaves by itself: the background sender, and its counts for the status bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from app.core.errors import AppError
from app.network.listener import Listener
from app.ui.texts import language_changed, tr
from app.workflow.outbox import OutboxSender

if TYPE_CHECKING:
    from app.workflow.context import AppContext

_LOOK_MS = 2000


class Outgoing(QObject):
    """Runs the sender while the window is open and peers are chosen. Main thread only."""

    state_changed = Signal(str)
    """What the status bar says: objects to send, objects refused; empty when all is sent."""

    def __init__(self, context: AppContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._sender: OutboxSender | None = None
        self._listener: Listener | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self.refresh)
        language_changed.connect(self.refresh)

    def begin(self) -> None:
        """Go on with what an earlier program left unsent."""
        self._timer.start()
        self.wake()

    def hear_through(self, listener: Listener | None) -> None:
        """Storage is confirmed over a connection of the peer's own: this listener hears it."""
        self._listener = listener
        if self._sender is not None:
            self._end_sender()
            self.wake()

    def wake(self, *_: object) -> None:
        """Something may have been signed, or a peer been chosen: look now."""
        waits = self._context.store.outbox.counts().keys() & {"queued", "sending"}
        if not (self._context.settings.promised_to or waits):
            return
        if self._sender is None:
            self._sender = OutboxSender(self._context, listener=self._listener)
            self._sender.start()
        else:
            self._sender.wake()
        self.refresh()

    def close(self) -> None:
        """End after the object that is being sent; the rest waits on the disk."""
        self._timer.stop()
        self._end_sender()

    def _end_sender(self) -> None:
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.stop()

    def refresh(self, *_: object) -> None:
        """Count anew."""
        try:
            counts = self._context.store.outbox.counts()
            promised = len(self._context.store.outbox.promises())
        except AppError:
            return  # a busy library: the next look counts
        waiting = counts.get("queued", 0) + counts.get("sending", 0)
        failed = counts.get("failed", 0)
        words = [tr("outbox.waiting", n=waiting)] if waiting else []
        words += [tr("outbox.promised", n=promised)] if promised else []
        words += [tr("outbox.failed", n=failed)] if failed else []
        self.state_changed.emit("  ".join(words))
