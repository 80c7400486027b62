"""MONAI's sliding window on a small image, for comparison with the engine's.

The two place patches alike only where the image is longer than the patch by whole steps (MONAI
moves by a fixed step and shifts the last patch back, nnU-Net spreads the starts evenly), and their
Gaussians have the same middle only for odd patches (MONAI: ``(n - 1) / 2``, nnU-Net: ``n // 2``).
MONAI also lifts weights below a thousandth of the largest: at nnU-Net's sigma of an eighth that is
more than half of a patch, and it changes labels. So: odd patches, an overlap that makes whole
steps, and either a sigma of a quarter (nothing is lifted), or nnU-Net's weights given to MONAI.

``python -m tests.support.monai_window`` (where monai and torch are) makes the fixture.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.support.plain_nnunet import Case, graph_of, image_of

FIXTURE = Path(__file__).with_name("monai_window.npz")
OVERLAP = 0.4
WIDE = 0.25
STEP = 23
# 15 and 25 voxels move by 9 and 15, so that 15 + 2 * 9 and 25 + 1 * 15 are reached exactly
CASE = Case("monai", (33, 40, 42), (1.0, 1.0, 1.0), (1.0, 1.0, 1.0), (15, 25, 15), classes=4)


def values_of() -> np.ndarray:
    """The image, normalised, float32 ``[k, j, i]``."""
    return ((image_of(CASE) - 60.0) / 150.0).astype(np.float32)


def monai_logits(
    values: np.ndarray,
    run: Callable[[np.ndarray], np.ndarray],
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """MONAI's result ``[channel, k, j, i]``, with its own Gaussian or with ``weights``."""
    import torch
    from monai.inferers import sliding_window_inference

    given = {} if weights is None else {"roi_weight_map": torch.from_numpy(weights)}
    made = sliding_window_inference(
        torch.from_numpy(values)[None, None],
        CASE.patch,
        2,
        lambda x: torch.from_numpy(run(x.numpy())),
        overlap=OVERLAP,
        mode="gaussian",
        sigma_scale=WIDE,
        **given,
    )
    return np.asarray(made[0].numpy())


def make() -> None:
    """Write the fixture: the graph, the labels, and the logits of some voxels."""
    import onnxruntime

    graph = graph_of(CASE, 0)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    logits = monai_logits(values_of(), lambda x: session.run(None, {"image": x})[0])
    np.savez_compressed(
        FIXTURE,
        graph=np.frombuffer(graph, np.uint8),
        labels=logits.argmax(0).astype(np.uint8),
        some=logits.reshape(logits.shape[0], -1)[:, ::STEP].astype(np.float32),
    )


if __name__ == "__main__":
    make()
