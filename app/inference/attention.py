"""Attention maps of a classifier on the grid of the input image: where it looked, no outline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from app.core.errors import ModelPackError
from app.inference.head_scores import channel_of, require_finite
from app.inference.way_back import resize_linear

if TYPE_CHECKING:
    from app.inference.manifest import ModelPack
    from app.inference.preprocess import ModelInput, Prepared

Float32Array = npt.NDArray[np.float32]


def attention_maps(
    pack: ModelPack, outputs: Mapping[str, Float32Array], state: Prepared, image: ModelInput
) -> tuple[tuple[int, Float32Array], ...]:
    """(label index, map 0..1 ``[k, j, i]`` of the input grid) per trained head of a film.

    The graph gives ``[1, heads, h, w]`` over the whole tensor, as coarse as it likes. Raises
    ``ModelPackError`` for another shape, ``InferenceError`` for values that are no numbers.
    """
    name = pack.output.attention
    if not name:
        return ()
    maps = require_finite(outputs[name])
    if maps.ndim != 4 or maps.shape[0] != 1:
        raise _not_maps(pack, name)
    tensor_shape = state.tensor.shape[-2:]
    found = []
    for label in pack.output.labels:
        if pack.output.valid_heads is not None and label.index not in pack.output.valid_heads:
            continue
        channel = channel_of(pack, label.index)
        if channel >= maps.shape[1]:
            raise _not_maps(pack, name)
        coarse = np.clip(maps[0, channel], 0.0, 1.0)
        fine = resize_linear(coarse, (tensor_shape[0], tensor_shape[1]), antialias=False)
        native = state.to_input(state.to_native(fine))
        found.append((label.index, native.reshape(image.voxels.shape[:3]).astype(np.float32)))
    return tuple(found)


def _not_maps(pack: ModelPack, name: str) -> ModelPackError:
    return ModelPackError(
        f'The output "{name}" of "{pack.id}" holds no attention map for every head.',
        ru=f"Выход «{name}» пакета «{pack.id}» не содержит карты внимания для каждого выхода.",
        hint="Ask the maker of the pack for a corrected one.",
        hint_ru="Попросите у автора пакета исправленный.",
    )
