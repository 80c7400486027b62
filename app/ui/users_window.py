"""The accounts of those who sign: made, changed and disabled by an administrator."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QDialog,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.core.errors import AppError
from app.core.signing import ROLES, Role, Signer
from app.core.users import User
from app.ui.panel_style import PANEL_STYLE, set_role
from app.ui.texts import language, tr
from app.ui.theme import COLORS
from app.workflow import accounts
from app.workflow.identify import is_locked, is_trusted

if TYPE_CHECKING:
    from app.workflow.context import AppContext

_COLUMNS: Final = ("login", "name", "roles", "state")
_VERBS: Final = ("set_roles", "set_password", "disable", "enable", "unlock")


class UsersWindow(QDialog):
    """A table of accounts, the fields of one, and the administrator who does it.

    Each change asks for the administrator's password again; the first account asks for none.
    """

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("users.title"))
        self.setStyleSheet(PANEL_STYLE)
        self.setModal(False)
        self.resize(820, 640)
        self._context = context
        self._is_system = context.settings.signing.identity != "local"
        self._users: tuple[User, ...] = ()
        self.table = self._made_table()
        self._about = QLabel()
        self._about.setProperty("role", "dim")
        self._about.setWordWrap(True)
        self.login, self.name = QLineEdit(), QLineEdit()
        self.name.setPlaceholderText("Petrov^Ivan" if language() == "en" else "Петров^Иван^Ильич")
        self.roles: dict[Role, QCheckBox] = {
            role: QCheckBox(tr(f"users.role.{role}")) for role in ROLES
        }
        self.password, self.again = _secret(), _secret()
        self.admin_login, self.admin_password = QLineEdit(), _secret()
        self.buttons = {name: QPushButton(tr(f"users.{name}")) for name in ("add", *_VERBS)}
        for name, button in self.buttons.items():
            button.setAutoDefault(False)
            button.clicked.connect(lambda _=False, verb=name: self.do(verb))
        self._said = QLabel()
        self._said.setWordWrap(True)
        self._place()
        self.refresh()

    @property
    def said(self) -> str:
        """What came of the last step."""
        return self._said.text()

    def refresh(self) -> None:
        """Read the accounts anew."""
        self._users = self._context.store.users.all()
        self.table.setRowCount(len(self._users))
        for row, user in enumerate(self._users):
            state = _state(self._context, user)
            texts = (
                user.login, user.name, ", ".join(tr(f"users.role.{role}") for role in user.roles),
                tr(f"users.state.{state}"),
            )  # fmt: skip
            for place, text in enumerate(texts):
                cell = QTableWidgetItem(text)
                cell.setToolTip(text)
                if place == 3 and state != "active":
                    cell.setForeground(QColor(COLORS["block" if state == "outside" else "warn"]))
                self.table.setItem(row, place, cell)
        about = ([] if self._users else [tr("users.none")]) + (
            [tr("users.system")] if self._is_system else []
        )
        self._about.setText("\n".join(about))
        self._about.setVisible(bool(about))
        self._admin.setVisible(bool(self._users))
        if not self._users:
            self.roles["administrator"].setChecked(True)
        self._choose()

    def select(self, login: str) -> None:
        """Choose an account in the table; an empty login: none."""
        self.table.clearSelection()
        self.table.setCurrentCell(-1, -1)
        for row, user in enumerate(self._users):
            if user.login == login:
                self.table.selectRow(row)

    def do(self, verb: str) -> None:
        """Carry a verb out; what stands against it is said in words."""
        if verb in ("add", "set_password") and self.password.text() != self.again.text():
            self._say(tr("users.differ"), is_fault=True)
            return
        login = self.login.text() if verb == "add" else self._chosen_login
        try:
            by = self._administrator()
            self._act(verb, login, by)
        except AppError as error:
            self._say(error.text(language()), is_fault=True)
            return
        finally:
            for field in (self.password, self.again, self.admin_password):
                field.clear()
        self.refresh()
        self._say(tr("users.done", login=login.strip().casefold()), is_fault=False)

    def _administrator(self) -> Signer | None:
        if accounts.needs_first(self._context):
            return None
        who = self._context.logon.account() if self._is_system else self.admin_login.text()
        return accounts.authorise(self._context, who, self.admin_password.text())

    def _act(self, verb: str, login: str, by: Signer | None) -> None:
        chosen = tuple(role for role, box in self.roles.items() if box.isChecked())
        if verb == "add" or by is None:
            wanted = accounts.NewUser(
                login, self.name.text(), chosen, "" if self._is_system else self.password.text(),
                source="system" if self._is_system else "local",
            )  # fmt: skip
            accounts.add_user(self._context, wanted, by)
            return
        calls: dict[str, Callable[[], User]] = {
            "set_roles": lambda: accounts.set_roles(self._context, login, chosen, by),
            "set_password": lambda: accounts.set_password(
                self._context, login, self.password.text(), by
            ),
            "disable": lambda: accounts.disable(self._context, login, by),
            "enable": lambda: accounts.enable(self._context, login, by),
            "unlock": lambda: accounts.unlock(self._context, login, by),
        }
        calls[verb]()

    @property
    def _chosen(self) -> User | None:
        chosen = self.table.selectionModel().selectedRows()
        return self._users[chosen[0].row()] if chosen else None

    @property
    def _chosen_login(self) -> str:
        return "" if self._chosen is None else self._chosen.login

    def _choose(self) -> None:
        """Show the chosen account in the fields; without one they make a new account."""
        user = self._chosen
        self.login.setReadOnly(user is not None)
        self.name.setReadOnly(user is not None)
        if user is not None:
            self.login.setText(user.login)
            self.name.setText(user.name)
            for role, box in self.roles.items():
                box.setChecked(role in user.roles)
        self._fields.setTitle(tr("users.new" if user is None else "users.selected"))
        self.buttons["add"].setVisible(user is None)
        state = "" if user is None else _state(self._context, user)
        shown = {
            "set_roles": True, "set_password": not self._is_system,
            "disable": state != "disabled", "enable": state == "disabled",
            "unlock": state == "locked",
        }  # fmt: skip
        for name in _VERBS:
            self.buttons[name].setVisible(user is not None and shown[name])

    def _say(self, text: str, *, is_fault: bool) -> None:
        self._said.setText(text)
        set_role(self._said, "error" if is_fault else "bright")

    def _made_table(self) -> QTableWidget:
        table = QTableWidget(0, len(_COLUMNS))
        table.setHorizontalHeaderLabels([tr(f"users.{name}") for name in _COLUMNS])
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        header = table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        table.itemSelectionChanged.connect(self._choose)
        return table

    def _place(self) -> None:
        self._fields = QGroupBox()
        form = _form(self._fields)
        rows: list[tuple[str, QWidget]] = [("users.login", self.login), ("users.name", self.name)]
        for key, widget in rows:
            form.addRow(tr(key), widget)
        boxes = QHBoxLayout()
        for box in self.roles.values():
            boxes.addWidget(box)
        boxes.addStretch(1)
        form.addRow(tr("users.roles"), boxes)
        if not self._is_system:
            form.addRow(tr("users.password"), self.password)
            form.addRow(tr("users.again"), self.again)
        self._admin = QGroupBox(tr("users.admin"))
        admin = _form(self._admin)
        if not self._is_system:
            admin.addRow(tr("users.admin_login"), self.admin_login)
        admin.addRow(tr("users.admin_password"), self.admin_password)
        new = QPushButton(tr("users.new"))
        new.setAutoDefault(False)
        new.clicked.connect(lambda: self._begin_new())
        foot = QHBoxLayout()
        foot.addWidget(new)
        foot.addStretch(1)
        for button in self.buttons.values():
            foot.addWidget(button)
        self.buttons["add"].setProperty("primary", True)
        layout = QVBoxLayout(self)
        layout.addWidget(self._about)
        layout.addWidget(self.table, 1)
        layout.addWidget(self._fields)
        layout.addWidget(self._admin)
        layout.addWidget(self._said)
        layout.addLayout(foot)

    def _begin_new(self) -> None:
        self.select("")
        for field in (self.login, self.name, self.password, self.again):
            field.clear()
        for box in self.roles.values():
            box.setChecked(False)
        self.login.setFocus(Qt.FocusReason.OtherFocusReason)


def _state(context: AppContext, user: User) -> str:
    if not is_trusted(context, user):
        return "outside"
    if user.is_disabled:
        return "disabled"
    return "locked" if is_locked(context, user) else "active"


def _secret() -> QLineEdit:
    field = QLineEdit()
    field.setEchoMode(QLineEdit.EchoMode.Password)
    return field


def _form(box: QGroupBox) -> QFormLayout:
    form = QFormLayout(box)
    form.setLabelAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return form
