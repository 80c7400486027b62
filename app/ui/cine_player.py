"""Plays the images of one viewport. Main thread."""

from __future__ import annotations

from PySide6.QtCore import QElapsedTimer, QObject, Qt, QTimer

from app.ui.viewport_widget import ViewportWidget
from app.viewer.cine import CineClock, clock_for
from app.viewer.viewport import ViewportState


class CinePlayer(QObject):
    """Steps a viewport by the clock until stopped, scrolled by hand, or given another series."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewport: ViewportWidget | None = None
        self._clock = CineClock((1.0,))
        self._shown = ViewportState()
        self._elapsed = QElapsedTimer()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._step)

    @property
    def is_playing(self) -> bool:
        """Whether images are being played."""
        return self._viewport is not None

    def toggle(self, viewport: ViewportWidget) -> None:
        """Play the images of ``viewport`` from the one on screen, or stop."""
        if self.is_playing:
            self.stop()
            return
        image = viewport.image
        if image is None or viewport.count < 2:
            return
        times = image.facts.frame_times_s if image.facts and viewport.state.plane == "stack" else ()
        self._viewport = viewport
        self._shown = viewport.state
        self._clock = clock_for(times, viewport.count, viewport.state.index)
        self._elapsed.start()
        self._step()

    def stop(self) -> None:
        """Stay at the image on screen."""
        self._timer.stop()
        self._viewport = None

    def _step(self) -> None:
        viewport = self._viewport
        if viewport is None:
            return
        state = viewport.state
        place = (state.ref, state.plane, state.index)
        if place != (self._shown.ref, self._shown.plane, self._shown.index):
            self.stop()
            return
        index, wait_s = self._clock.at(self._elapsed.elapsed() / 1000.0)
        if index != state.index:
            viewport.change(state.jumped(index, viewport.count))
        self._shown = viewport.state
        self._timer.start(max(int(wait_s * 1000.0), 1))
