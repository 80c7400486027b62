"""What processes of a pool are given in tests: arrays, and all that can go wrong."""

from __future__ import annotations

import ctypes
import os
import time
from typing import Any

import numpy as np


class Refused(ValueError):
    """The work says no."""


def work(request: tuple[str, Any]) -> np.ndarray:
    """``("add", array)`` and five ways to fail."""
    kind, value = request
    if kind == "add":
        return np.asarray(value) + 1
    if kind == "who":
        time.sleep(float(value))
        return np.array([os.getpid()])
    if kind == "refuse":
        raise Refused(str(value))
    if kind == "bug":
        raise KeyError(value)
    if kind == "crash":
        ctypes.string_at(0)
    if kind == "hang":
        time.sleep(3600)
    if kind == "eat":
        try:
            return np.ones(int(value), np.uint8)
        except MemoryError as error:
            raise Refused("no memory") from error
    if kind == "print":
        os.write(1, b"noise")
    return np.zeros(0)
