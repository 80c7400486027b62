"""Who is being read, always in sight, with what is doubtful about the study and who reads."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.core.study import Completeness, Study
from app.ui.corner_texts import patient_line, person_line, study_line
from app.ui.texts import language, language_changed, tr


class PatientBanner(QFrame):
    """Patient, study, warnings, state of the models, language, reader."""

    language_wanted = Signal()

    def __init__(self, user: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "banner")
        self._study: Study | None = None
        self._models = ""
        self._user = user
        self._name = _label("patient")
        self._person = _label("")
        self._about = _label("dim")
        self._warning = _label("badge-warn")
        self._incomplete = _label("badge-warn")
        self._state = _label("badge")
        self._reader = _label("dim")
        self._language = QPushButton()
        self._language.setFlat(True)
        self._language.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._language.clicked.connect(self.language_wanted)
        self._blocked = _label("badge-block")
        self._blocked.setWordWrap(True)
        row = QHBoxLayout()
        row.setSpacing(14)
        for label in (self._name, self._person, self._about):
            row.addWidget(label)
        row.addStretch(1)
        right: tuple[QWidget, ...] = (
            self._incomplete, self._warning, self._state, self._language, self._reader,
        )  # fmt: skip
        for widget in right:
            row.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 4, 10, 4)
        column.setSpacing(3)
        column.addLayout(row)
        column.addWidget(self._blocked)
        language_changed.connect(self.refresh)
        self.refresh()

    def set_study(self, study: Study | None) -> None:
        """Show this study's patient; None: no study is open."""
        self._study = study
        self._models = ""
        self.refresh()

    @property
    def title(self) -> str:
        """The patient's name as shown."""
        return self._name.text()

    @property
    def reader(self) -> str:
        """Who reads."""
        return self._user

    def set_models(self, text: str) -> None:
        """What the models are doing."""
        self._models = text
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Everything anew, in the language in force."""
        study = self._study
        self._name.setText(person_line(study.patient) if study else tr("banner.no_study"))
        self._person.setText(patient_line(study.patient, study.study_date) if study else "")
        self._about.setText(study_line(study) if study else "")
        warnings = study.warnings if study else ()
        self._warning.setVisible(bool(warnings))
        self._warning.setText("⚠ " + " ".join(sorted({item.code for item in warnings})))
        sentences = (f"{item.code}  {item.text_in(language())}" for item in warnings)
        self._warning.setToolTip("\n".join(sentences))
        whole = study.completeness if study else Completeness()
        self._incomplete.setVisible(not whole.is_complete)
        self._incomplete.setText(tr("banner.incomplete", n=whole.received, of=whole.expected))
        self._incomplete.setToolTip(
            tr("banner.incomplete.tip", n=whole.received, of=whole.expected)
        )
        blocked = study.blocked if study else ""
        if study is not None and language() == "ru":
            blocked = study.blocked_ru or blocked
        self._blocked.setVisible(bool(blocked))
        self._blocked.setText(f"{tr('banner.blocked')} {blocked}")
        self._state.setVisible(bool(self._models))
        self._state.setText(self._models)
        self._language.setText("RU" if language() == "en" else "EN")
        self._language.setToolTip(tr("action.language"))
        self._reader.setText(tr("banner.reader", name=self._user) if self._user else "")


def _label(role: str) -> QLabel:
    label = QLabel()
    if role:
        label.setProperty("role", role)
    return label
