"""Push-to-talk: while F12 is held in the report, what is said is written at the cursor."""

from __future__ import annotations

import queue
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent

from app.core.errors import AppError
from app.jobs.cancel import CancelToken
from app.jobs.progress import Progress
from app.reporting.dictation.engines import open_recogniser
from app.reporting.dictation.port import Heard, Recogniser
from app.reporting.dictation.spoken import Insert, Step, fitted, steps_of
from app.ui.job_bridge import JobBridge
from app.ui.microphone import Microphone, Stop, open_microphone
from app.ui.texts import language, tr

if TYPE_CHECKING:
    from app.config.dictation_settings import DictationModel
    from app.ui.field_walk import FieldWalk
    from app.ui.report_editor import ReportEditor
    from app.ui.report_outline import ReportOutline
    from app.workflow.context import AppContext

TALK_KEY: Final = Qt.Key.Key_F12


class DictationTarget(Protocol):
    """What dictation needs of the report panel."""

    @property
    def editor(self) -> ReportEditor: ...
    @property
    def fields(self) -> FieldWalk: ...
    @property
    def outline(self) -> ReportOutline: ...
    @property
    def spoken_language(self) -> str: ...
    def insert_text(self, text: str) -> None: ...
    def undo(self) -> None: ...


class ReportDictation(QObject):
    """Listens while the key is held. Main thread only; hearing is a job in the background.

    ``said`` carries what is being heard, and why nothing is. ``recogniser`` and ``microphone``
    can be exchanged.
    """

    said = Signal(str)

    def __init__(self, context: AppContext, target: DictationTarget, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._target = target
        self._opened: dict[str, Recogniser] = {}
        self._stop: Stop | None = None
        self._sound: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._is_hearing = False
        self.recogniser: Callable[[DictationModel], Recogniser] = open_recogniser
        self.microphone: Microphone = open_microphone
        self._bridge = JobBridge(context.runner, self)
        parent.destroyed.connect(self._bridge.close)
        target.editor.installEventFilter(self)

    @property
    def is_listening(self) -> bool:
        """Whether the microphone is open."""
        return self._stop is not None

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """The key opens the microphone, letting it go (or leaving the text) closes it."""
        kind = event.type()
        if kind == QEvent.Type.FocusOut:
            self.end()
        elif isinstance(event, QKeyEvent) and event.key() == TALK_KEY:
            if not event.isAutoRepeat() and kind == QEvent.Type.KeyPress:
                self.begin()
            elif not event.isAutoRepeat() and kind == QEvent.Type.KeyRelease:
                self.end()
            return kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease)
        return False

    def begin(self) -> None:
        """Listen until ``end``; says why where it cannot."""
        if self._is_hearing or self._target.editor.isReadOnly():
            return
        settings, spoken = self._context.settings.dictation, self._target.spoken_language
        model = settings.model_for(spoken)
        if model is None:
            self.said.emit(tr("dictation.no_model"))
            return
        sound: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        try:
            self._stop = self.microphone(settings.microphone, sound.put)
        except AppError as error:
            self.said.emit(error.text(language()))
            return
        self._sound, self._is_hearing = sound, True
        self.said.emit(tr("dictation.listening"))
        self._bridge.submit(
            "io", tr("job.dictation"), self._work(model, sound),
            done=lambda _: self._ended(), failed=self._failed,
        )  # fmt: skip

    def end(self) -> None:
        """The key was let go: write what is still to come, close the microphone."""
        stop, self._stop = self._stop, None
        if stop is not None:
            stop()
            self._sound.put(None)

    def _work(
        self, model: DictationModel, sound: queue.SimpleQueue[bytes | None]
    ) -> Callable[[CancelToken, Progress], None]:
        opened, bridge, take, make = self._opened, self._bridge, self._take, self.recogniser

        def hear(_token: CancelToken, _progress: Progress) -> None:
            recogniser = opened.get(model.language)
            if recogniser is None:
                recogniser = opened[model.language] = make(model)
            while (pcm := sound.get()) is not None:
                for heard in recogniser.feed(pcm):
                    bridge.post(partial(take, heard))
            for heard in recogniser.finish():
                bridge.post(partial(take, heard))

        return hear

    def _take(self, heard: Heard) -> None:
        if not heard.is_final:
            self.said.emit(tr("dictation.partial", text=heard.text))
            return
        for step in steps_of(heard.text, heard.language):
            self._do(step)

    def _do(self, step: Step) -> None:
        target = self._target
        if isinstance(step, Insert):
            start, _end = target.editor.selected_range()
            target.insert_text(fitted(target.editor.report_text()[:start], step.text))
        elif step.name == "undo":
            target.undo()
        elif step.name in ("next_field", "previous_field"):
            target.fields.step(1 if step.name == "next_field" else -1)
        else:
            names = [section.name for section in target.outline.sections]
            if step.target in names:
                target.outline.go_to(names.index(step.target))
            else:
                self.said.emit(tr("dictation.no_section"))

    def _ended(self) -> None:
        self._is_hearing = False
        self.said.emit("")

    def _failed(self, error: BaseException) -> None:
        self.end()
        self._is_hearing = False
        if not isinstance(error, AppError):
            raise error
        self.said.emit(error.text(language()))
