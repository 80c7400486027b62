"""Jobs in the background: what runs, how far it is, cancel, repeat after a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.core.errors import AppError
from app.ui.job_bridge import JobBridge
from app.ui.panel_style import PANEL_STYLE, set_role
from app.ui.texts import language, language_changed, tr

if TYPE_CHECKING:
    from app.jobs.runner import JobHandle
    from app.workflow.context import AppContext

_MARKS: Final = {"queued": "○", "running": "▸", "done": "✓", "failed": "!", "cancelled": "–"}
# checks while typing and live measurements come and go too often to be worth a line
_LANES: Final = ("io", "inference")
_FINISHED: Final = ("done", "failed", "cancelled")
_KEPT_FINISHED: Final = 20


class JobsPanel(QWidget):
    """Lists jobs, newest on top: runs of models, imports, exports."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runner = context.runner
        self._rows: dict[int, _JobRow] = {}
        self.setStyleSheet(PANEL_STYLE)
        self._title = QLabel()
        self._title.setProperty("role", "heading")
        self._clear = QPushButton()
        self._clear.setProperty("role", "link")
        self._clear.clicked.connect(self.clear_finished)
        self._empty = QLabel()
        self._empty.setWordWrap(True)
        self._empty.setProperty("role", "empty")
        self._place()
        self._bridge = JobBridge(context.runner, self)
        self._bridge.job_changed.connect(self._job_changed)
        self.destroyed.connect(self._bridge.close)
        language_changed.connect(self._relabel)
        for job in self._runner.jobs:
            self._job_changed(job)
        self._relabel()

    def clear_finished(self) -> None:
        """Take finished jobs off the list."""
        for number in [n for n, row in self._rows.items() if row.job.state in _FINISHED]:
            self._drop(number)
        self._refresh_empty()

    def texts(self) -> list[tuple[str, str]]:
        """Label and state of each listed job, newest first."""
        return [(row.job.label, row.job.state) for row in reversed(self._rows.values())]

    def row(self, job_id: int) -> _JobRow | None:
        """The row of a job."""
        return self._rows.get(job_id)

    def _job_changed(self, job: JobHandle[Any]) -> None:
        if job.lane not in _LANES:
            return
        row = self._rows.get(job.id)
        if row is None:
            row = self._rows[job.id] = _JobRow(job)
            self._list.insertWidget(0, row)
            finished = [n for n, r in self._rows.items() if r.job.state in _FINISHED]
            for number in finished[:-_KEPT_FINISHED]:
                self._drop(number)
        row.refresh()
        self._refresh_empty()

    def _drop(self, number: int) -> None:
        row = self._rows.pop(number)
        self._list.removeWidget(row)
        row.hide()
        row.deleteLater()

    def _refresh_empty(self) -> None:
        self._empty.setVisible(not self._rows)
        finished = any(row.job.state in _FINISHED for row in self._rows.values())
        self._clear.setVisible(finished)

    def _relabel(self, *_: object) -> None:
        self._title.setText(tr("jobs.title").upper())
        self._clear.setText(tr("jobs.clear"))
        self._empty.setText(tr("jobs.empty"))
        for row in self._rows.values():
            row.refresh()
        self._refresh_empty()

    def _place(self) -> None:
        header = QHBoxLayout()
        header.setContentsMargins(12, 6, 8, 2)
        header.addWidget(self._title)
        header.addStretch(1)
        header.addWidget(self._clear)
        body = QWidget()
        body.setObjectName("body")
        column = QVBoxLayout(body)
        column.setContentsMargins(8, 2, 8, 6)
        column.addWidget(self._empty)
        self._list = QVBoxLayout()
        self._list.setSpacing(6)
        column.addLayout(self._list)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(body)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addLayout(header)
        outer.addWidget(scroll, 1)


class _JobRow(QWidget):
    """One job."""

    def __init__(self, job: JobHandle[Any]) -> None:
        super().__init__()
        self.job = job
        self._name = QLabel()
        self._name.setWordWrap(True)
        self._bar = QProgressBar()
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)
        self._detail = QLabel()
        self._detail.setWordWrap(True)
        self._detail.setProperty("role", "dim")
        self._button = QPushButton()
        self._button.setProperty("role", "small")
        self._button.clicked.connect(self.press)
        top = QHBoxLayout()
        top.addWidget(self._name, 1)
        top.addWidget(self._button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 2, 0, 2)
        layout.setSpacing(3)
        layout.addLayout(top)
        layout.addWidget(self._bar)
        layout.addWidget(self._detail)

    def press(self) -> None:
        """Cancel a job that waits or runs; repeat one that failed or was cancelled."""
        if self.job.state in ("queued", "running"):
            self.job.cancel()
        elif self.job.state in ("failed", "cancelled"):
            self.job.repeat()

    def refresh(self) -> None:
        """Show the present state."""
        state = self.job.state
        percent = f" {self.job.fraction:.0%}" if state == "running" else ""
        self._name.setText(
            f"{_MARKS[state]} {self.job.label} · {tr(f'jobs.state.{state}')}{percent}"
        )
        self._bar.setValue(round(self.job.fraction * 1000))
        self._bar.setVisible(state in ("queued", "running"))
        detail = self.job.text if state == "running" else ""
        if state == "failed":
            error = self.job.error
            detail = (
                error.text(language()) if isinstance(error, AppError) else tr("jobs.unknown_error")
            )
        self._detail.setText(detail)
        self._detail.setVisible(bool(detail))
        set_role(self._detail, "error" if state == "failed" else "dim")
        self._button.setVisible(state != "done")
        running = state in ("queued", "running")
        self._button.setText(tr("jobs.cancel" if running else "jobs.repeat"))
