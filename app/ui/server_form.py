"""The fields of one model server, and which of our packs it computes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QWidget,
)

from app.config.inference_settings import ModelServerSettings
from app.ui.path_row import path_row
from app.ui.texts import tr

_LINES: Final = ("name", "url")
_FILES: Final = ("ca_file", "certificate", "key")
_FLAGS: Final = ("use", "fall_back", "unproven_weights")
_USUAL_WAIT_S: Final = 60


class ServerForm(QWidget):
    """Edits the values of one server; checks nothing itself."""

    changed = Signal()

    def __init__(self, packs: Sequence[str], server: ModelServerSettings | None = None) -> None:
        super().__init__()
        self.lines = {name: QLineEdit() for name in (*_LINES, *_FILES)}
        self.flags = {name: QCheckBox(tr(f"servers.field.{name}")) for name in _FLAGS}
        self.wait = QSpinBox()
        self.wait.setRange(1, 3600)
        self.wait.setMinimumWidth(90)
        given = {} if server is None else server.models
        # a pack that was removed keeps its line: saving must not forget it unseen
        self.models = {pack: QLineEdit(given.get(pack, "")) for pack in sorted({*packs, *given})}
        for name, line in self.lines.items():
            line.setText("" if server is None else getattr(server, name))
        self.lines["url"].setPlaceholderText("grpcs://gpu.example:8001")
        self.wait.setValue(_USUAL_WAIT_S if server is None else int(server.timeout_s))
        self.flags["use"].setChecked(server is None or server.use == "auto")
        self.flags["fall_back"].setChecked(server is None or server.fall_back)
        self.flags["unproven_weights"].setChecked(server is not None and server.unproven_weights)
        self._place()
        for line in (*self.lines.values(), *self.models.values()):
            line.textEdited.connect(self.changed)
        for flag in self.flags.values():
            flag.toggled.connect(self.changed)
        self.wait.valueChanged.connect(self.changed)

    def values(self) -> dict[str, Any]:
        """The values as the settings file has them."""
        found: dict[str, Any] = {name: line.text().strip() for name, line in self.lines.items()}
        models = {pack: line.text().strip() for pack, line in self.models.items()}
        return found | {
            "models": {pack: model for pack, model in models.items() if model},
            "use": "auto" if self.flags["use"].isChecked() else "asked",
            "fall_back": self.flags["fall_back"].isChecked(),
            "unproven_weights": self.flags["unproven_weights"].isChecked(),
            "timeout_s": self.wait.value(),
        }

    def focus(self, name: str) -> None:
        """Put the cursor where something is wrong."""
        if name in self.lines:
            self.lines[name].setFocus()

    def _place(self) -> None:
        form = QFormLayout(self)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignRight)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow(_quiet(tr("servers.about")))
        for name in _LINES:
            form.addRow(QLabel(tr(f"servers.field.{name}")), self.lines[name])
        for name in _FILES:
            form.addRow(
                QLabel(tr(f"servers.field.{name}")),
                path_row(self.lines[name], tr("servers.choose_file"), self.changed.emit),
            )
        form.addRow(QLabel(tr("servers.field.timeout_s")), self.wait)
        for flag in self.flags.values():
            form.addRow(QLabel(), flag)
        form.addRow(_quiet(tr("servers.packs")))
        for pack, line in self.models.items():
            line.setAccessibleName(pack)
            form.addRow(QLabel(pack), line)


def _quiet(text: str) -> QLabel:
    label = QLabel(text)
    label.setWordWrap(True)
    label.setProperty("role", "dim")
    return label
