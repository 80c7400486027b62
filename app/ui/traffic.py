"""Studies that come and results that go: intake, retrievals, the sender, joined to the window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QLabel

from app.ui.intake import Intake
from app.ui.job_bridge import JobBridge
from app.ui.messages import MessageBar
from app.ui.outgoing import Outgoing
from app.ui.reading_desk import ReadingDesk
from app.ui.retrievals import Retrievals
from app.ui.study_opener import StudyOpener
from app.ui.texts import tr

if TYPE_CHECKING:
    from app.workflow.context import AppContext


class Traffic(QObject):
    """Shows what comes for the open study, tells what comes for others. Main thread only."""

    studies_changed = Signal()
    """The library holds more than before."""
    receiving_changed = Signal(bool)
    failed = Signal(object)

    def __init__(
        self,
        context: AppContext,
        bridge: JobBridge,
        opener: StudyOpener,
        desk: ReadingDesk,
        messages: MessageBar,
    ) -> None:
        super().__init__(desk)
        self._opener = opener
        self._desk = desk
        self._messages = messages
        self.intake = Intake(context, bridge, self)
        self.outgoing = Outgoing(context, self)
        self.retrievals = Retrievals(context, bridge, self)
        self.receiving_label, self.sending_label = QLabel(), QLabel()
        self.intake.taken_in.connect(self._taken_in)
        self.intake.state_changed.connect(self._receiving)
        self.outgoing.state_changed.connect(self.sending_label.setText)
        self.retrievals.arrived.connect(self._arrived)
        self.retrievals.warned.connect(messages.show_warning)
        for said in (self.intake.said, self.retrievals.said):
            said.connect(messages.show_note)
        for failed in (self.intake.failed, self.retrievals.failed):
            failed.connect(self.failed)

    def begin(self) -> None:
        """Take in and send what an earlier run left; listen if the settings say so."""
        self.intake.begin()
        self.outgoing.begin()

    def close(self) -> None:
        """Listen and send no more; everything that waits lies on the disk."""
        self.intake.close()
        self.outgoing.close()

    def _arrived(self, uid: str, is_beginning: bool) -> None:
        """Show what has come; work that could be undone is not taken from under the hands."""
        session = self._desk.session
        is_open = session is not None and session.study.study_instance_uid == uid
        if session is not None and is_open and session.history.commands:
            self._messages.show_note(tr("studies.newer"))
        elif is_open or is_beginning:
            self._opener.read_again(uid)

    def _taken_in(self, studies: Sequence[str]) -> None:
        for uid in studies:
            self._arrived(uid, False)
        self.studies_changed.emit()

    def _receiving(self, text: str) -> None:
        self.receiving_label.setText(text)
        self.outgoing.hear_through(self.intake.listener)
        self.receiving_changed.emit(self.intake.is_receiving)
