"""How much memory a volume will take, and what can be done when that is too much."""

from __future__ import annotations

import math
from dataclasses import replace

from app.core.errors import TooLarge
from app.core.report import Message
from app.core.study import Stack
from app.dicom import wording
from app.dicom.stacks.stack_reader import StackReader


def volume_bytes(reader: StackReader) -> int:
    """The memory that the voxels of a stack take, known before any is allocated."""
    stack, facts = reader.stack, reader.facts
    shape: tuple[int, ...] = (reader.frame_count, stack.rows, stack.columns)
    if is_resampled(stack) and stack.geometry is not None:
        shape = stack.geometry.shape_kji
    return math.prod(shape) * facts.dtype.itemsize * (3 if facts.is_color else 1)


def is_resampled(stack: Stack) -> bool:
    """Whether the volume has another grid than the images."""
    return stack.is_volume and stack.verdict == "resampled"


def can_be_thinned(stack: Stack) -> bool:
    """Whether each n-th slice makes a volume of its own: equal steps, nothing resampled."""
    return stack.geometry is not None and stack.verdict == "ok"


def thinned(stack: Stack, every: int) -> Stack:
    """Each ``every``-th slice of a volume, the first one included; says so in a warning.

    Raises ``ValueError`` where ``can_be_thinned`` is false.
    """
    geometry = stack.geometry
    if geometry is None or not can_be_thinned(stack) or every < 1:
        raise ValueError("only a volume with equal steps can be thinned")
    frames = stack.frames[::every]
    columns, rows, _ = geometry.size_ijk
    across, down, step = geometry.spacing_ijk
    left_out = Message(
        f"only one slice in {every}: the whole series did not fit into memory",
        f"только каждый {every}-й срез: вся серия не поместилась в память",
    )
    return replace(
        stack,
        frames=frames,
        geometry=replace(
            geometry,
            size_ijk=(columns, rows, len(frames)),
            spacing_ijk=(across, down, step * every),
        ),
        warnings=(*stack.warnings, wording.warning("D19", left_out)),
    )


def too_large(reader: StackReader, free_bytes: int) -> TooLarge:
    """The refusal of a stack that does not fit into ``free_bytes``, with what can be done."""
    needed = volume_bytes(reader)
    every = -(-needed // free_bytes) if free_bytes > 0 else 0
    if not can_be_thinned(reader.stack) or not 1 < every <= reader.frame_count // 2:
        every = 0
    choices, choices_ru = "Look at it image by image", "Смотрите её по одному снимку"
    if every:
        choices = f"Load one slice in {every}, look at it image by image"
        choices_ru = f"Загрузите каждый {every}-й срез, смотрите её по одному снимку"
    error = TooLarge(
        f"The series needs {_gigabytes(needed)} of memory, and {_gigabytes(free_bytes)} are free "
        "for images.",
        ru=f"Серии нужно {_gigabytes(needed, 'ГБ')} памяти, а для изображений свободно "
        f"{_gigabytes(free_bytes, 'ГБ')}.",
        hint=f"{choices}, close other series, or give images more memory "
        "(memory_budget_percent in the settings).",
        hint_ru=f"{choices_ru}, закройте другие серии или отведите изображениям больше памяти "
        "(memory_budget_percent в настройках).",
    )
    error.every = every
    return error


def _gigabytes(nbytes: int, unit: str = "GB") -> str:
    return f"{max(nbytes, 0) / 2**30:.1f} {unit}"
