"""The fields of one network peer, of either kind."""

from __future__ import annotations

from typing import Any, Final, Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QWidget,
)

from app.config.peer_settings import PeerSettings
from app.ui.path_row import path_row
from app.ui.texts import tr

PeerKind = Literal["dimse", "web"]
_Field = tuple[str, Literal["text", "secret", "port", "flag", "file", "auth"]]

_FIELDS: Final[dict[PeerKind, tuple[_Field, ...]]] = {
    "dimse": (
        ("name", "text"), ("ae_title", "text"), ("host", "text"), ("port", "port"),
        ("calling_ae_title", "text"), ("commitment", "flag"), ("tls", "flag"),
        ("ca_file", "file"), ("certificate", "file"), ("key", "file"),
    ),
    "web": (
        ("name", "text"), ("url", "text"), ("auth", "auth"), ("user", "text"),
        ("secret", "secret"), ("proxy", "text"), ("ca_file", "file"),
        ("client_certificate", "file"), ("client_key", "file"),
    ),
}  # fmt: skip
_AUTH: Final = ("none", "basic", "bearer")
_USUAL_PORT: Final = 104


class PeerForm(QWidget):
    """Edits the values of one peer; ``secret`` and ``auto_send`` live beside its settings."""

    changed = Signal()

    def __init__(self, kind: PeerKind, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kind = kind
        self._widgets: dict[str, QWidget] = {}
        self.auto_send = QCheckBox(tr("peers.auto_send"))
        self.auto_send.toggled.connect(self.changed)
        form = QFormLayout(self)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignRight)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        for name, shape in _FIELDS[kind]:
            widget = self._made(shape)
            self._widgets[name] = widget
            label = "" if isinstance(widget, QCheckBox) else tr(f"peers.field.{name}")
            if isinstance(widget, QCheckBox):
                widget.setText(tr(f"peers.field.{name}"))
            if shape == "file" and isinstance(widget, QLineEdit):
                widget = path_row(widget, tr("peers.choose_file"), self.changed.emit)
            form.addRow(QLabel(label), widget)
        form.addRow(QLabel(), self.auto_send)

    def show_peer(self, peer: PeerSettings | None, *, secret: str, auto_send: bool) -> None:
        """Fill the fields; None: a new peer."""
        values = {} if peer is None else peer.model_dump(mode="json")
        for name, widget in self._widgets.items():
            _put(widget, secret if name == "secret" else values.get(name))
        self.auto_send.setChecked(auto_send)

    def values(self) -> dict[str, Any]:
        """The settings of the peer as the settings file has them; nothing is checked yet."""
        found = {name: _value(widget) for name, widget in self._widgets.items()}
        found.pop("secret", None)
        return {"kind": self.kind, **found}

    @property
    def secret(self) -> str:
        """The password or token."""
        widget = self._widgets.get("secret")
        return widget.text() if isinstance(widget, QLineEdit) else ""

    def set_value(self, name: str, value: Any) -> None:  # noqa: ANN401 - text, number or flag
        """Fill one field."""
        _put(self._widgets[name], value)

    def _made(self, shape: str) -> QWidget:
        if shape == "flag":
            box = QCheckBox()
            box.toggled.connect(self.changed)
            return box
        if shape == "port":
            port = QSpinBox()
            port.setRange(1, 65535)
            port.setValue(_USUAL_PORT)
            port.setMinimumWidth(90)
            port.valueChanged.connect(self.changed)
            return port
        if shape == "auth":
            choice = QComboBox()
            for name in _AUTH:
                choice.addItem(tr(f"peers.auth.{name}"), name)
            choice.currentIndexChanged.connect(self.changed)
            return choice
        line = QLineEdit()
        if shape == "secret":
            line.setEchoMode(QLineEdit.EchoMode.Password)
        line.textEdited.connect(self.changed)
        return line


def _put(widget: QWidget, value: Any) -> None:  # noqa: ANN401 - text, number or flag
    if isinstance(widget, QCheckBox):
        widget.setChecked(bool(value))
    elif isinstance(widget, QSpinBox):
        widget.setValue(int(value or _USUAL_PORT))
    elif isinstance(widget, QComboBox):
        widget.setCurrentIndex(max(0, widget.findData(value or "none")))
    elif isinstance(widget, QLineEdit):
        widget.setText(str(value or ""))


def _value(widget: QWidget) -> Any:  # noqa: ANN401 - text, number or flag
    if isinstance(widget, QCheckBox):
        return widget.isChecked()
    if isinstance(widget, QSpinBox):
        return widget.value()
    if isinstance(widget, QComboBox):
        return widget.currentData()
    return widget.text().strip() if isinstance(widget, QLineEdit) else None
