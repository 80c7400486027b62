"""Whether a run of a graph gave what the manifest says it gives.

A graph may leave sizes open, or state others than it computes (onnxruntime only warns of it):
what comes out is looked at before anything is made of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from app.core.errors import ModelPackError

if TYPE_CHECKING:
    from app.inference.manifest_parts import Tensor

Float32Array = npt.NDArray[np.float32]


def require_said(
    declared: tuple[Tensor, ...], outputs: Mapping[str, Float32Array], batch: int | None
) -> None:
    """Raise ``ModelPackError`` where an output does not have its axes, sizes or ``batch`` rows.

    ``batch`` None: the rows are boxes or points, as many as the manifest says.
    """
    for tensor in declared:
        values = outputs.get(tensor.name)
        if values is None:
            continue
        wanted = tuple(
            batch if axis == "batch" and batch is not None else size
            for axis, size in zip(tensor.axes, tensor.shape, strict=True)
        )
        if values.ndim != len(wanted) or any(
            said not in (-1, true) for said, true in zip(wanted, values.shape, strict=True)
        ):
            raise not_as_said(tensor.name, values.shape, wanted)


def not_as_said(name: str, made: tuple[int, ...], wanted: tuple[int, ...]) -> ModelPackError:
    """The error for an output of another size than was to come; -1 is any size."""
    en, ru = _sizes(made, "any"), _sizes(made, "любое")
    return ModelPackError(
        f'The model gave its output "{name}" in the size {en}, and {_sizes(wanted, "any")} was to '
        "come; it is not used.",
        ru=f"Модель выдала «{name}» размером {ru}, а ожидалось {_sizes(wanted, 'любое')}; "
        "результат не используется.",
        hint="The manifest of the pack does not describe its graph; ask its maker.",
        hint_ru="Манифест пакета не описывает его граф; обратитесь к автору.",
    )


def _sizes(shape: tuple[int, ...], free: str) -> str:
    return " × ".join(free if size == -1 else str(size) for size in shape) or "1"
