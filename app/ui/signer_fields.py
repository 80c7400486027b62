"""Who signs: name or login, password, and what is known of the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QLineEdit, QWidget

from app.core.report import Report
from app.core.signing import Signer, clock_text
from app.ui.finding_words import full_time_text
from app.ui.panel_style import set_role
from app.ui.texts import language, tr
from app.workflow.checked_clock import ClockStatus, clock_status
from app.workflow.identify import (
    asks_password,
    has_accounts,
    permitted_meanings,
    seen_as,
)  # fmt: skip

if TYPE_CHECKING:
    from app.workflow.context import AppContext


class SignerFields(QWidget):
    """Asks what the site demands of a signer; no more than a name where there are no accounts.

    The password is forgotten with every try. ``changed`` tells that a field changed, ``entered``
    that Enter was pressed in the password.
    """

    changed = Signal()
    entered = Signal()

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(14)
        self._grid.setVerticalSpacing(8)
        self._grid.setColumnStretch(1, 1)
        self._with_accounts = has_accounts(context)
        self._asks = asks_password(context)
        self.who = QLineEdit(self._default())
        self.who.setReadOnly(context.settings.signing.identity != "local")
        self.who.textChanged.connect(self.changed)
        self.password = QLineEdit()
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.password.textChanged.connect(self.changed)
        self.password.returnPressed.connect(self.entered)
        self.clock_reason = QLineEdit()
        self.clock_reason.setPlaceholderText(tr("sign.clock_reason"))
        self.clock_reason.textChanged.connect(self.changed)
        self._clock = QLabel()
        self._clock.setWordWrap(True)
        self._captions: list[QLabel] = []
        caption = "sign.login" if self._with_accounts else "sign.signer"
        self.add_row(tr(caption), self.who)
        if self._asks:
            self.add_row(tr("sign.password"), self.password)
        self.add_row(tr("sign.time"), self._clock)
        self._reason_caption = self.add_row("", self.clock_reason)
        self._status: ClockStatus | None = None
        self.refresh_clock()

    def add_row(self, caption: str, widget: QWidget, *, at: int | None = None) -> QLabel:
        """A further row with its caption."""
        label = QLabel(caption)
        label.setProperty("role", "dim")
        label.setBuddy(widget)
        widget.setAccessibleName(caption)
        row = self._grid.rowCount() if at is None else at
        self._grid.addWidget(label, row, 0)
        self._grid.addWidget(widget, row, 1)
        self._captions.append(label)
        return label

    def align_with(self, width: int) -> None:
        """Make the captions as wide as those of the rows above."""
        for label in self._captions:
            label.setMinimumWidth(width)

    @property
    def caption_width(self) -> int:
        """The width of the widest caption."""
        return max(label.sizeHint().width() for label in self._captions)

    def refresh_clock(self) -> None:
        """Look at the clock anew."""
        self._status = status = clock_status(self._context)
        if status.problem is None:
            state = clock_text(status.state).text(language())
            self._clock.setText(
                f"{full_time_text(status.now_utc)} · {tr('sign.clock', state=state)}"
            )
            set_role(self._clock, "dim")
        else:
            self._clock.setText(
                f"■ {status.problem.text(language())} {full_time_text(status.now_utc)}"
            )
            set_role(self._clock, "block")
        self.clock_reason.setVisible(status.problem is not None)
        self._reason_caption.setVisible(status.problem is not None)

    @property
    def missing(self) -> str:
        """What is still to be filled in, in words; empty: nothing."""
        if not self.who.text().strip():
            return tr("sign.login_missing" if self._with_accounts else "sign.signer_missing")
        if self._asks and not self.password.text():
            return tr("sign.password_missing")
        has_problem = self._status is not None and self._status.problem is not None
        if has_problem and not self.clock_reason.text().strip():
            return tr("sign.clock_missing")
        return ""

    def meanings(self, before: Report | None) -> list[str]:
        """What the signature of the person named can mean; the password comes later."""
        seen: Signer | None = seen_as(self._context, self.who.text())
        if seen is None:
            return ["author"]
        return permitted_meanings(self._context, seen, before)

    def take_password(self) -> str:
        """The password, once: the field is empty afterwards."""
        given = self.password.text()
        self.password.clear()
        return given

    def focus_first_empty(self) -> None:
        """Put the cursor where something is to be typed."""
        if self._asks and self.who.text().strip():
            self.password.setFocus()
        elif not self.who.text().strip():
            self.who.setFocus()

    def _default(self) -> str:
        context = self._context
        if context.settings.signing.identity != "local":
            return context.logon.account()
        if not self._with_accounts:
            return context.user
        known = [user.login for user in context.store.users.all() if not user.is_disabled]
        wanted = context.user.casefold()
        return wanted if wanted in known else ""
