"""The fields of one part of what leaves of a signed report."""

from __future__ import annotations

from typing import Any, Final, Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.ui.path_row import path_row
from app.ui.texts import tr

FormKind = Literal["objects", "letterhead", "hl7", "fhir", "file", "token", "folder", "mllp"]
_Shape = Literal["text", "lines", "port", "seconds", "flag", "path", "directory", "objects", "send"]

_FIELDS: Final[dict[FormKind, tuple[tuple[str, _Shape], ...]]] = {
    "objects": (("objects", "objects"), ("timestamp_url", "text")),
    "letterhead": (
        ("name", "text"), ("name_ru", "text"), ("address", "lines"), ("address_ru", "lines"),
        ("footer", "text"), ("footer_ru", "text"), ("logo", "path"),
    ),
    "hl7": (
        ("sending_application", "text"), ("sending_facility", "text"),
        ("receiving_application", "text"), ("receiving_facility", "text"),
        ("assigning_authority", "text"), ("embed_pdf", "flag"),
    ),
    "fhir": (("patient_id_system", "text"), ("accession_system", "text")),
    "file": (("user", "text"), ("file", "path")),
    "token": (
        ("user", "text"), ("module", "path"), ("token", "text"), ("certificate", "text"),
        ("key", "text"),
    ),
    "folder": (("name", "text"), ("folder", "directory"), ("send", "send")),
    "mllp": (
        ("name", "text"), ("host", "text"), ("port", "port"), ("timeout_s", "seconds"),
        ("tls", "flag"), ("ca_file", "path"), ("certificate", "path"), ("key", "path"),
    ),
}  # fmt: skip
_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "objects": ("pdf", "sr", "seg", "key-images"),
    "send": ("hl7", "fhir", "pdf", "text"),
}
_START: Final[dict[FormKind, dict[str, Any]]] = {
    "mllp": {"port": 2575, "timeout_s": 30},
    "folder": {"send": ["hl7"]},
}
_TITLES: Final[dict[tuple[FormKind, str], str]] = {
    ("token", "certificate"): "token_certificate",
    ("token", "key"): "token_key",
    ("letterhead", "name"): "clinic",
}
_LINES_HEIGHT: Final = 64


class OutputForm(QWidget):
    """Edits the values of one part as the settings file has them; checks nothing itself."""

    changed = Signal()

    def __init__(self, kind: FormKind, values: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.kind = kind
        self._widgets: dict[str, QWidget] = {}
        whole = QVBoxLayout(self)
        about = QLabel(tr(f"outputs.about.{kind}"))
        about.setWordWrap(True)
        about.setProperty("role", "dim")
        whole.addWidget(about)
        form = QFormLayout()
        form.setLabelAlignment(Qt.AlignmentFlag.AlignRight)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        whole.addLayout(form)
        whole.addStretch(1)
        start = _START.get(kind, {}) if values is None else values
        for name, shape in _FIELDS[kind]:
            widget = self._made(name, shape)
            self._widgets[name] = widget
            title = self.title(name)
            if isinstance(widget, QCheckBox):
                widget.setText(title)
                title = ""
            if shape in ("path", "directory") and isinstance(widget, QLineEdit):
                folder = shape == "directory"
                heading = tr("outputs.choose_folder" if folder else "outputs.choose_file")
                widget = path_row(widget, heading, self.changed.emit, folder=folder)
            form.addRow(QLabel(title), widget)
            self.set_value(name, start.get(name))

    def title(self, name: str) -> str:
        """What a field is called on the screen."""
        return tr(f"outputs.field.{_TITLES.get((self.kind, name), name)}")

    def focus(self, name: str) -> None:
        """Put the cursor where something is wrong."""
        if name in self._widgets:
            self._widgets[name].setFocus()

    def values(self) -> dict[str, Any]:
        """The values, by the names of the settings file; nothing is checked yet."""
        found = {name: _value(widget) for name, widget in self._widgets.items()}
        return {"kind": self.kind, **found} if self.kind in ("folder", "mllp") else found

    def set_value(self, name: str, value: Any) -> None:  # noqa: ANN401 - text, number, flag, list
        """Fill one field."""
        widget = self._widgets[name]
        if isinstance(widget, QCheckBox):
            widget.setChecked(bool(value))
        elif isinstance(widget, QSpinBox):
            widget.setValue(int(value or widget.minimum()))
        elif isinstance(widget, QPlainTextEdit):
            widget.setPlainText("\n".join(value or ()))
        elif isinstance(widget, QLineEdit):
            widget.setText(str(value or ""))
        elif isinstance(widget, _Several):
            widget.choose(value or ())

    def _made(self, name: str, shape: _Shape) -> QWidget:
        if shape == "flag":
            flag = QCheckBox()
            flag.toggled.connect(self.changed)
            return flag
        if shape in ("objects", "send"):
            several = _Several(_CHOICES[shape])
            several.changed.connect(self.changed)
            return several
        if shape in ("port", "seconds"):
            number = QSpinBox()
            number.setRange(1, 65535 if shape == "port" else 3600)
            number.setMinimumWidth(90)
            number.valueChanged.connect(self.changed)
            return number
        if shape == "lines":
            text = QPlainTextEdit()
            text.setTabChangesFocus(True)
            text.setFixedHeight(_LINES_HEIGHT)
            text.textChanged.connect(self.changed)
            return text
        line = QLineEdit()
        line.setAccessibleName(self.title(name))
        line.textEdited.connect(self.changed)
        return line


class _Several(QWidget):
    """Tick boxes one under the other."""

    changed = Signal()

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self._boxes = {name: QCheckBox(tr(f"outputs.choice.{name}")) for name in names}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for box in self._boxes.values():
            column.addWidget(box)
            box.toggled.connect(self.changed)
        self.setFocusProxy(next(iter(self._boxes.values())))

    def choose(self, names: list[str] | tuple[str, ...]) -> None:
        for name, box in self._boxes.items():
            box.setChecked(name in names)

    def chosen(self) -> list[str]:
        return [name for name, box in self._boxes.items() if box.isChecked()]


def _value(widget: QWidget) -> Any:  # noqa: ANN401 - text, number, flag or list
    if isinstance(widget, QCheckBox):
        return widget.isChecked()
    if isinstance(widget, QSpinBox):
        return widget.value()
    if isinstance(widget, QPlainTextEdit):
        rows = (row.strip() for row in widget.toPlainText().splitlines())
        return [row for row in rows if row]
    if isinstance(widget, _Several):
        return widget.chosen()
    return widget.text().strip() if isinstance(widget, QLineEdit) else None
