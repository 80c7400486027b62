"""Whether the machine keeps its clock by a time server, as far as the system says."""

from __future__ import annotations

import ctypes
import ctypes.util
import platform
import re
import subprocess
from typing import Final

_TIME_ERROR: Final = 5
# more than struct timex needs on any system; its first field, modes 0, asks and sets nothing
_TIMEX_BYTES: Final = 512


def is_synchronised() -> bool | None:
    """True, False, or None where the system does not tell. Any thread, a few milliseconds."""
    system = platform.system()
    if system == "Linux":
        return _kernel_says()
    if system == "Windows":
        return _w32tm_says()
    return None


def _kernel_says() -> bool | None:
    """The state that ``adjtimex`` gives (``TIME_ERROR``: not synchronised)."""
    name = ctypes.util.find_library("c")
    if name is None:
        return None
    state = ctypes.CDLL(name).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return None if state < 0 else state != _TIME_ERROR


def _w32tm_says() -> bool | None:
    try:
        done = subprocess.run(
            ["w32tm", "/query", "/status"],
            capture_output=True, timeout=3, check=False,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if done.returncode else leap_says(done.stdout.decode("ascii", "replace"))


def leap_says(status: str) -> bool | None:
    """What the first number of ``w32tm /query /status`` means: the leap indicator, 3 is not
    synchronised; its name is in the language of the system."""
    found = re.search(r":\s*([0-3])\s*\(", status)
    return None if found is None else found.group(1) != "3"
