"""The reader places what a pack asks for, sees it on every view, moves it, and starts the run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QPainter

from app.core.geometry import Float64Array
from app.core.reader_input import ReaderInput
from app.core.report import Message
from app.ui.mark_painter import draw_marking
from app.ui.texts import language, tr
from app.viewer.camera import Camera
from app.viewer.tools.marking import Asked, Grip, Marking

if TYPE_CHECKING:
    from app.inference.manifest import ModelPack
    from app.inference.manifest_parts import ReaderInputEntry
    from app.ui.coverage_view import CoverageRow
    from app.ui.viewport_widget import ViewportWidget

_REACH_PX = 8.0


class MarkingController(QObject):
    """Holds the marking under way; viewports tell it where the pointer is. Main thread only."""

    changed = Signal()
    """What is asked, placed or chosen has changed, or the marking has begun or ended."""
    run_wanted = Signal(object, object)
    """The ``CoverageRow`` that was marked and the ``ReaderInput``."""
    refused = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.marking: Marking | None = None
        self._row: CoverageRow | None = None
        self._asked: tuple[Asked, ...] = ()
        self.choices: tuple[ReaderInputEntry, ...] = ()
        self._given = ReaderInput()
        self._grip: Grip | None = None
        self._before: Marking | None = None

    @property
    def is_active(self) -> bool:
        """Whether the reader is placing something."""
        return self._row is not None

    @property
    def asked(self) -> tuple[Asked, ...]:
        """What the pack asks for."""
        return self._asked

    @property
    def pack_name(self) -> str:
        """The pack that asks, in the language in force."""
        return self._row.pack_name.text(language()) if self._row is not None else ""

    def begin(self, row: CoverageRow, pack: ModelPack, given: ReaderInput) -> None:
        """Ask for what ``pack`` wants on the images of ``row``; ``given`` is there already."""
        self._row, self._given = row, given
        self._asked = tuple(
            Asked(
                entry.name,
                entry.kind,
                Message(entry.text.en, entry.text.ru),
                entry.required,
                entry.many,
            )
            for entry in pack.reader_inputs
            if entry.kind != "choice"
        )
        self.choices = tuple(entry for entry in pack.reader_inputs if entry.kind == "choice")
        self.marking = self._grip = self._before = None
        self.changed.emit()

    @property
    def given(self) -> ReaderInput:
        """What is there so far."""
        return self.marking.given if self.marking is not None else self._given

    def set_choice(self, name: str, value: str) -> None:
        """Take a choice; an empty value takes it back."""
        others = tuple(pair for pair in self.given.choices if pair[0] != name)
        chosen = replace(self.given, choices=(*others, (name, value)) if value else others)
        self._given = chosen
        if self.marking is not None:
            self.marking = replace(self.marking, given=chosen)
        self.changed.emit()

    @property
    def missing(self) -> tuple[str, ...]:
        """What the pack cannot do without and is not there yet, in the language in force."""
        wanted = [(e.name, e.kind, e.text, e.required) for e in self._asked]
        texts = [(e.name, e.kind, Message(e.text.en, e.text.ru), e.required) for e in self.choices]
        return tuple(
            text.text(language())
            for name, kind, text, required in (*wanted, *texts)
            if required and name not in self.given.names(kind)
        )

    def end(self) -> None:
        """Forget the marking."""
        if self._row is not None:
            self._row = self.marking = self._grip = self._before = None
            self.changed.emit()

    def choose(self, number: int) -> None:
        """Place this one next."""
        if self.marking is not None:
            self.marking = self.marking.chosen(number)
        self.changed.emit()

    def clear(self) -> None:
        """Take away what was placed of the chosen one."""
        if self.marking is not None:
            self.marking = self.marking.without(self.marking.entry.name)
            self.changed.emit()

    def run(self) -> None:
        """Start the pack with what was placed, or say what is missing."""
        given, row = self.given, self._row
        if self.missing:
            self.refused.emit(tr("marking.missing", what=", ".join(self.missing)))
            return
        self.end()
        self.run_wanted.emit(row, given)

    # the pointer

    def press(self, viewport: ViewportWidget, point_lps: Float64Array, camera: Camera) -> None:
        """Take hold of something, or begin the next thing."""
        image = viewport.image
        if image is None or self._row is None or not self._asked:
            return
        if image.ref != self._row.ref or not image.is_loaded:
            self.refused.emit(tr("marking.other_series"))
            return
        if self.marking is None:
            self.marking = Marking(image.space, self._asked, self._given)
        view = image.grid(viewport.state.plane)
        self._before, self._grip = self.marking.pressed(point_lps, view, _REACH_PX / camera.zoom)
        self.marking = self._before
        self.changed.emit()

    def move(self, viewport: ViewportWidget, point_lps: Float64Array) -> None:
        """Move what is held."""
        if self._before is None or self._grip is None or viewport.image is None:
            return
        view = viewport.image.grid(viewport.state.plane)
        self.marking = self._before.dragged(self._grip, point_lps, view)
        self.changed.emit()

    def release(self) -> None:
        """Let go; what was new is followed by the next thing that is missing."""
        marking, grip = self.marking, self._grip
        self._grip = self._before = None
        if marking is not None and grip is not None and grip.is_new and not marking.entry.many:
            there = [entry.name in marking.given.names(entry.kind) for entry in marking.asked]
            if not all(there):
                self.marking = marking.chosen(there.index(False))
        self.changed.emit()

    def paint(self, painter: QPainter, viewport: ViewportWidget, camera: Camera) -> None:
        """Draw what is there on this viewport."""
        image, marking = viewport.image, self.marking
        if image is None or self._row is None or image.ref != self._row.ref:
            return
        if not image.is_loaded:
            return
        if marking is None and not self._given.is_empty and self._asked:
            marking = Marking(image.space, self._asked, self._given)
        if marking is not None:
            draw_marking(painter, marking, camera)
