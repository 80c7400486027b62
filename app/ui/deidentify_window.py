"""De-identified export of the open study: what is kept is chosen, text in the pixels is decided."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.core.errors import AppError
from app.dicom.deid.options import Dates, DeidentifyOptions
from app.ui.job_bridge import JobBridge
from app.ui.panel_style import set_role
from app.ui.texts import language, tr
from app.workflow.export_deidentified import (
    DeidentifiedRequest,
    DeidentifiedStudy,
    export_deidentified,
)

if TYPE_CHECKING:
    from app.workflow.session import StudySession

_DATES: tuple[Dates, ...] = ("shift", "remove", "keep")
_KEPT = ("clean_descriptors", "keep_safe_private", "keep_patient_characteristics", "keep_device")
_BURNED_IN = ("ask", "mask", "accept")


class DeidentifyWindow(QDialog):
    """The options of PS3.15 Annex E in words; the result and what remains are told below."""

    def __init__(
        self, bridge: JobBridge, session: StudySession, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("deid.title"))
        self.setModal(False)
        self.resize(620, 430)
        self._bridge = bridge
        self._session = session
        self.dates, self.burned_in = QComboBox(), QComboBox()
        self.dates.addItems([tr(f"deid.dates.{name}") for name in _DATES])
        self.burned_in.addItems([tr(f"deid.burned_in.{name}") for name in _BURNED_IN])
        self.kept = {name: QCheckBox(tr(f"deid.{name}")) for name in _KEPT}
        self.kept["clean_descriptors"].setChecked(True)
        form = QFormLayout()
        form.addRow(QLabel(tr("deid.dates")), self.dates)
        for box in self.kept.values():
            form.addRow(QLabel(), box)
        form.addRow(QLabel(tr("deid.burned_in")), self.burned_in)
        self.status = QLabel(tr("deid.about"))
        self.status.setProperty("role", "dim")
        self.status.setWordWrap(True)
        self._go = QPushButton(tr("deid.go"))
        self._go.setProperty("primary", True)
        self._go.setAutoDefault(False)
        self._go.clicked.connect(self._choose_folder)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(self._go)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(self.status, 1)
        column.addLayout(foot)

    def write_to(self, folder: Path) -> None:
        """Export into ``folder`` with what the fields say."""
        request = self.request()
        self._go.setEnabled(False)
        self._say(tr("deid.running"), "dim")
        self._bridge.submit(
            "io",
            tr("job.deidentify"),
            lambda token, progress: export_deidentified(
                self._session, folder, request, progress=progress, cancel=token
            ),
            done=self._done,
            failed=self._failed,
        )

    def request(self) -> DeidentifiedRequest:
        """What the fields say."""
        decision = _BURNED_IN[self.burned_in.currentIndex()]
        return DeidentifiedRequest(
            DeidentifyOptions(
                dates=_DATES[self.dates.currentIndex()],
                **{name: box.isChecked() for name, box in self.kept.items()},
            ),
            accept_burned_in=decision == "accept",
            mask_burned_in=decision == "mask",
        )

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, tr("deid.folder"))
        if folder:
            self.write_to(Path(folder))

    def _done(self, written: DeidentifiedStudy) -> None:
        self._go.setEnabled(True)
        words = [tr("deid.done", n=len(written.files), folder=written.folder)]
        if written.left_out:
            words.append(tr("deid.left_out", n=len(written.left_out)))
        words += [warning.text(language()) for warning in written.warnings]
        self._say("\n\n".join(words), "warn" if written.warnings or written.left_out else "dim")

    def _failed(self, error: BaseException) -> None:
        if not isinstance(error, AppError):
            raise error
        self._go.setEnabled(True)
        self._say(error.ru if language() == "ru" else error.message, "block")

    def _say(self, text: str, role: str) -> None:
        set_role(self.status, role)
        self.status.setText(text)
