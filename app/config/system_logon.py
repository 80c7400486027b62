"""The user of the operating system, and whether a password is theirs (PAM, Windows)."""

from __future__ import annotations

import ctypes
import ctypes.util
import getpass
import platform
from typing import Any, Final

from app.core.errors import EnvironmentFault

_PAM_PROMPT_ECHO_OFF: Final = 1
_PAM_CONV_ERR: Final = 19
# answers of PAM that say no; all others mean that it could not be asked
_PAM_REFUSALS: Final = (7, 10, 11, 12, 13)


class OperatingSystemLogon:
    """Asks the operating system; the password leaves this process for nothing else."""

    def account(self) -> str:
        """The account that runs the program."""
        return account_name()

    def check(self, password: str) -> bool:
        """Whether this is the password of ``account``. Raises ``EnvironmentFault`` where the
        system cannot be asked."""
        account = self.account()
        if platform.system() == "Windows":
            return _windows_accepts(account, password)
        return _pam_accepts(account, password)


def account_name() -> str:
    """The name of the account that runs the program."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in containers
        return "unknown"


def _cannot(detail: str) -> EnvironmentFault:
    return EnvironmentFault(
        "The operating system cannot be asked about this password.",
        ru="Операционная система не может проверить этот пароль.",
        hint="Set signing.identity to local or system-session in the settings.",
        hint_ru="Укажите в настройках signing.identity: local или system-session.",
        technical_detail=detail,
    )


class _PamMessage(ctypes.Structure):
    _fields_ = (("msg_style", ctypes.c_int), ("msg", ctypes.c_char_p))


class _PamResponse(ctypes.Structure):
    _fields_ = (("resp", ctypes.c_void_p), ("resp_retcode", ctypes.c_int))


_Conversation = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_int,
    ctypes.POINTER(ctypes.POINTER(_PamMessage)),
    ctypes.POINTER(ctypes.POINTER(_PamResponse)),
    ctypes.c_void_p,
)


class _PamConversation(ctypes.Structure):
    _fields_ = (("conv", _Conversation), ("appdata_ptr", ctypes.c_void_p))


def _pam_accepts(account: str, password: str) -> bool:
    """Authenticate over PAM's service ``login``; it asks for the password, we answer."""
    name, c_name = ctypes.util.find_library("pam"), ctypes.util.find_library("c")
    if name is None or c_name is None:
        raise _cannot("no libpam")
    pam, libc = ctypes.CDLL(name), ctypes.CDLL(c_name)
    libc.calloc.restype = libc.strdup.restype = ctypes.c_void_p
    libc.calloc.argtypes = (ctypes.c_size_t, ctypes.c_size_t)
    libc.strdup.argtypes = (ctypes.c_char_p,)
    secret = password.encode("utf-8")

    def answer(count: int, messages: Any, responses: Any, _data: Any) -> int:  # noqa: ANN401
        # PAM frees what it is given, so it must come from its own allocator
        block = libc.calloc(count, ctypes.sizeof(_PamResponse))
        if not block:
            return _PAM_CONV_ERR
        replies = ctypes.cast(block, ctypes.POINTER(_PamResponse))
        for n in range(count):
            if messages[n].contents.msg_style == _PAM_PROMPT_ECHO_OFF:
                replies[n].resp = libc.strdup(secret)
        responses[0] = replies
        return 0

    conversation = _PamConversation(_Conversation(answer), None)
    handle = ctypes.c_void_p()
    pam.pam_authenticate.argtypes = (ctypes.c_void_p, ctypes.c_int)
    pam.pam_acct_mgmt.argtypes = (ctypes.c_void_p, ctypes.c_int)
    pam.pam_end.argtypes = (ctypes.c_void_p, ctypes.c_int)
    pam.pam_start.argtypes = (
        ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(_PamConversation),
        ctypes.POINTER(ctypes.c_void_p),
    )  # fmt: skip
    started = pam.pam_start(
        b"login", account.encode("utf-8"), ctypes.byref(conversation), ctypes.byref(handle)
    )
    if started != 0:
        raise _cannot(f"pam_start: {started}")
    said = pam.pam_authenticate(handle, 0)
    if said == 0:
        said = pam.pam_acct_mgmt(handle, 0)
    pam.pam_end(handle, said)
    if said != 0 and said not in _PAM_REFUSALS:
        raise _cannot(f"pam: {said}")
    return bool(said == 0)


def _windows_accepts(account: str, password: str) -> bool:
    """``LogonUserW`` with a network logon: it makes no session and leaves no profile behind."""
    windll = getattr(ctypes, "windll")  # noqa: B009 - there on Windows only
    token = ctypes.c_void_p()
    domain, _, user = account.rpartition("\\")
    network_logon, default_provider, wrong = 3, 0, (1326, 1327, 1328, 1330, 1331, 1907, 1909)
    logged_on = windll.advapi32.LogonUserW(
        ctypes.c_wchar_p(user), ctypes.c_wchar_p(domain or None), ctypes.c_wchar_p(password),
        network_logon, default_provider, ctypes.byref(token),
    )  # fmt: skip
    if logged_on:
        windll.kernel32.CloseHandle(token)
        return True
    code = windll.kernel32.GetLastError()
    if code not in wrong:
        raise _cannot(f"LogonUser: {code}")
    return False
