"""The record that somebody was told of a critical result: who, when, how, read back."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from PySide6.QtCore import QDateTime, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDateTimeEdit,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.core.communication import WAYS, way_text
from app.core.errors import AppError
from app.core.finding import Finding
from app.ui import finding_words as words
from app.ui.panel_style import PANEL_STYLE
from app.ui.texts import entries, language, tr
from app.workflow.communicate import (
    CommunicationRequest,
    critical_findings,
    record_communication,
    sentence_of,
    untold_findings,
    withdraw_communication,
)  # fmt: skip

if TYPE_CHECKING:
    from app.workflow.session import StudySession


class CommunicationForm(QDialog):
    """One record for the critical findings ticked; earlier records stand above, to be withdrawn.

    ``recorded`` tells that there is a new record.
    """

    recorded = Signal()

    def __init__(
        self, session: StudySession, parent: QWidget | None = None, *, finding_uid: str = ""
    ) -> None:
        super().__init__(parent)
        self._session = session
        self.setWindowTitle(tr("told.title"))
        self.setStyleSheet(PANEL_STYLE)
        self.setModal(True)
        self.setMinimumWidth(560)
        self._earlier = QVBoxLayout()
        self.findings: dict[str, QCheckBox] = {}
        self.told = QLineEdit()
        self.told.setPlaceholderText(tr("told.told_example"))
        self.told_role = QComboBox()
        self.told_role.setEditable(True)
        for key in ("attending", "referrer", "duty", "nurse", "patient"):
            # it stands in the report, so in its language
            self.told_role.addItem(entries()[f"told.role.{key}"][session.language])
        self.told_role.setCurrentIndex(0)
        self.by = QLineEdit(_person(session.context.user))
        self.at = QDateTimeEdit(_now(session))
        self.at.setDisplayFormat("yyyy-MM-dd HH:mm" if language() == "en" else "dd.MM.yyyy HH:mm")
        self.at.setCalendarPopup(True)
        self.way = QComboBox()
        for way in WAYS:
            self.way.addItem(way_text(way).text(language()), way)
        self.read_back = QCheckBox(tr("told.read_back"))
        self.note = QLineEdit()
        self.into_text = QCheckBox(tr("told.into_text"))
        self.into_text.setChecked(not session.is_locked)
        self.into_text.setVisible(not session.is_locked)
        self._fault = QLabel()
        self._fault.setProperty("role", "error")
        self._fault.setWordWrap(True)
        self._fault.hide()
        self._save = QPushButton(tr("told.save"))
        self._save.setDefault(True)
        self._save.clicked.connect(self.record)
        self._place(finding_uid)
        self._show_earlier()
        self.told.setFocus()

    @property
    def fault(self) -> str:
        """The error shown, or an empty text."""
        return "" if self._fault.isHidden() else self._fault.text()

    def record(self) -> None:
        """Keep the record and close; what is missing is said in words."""
        request = CommunicationRequest(
            finding_uids=tuple(uid for uid, box in self.findings.items() if box.isChecked()),
            told=self.told.text(),
            told_role=self.told_role.currentText(),
            by=self.by.text(),
            at_utc=_utc(self.at.dateTime()),
            way=self.way.currentData(),
            read_back=self.read_back.isChecked(),
            note=self.note.text(),
            into_text=self.into_text.isChecked(),
        )
        try:
            record_communication(self._session, request)
        except AppError as error:
            self._fault.setText(error.text(language()))
            self._fault.show()
            return
        self.recorded.emit()
        self.accept()

    def _withdraw(self, uid: str) -> None:
        try:
            withdraw_communication(self._session, uid)
        except AppError as error:
            self._fault.setText(error.text(language()))
            self._fault.show()
            return
        self.recorded.emit()
        self._show_earlier()

    def _show_earlier(self) -> None:
        while (entry := self._earlier.takeAt(0)) is not None:
            widget = entry.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for record in self._session.communications:
            row = QWidget()
            line = QHBoxLayout(row)
            line.setContentsMargins(0, 0, 0, 0)
            text = QLabel(f"✓ {sentence_of(self._session, record)}")
            text.setWordWrap(True)
            line.addWidget(text, 1)
            if not self._session.is_locked:
                undo = QPushButton(tr("told.withdraw"))
                undo.setProperty("role", "small")
                undo.setAutoDefault(False)
                undo.clicked.connect(lambda _=False, uid=record.uid: self._withdraw(uid))
                line.addWidget(undo, 0, Qt.AlignmentFlag.AlignTop)
            self._earlier.addWidget(row)

    def _offered(self, finding_uid: str) -> tuple[Finding, ...]:
        """The critical findings; another one where it was asked for."""
        found = critical_findings(self._session)
        is_known = finding_uid in {finding.uid for finding in found}
        if not is_known and self._session.has_finding(finding_uid):
            found = (self._session.finding(finding_uid), *found)
        return found

    def _place(self, finding_uid: str) -> None:
        untold = {finding.uid for finding in untold_findings(self._session)}
        boxes = QVBoxLayout()
        boxes.setSpacing(2)
        for finding in self._offered(finding_uid):
            box = QCheckBox(words.headline(finding.current))
            box.setChecked(finding.uid in untold or finding.uid == finding_uid)
            self.findings[finding.uid] = box
            boxes.addWidget(box)
        if not self.findings:
            nothing = QLabel(tr("told.no_finding"))
            nothing.setProperty("role", "dim")
            nothing.setWordWrap(True)
            boxes.addWidget(nothing)
        self._save.setEnabled(bool(self.findings))
        form = QFormLayout()
        form.setLabelAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(tr("told.finding"), boxes)
        rows = (
            ("told", self.told), ("told_role", self.told_role), ("by", self.by), ("at", self.at),
            ("way", self.way), ("note", self.note),
        )  # fmt: skip
        for name, widget in rows:
            form.addRow(tr(f"told.{name}"), widget)
            widget.setAccessibleName(tr(f"told.{name}"))
        form.addRow("", self.read_back)
        form.addRow("", self.into_text)
        back = QPushButton(tr("sign.back"))
        back.setAutoDefault(False)
        back.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(back)
        buttons.addWidget(self._save)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 14, 18, 14)
        layout.setSpacing(10)
        layout.addLayout(self._earlier)
        layout.addLayout(form)
        layout.addWidget(self._fault)
        layout.addLayout(buttons)


def _now(session: StudySession) -> QDateTime:
    moment = dt.datetime.fromisoformat(session.context.clock.now_utc())
    return QDateTime.fromSecsSinceEpoch(int(moment.timestamp()) // 60 * 60)


def _utc(moment: QDateTime) -> str:
    stamp = dt.datetime.fromtimestamp(moment.toSecsSinceEpoch(), dt.UTC)
    return stamp.isoformat(timespec="seconds")


def _person(name: str) -> str:
    return " ".join(name.replace("^", " ").split())
